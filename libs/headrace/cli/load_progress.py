"""The progress of a load on the terminal: count, rate and rest, and what it waits for."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from headrace.pipeline.backlog import Behind
from headrace.pipeline.loading import LoadState


class LoadProgress:
    """A bar that is told how a load goes (`headrace.pipeline.loading.Watcher`).

    Args:
        console: where it is drawn; nothing is left there at the end.
        title: what is loaded.
        total: how many records there are, None if nobody knows.
    """

    def __init__(self, console: Console, title: str, total: int | None) -> None:
        self._title = title
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            transient=True,
        )
        self._reading: TaskID = self._progress.add_task(title, total=total, count="", rate="", note="")
        self._begun: int | None = None
        self._most = 0
        self._settling: TaskID | None = None

    def __enter__(self) -> LoadProgress:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        self._progress.stop()

    def read(self, count: int) -> None:
        """So many records are read."""
        task = self._progress.tasks[self._reading]
        self._begun = count if self._begun is None else self._begun
        total = f" of {max(int(task.total), count)}" if task.total else ""
        seconds = task.elapsed or 0.0
        rate = f"{(count - self._begun) / seconds:.1f}/s" if seconds else ""
        self._progress.update(self._reading, completed=count, count=f"{count}{total} records", rate=rate, note="")

    def at(self, state: LoadState) -> None:
        """A page is durable."""
        self.read(state.read)

    def behind(self, behind: Behind) -> None:
        """So far are the workers behind."""
        words = ", ".join(f"{name} {count}" for name, count in behind.items() if count)
        if self._settling is None:
            self._progress.update(self._reading, note=f"under way: {words}" if words else "")
            return
        left = sum(behind.values())
        self._most = max(self._most, left)
        self._progress.update(
            self._settling, total=self._most or 1, completed=self._most - left or not left, count=f"rest: {words or 0}"
        )

    def settle(self) -> None:
        """Everything is read; what follows is the workers'."""
        self._settling = self._progress.add_task(f"{self._title}: settling", total=None, count="", rate="", note="")

    def later(self, reason: str, seconds: float) -> None:
        """The source is asked again later."""
        self._progress.update(self._reading, note=f"not now, again in {seconds:.0f} s: {reason}")
