"""`headrace topics`: the declared topics, made and compared."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from headrace.cli.console import out
from headrace.platform.settings import load_settings
from headrace.platform.topics import Applied, declared
from headrace.platform.topics import apply as apply_topics

app = typer.Typer(help="Kafka topics from one declaration.", no_args_is_help=True, pretty_exceptions_enable=False)
_out = out()


@app.command()
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what is missing and what differs.")] = False,
) -> None:
    """Create missing topics and report drift. Exit code 3 if existing topics differ from the declaration."""
    settings = load_settings()
    topics = declared(settings)
    applied = asyncio.run(apply_topics(settings.kafka, topics, dry_run=dry_run))
    _show(applied, len(topics), dry_run)
    if applied.drift:
        raise typer.Exit(3)


@app.command("list")
def list_() -> None:
    """Show every declared topic."""
    table = Table("topic", "partitions", "settings")
    for topic in declared(load_settings()):
        table.add_row(topic.name, str(topic.partitions), ", ".join(f"{k}={v}" for k, v in topic.config.items()))
    _out.print(table)


def _show(applied: Applied, total: int, dry_run: bool) -> None:
    verb = "missing" if dry_run else "created"
    for name in applied.created:
        _out.print(f"{verb} {name}")
    for drift in applied.drift:
        _out.print(f"differs {drift.topic}: {drift.setting} is {drift.actual}, declared {drift.declared}")
    _out.print(f"{total} topics declared, {len(applied.created)} {verb}, {len(applied.drift)} differences")
