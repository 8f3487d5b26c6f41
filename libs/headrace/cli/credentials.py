"""`headrace credentials`: secrets on Kafka, encrypted; what they say is never shown."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer
from rich.table import Table

from headrace.cli.console import out
from headrace.cli.session import operator, with_deployment
from headrace.core.errors import ConfigurationError
from headrace.pipeline.shared import Shared
from headrace.platform.credentials import CredentialStore, Keyring

app = typer.Typer(help="Secrets, encrypted on Kafka.", no_args_is_help=True, pretty_exceptions_enable=False)
_out = out()
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")

Name = Annotated[str, typer.Argument(help="As settings name it: ${credential:NAME}.")]


@app.command("set")
def set_(name: Name) -> None:
    """Store a value, read from standard input or asked for; running processes take it up by themselves."""
    if not _NAME.fullmatch(name):
        raise typer.BadParameter("a name has lower-case letters, digits and . _ - only")
    value = _value(name)
    with_deployment(lambda shared: _store(shared).put(name, value, operator()))
    _out.print(f"{name} is stored")


@app.command("list")
def list_() -> None:
    """Show what is stored: names, keys, times; never a value."""

    async def rows(shared: Shared) -> list[tuple[str, ...]]:
        store = _store(shared)
        return [
            (
                each.name,
                str(each.revision),
                each.key_id if store.opens(each) else f"{each.key_id} (not in credentials.keys)",
                f"{each.updated_at:%Y-%m-%d %H:%M:%S}",
                each.updated_by,
            )
            for each in store.listed()
        ]

    found = with_deployment(rows)
    table = Table("name", "revision", "key", "updated (UTC)", "by")
    for row in found:
        table.add_row(*row)
    _out.print(table if found else "nothing is stored")


@app.command()
def rotate() -> None:
    """Encrypt everything with the first key; after that, others may go from the settings of every process."""
    names = with_deployment(lambda shared: _store(shared).rotate(operator()))
    _out.print(f"{len(names)} encrypted anew{': ' + ', '.join(names) if names else ''}")


@app.command()
def delete(name: Annotated[str, typer.Argument(help="As `headrace credentials list` shows it.")]) -> None:
    """Delete a value. Connections that need it stop until there is another."""
    if not with_deployment(lambda shared: _store(shared).delete(name)):
        raise ConfigurationError(f"credential {name} is not stored; headrace credentials list shows what is")
    _out.print(f"{name} is deleted")


def _store(shared: Shared) -> CredentialStore:
    if shared.credentials is None:
        Keyring(shared.settings.credentials)  # says what is missing
        raise AssertionError("a keyring without keys")
    return shared.credentials


def _value(name: str) -> str:
    if sys.stdin.isatty():
        value: str = typer.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True)
    else:
        value = sys.stdin.read()
    value = value.rstrip("\r\n")
    if not value.strip():
        raise typer.BadParameter("the value is empty; pipe it in, or type it when asked")
    return value
