"""`headrace pipedrive webhooks`: the subscriptions of an account, made as the configuration says."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from headrace.cli.console import err, out
from headrace.cli.session import credentials_of
from headrace.connectors.pipedrive import CONNECTOR
from headrace.connectors.pipedrive.connection import PipedriveConnection
from headrace.connectors.pipedrive.subscriptions import Step, sync
from headrace.core.errors import ConfigurationError, HeadraceError, RejectRecord
from headrace.pipeline.assembly import choose, open_connection
from headrace.platform.settings import Settings, load_settings

app = typer.Typer(help="Webhook subscriptions.", no_args_is_help=True, pretty_exceptions_enable=False)
_out, _err = out(), err()


@app.callback()
def _group() -> None:
    """Keep `sync` a word of its own while it is the only command."""


@app.command("sync")
def sync_(
    connection: Annotated[str, typer.Argument(help="Connection; without it, every one that has webhook.url.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be created and deleted.")] = False,
) -> None:
    """Create the webhooks that are missing and delete stale ones of our address; those of others stay.

    Exit code 1: one was refused, or its fate is not known; what was done before is told. Run it again then.
    """
    if not asyncio.run(_sync_all(load_settings(), connection, dry_run)):
        raise typer.Exit(1)


async def _sync_all(settings: Settings, only: str, dry_run: bool) -> bool:
    chosen = choose(settings, (CONNECTOR,), lambda each: each.source, only)
    done = []
    async with credentials_of(settings) as credentials:
        opened = {name: open_connection(settings, name, each, credentials)[0] for name, each in chosen.items()}
        try:
            for name, connection in opened.items():
                if isinstance(connection, PipedriveConnection) and (only or _has_address(connection)):
                    done.append(await _sync(name, connection, dry_run))
        finally:
            for connection in opened.values():
                await connection.close()
    if not done:
        raise ConfigurationError("connections: none of system pipedrive has config.webhook.url; set it to the address")
    return all(done)


def _has_address(connection: PipedriveConnection) -> bool:
    return connection.config.webhook is not None and bool(connection.config.webhook.url)


async def _sync(name: str, connection: PipedriveConnection, dry_run: bool) -> bool:
    def tell(step: Step) -> None:
        number = f" ({step.id})" if step.id is not None else ""
        _out.print(f"{name}: {step.action} webhook for {step.object}{number}{': ' + step.why if step.why else ''}")

    try:
        found = await sync(name, connection.config, connection.client, dry_run=dry_run, told=tell)
    except ConfigurationError:
        raise
    except HeadraceError as error:
        text = error.detail if isinstance(error, RejectRecord) else str(error)
        _err.print(f"{name}: {text.removeprefix(f'{name}: ')}", markup=False)
        return False
    changes = len(found.missing) + len(found.stale)
    state = "nothing to do" if not changes else "nothing was changed" if dry_run else "done"
    _out.print(f"{name}: {len(found.right)} right, {len(found.missing)} missing, {len(found.stale)} stale: {state}")
    return True
