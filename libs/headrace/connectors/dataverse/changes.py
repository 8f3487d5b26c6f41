"""What changed since the last poll: by delta links where a table tracks changes, else by `modifiedon` with an overlap.

A cursor is one of: {"delta": link}, from which a quiet poll goes on; {"next": link} in the middle of a read of pages,
which other processes may continue; {"modified_since": time}. Links are relative to the root of the service. With a link
goes "columns", a mark of the columns that it asks for: when the table has got others, everything is read anew, as it is
when the service no longer knows a delta link (after seven days by default).
Source: Microsoft, "Use change tracking to synchronize data with external systems".
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headrace.connectors.dataverse.client import DataverseClient, RowPage
from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.errors import EXPIRED
from headrace.connectors.dataverse.guids import guid_of
from headrace.connectors.dataverse.reading import Reader, deleted, fingerprint, object_of
from headrace.connectors.dataverse.tables import Tables
from headrace.connectors.dataverse.values import Row
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord, StopConnection

DELTA, NEXT, COLUMNS, SINCE = "delta", "next", "columns", "modified_since"
_DELETED = "$deletedEntity"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """A page: rows as they are, records of what is gone, and the cursor."""

    rows: list[Row]
    gone: list[Record]
    cursor: Mapping[str, str]


class Changes:
    """Reads changes of one environment's tables."""

    def __init__(self, config: DataverseConfig, client: DataverseClient, tables: Tables, reader: Reader) -> None:
        self._config = config
        self._client = client
        self._tables = tables
        self._reader = reader

    async def pages(self, name: str, cursor: Mapping[str, str]) -> AsyncIterator[Told]:
        """Yield pages of changes.

        Raises:
            RetryLater, StopConnection, RejectRecord: as reads do; lists need the right to read the whole table.
        """
        columns = await self._reader.select(name)
        mark = fingerprint(columns)
        tracked = (await self._tables.of(name)).tracked
        if not tracked or SINCE in cursor:
            async for told in self._by_time(name, columns, cursor):
                yield told
            return
        link = cursor.get(DELTA) or cursor.get(NEXT, "")
        if link and cursor.get(COLUMNS) != mark:
            _log.warning("the table has other columns by now; everything is read anew", extra={"table": name})
            link = ""
        try:
            async for told in self._tracked(name, columns, mark, link):
                yield told
        except RejectRecord as refused:
            if refused.reason != EXPIRED or not link:
                raise
            _log.warning("change tracking has expired; everything is read anew", extra={"table": name})
            async for told in self._tracked(name, columns, mark, ""):
                yield told

    async def _tracked(self, name: str, columns: tuple[str, ...], mark: str, link: str) -> AsyncIterator[Told]:
        kind, operation, size = object_of(name), f"{name}.changes", self._config.page_size
        try:
            if link:
                page = await self._client.page(link, operation, size=size, tracked=_begins(link))
            else:
                table = await self._tables.of(name)
                params = {"$select": ",".join(columns)}
                page = await self._client.page(table.set, operation, params, size=size, tracked=True)
            # A first read may take long: what changed meanwhile is in the delta, and follows at once.
            catches_up = not link or _begins(link)
            while True:
                yield self._told(kind.name, page, mark)
                if page.next:
                    page = await self._client.page(page.next, operation, size=size, tracked=_begins(page.next))
                elif catches_up:
                    catches_up = False
                    page = await self._client.page(page.delta, operation, size=size)
                else:
                    return
        except StopConnection as stop:
            raise StopConnection(stop.reason, f"{stop.remedy} {_WHOLE_TABLE}") from None

    @staticmethod
    def _told(name: str, page: RowPage, mark: str) -> Told:
        rows = [row for row in page.rows if not _is_deletion(row)]
        gone = [deleted(name, id_) for row in page.rows if _is_deletion(row) and (id_ := guid_of(row.get("id")))]
        place = {NEXT: page.next} if page.next else {DELTA: page.delta}
        if not page.next and not page.delta:
            raise RejectRecord("no delta link", f"{name}: the last page of a tracked read has no delta link.")
        return Told(rows, gone, {**place, COLUMNS: mark})

    async def _by_time(self, name: str, columns: tuple[str, ...], cursor: Mapping[str, str]) -> AsyncIterator[Told]:
        """Yield rows by `modifiedon`, ascending: one that changes between two pages moves to the end.

        Deletions do not show there.
        """
        table, operation = await self._tables.of(name), f"{name}.list"
        since = cursor.get(SINCE, "")
        params = {"$select": ",".join(columns), "$orderby": f"modifiedon asc,{table.key} asc"}
        if since:
            start = datetime.fromisoformat(since) - timedelta(seconds=self._config.overlap_seconds)
            params["$filter"] = f"modifiedon ge {utc(start)}"
        page = await self._client.page(table.set, operation, params, size=self._config.page_size)
        while True:
            since = max([since, *(str(row.get("modifiedon") or "") for row in page.rows)])
            yield Told(list(page.rows), [], {SINCE: since} if since else {})
            if not page.next:
                return
            page = await self._client.page(page.next, operation, size=self._config.page_size)


_WHOLE_TABLE = "Change tracking needs the right to read the whole table (organization level)."


def utc(moment: datetime) -> str:
    """Return a time as filters and cursors have it: UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def begin_at(since: datetime) -> Mapping[str, str]:
    """Return the cursor of what changed at `since` or later, by time: delta links have no beginning of one's own."""
    return {SINCE: utc(since)}


def _begins(link: str) -> bool:
    """Say whether a link is of the first read of a table, whose pages all ask to track changes."""
    return "deltatoken" not in link


def _is_deletion(row: Row) -> bool:
    return row.get("reason") == "deleted" or _DELETED in str(row.get("@odata.context") or "")
