"""What a sandbox's ledger tells of each record: how often it was made over the API, and how it ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(slots=True)
class Kept:
    """What the ledger tells of one record: how often the API created it, and its last state, even if it is gone."""

    created: int = 0
    written: int = 0
    last: Row = field(default_factory=dict)


class Books:
    """F&O's ledger by object and key.

    Args:
        ledger: every change, oldest first.
    """

    def __init__(self, ledger: Iterable[Row]) -> None:
        self._kept: dict[str, dict[str, Kept]] = defaultdict(lambda: defaultdict(Kept))
        for entry in ledger:
            kept = self._kept[entry["object"]][entry["key"]]
            over_api = str(entry["request"]["path"]).startswith("/data")
            kept.created += over_api and entry["action"] == "create"
            kept.written += over_api
            kept.last = entry["after"] or kept.last

    def written(self, obj: str) -> Iterator[Kept]:
        """Yield the records of an object that were written over the API."""
        return (kept for kept in self._kept[obj].values() if kept.written)

    def all(self, obj: str) -> Iterator[Kept]:
        """Yield all records of an object."""
        return iter(self._kept[obj].values())


@dataclass(frozen=True, slots=True)
class Companies:
    """Which accounting system, by its id, stands for which legal entity."""

    by_system: Mapping[int, str]

    def of(self, record: Row) -> str:
        """Return the legal entity of a record of AvidXchange."""
        return self.by_system[record["AccountingSystemId"]]
