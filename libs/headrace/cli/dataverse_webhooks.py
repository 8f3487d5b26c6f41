"""`headrace dataverse webhooks`: the service endpoint of an environment and its steps, as the configuration says."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from headrace.cli.console import err, out
from headrace.cli.session import credentials_of
from headrace.connectors.dataverse import CONNECTOR
from headrace.connectors.dataverse.connection import DataverseConnection
from headrace.connectors.dataverse.registering import Told, register
from headrace.core.errors import ConfigurationError, HeadraceError, RejectRecord
from headrace.pipeline.assembly import choose, open_connection
from headrace.platform.settings import Settings, load_settings

app = typer.Typer(help="Service endpoints and their steps.", no_args_is_help=True, pretty_exceptions_enable=False)
_out, _err = out(), err()


@app.callback()
def _group() -> None:
    """Keep `register` a word of its own while it is the only command."""


@app.command("register")
def register_(
    connection: Annotated[str, typer.Argument(help="Connection; without it, every one that has webhook.url.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be created and corrected.")] = False,
) -> None:
    """Create the endpoint and the steps that are missing, and correct those that are wrong; those of others stay.

    Exit code 1: one was refused, or its fate is not known; what was done before is told. Run it again then.
    """
    if not asyncio.run(_register_all(load_settings(), connection, dry_run)):
        raise typer.Exit(1)


async def _register_all(settings: Settings, only: str, dry_run: bool) -> bool:
    chosen = choose(settings, (CONNECTOR,), lambda each: each.source, only)
    done = []
    async with credentials_of(settings) as credentials:
        opened = {name: open_connection(settings, name, each, credentials)[0] for name, each in chosen.items()}
        try:
            for name, connection in opened.items():
                if isinstance(connection, DataverseConnection) and (only or _has_address(connection)):
                    done.append(await _register(name, connection, dry_run))
        finally:
            for connection in opened.values():
                await connection.close()
    if not done:
        raise ConfigurationError("connections: none of system dataverse has config.webhook.url; set it to the address")
    return all(done)


def _has_address(connection: DataverseConnection) -> bool:
    return connection.config.webhook is not None and bool(connection.config.webhook.url)


async def _register(name: str, connection: DataverseConnection, dry_run: bool) -> bool:
    changes = 0

    def tell(told: Told) -> None:
        nonlocal changes
        changes += 1
        _out.print(f"{name}: {told.action} {told.what}{': ' + told.why if told.why else ''}", markup=False)

    try:
        found = await register(name, connection.config, connection.client, dry_run=dry_run, told=tell)
    except ConfigurationError:
        raise
    except HeadraceError as error:
        text = error.detail if isinstance(error, RejectRecord) else str(error)
        _err.print(f"{name}: {text.removeprefix(f'{name}: ')}", markup=False)
        return False
    state = "nothing to do" if not changes else "nothing was changed" if dry_run else "done"
    _out.print(f"{name}: {len(found.right)} steps right, {len(found.missing)} missing: {state}")
    return True
