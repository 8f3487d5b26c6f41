"""What an initial load reads: one object's records, page by page, within a span of time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.core.contracts import Dated, Record, Source
from headrace.core.errors import HeadraceError, RetryLater
from headrace.pipeline.gate import back_off


class NotDated(HeadraceError):
    """The source cannot limit this object by time; the operator leaves `--since` and `--until` out."""


@dataclass(frozen=True, slots=True)
class Span:
    """When records were last changed: at `since` or later, and before `until`; UTC, None for no limit."""

    since: datetime | None = None
    until: datetime | None = None

    @property
    def limited(self) -> bool:
        """Whether it leaves anything out."""
        return self.since is not None or self.until is not None

    def holds(self, moment: datetime) -> bool:
        """Say whether a time is within."""
        return (self.since is None or moment >= self.since) and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """The records of a page that are to be loaded, and the source's cursor behind it."""

    records: Sequence[Record]
    left_out: int
    cursor: Mapping[str, str]


class History:
    """Reads the history of one object.

    Args:
        connection: for messages.
        source: the system.
        obj: the object.
        span: records last changed outside of it are left out. So are deleted ones: they have no history to load.
    """

    def __init__(self, connection: str, source: Source, obj: str, span: Span) -> None:
        self._connection = connection
        self._source = source
        self._obj = obj
        self._span = span

    def begin(self) -> Mapping[str, str]:
        """Return the source's cursor at the beginning of the span.

        Raises:
            NotDated: the source cannot begin at a time.
        """
        if self._span.since is None:
            return {}
        if not isinstance(self._source, Dated):
            raise NotDated(f"{self._connection} cannot begin at a time; leave --since out and load everything")
        return self._source.cursor_at(self._obj, self._span.since)

    async def pages(self, cursor: Mapping[str, str]) -> AsyncIterator[HistoryPage]:
        """Yield the pages from a cursor to the present end.

        Raises:
            NotDated: the span is limited and the source does not tell when a record changed.
            RetryLater, StopConnection, RejectRecord: as the source's `changes`.
        """
        async for page in self._source.changes(self._obj, cursor):
            kept = [record for record in page.records if self._keeps(record)]
            yield HistoryPage(kept, len(page.records) - len(kept), page.cursor)

    async def patiently(
        self, cursor: Mapping[str, str], later: Callable[[str, float], None]
    ) -> AsyncIterator[HistoryPage]:
        """Yield the pages as `pages` does, and go on after "not now", from the page that the caller was given last.

        Args:
            cursor: where to begin.
            later: hears why the source is asked again, and after how many seconds.
        """
        failures = 0
        while True:
            try:
                async for page in self.pages(cursor):
                    yield page
                    cursor, failures = page.cursor, 0
            except RetryLater as error:
                failures += 1
                seconds = back_off(failures, error.after)
                later(error.reason, seconds)
                await asyncio.sleep(seconds)
            else:
                return

    def _keeps(self, record: Record) -> bool:
        if record.deleted:
            return False
        if not self._span.limited:
            return True
        if record.modified_at is None:
            raise NotDated(
                f"{self._connection} does not tell when {self._obj} {record.ref.external_id} changed; "
                "leave --since and --until out and load everything (--restart if a load was begun with them)"
            )
        return self._span.holds(record.modified_at)
