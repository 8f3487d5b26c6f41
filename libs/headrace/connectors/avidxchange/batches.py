"""Closed batches of invoices: read once for each time that they were closed, and acknowledged once that is durable.

A batch may be reopened and closed again: the same GUID with another time, invoices changed, added or gone.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from headrace.connectors.avidxchange import values
from headrace.connectors.avidxchange.client import AvidxchangeClient
from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.contract import Row, named
from headrace.connectors.avidxchange.errors import ENDED
from headrace.connectors.avidxchange.objects import CHANGED, INVOICE
from headrace.connectors.avidxchange.reading import Batch, Reader
from headrace.connectors.avidxchange.scanning import Scan
from headrace.core.errors import HeadraceError, RejectRecord
from headrace.platform.contract_files import ABSENT

_REMEMBERED = 10_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Known:
    """What this process knows of a batch: the closing that was handed over whole, its invoices, and the answer."""

    closed: str
    invoices: frozenset[str]
    acknowledged: bool = False


@dataclass(slots=True)
class Taken:
    """Invoices of a batch, and those that it held when it was closed before and holds no more."""

    batch: Batch
    rows: list[Row] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


class Batches:
    """The closed batches of one connection."""

    def __init__(self, config: AvidxchangeConfig, client: AvidxchangeClient, reader: Reader) -> None:
        self._config = config
        self._rules = config.rules
        self._client = client
        self._reader = reader
        self._known: OrderedDict[str, Known] = OrderedDict()

    async def closed(self, system: int, window: tuple[date, date]) -> tuple[list[Row], bool]:
        """Return the batches of an accounting system that were closed on these days, oldest first; and if all of them.

        Raises:
            RetryLater, StopConnection, RejectRecord: as reads do.
        """
        filters = self._rules.filters
        params = {filters.closed_from: window[0].isoformat(), filters.closed_to: window[1].isoformat()}
        path = self._rules.path("closed_batches", accounting_system=system)
        scan = Scan(self._client, path, "batches.list", params, self._state)
        rows = await scan.rows()
        return sorted(rows, key=lambda row: self._state(row)[::-1]), scan.whole

    async def take(self, row: Row, *, anew: bool) -> AsyncIterator[Taken]:
        """Yield a batch page by page, and acknowledge it when all of that is durable: the caller asked for more (I1).

        Nothing is yielded of a closing that was handed over before, unless `anew`. One that was reopened since it was
        listed comes again when it is closed.

        Raises:
            RetryLater, StopConnection: as reads do.
        """
        guid, closed = self._state(row)
        known, started = self._known.get(guid), datetime.now(UTC)
        if anew or known is None or known.closed != closed:
            batch = Batch(guid, self._reader.closed_at(row))
            invoices: set[str] = set()
            link = self._link(row)
            if not link:
                return
            scan = Scan(self._client, link, "batch.details", None, self._invoice_state)
            try:
                async for rows in scan.pages():
                    invoices |= {self._invoice_state(each)[0] for each in rows}
                    yield Taken(batch, rows)
            except RejectRecord as refused:
                if refused.reason != ENDED:
                    raise
                _log.info("a batch was reopened while it was read", extra={"batch": guid})
                return
            if not self._is_whole(row, scan, invoices):
                return
            if known is not None and (gone := sorted(known.invoices - invoices)):
                yield Taken(batch, gone=gone)
            known = Known(closed, frozenset(invoices))
            self._remember(guid, known)
        if self._config.invoices.acknowledge and not known.acknowledged:
            known.acknowledged = await self._acknowledge(guid, started)

    def is_settled(self, row: Row) -> bool:
        """Say whether a closing was handed over whole, and acknowledged if that is wanted."""
        guid, closed = self._state(row)
        known = self._known.get(guid)
        if known is None or known.closed != closed:
            return False
        return known.acknowledged or not self._config.invoices.acknowledge

    def day_of(self, row: Row) -> date | None:
        """Return the day on which a batch was closed, UTC."""
        closed = self._reader.closed_at(row)
        return None if closed is None else closed.date()

    def _remember(self, guid: str, known: Known) -> None:
        self._known[guid] = known
        self._known.move_to_end(guid)
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _is_whole(self, row: Row, scan: Scan, invoices: set[str]) -> bool:
        """Say whether the batch was seen whole: else it is neither remembered nor acknowledged, and read again."""
        announced = self._rules.value("batch", "InvoiceCount", row)
        if scan.whole and announced in (None, len(invoices)):
            return True
        _log.warning(
            "a batch shows another number of invoices than it announces; it is not acknowledged, and read again",
            extra={"batch": self._state(row)[0], "announced": announced, "shown": len(invoices)},
        )
        return False

    async def _acknowledge(self, guid: str, started: datetime) -> bool:
        """Tell AvidInvoice that the batch was taken. A failure costs nothing but the next poll's repeat."""
        names = self._rules.export_history
        body: Mapping[str, Any] = {
            names.batch: guid,
            names.file: None,
            names.user: None,
            names.started: self._local(started),
            names.ended: self._local(datetime.now(UTC)),
            names.status: names.taken,
        }
        try:
            await self._client.change(self._rules.path("export_histories"), "batches.acknowledge", body)
        except HeadraceError as error:
            _log.warning(
                "a batch is not acknowledged yet; the next poll does it", extra={"batch": guid, "error": str(error)}
            )
            return False
        return True

    def _local(self, moment: datetime) -> str:
        """Return a time as the system writes it: in its zone, with none named, and hundredths of a second."""
        found = moment.astimezone(self._rules.zone)
        return f"{found:%Y-%m-%dT%H:%M:%S}.{found.microsecond // 10_000:02d}"

    def _link(self, row: Row) -> str:
        """Return the link to a batch's invoices as it is (A-09); "" if the batch has none."""
        paging = self._rules.paging
        links = self._rules.value("batch", "Links", row)
        for each in links if isinstance(links, list) else ():
            address = named(each, paging.address)
            if named(each, paging.relation) == self._rules.links.details and address not in (None, "", ABSENT):
                return str(address)
        _log.warning(
            "a batch has no link to its invoices; correct links.details in the contract",
            extra={"batch": self._state(row)[0], "link": self._rules.links.details},
        )
        return ""

    def _state(self, row: Row) -> tuple[str, str]:
        guid = values.text(self._rules.value("batch", "BatchGUID", row)) or ""
        return guid, values.text(self._rules.value("batch", "DateClosed", row)) or ""

    def _invoice_state(self, row: Row) -> tuple[str, str]:
        id_ = values.text(self._rules.value(INVOICE, "Id", row)) or ""
        return id_, values.text(self._rules.value(INVOICE, CHANGED, row)) or ""
