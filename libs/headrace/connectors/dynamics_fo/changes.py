"""Finding changes by polling: by a modification time where there is one, by reading all of it where there is none.

OData knows no changes feed here. Read-only mirrors of tables (the BI entities) carry `SysModifiedDateTime` to the
second, but only for their own table: an address or a party's name changes without it. So a sweep of everything runs
now and then as well. Sweeps page by offset, and rows move while it runs: what one sweep misses, the next one finds.

Cursor: `since` (changes from here), `swept` (when the last sweep began); during a sweep `started`, `company`, `next`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient, Row, RowPage
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.objects import COMPANY, EntitySet, Field
from headrace.core.errors import RejectRecord, StopConnection


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the times of an object's changes stand: a set, its time field, and its key by the object's key fields."""

    entity_set: str
    field: str
    key: Mapping[str, str]


MODIFIED: Mapping[str, Clock] = {
    "CustomersV3": Clock("CustTableBiEntities", "SysModifiedDateTime", {"CustomerAccount": "AccountNum"}),
    "ReleasedProductsV2": Clock("InventTableBiEntities", "SysModifiedDateTime", {"ItemNumber": "ItemId"}),
    "SalesOrderHeadersV2": Clock("SalesTableBiEntities", "SysModifiedDateTime", {"SalesOrderNumber": "SalesId"}),
    "ContactPersons": Clock("ContactPersons", "LastEditDateTime", {"ContactPersonId": "ContactPersonId"}),
}
CREATED: Mapping[str, Clock] = {
    "SalesOrderHeadersV2": Clock(
        "SalesOrderHeadersV2", "OrderCreationDateTime", {"SalesOrderNumber": "SalesOrderNumber"}
    ),
}
GROUP = 20
"""Records read in one request; the address of a request is limited."""


@dataclass(frozen=True, slots=True)
class Changed:
    """One page: rows of the object with the time of their change, if known, and the cursor behind them."""

    rows: Sequence[tuple[Row, datetime | None]]
    cursor: Mapping[str, str]


