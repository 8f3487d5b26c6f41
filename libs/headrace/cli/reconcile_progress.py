"""The progress of a comparison: a bar for people at a terminal, plain lines for everything else."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from headrace.pipeline.backlog import Behind
from headrace.pipeline.reconcile import Direction

_EVERY = 5000
"""Records of an object between two lines."""


class ReconcileProgress:
    """Is told how a comparison goes (`headrace.pipeline.reconcile.Watcher`).

    Args:
        console: where it is drawn or written; nothing of the bar is left there at the end.
        connection: what is compared.
    """

    def __init__(self, console: Console, connection: str) -> None:
        self._console = console
        self._connection = connection
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[count]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"),
                console=console,
                transient=True,
            )
        self._tasks: dict[tuple[Direction, str], TaskID] = {}
        self._told: dict[tuple[Direction, str], int] = {}
        self._last = ""

    def __enter__(self) -> ReconcileProgress:
        """Begin to draw."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing."""
        if self._bar is not None:
            self._bar.stop()

    def compared(self, direction: Direction, obj: str, count: int) -> None:
        """So many records of an object were compared."""
        if self._bar is not None:
            self._bar.update(self._task(direction, obj), completed=count, count=f"{count} records", note="")
        elif count - self._told.get((direction, obj), 0) >= _EVERY:
            self._told[direction, obj] = count
            self._line(f"{self._connection} {obj}, {direction}: {count} records compared")

    def left_out(self, obj: str) -> None:
        """An object is not compared."""
        words = "is not polled, and nothing was ever told of it: not compared. Name it to compare it all the same"
        self._console.print(f"{self._connection} {obj} {words}")

    def looking_again(self, direction: Direction, obj: str, count: int) -> None:
        """So many records differ, and are looked at again."""
        self._note(direction, obj, f"{count} differ, looked at again")

    def behind(self, behind: Behind) -> None:
        """So far are the workers behind."""
        words = ", ".join(f"{name} {count}" for name, count in behind.items() if count)
        if words:
            self._note(None, "", f"under way: {words}")

    def later(self, reason: str, seconds: float) -> None:
        """The system is asked again later."""
        self._note(None, "", f"not now, again in {seconds:.0f} s: {reason}")

    def _task(self, direction: Direction, obj: str) -> TaskID:
        if self._bar is None:
            raise RuntimeError("nothing is drawn")
        if (direction, obj) not in self._tasks:
            title = f"{self._connection} {obj}, {direction}"
            self._tasks[direction, obj] = self._bar.add_task(title, total=None, count="", note="")
        return self._tasks[direction, obj]

    def _note(self, direction: Direction | None, obj: str, words: str) -> None:
        if self._bar is None:
            self._line(
                f"{self._connection} {obj}, {direction}: {words}" if direction else f"{self._connection}: {words}"
            )
            return
        tasks = [self._task(direction, obj)] if direction else list(self._tasks.values())[-1:]
        for task in tasks:
            self._bar.update(task, note=words)

    def _line(self, text: str) -> None:
        if text != self._last:
            self._last = text
            self._console.print(text)
