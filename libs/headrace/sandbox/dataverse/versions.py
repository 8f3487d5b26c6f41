"""Row versions: one counter for the whole organization, and what was deleted at which version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from headrace.sandbox.common.store import Record, Store

DELETED = "#deleted"
FIRST = 1_000_000


class RowVersions:
    """Counts; a number that a rolled-back change took is not given again."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.restart()

    def restart(self) -> None:
        """Go on from the highest version in the store."""
        numbers = (
            int(record.data["versionnumber"])
            for name in self._store.objects()
            for record in self._store.list(name)
            if "versionnumber" in record.data
        )
        self.last = max(numbers, default=FIRST)

    def next(self) -> int:
        """Take the next version."""
        self.last += 1
        return self.last

    def note_deletion(self, table: str, key: str, now: datetime) -> None:
        """Remember that a row went, inside the transaction that removes it."""
        data = {"table": table, "id": key, "versionnumber": self.next()}
        self._store.put(DELETED, f"{table}/{key}", data, now)

    def deletions(self, table: str, after: int) -> Sequence[Record]:
        """Return what went after a version, oldest first."""
        found = [
            record
            for record in self._store.list(DELETED)
            if record.data["table"] == table and record.data["versionnumber"] > after
        ]
        return sorted(found, key=lambda record: int(record.data["versionnumber"]))
