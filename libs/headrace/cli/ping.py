"""`headrace ping`: does a deployment work, does each connection, and if not, what is to be done."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from aiokafka.errors import KafkaError
from rich.markup import escape

from headrace.cli import ping_deployment, ping_needs
from headrace.cli.console import err, out
from headrace.cli.session import credentials_of
from headrace.cli.systems import CONNECTORS
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError
from headrace.core.needs import Needs
from headrace.pipeline.assembly import choose, open_connection
from headrace.platform.credentials import CredentialStore
from headrace.platform.settings import Settings, load_settings

_out, _err = out(), err()
_SIGNS = {CheckState.PASS: "[green]pass[/]", CheckState.WARN: "[yellow]warn[/]", CheckState.FAIL: "[red]FAIL[/]"}
DEPLOYMENT = "deployment"
"""Where the lines stand that are about no connection."""

Results = Mapping[str, Sequence[Check]]


def ping(
    connection: Annotated[str, typer.Argument(help="Connection; without it all, and the deployment itself.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each line, for scripts.")] = False,
) -> None:
    """Sign in, read, and hold configuration and mappings against what is there; nothing is written.

    Each line passes, warns (it works, or cannot be told: look) or fails, with the remedy. Exit code 1: something fails.
    """
    settings = load_settings()
    results = asyncio.run(_ping_all(settings, connection))
    _show_json(results) if as_json else _show(results)
    if any(check.state is CheckState.FAIL for checks in results.values() for check in checks):
        raise typer.Exit(1)


async def _ping_all(settings: Settings, only: str) -> Results:
    chosen = choose(settings, CONNECTORS, lambda each: True, only)
    results: dict[str, Sequence[Check]] = {}
    if not only:
        results[DEPLOYMENT] = await ping_deployment.checks(settings)
    companies = ping_needs.companies(settings, CONNECTORS)
    try:
        async with credentials_of(settings) as credentials:
            for name in chosen:
                results[name] = await _ping(settings, name, companies, credentials)
    except (KafkaError, HeadraceError) as error:
        remedy = "Are Kafka and the registry running, and are `kafka` and `credentials` right?"
        text = f"the credential store cannot be read: {error}"
        results |= {
            name: [Check("credentials", CheckState.FAIL, text, remedy)] for name in chosen if name not in results
        }
    return results


async def _ping(
    settings: Settings, name: str, companies: Mapping[str, str], credentials: CredentialStore | None
) -> Sequence[Check]:
    (connector,) = choose(settings, CONNECTORS, lambda each: True, name).values()
    fields, mappings = ping_needs.fields(settings, name, connector, CONNECTORS)
    try:
        opened, _ = open_connection(settings, name, connector, credentials)
    except HeadraceError as error:
        return [Check("configuration", CheckState.FAIL, str(error), "Correct the settings."), mappings]
    try:
        return [*await opened.ping(Needs(fields, companies)), mappings]
    except HeadraceError as error:
        return [Check("ping", CheckState.FAIL, str(error), "Correct that, and try again."), mappings]
    finally:
        await opened.close()


def _show(results: Results) -> None:
    for name, checks in results.items():
        for check in checks:
            detail = f": {check.detail}" if check.detail else ""
            remedy = f" → {check.remedy}" if check.remedy and check.state is not CheckState.PASS else ""
            _out.print(f"{_SIGNS[check.state]} {escape(f'{name}: {check.name}{detail}{remedy}')}")
    every = [check.state for checks in results.values() for check in checks]
    counts = ", ".join(f"{every.count(state)} {state}" for state in CheckState)
    _err.print(counts)


def _show_json(results: Results) -> None:
    for name, checks in results.items():
        for check in checks:
            line = {"connection": "" if name == DEPLOYMENT else name, "check": check.name, "state": check.state.value}
            typer.echo(json.dumps({**line, "detail": check.detail, "remedy": check.remedy}, ensure_ascii=False))
