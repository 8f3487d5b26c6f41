"""`headrace ping`: does a connection work, and if not, what is to be done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from headrace.cli.console import out
from headrace.cli.session import credentials_of
from headrace.cli.systems import CONNECTORS
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError
from headrace.pipeline.assembly import choose, open_connection
from headrace.platform.settings import Settings, load_settings

_out = out()
_SIGNS = {CheckState.PASS: "[green]pass[/]", CheckState.WARN: "[yellow]warn[/]", CheckState.FAIL: "[red]FAIL[/]"}


def ping(connection: Annotated[str, typer.Argument(help="Connection [default: all].")] = "") -> None:
    """Sign in, read, and check what a connection needs; exit code 1 if anything fails."""
    settings = load_settings()
    results = asyncio.run(_ping_all(settings, connection))
    for name, checks in results.items():
        for check in checks:
            remedy = f" → {check.remedy}" if check.remedy and check.state is not CheckState.PASS else ""
            _out.print(f"{_SIGNS[check.state]} {name}: {check.name}: {check.detail}{remedy}")
    if any(check.state is CheckState.FAIL for checks in results.values() for check in checks):
        raise typer.Exit(1)


async def _ping_all(settings: Settings, only: str) -> dict[str, Sequence[Check]]:
    results: dict[str, Sequence[Check]] = {}
    async with credentials_of(settings) as credentials:
        for name, connector in choose(settings, CONNECTORS, lambda each: True, only).items():
            opened, _ = open_connection(settings, name, connector, credentials)
            try:
                results[name] = await opened.ping()
            except HeadraceError as error:
                results[name] = [Check("ping", CheckState.FAIL, str(error))]
            finally:
                await opened.close()
    return results
