"""What a load tells: a table of counts, and files with every record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from rich.table import Column, Table

from headrace.pipeline.endings import DONE, Ending, Result

SUMMARY = "summary.json"


class ResultFiles:
    """Files of JSON lines in one folder, a line for each record and target; what an earlier run left is removed."""

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        self._folder = folder
        self._names = tuple(names)
        self._open: dict[str, TextIO] = {}

    def __enter__(self) -> ResultFiles:
        """Make the folder and remove what an earlier run left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in self._names:
            self._path(name).unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        for stream in self._open.values():
            stream.close()

    def add(self, name: str, record: Mapping[str, Any]) -> None:
        """Add a line to a file."""
        if name not in self._open:
            self._open[name] = self._path(name).open("w", encoding="utf-8")
        self._open[name].write(json.dumps(dict(record), ensure_ascii=False, default=str) + "\n")

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.jsonl"


def line_of(result: Result, connection: str) -> dict[str, Any]:
    """Return a result as a line of a file: what is empty is left out."""
    fields = asdict(result)
    return {"record": f"{connection}:{result.object}:{result.external_id}"} | {
        name: value for name, value in fields.items() if value and name not in ("object", "external_id")
    }


def table_of(counts: Mapping[tuple[str, str], Mapping[Ending, int]], *, done: bool) -> Table:
    """Return the counts as a table: what became of the records (`done`), or what would."""
    endings = [ending for ending in Ending if any(ending in row for row in counts.values())]
    table = Table(
        "entity", "target", *(Column(DONE[each] if done else each.value, justify="right") for each in endings)
    )
    for (entity, target), row in sorted(counts.items()):
        table.add_row(entity or "–", target or "–", *(str(row.get(ending, 0)) for ending in endings))
    return table


def write_summary(folder: Path, read: int, span: Sequence[str]) -> None:
    """Keep how many records a dry run read, for the progress of the load."""
    (folder / SUMMARY).write_text(json.dumps({"read": read, "span": list(span)}) + "\n", encoding="utf-8")


def expected(folder: Path, span: Sequence[str]) -> int | None:
    """Return how many records the last dry run of the same span read, None if there was none."""
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        return int(summary["read"]) if summary["span"] == list(span) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
