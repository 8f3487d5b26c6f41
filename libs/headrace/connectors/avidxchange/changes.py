"""Finding changes by polling: windows of days, for each accounting system.

Filters take days, not times, so each poll reads the last `overlap_days` again; what the last poll of this process
handed over is left out. Cursor: by legal entity, the day up to which everything was handed over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Protocol

from headrace.connectors.avidxchange import values
from headrace.connectors.avidxchange.batches import Batches
from headrace.connectors.avidxchange.client import AvidxchangeClient
from headrace.connectors.avidxchange.companies import Companies
from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.contract import Row
from headrace.connectors.avidxchange.objects import CHANGED, INVOICE, MASTERS, PAYMENT, Object
from headrace.connectors.avidxchange.reading import Reader
from headrace.connectors.avidxchange.scanning import Handed, Memory, Scan, State
from headrace.core.contracts import Page, Record
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref

SETTLED_AFTER = 30.0
"""Seconds after which a state, whose time has whole seconds, is believed to be the last one of its second."""
Window = tuple[date, date]


class Invoices(Protocol):
    """Reads invoices, and keeps the links to their images, which are no part of a record."""

    async def fetch(self, ref: Ref) -> Record | None:
        """Return an invoice as it is now, None if it is not there."""

    def keep_link(self, row: Row) -> None:
        """Note the link of an invoice."""


class Changes:
    """Reads changes of one connection's objects."""

    def __init__(
        self,
        config: AvidxchangeConfig,
        client: AvidxchangeClient,
        companies: Companies,
        reader: Reader,
        invoices: Invoices,
    ) -> None:
        self._config = config
        self._rules = config.rules
        self._client = client
        self._companies = companies
        self._reader = reader
        self._invoices = invoices
        self._batches = Batches(config, client, reader)
        self._memories: dict[str, Memory] = {}

    async def pages(self, obj: str, cursor: Mapping[str, str]) -> AsyncIterator[Page]:
        """Yield one poll's pages, company by company. The cursor moves at the end of a window that was seen whole."""
        systems = await self._companies.all()
        place = {company: day for company, day in cursor.items() if company in systems}
        anew = not place
        memory = self._memories.setdefault(obj, Memory())
        handed = memory.begin(anew=anew)
        for company, system in systems.items():
            if obj in MASTERS:
                found = self._all_of(MASTERS[obj], company, system, place)
            elif obj == INVOICE and self._config.invoices.discovery == "closed_batches":
                found = self._batches_of(company, system, place, anew=anew)
            else:
                found = self._modified(obj, company, system, handed, place)
            async for page in found:
                place = dict(page.cursor)
                yield page
        memory.finish(handed)

    # --- by the day of a change ---

    async def _modified(
        self, obj: str, company: str, system: int, handed: Handed, place: Mapping[str, str]
    ) -> AsyncIterator[Page]:
        filters, is_whole = self._rules.filters, True
        for window in self._windows(company, place):
            params = {
                filters.accounting_system: str(system),
                filters.modified_from: window[0].isoformat(),
                filters.modified_to: window[1].isoformat(),
            }
            if obj == INVOICE:
                params[filters.status] = self._rules.words.approved
            scan = Scan(self._client, self._rules.path(f"{obj}s"), f"{obj}.list", params, self._state_of(obj))
            async for rows in scan.pages():
                states = [scan.state(row) for row in rows]
                fresh = [
                    self._record(obj, row, company)
                    for row, state in zip(rows, states, strict=True)
                    if self._is_of(obj, row, system) and handed.is_news(*state)
                ]
                if fresh:
                    yield Page(fresh, place)
                handed.now |= {
                    id_: version for row, (id_, version) in zip(rows, states, strict=True) if self._is_past(obj, row)
                }  # durable: the caller asked for the next page (I1)
            is_whole = is_whole and scan.whole
            if is_whole:
                place = _moved(place, company, window[1])
                yield Page((), place)

    # --- by closed batches ---

    async def _batches_of(
        self, company: str, system: int, place: Mapping[str, str], *, anew: bool
    ) -> AsyncIterator[Page]:
        """Yield the invoices of closed batches; the cursor stays behind one that is not settled."""
        is_settled = True
        for window in self._windows(company, place):
            rows, is_whole = await self._batches.closed(system, window)
            for row in rows:
                async for taken in self._batches.take(row, anew=anew):
                    for each in taken.rows:
                        self._invoices.keep_link(each)
                    records = [self._reader.invoice(each, company, taken.batch)[0] for each in taken.rows]
                    yield Page(records + [await self._gone(each) for each in taken.gone], place)
            is_settled = is_settled and is_whole and all(map(self._batches.is_settled, rows))
            if is_settled:
                place = _moved(place, company, window[1])
                yield Page((), place)
            elif company not in place:  # the first poll of all: what follows need not read everything again
                place = _moved(place, company, window[0])
                yield Page((), place)

    async def _gone(self, external_id: str) -> Record:
        """Return an invoice that left its batch, as it is now; one that is nowhere is deleted."""
        ref = Ref(INVOICE, external_id)
        try:
            found = await self._invoices.fetch(ref) or Record(ref, {}, deleted=True)
            return replace(found, data={**found.data, "Released": False})
        except RejectRecord:
            return Record(ref, {}, complete=False)

    # --- everything ---

    async def _all_of(self, master: Object, company: str, system: int, place: Mapping[str, str]) -> AsyncIterator[Page]:
        """Yield all records of master data, at each poll: they are compared with ours."""
        params = {self._rules.filters.accounting_system: str(system)}

        def state(row: Row) -> tuple[str, str]:
            record, _ = self._reader.master(master, row, company)
            return record.ref.external_id, record.version

        scan = Scan(self._client, self._rules.path(master.path), f"{master.name}.list", params, state)
        async for rows in scan.pages():
            yield Page([self._reader.master(master, row, company)[0] for row in rows], place)
        yield Page((), _moved(place, company, self._client.today()))

    # --- parts ---

    def _windows(self, company: str, place: Mapping[str, str]) -> Iterator[Window]:
        """Yield windows up to the present day, which may become another one meanwhile."""
        day, days = _day(place.get(company, "")), self._rules.filters.largest_days
        if day is None:
            first = self._client.today() - timedelta(days=self._config.history_days)
        else:
            first = min(day, self._client.today()) - timedelta(days=self._config.overlap_days)
        while first <= (today := self._client.today()):
            last = min(today, first + timedelta(days=days - 1))
            yield first, last
            first = last + timedelta(days=1)

    def _record(self, obj: str, row: Row, company: str) -> Record:
        if obj == PAYMENT:
            return self._reader.payment(row, company)[0]
        self._invoices.keep_link(row)
        return self._reader.invoice(row, company)[0]

    def _state_of(self, obj: str) -> State:
        name = "PaymentId" if obj == PAYMENT else "Id"

        def state(row: Row) -> tuple[str, str]:
            id_ = values.text(self._rules.value(obj, name, row)) or ""
            return id_, values.text(self._rules.value(obj, CHANGED, row)) or ""

        return state

    def _is_of(self, obj: str, row: Row, system: int) -> bool:
        """Say whether a row belongs to the accounting system, as far as it tells."""
        found = self._rules.value(obj, "AccountingSystemId", row)
        return found in (None, "") or str(found) == str(system)

    def _is_past(self, obj: str, row: Row) -> bool:
        """Say whether a state need be remembered, and was long past when it was listed: none of its second follows."""
        changed = self._reader.changed_at(obj, row)
        if changed is None:
            return False
        age = self._client.now() - changed
        return timedelta(seconds=SETTLED_AFTER) < age < timedelta(days=self._config.overlap_days + 2)


def begin_at(config: AvidxchangeConfig, since: datetime) -> dict[str, str]:
    """Return the cursor that begins at a time; `Changes.pages` takes the overlap off."""
    return dict.fromkeys(config.entities, since.date().isoformat())


def _moved(place: Mapping[str, str], company: str, day: date) -> dict[str, str]:
    return {**place, company: day.isoformat()}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
