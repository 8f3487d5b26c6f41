"""`headrace poll`: read what changed, now."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn

from headrace.cli.session import with_deployment
from headrace.cli.systems import CONNECTORS
from headrace.core.errors import ConfigurationError
from headrace.pipeline.assembly import choose, open_connection, poller
from headrace.pipeline.shared import Shared

_err = Console(highlight=False, soft_wrap=True, stderr=True)


def poll(
    connection: Annotated[str, typer.Argument(help="Source connection.")],
    objects: Annotated[list[str] | None, typer.Argument(help="Objects [default: every one with a schedule].")] = None,
) -> None:
    """Poll objects of a connection once, from their cursors. What a running worker polls too is emitted once."""
    counts = with_deployment(lambda shared: _poll(shared, connection, objects or []))
    for obj, count in counts.items():
        _err.print(f"{obj}: {count} records")


async def _poll(shared: Shared, name: str, objects: list[str]) -> dict[str, int]:
    settings = shared.settings
    connector = choose(settings, CONNECTORS, lambda each: each.source, name)[name]
    chosen = objects or list(settings.connections[name].polls)
    if not chosen:
        raise ConfigurationError(f"connections.{name}.polls: no object has a schedule; name the objects")
    opened, _ = open_connection(settings, name, connector, shared.credentials)
    counts: dict[str, int] = {}
    try:
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=_err, transient=True) as progress:
            task = progress.add_task("polling")
            one = poller(shared, name, opened)
            one.progress = lambda obj, count: progress.update(task, description=f"{name} {obj}: {count} records")
            for obj in chosen:
                counts[obj] = await one.poll(obj)
    finally:
        await opened.close()
    return counts
