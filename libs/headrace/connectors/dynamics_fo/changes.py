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
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient, Row, RowPage
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.entity_sets import COMPANY, EntitySet, Field
from headrace.connectors.dynamics_fo.scope import Scope
from headrace.core.errors import RejectRecord, StopConnection
from headrace.platform import odata_text


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the times of an object's changes stand: a set, its time field, and its key by the object's key fields.

    Where `key` lacks a part of the object's key, all records with the other parts are read. Where several rows belong
    to one record, `rows` names the fields that tell them apart.
    """

    entity_set: str
    field: str
    key: Mapping[str, str]
    rows: tuple[str, ...] = ()


MODIFIED: Mapping[str, Clock] = {
    "CustomersV3": Clock("CustTableBiEntities", "SysModifiedDateTime", {"CustomerAccount": "AccountNum"}),
    "ReleasedProductsV2": Clock("InventTableBiEntities", "SysModifiedDateTime", {"ItemNumber": "ItemId"}),
    "SalesOrderHeadersV2": Clock("SalesTableBiEntities", "SysModifiedDateTime", {"SalesOrderNumber": "SalesId"}),
    "ContactPersons": Clock("ContactPersons", "LastEditDateTime", {"ContactPersonId": "ContactPersonId"}),
    "VendorsV2": Clock("VendTableBiEntities", "SysModifiedDateTime", {"VendorAccountNumber": "AccountNum"}),
    # The chart of accounts is a number there, so an account of any chart counts.
    "MainAccounts": Clock(
        "MainAccountBiEntities",
        "SysModifiedDateTime",
        {"MainAccountId": "MainAccountId"},
        rows=("LedgerChartOfAccounts",),
    ),
    # Headers show no time of change; what happens to an order happens to its lines.
    "PurchaseOrderHeadersV2": Clock(
        "PurchLineBiEntities", "SysModifiedDateTime", {"PurchaseOrderNumber": "PurchId"}, rows=("InventTransId",)
    ),
    "VendInvoiceJourBiEntities": Clock("VendInvoiceJourBiEntities", "SysModifiedDateTime", {"SourceKey": "SourceKey"}),
    # Of journals only the posting has a time.
    "VendorPaymentJournalHeaders": Clock(
        "LedgerJournalTableBiEntities", "PostedDateTime", {"JournalBatchNumber": "JournalNum"}
    ),
}
CREATED: Mapping[str, Clock] = {
    "SalesOrderHeadersV2": Clock(
        "SalesOrderHeadersV2", "OrderCreationDateTime", {"SalesOrderNumber": "SalesOrderNumber"}
    ),
    "PurchaseOrderHeadersV2": Clock("PurchTableBiEntities", "CreatedOn", {"PurchaseOrderNumber": "PurchId"}),
}


@dataclass(frozen=True, slots=True)
class Changed:
    """One page: rows of the object with the time of their change, if known, and the cursor behind them."""

    rows: Sequence[tuple[Row, datetime | None]]
    cursor: Mapping[str, str]


class Changes:
    """Reads changes of one connection's objects."""

    def __init__(self, config: DynamicsFoConfig, client: ODataClient, scope: Scope) -> None:
        self._config = config
        self._client = client
        self._scope = scope
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
        if await self._is_published(clock):
            return clock
        if strategy == "modified":
            raise StopConnection(
                f"the environment does not publish {clock.entity_set}", f"Publish it, or set polls: {name}: to auto."
            )
        created = CREATED.get(name)
        return created if created is not None and await self._is_published(created) else None

    async def _is_published(self, clock: Clock) -> bool:
        """Ask once whether the environment has a set; BI entities depend on version and licence."""
        name = clock.entity_set
        if name not in self._published:
            try:
                await self._client.page(name, odata.Query(top=1, select=(clock.field,)))
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
        own = odata.equals(entity_set, {entity_set.company: company}) if company else ""
        query = odata.Query(
            filter=odata_text.both(own, await self._scope.filter(entity_set)),
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
        seen: set[tuple[tuple[str, ...], str]] = set()
        while True:
            page = await self._client.page(clock.entity_set, self._since_query(entity_set, clock, at, skip))
            server_time = server_time or page.server_time
            stamped = [(_row_id(clock, row), row) for row in page.rows]
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
        companies = ""
        if entity_set.has_company:
            companies = odata_text.any_of(
                odata.equals(entity_set, {COMPANY: company}) for company in self._config.legal_entities
            )
        own = clock.entity_set == entity_set.name
        names = (*((COMPANY,) if entity_set.has_company else ()), *clock.key.values(), *clock.rows)
        return odata.Query(
            filter=odata_text.both(companies, f"{clock.field} ge {odata.literal(at, Field('datetime'))}"),
            select=tuple(self._config.select(entity_set.name)) if own else (*names, clock.field),
            order=",".join((clock.field, *names)),
            top=self._config.page_size,
            skip=skip,
        )

    async def _completed(
        self, entity_set: EntitySet, clock: Clock, rows: Sequence[Row]
    ) -> list[tuple[Row, datetime | None]]:
        """Return the object's own rows for rows of the clock, in their order; those that are gone are left out."""
        if clock.entity_set == entity_set.name:
            return [(row, odata.parse_datetime(row[clock.field])) for row in rows]
        known = tuple(name for name in entity_set.key if name == COMPANY or name in clock.key)
        wanted = {
            odata.partial_id(entity_set, known, key): (key, row) for row in rows for key in [_key(known, clock, row)]
        }
        found: dict[str, list[Row]] = {}
        async for own in self._client.of_keys(
            entity_set,
            [key for key, _ in wanted.values()],
            self._config.select(entity_set.name),
            await self._scope.filter(entity_set),
        ):
            found.setdefault(odata.partial_id(entity_set, known, own), []).append(own)
        return [
            (own, odata.parse_datetime(row[clock.field]))
            for identity, (_, row) in wanted.items()
            for own in found.get(identity, ())
        ]


def begin_at(since: datetime) -> dict[str, str]:
    """Return the cursor that begins at a time, as if everything before it had been swept.

    Where no clock is published everything is swept all the same, without times.
    """
    return {"swept": _text(datetime.now(UTC)), "since": _text(since)}


def _key(names: Iterable[str], clock: Clock, row: Row) -> dict[str, Any]:
    """Return these parts of the object's key from a row of the clock."""
    return {name: row[COMPANY if name == COMPANY else clock.key[name]] for name in names}


def _row_id(clock: Clock, row: Row) -> tuple[str, ...]:
    """Return what a row of the clock is known by."""
    return tuple(str(row.get(name)) for name in (COMPANY, *clock.key.values(), *clock.rows))


def _text(moment: datetime) -> str:
    """Return a time as the filter takes it; these texts sort like the times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _earlier(moment: str, seconds: int) -> str:
    parsed = odata.parse_datetime(moment) or datetime.now(UTC)
    return _text(parsed - timedelta(seconds=seconds))
