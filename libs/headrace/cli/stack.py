"""`headrace stack`: Kafka and a schema registry on this machine, from nothing but Python packages (design §9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.status import Status
from rich.table import Table

from headrace.platform.stack import Stack, StackConfig, StackError, StackInfo, StackStatus
from headrace.platform.stack.artifacts import LOCK_FILE, render_lock
from headrace.platform.stack.lock import KAFKA_VERSION, REGISTRY_VERSION, make_lock
from headrace.platform.stack.report import Report

EXIT_FAILED = 1
EXIT_DEGRADED = 4
EXIT_STOPPED = 3

app = typer.Typer(help="The local Kafka and schema registry.", no_args_is_help=True, pretty_exceptions_enable=False)
_out = Console(highlight=False, soft_wrap=True)
_err = Console(highlight=False, soft_wrap=True, stderr=True)

Data = Annotated[Path | None, typer.Option("--data", help="Data folder [default: .headrace/stack of the project].")]


@app.command()
def up(
    data: Data = None,
    kafka_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the first broker; 0 picks a free one anew.")
    ] = None,
    registry_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port of the registry; 0 picks a free one anew.")
    ] = None,
    nodes: Annotated[
        int | None, typer.Option(help="Brokers, 1 or 3; fixed when the data folder is first used.")
    ] = None,
) -> None:
    """Start Kafka and the registry, or what of them does not run, and wait until both answer.

    Prints shell lines that point Headrace at them: eval "$(headrace stack up)". Exit code 1: they cannot run.
    """
    if nodes not in (None, 1, 3):
        raise typer.BadParameter("1 or 3", param_hint="--nodes")
    config = _config(data).model_copy(update={"kafka_port": kafka_port, "registry_port": registry_port, "nodes": nodes})
    with _told() as report:
        info = Stack(config, report).up()
    _show(info)


@app.command()
def status(data: Data = None) -> None:
    """Show what runs and answers. Exit code 0: all of it, 3: nothing runs, 4: a part of it."""
    with _told():
        found = Stack(_config(data)).status()
    _table(found)
    if not found.ready:
        raise typer.Exit(EXIT_STOPPED if found.stopped else EXIT_DEGRADED)


@app.command()
def down(data: Data = None) -> None:
    """Stop Kafka and the registry; topics and schemas stay. Stopping what does not run is no error."""
    with _told() as report:
        found = Stack(_config(data), report).down()
    _err.print(f"stopped; topics and schemas are kept in {found.data_dir}")


@app.command()
def lock(
    kafka_version: Annotated[str, typer.Option(help="Kafka release to pin.")] = KAFKA_VERSION,
    registry_version: Annotated[str, typer.Option(help="Apicurio Registry release to pin.")] = REGISTRY_VERSION,
    output: Annotated[Path, typer.Option(help="File to write.")] = LOCK_FILE,
) -> None:
    """Resolve the artifacts again and write their coordinates, sizes and SHA-256 sums (for maintainers)."""
    with _told() as report:
        artifacts = make_lock(kafka_version, registry_version, report)
    output.write_text(render_lock(artifacts), encoding="utf-8")
    _err.print(f"{len(artifacts)} artifacts locked in {output}")


class RichReport(Report):
    """Draws the report on standard error: a spinner for what is waited for, a bar for downloads."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def step(self, text: str) -> None:
        """Show `text` with a spinner, or as a line where there is no terminal."""
        if not self._console.is_terminal:
            self._console.print(text)
        elif self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)

    def download_started(self, files: int, size: int) -> None:
        """Show a bar over all files."""
        self.close()
        if not self._console.is_terminal:
            self._console.print(f"downloading {files} files, {size / 1e6:.0f} MB, once for this user")
            return
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=self._console)
        self._task = self._progress.add_task(f"downloading {files} files", total=size)
        self._progress.start()

    def downloaded(self, size: int) -> None:
        """Move the bar."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, size)

    def download_finished(self) -> None:
        """Take the bar away."""
        self.close()

    def warn(self, text: str) -> None:
        """Print a warning that stays on the screen."""
        self._console.print(f"warning: {text}", style="yellow", markup=False)

    def close(self) -> None:
        """End whatever is drawn."""
        if self._status is not None:
            self._status.stop()
        if self._progress is not None:
            self._progress.stop()
        self._status = self._progress = self._task = None


@contextmanager
def _told() -> Iterator[Report]:
    report = RichReport(_err)
    try:
        yield report
    except StackError as error:
        report.close()
        _err.print(f"error: {error}", style="red", markup=False)
        raise typer.Exit(EXIT_FAILED) from None
    finally:
        report.close()


def _config(data: Path | None) -> StackConfig:
    return StackConfig(data_dir=data) if data else StackConfig()


def _show(info: StackInfo) -> None:
    _err.print(f"Kafka     {info.bootstrap}\nregistry  {info.registry_url}\ndata      {info.data_dir}", markup=False)
    for name, value in info.environment.items():
        typer.echo(f"export {name}={value};")


def _table(found: StackStatus) -> None:
    if not found.processes:
        _out.print(f"{found.data_dir}: never started; start it with: headrace stack up", markup=False)
        return
    table = Table("process", "state", "port", "id", "memory", "detail", box=None)
    for item in found.processes:
        memory = f"{item.memory / 1e6:.0f} MB" if item.memory else ""
        table.add_row(item.name, item.health, str(item.port), str(item.pid or ""), memory, item.detail)
    _out.print(table)
    _out.print(f"Kafka     {found.bootstrap}\nregistry  {found.registry_url}\ndata      {found.data_dir}", markup=False)
    _out.print("versions  " + ", ".join(f"{name} {version}" for name, version in found.versions), markup=False)


if __name__ == "__main__":
    app()
