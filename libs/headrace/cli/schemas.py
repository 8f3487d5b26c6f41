"""`headrace schemas`: hold the Avro contracts to their rules, and register them at deploy time (design §3)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headrace.cli.console import out
from headrace.core.errors import ConfigurationError, RetryLater
from headrace.platform.paths import schemas_dir
from headrace.platform.registry import Registry
from headrace.platform.schema_history import broken_promises, read_history
from headrace.platform.schema_rules import broken_rules
from headrace.platform.schemas import Schemas
from headrace.platform.settings import load_settings

app = typer.Typer(help="The Avro contracts.", no_args_is_help=True, pretty_exceptions_enable=False)
_out = out()
_err = Console(highlight=False, soft_wrap=True, markup=False, stderr=True)

Directory = Annotated[Path | None, typer.Option("--dir", help="Folder of the contracts; the project's if not given.")]


@app.command()
def check(
    directory: Directory = None,
    since: Annotated[str | None, typer.Option(help="Commit or tag; versions before it do not count.")] = None,
    require_history: Annotated[
        bool, typer.Option("--require-history", help="Fail if git cannot show every earlier version.")
    ] = False,
) -> None:
    """Check the rules, and that every version in git can read every record of today's, and the other way round.

    Exit code 1: something is wrong; every problem is listed.
    """
    try:
        folder = directory or schemas_dir()
        schemas = Schemas(folder)
        problems = broken_rules(schemas)
        history = read_history(folder, since)
        problems += broken_promises(schemas, history.versions)
    except ConfigurationError as error:
        raise _failed(error.problems) from None
    for gap in history.gaps:
        _err.print(f"note: {gap}")
    if require_history:
        problems += [f"--require-history: {gap}" for gap in history.gaps]
    if problems:
        raise _failed(problems)
    counted = len(history.versions)
    _out.print(f"{len(schemas.names())} contracts keep the rules and are FULL_TRANSITIVE with {counted} commits of git")


@app.command()
def register(
    registry_url: Annotated[
        str,
        typer.Option(
            envvar="HEADRACE_KAFKA__REGISTRY_URL",
            show_envvar=True,
            help="Base address of Confluent's API; without it, the one of the settings.",
        ),
    ] = "",
    directory: Directory = None,
) -> None:
    """Set FULL_TRANSITIVE and register every contract; those that are there already keep their ids.

    Exit code 1: the registry refuses a contract, or is down.
    """
    try:
        schemas = Schemas(directory or schemas_dir())
        ids, problems = asyncio.run(_register(schemas, registry_url or load_settings().kafka.registry_url))
    except ConfigurationError as error:
        raise _failed(error.problems) from None
    except RetryLater as error:
        raise _failed([f"{error}; start it or check --registry-url, then run this again"]) from None
    table = Table("contract", "subject", "id", box=None)
    for name, number in ids.items():
        table.add_row(name, schemas.subject(name), str(number))
    _out.print(table)
    if problems:
        raise _failed(problems)


async def _register(schemas: Schemas, url: str) -> tuple[dict[str, int], list[str]]:
    ids: dict[str, int] = {}
    problems: list[str] = []
    async with Registry(url) as registry:
        await registry.set_compatibility()
        for name in schemas.names():
            try:
                ids[name] = await registry.register(schemas.subject(name), schemas.flattened(name))
            except ConfigurationError as error:
                problems += [f"{name}.avsc: {problem}" for problem in error.problems]
    return ids, problems


def _failed(problems: list[str]) -> typer.Exit:
    for problem in problems:
        _err.print(problem)
    _err.print(f"{len(problems)} problem{'s' * (len(problems) != 1)}")
    return typer.Exit(1)


if __name__ == "__main__":
    app()
