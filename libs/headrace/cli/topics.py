"""`headrace topics`: the declared topics, made and compared."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.table import Table

from headrace.cli.console import out
from headrace.core.errors import ConfigurationError
from headrace.platform.settings import load_settings
from headrace.platform.strimzi import resources
from headrace.platform.topics import Applied, declared
from headrace.platform.topics import apply as apply_topics

app = typer.Typer(help="Kafka topics from one declaration.", no_args_is_help=True, pretty_exceptions_enable=False)
_out = out()

_HEADER = "# Made by `headrace topics manifests`; change the configuration and make it again.\n"


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


@app.command()
def manifests(
    cluster: Annotated[str, typer.Option(help="Name of the Kafka resource that is to have them.")] = "kafka",
    output: Annotated[Path | None, typer.Option(help="File to write; without it, the terminal.")] = None,
) -> None:
    """Write topics, users and their rights as Strimzi's KafkaTopic and KafkaUser. Needs no secret and no cluster."""
    made = resources(load_settings(complete=False), cluster)
    text = _HEADER + yaml.safe_dump_all(made, sort_keys=False, explicit_start=True)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{output}: {error.strerror}; name a file that can be written") from None
    _out.print(f"{len(made)} resources in {output}")


def _show(applied: Applied, total: int, dry_run: bool) -> None:
    verb = "missing" if dry_run else "created"
    for name in applied.created:
        _out.print(f"{verb} {name}")
    for drift in applied.drift:
        _out.print(f"differs {drift.topic}: {drift.setting} is {drift.actual}, declared {drift.declared}")
    _out.print(f"{total} topics declared, {len(applied.created)} {verb}, {len(applied.drift)} differences")
