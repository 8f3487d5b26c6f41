"""`headrace demo`: everything on this machine, and a story on real input."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from headrace.cli.console import out
from headrace.cli.demo.company import Demo
from headrace.cli.demo.deployment import CRM, ERP, Deployment
from headrace.cli.demo.documents_story import DocumentsStory
from headrace.cli.demo.payables_story import PayablesStory
from headrace.cli.demo.story import Story
from headrace.cli.demo.verdict import Verdict
from headrace.pipeline.shared import Shared
from headrace.platform.paths import project_root
from headrace.platform.settings import load_settings
from headrace.platform.stack import Stack, StackConfig
from headrace.platform.topics import apply, declared

_out = out()


def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop everything after the verdict.")] = False,
    deals: Annotated[int, typer.Option(min=20, max=500, help="How many deals are won.")] = 24,
    seed: Annotated[int, typer.Option(help="Draws another story.")] = 7,
) -> None:
    """Start broker, registry, sandboxes and services, play a story, judge it by the sandboxes' ledgers.

    Writes build/demo.json. Exit code 1 unless nothing was lost, doubled or wrong.
    """
    started = time.monotonic()
    folder = project_root() / ".headrace" / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    stack = Stack(StackConfig(data_dir=folder / "stack"))
    timings: dict[str, float] = {}
    deployment: Deployment | None = None
    try:
        _out.print("[bold]Headrace demo[/]: one order for a deal, one payment for an invoice, each paper once")
        info = stack.up()
        timings["stack"] = _since(started)
        _out.print(f"  Kafka {info.bootstrap}, registry {info.registry_url}")
        deployment = whole = Demo(info, folder)
        deployment.start_sandboxes()
        deployment.configure()
        story = Story(deployment, lambda text: _out.print(f"  [cyan]•[/] {text}"), deals, seed)
        world, team, latecomer = story.prepare()
        departments = sorted({deal.department for deal in world.deals})
        payables = PayablesStory(whole, story.tell, story.until, story.kill, departments)
        payables.prepare()
        documents = DocumentsStory(whole, story.tell, story.until, story.kill_service)
        documents.prepare()
        with deployment.environ():
            asyncio.run(prepare_topics())
        deployment.start_services()
        timings["started"] = _since(started)
        _out.print("  sandboxes and services are up\n")
        with Progress(
            SpinnerColumn(),
            TextColumn("complete orders"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=_out,
            transient=True,
        ) as progress:
            task = progress.add_task("orders", total=deals)
            story.progress = lambda done, total: progress.update(task, completed=done)
            verdict = story.play(world, team, latecomer)
            team.close()
        verdict.wrong += payables.play()
        verdict.wrong += documents.play()
        story.events |= payables.events | documents.events
        timings |= {**story.timings, "total": _since(started)}
        _write(project_root() / "build" / "demo.json", verdict, story.events, timings)
        _show(verdict, story.events, timings)
        if not once:
            _look_around(deployment)
    finally:
        if once or deployment is None or not deployment.processes["processor"].running:
            if deployment is not None:
                deployment.stop()
            stack.down()
    if not verdict.clean:
        raise typer.Exit(1)


async def prepare_topics() -> None:
    """Register the schemas and make the topics, as a deployment's first step."""
    settings = load_settings()
    shared = Shared(settings, "setup")
    await shared.registry.set_compatibility()
    await shared.codec.start(shared.schemas.names())
    await shared.registry.close()
    await apply(settings.kafka, declared(settings))


def _since(started: float) -> float:
    return round(time.monotonic() - started, 1)


def _write(path: Path, verdict: Verdict, events: dict[str, Any], timings: dict[str, float]) -> None:
    path.parent.mkdir(exist_ok=True)
    result = {"verdict": verdict.as_json(), "events": events, "seconds": timings}
    path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _show(verdict: Verdict, events: dict[str, Any], timings: dict[str, float]) -> None:
    table = Table("what happened", "count", title="The story")
    for name, count in events.items():
        table.add_row(name, str(count))
    table.add_row("orders in the ERP", str(verdict.orders))
    table.add_row("order lines in the ERP", str(verdict.lines))
    table.add_row("deals that show their order's number", str(verdict.numbered))
    table.add_section()
    for name, cases in (("lost", verdict.lost), ("duplicated", verdict.duplicated), ("wrong", verdict.wrong)):
        table.add_row(f"[bold]{name}[/]", f"[bold {'red' if cases else 'green'}]{len(cases)}[/]")
    _out.print()
    _out.print(table)
    for case in [*verdict.lost, *verdict.duplicated, *verdict.wrong]:
        _out.print(f"  [red]{case}[/]")
    _out.print(f"Judged by what the sandboxes keep. {timings['total']:g} s in all; details in build/demo.json")


def _look_around(deployment: Deployment) -> None:
    _out.print("\n[bold]It stays up.[/] Look around:")
    _out.print(f"  export HEADRACE_CONFIG={deployment.config_file}")
    for command in (
        f"headrace trace {CRM}:deal-order:1            a record's whole story, by any of its ids",
        f"headrace parked {ERP}                        what waits, and why",
        "headrace ping                              does each connection work",
        "headrace mapping preview --help            what would be written, and why",
    ):
        _out.print(f"  .venv/bin/{command}")
    for name in deployment.services:
        _out.print(f"  {name:13} http://127.0.0.1:{deployment.ports[name]}/metrics")
    for name, sandbox in (("CRM", deployment.crm), ("ERP", deployment.erp)):
        _out.print(f"  {name} ledger {sandbox.url}/_sandbox/ledger")
    _out.print("  Stop: make demo-down")


def down() -> None:
    """Stop what `headrace demo` left running."""
    folder = project_root() / ".headrace" / "demo"
    for file in sorted((folder / "pids").glob("*.pid")):
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.killpg(int(file.read_text()), signal.SIGTERM)
        file.unlink(missing_ok=True)
    Stack(StackConfig(data_dir=folder / "stack")).down()
    _out.print("the demo is down")