class Changes:
    """Reads changes of one connection's objects."""

    def __init__(self, config: DynamicsFoConfig, client: ODataClient) -> None:
        self._config = config
        self._client = client
        self._published: dict[str, bool] = {}

    async def pages(self, entity_set: EntitySet, cursor: Mapping[str, str]) -> AsyncIterator[Changed]:
        """Yield one poll's pages: a sweep if it is due or was cut short, then what changed since `since`."""
        clock = await self._clock(entity_set)
        if clock is None or self._sweep_is_due(entity_set, cursor):
            async for swept in self._sweep(entity_set, cursor):
                yield swept
            return
        async for changed in self._since(entity_set, clock, cursor):
            yield changed

    # --- which way ---

    async def _clock(self, entity_set: EntitySet) -> Clock | None:
        """Return the clock to poll by; None reads everything.

        Raises:
            StopConnection: the configured strategy does not exist for the object in this environment.
        """
        name = entity_set.name
        strategy = self._config.poll(name).strategy
        if strategy == "full" or (strategy == "auto" and name not in MODIFIED):
            return None
        if strategy == "created":
            if name not in CREATED:
                raise StopConnection(f"F&O shows no creation time of {name}", f"Set polls: {name}: to auto or full.")
            return CREATED[name]
        if name not in MODIFIED:
            raise StopConnection(f"F&O shows no time of change of {name}", f"Set polls: {name}: to auto or full.")
        clock = MODIFIED[name]
        if await self._is_published(clock.entity_set):
            return clock
        if strategy == "modified":
            raise StopConnection(
                f"the environment does not publish {clock.entity_set}", f"Publish it, or set polls: {name}: to auto."
            )
        return CREATED.get(name)

    async def _is_published(self, name: str) -> bool:
        """Ask once whether the environment has a set; BI entities depend on version and licence."""
        if name not in self._published:
            try:
                await self._client.page(name, odata.Query(top=1, select=(COMPANY,)))
            except RejectRecord:
                self._published[name] = False
            except StopConnection as stop:
                # Readable for others, but not for our user; everything else may be.
                if "403" not in stop.reason:
                    raise
                self._published[name] = False
            else:
                self._published[name] = True
        return self._published[name]

    def _sweep_is_due(self, entity_set: EntitySet, cursor: Mapping[str, str]) -> bool:
        swept = odata.parse_datetime(cursor.get("swept"))
        if swept is None or "started" in cursor:
            return True
        hours = self._config.poll(entity_set.name).full_every_hours
        return bool(hours) and datetime.now(UTC) - swept >= timedelta(hours=hours)

    # --- everything ---

    async def _sweep(self, entity_set: EntitySet, cursor: Mapping[str, str]) -> AsyncIterator[Changed]:
        """Read everything, company by company; a cursor in the middle goes on where it was."""
        companies = self._config.legal_entities if entity_set.has_company else [""]
        started = cursor.get("started", "")
        link = cursor.get("next", "")
        first = cursor.get("company", "")
        if first not in companies:
            first, link = companies[0], ""
        begin = companies.index(first)
        kept = {name: cursor[name] for name in ("since", "swept") if name in cursor}
        for place, company in enumerate(companies[begin:], begin):
            while True:
                page = await self._sweep_page(entity_set, company, link)
                started = started or _text(page.server_time or datetime.now(UTC))
                link = page.next_link
                rows = [(row, None) for row in page.rows]
                if link:
                    yield Changed(rows, {**kept, "started": started, "company": company, "next": link})
                    continue
                if place + 1 < len(companies):
                    yield Changed(rows, {**kept, "started": started, "company": companies[place + 1]})
                else:
                    since = kept.get("since") or _earlier(started, self._config.overlap_seconds)
                    yield Changed(rows, {"swept": started, "since": since})
                break

    async def _sweep_page(self, entity_set: EntitySet, company: str, link: str) -> RowPage:
        size = self._config.page_size
        if link:
            return await self._client.next_page(entity_set.name, link, page_size=size)
        query = odata.Query(
            filter=odata.equals(entity_set, {COMPANY: company}) if company else "",
            select=self._config.select(entity_set.name),
            order=",".join(entity_set.key),
        )
        return await self._client.page(entity_set.name, query, page_size=size)

    # --- since a time ---

    async def _since(self, entity_set: EntitySet, clock: Clock, cursor: Mapping[str, str]) -> AsyncIterator[Changed]:
        """Read what the clock shows since the cursor, oldest first.

        Each request starts at the time of the last row of the one before, so that rows that move to the end while
        pages are read shift no others out of sight; only within one second an offset counts.
        """
        overlap = self._config.overlap_seconds
        since = cursor.get("since") or odata.EMPTY_DATETIME
        kept = {"swept": cursor["swept"]} if "swept" in cursor else {}
        at, skip, server_time = since, 0, None
        seen: set[tuple[str, str]] = set()
        while True:
            page = await self._client.page(clock.entity_set, self._since_query(entity_set, clock, at, skip))
            server_time = server_time or page.server_time
            stamped = [(odata.target_id(entity_set, _key(entity_set, clock, row)), row) for row in page.rows]
            fresh = [(identity, row) for identity, row in stamped if (identity, row[clock.field]) not in seen]
            rows = await self._completed(entity_set, clock, [row for _, row in fresh])
            last = _text(odata.parse_datetime(page.rows[-1][clock.field]) or datetime.now(UTC)) if page.rows else at
            # The service may send fewer rows than were asked for; it then says that there are more.
            if not page.rows or (len(page.rows) < self._config.page_size and not page.next_link):
                mark = max(last, _text(server_time) if server_time else last)
                yield Changed(rows, {**kept, "since": max(since, _earlier(mark, overlap))})
                return
            yield Changed(rows, {**kept, "since": max(since, _earlier(last, overlap))})
            if last == at:
                skip += len(page.rows)
            else:
                at, skip = last, 0
                seen.clear()
            seen.update((identity, row[clock.field]) for identity, row in fresh)

    def _since_query(self, entity_set: EntitySet, clock: Clock, at: str, skip: int) -> odata.Query:
        companies = odata.any_of(
            odata.equals(entity_set, {COMPANY: company}) for company in self._config.legal_entities
        )
        own = clock.entity_set == entity_set.name
        select = self._config.select(entity_set.name) if own else (COMPANY, *clock.key.values(), clock.field)
        return odata.Query(
            filter=f"{companies} and {clock.field} ge {odata.literal(at, Field('datetime'))}",
            select=tuple(select),
            order=",".join((clock.field, COMPANY, *clock.key.values())),
            top=self._config.page_size,
            skip=skip,
        )

    async def _completed(
        self, entity_set: EntitySet, clock: Clock, rows: Sequence[Row]
    ) -> list[tuple[Row, datetime | None]]:
        """Return the object's own rows for rows of the clock, in their order; those that are gone are left out."""
        if clock.entity_set == entity_set.name:
            return [(row, odata.parse_datetime(row[clock.field])) for row in rows]
        wanted = {
            odata.target_id(entity_set, key): (key, row) for row in rows for key in [_key(entity_set, clock, row)]
        }
        found = await self._by_keys(entity_set, [key for key, _ in wanted.values()])
        return [
            (found[identity], odata.parse_datetime(row[clock.field]))
            for identity, (_, row) in wanted.items()
            if identity in found
        ]

    async def _by_keys(self, entity_set: EntitySet, keys: Iterable[Mapping[str, Any]]) -> dict[str, Row]:
        """Read rows by their keys, several in one request."""
        select = self._config.select(entity_set.name)
        found: dict[str, Row] = {}
        grouped = []
        for key in keys:
            if any(odata.is_wildcard(value) for value in key.values()):
                row = await self._client.get(entity_set, key, select)
                if row is not None:
                    found[odata.target_id(entity_set, row)] = row
            else:
                grouped.append(odata.equals(entity_set, key))
        remaining = iter(grouped)
        while group := list(islice(remaining, GROUP)):
            async for row in self._client.rows(entity_set.name, odata.Query(odata.any_of(group), select)):
                found[odata.target_id(entity_set, row)] = row
        return found


def begin_at(since: datetime) -> dict[str, str]:
    """Return the cursor that begins at a time, as if everything before it had been swept.

    Where no clock is published everything is swept all the same, without times.
    """
    return {"swept": _text(datetime.now(UTC)), "since": _text(since)}


def _key(entity_set: EntitySet, clock: Clock, row: Row) -> dict[str, Any]:
    """Return the object's key from a row of the clock."""
    return {name: row[COMPANY if name == COMPANY else clock.key[name]] for name in entity_set.key}


def _text(moment: datetime) -> str:
    """Return a time as the filter takes it; these texts sort like the times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _earlier(moment: str, seconds: int) -> str:
    parsed = odata.parse_datetime(moment) or datetime.now(UTC)
    return _text(parsed - timedelta(seconds=seconds))
