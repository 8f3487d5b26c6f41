"""Reads invoices, payments, vendors and codes: by polling and on request. AvidXchange calls nobody.

`Record.data` has the fields of `objects.py`. Enterprise codes are read to be compared only: the chart of accounts is
the ERP's, and nothing of it goes back there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from headrace.connectors.avidxchange import values
from headrace.connectors.avidxchange.changes import Changes, begin_at
from headrace.connectors.avidxchange.client import AvidxchangeClient
from headrace.connectors.avidxchange.companies import Companies
from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.contract import Row
from headrace.connectors.avidxchange.errors import ENDED, NOT_THERE
from headrace.connectors.avidxchange.lookups import Lookups
from headrace.connectors.avidxchange.objects import INVOICE, LEGAL_ENTITY, MASTERS, PAYMENT, READABLE
from headrace.connectors.avidxchange.reading import NO_ID, Reader
from headrace.core.attachments import Attachment
from headrace.core.contracts import Notice, Page, Record, WebhookRequest
from headrace.core.errors import DeliveryRefused, RejectRecord
from headrace.core.event import Ref
from headrace.core.refs import decode_key

PDF = "application/pdf"
_PDF_MARK = b"%PDF-"
_PART = 64 * 1024
_LINKS = 10_000
_REFUSED = "AvidXchange sends no webhooks"


class AvidxchangeSource:
    """The source side of one connection."""

    def __init__(
        self,
        config: AvidxchangeConfig,
        client: AvidxchangeClient,
        companies: Companies,
        reader: Reader,
        lookups: Lookups,
    ) -> None:
        self._config = config
        self._rules = config.rules
        self._client = client
        self._companies = companies
        self._reader = reader
        self._lookups = lookups
        self._links: OrderedDict[str, str] = OrderedDict()
        self._changes = Changes(config, client, companies, reader, self)

    def verify(self, request: WebhookRequest) -> None:
        """Refuse everything: nobody is known who would send."""
        raise DeliveryRefused(401, _REFUSED)

    def notice(self, request: WebhookRequest) -> Notice:
        """Refuse everything."""
        raise DeliveryRefused(400, _REFUSED)

    def decode(self, ref: Ref, body: bytes) -> Record | None:
        """Return None: no delivery but our own polls' holds a record."""
        return None

    async def fetch(self, ref: Ref) -> Record | None:
        """Read one record as it is now, in whatever status; None if it is not there or not in a configured company.

        Raises:
            RejectRecord: this object is not read, the id is none, or the record contradicts itself: it says how.
            RetryLater, StopConnection: as reads do.
        """
        _check(ref.object)
        if ref.object in MASTERS:
            record, problem = await self._master(ref)
        elif ref.external_id == NO_ID:
            raise RejectRecord("no id", f"AvidXchange listed a {ref.object} without an id; look at the contract.")
        elif not (ref.external_id.isascii() and ref.external_id.isdigit()):
            raise RejectRecord("not an AvidXchange id", f'{ref.object} "{ref.external_id}": ids are whole numbers')
        else:
            record, problem = await self._document(ref)
        if problem:
            raise RejectRecord(
                "record contradicts itself",
                f"{ref.object} {ref.external_id}: {problem}. Correct it in AvidXchange, then retry.",
            )
        return record

    async def changes(self, obj: str, cursor: Mapping[str, str]) -> AsyncIterator[Page]:
        """Yield pages of what changed since the cursor; see `changes.py` and, for closed batches, `batches.py`.

        A record that contradicts itself comes incomplete, so that whoever takes it up fetches it and is told.

        Raises:
            RejectRecord: this object is not read. RetryLater, StopConnection: as reads do.
        """
        _check(obj)
        async for page in self._changes.pages(obj, cursor):
            yield page

    def cursor_at(self, obj: str, since: datetime) -> Mapping[str, str]:
        """Return the cursor of what changed on the day of `since` or later."""
        _check(obj)
        return begin_at(self._config, since)

    # --- files ---

    def attachments(self, record: Record) -> Sequence[Attachment]:
        """Return the image of an invoice, if it has one."""
        if record.ref.object != INVOICE or not record.data.get("HasImage"):
            return ()
        return (Attachment(record.ref.external_id, f"{record.ref.external_id}.pdf", PDF),)

    async def read(self, ref: Ref, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the image of an invoice. Links to it end after a while: then the invoice gives a fresh one.

        Raises:
            RejectRecord: it is gone, no PDF, or larger than `largest_image`. RetryLater, StopConnection: as reads do.
        """
        content = await self._image(ref)
        what = f"image of invoice {ref.external_id}"
        if len(content) > self._config.largest_image:
            raise RejectRecord(
                "attachment too large",
                f"{what}: {len(content)} bytes, largest_image allows {self._config.largest_image}",
            )
        if not content.startswith(_PDF_MARK):
            raise RejectRecord("attachment is not what it says", f"{what} is no PDF; look at it in AvidXchange")
        for start in range(0, len(content), _PART):
            yield content[start : start + _PART]

    def keep_link(self, row: Row) -> None:
        """Note the link to the image of an invoice."""
        link = values.text(self._rules.value(INVOICE, "ImageUrl", row))
        id_ = values.text(self._rules.value(INVOICE, "Id", row))
        if link and id_:
            self._links[id_] = link
            self._links.move_to_end(id_)
            if len(self._links) > _LINKS:
                self._links.popitem(last=False)

    async def _image(self, ref: Ref) -> bytes:
        known = self._links.get(ref.external_id)
        if known is not None:
            try:
                return (await self._client.file(known, "invoice.image")).content
            except RejectRecord as refused:
                if refused.reason != ENDED:
                    raise
        found = await self._row(INVOICE, ref.external_id)
        if found is None:
            raise RejectRecord(NOT_THERE, f"invoice {ref.external_id} is not in AvidXchange any more")
        self._links.pop(ref.external_id, None)
        self.keep_link(found[0])
        fresh = self._links.get(ref.external_id)
        if fresh is None:
            raise RejectRecord("attachment is gone", f"invoice {ref.external_id} has no image any more")
        return (await self._client.file(fresh, "invoice.image")).content

    # --- single records ---

    async def _document(self, ref: Ref) -> tuple[Record | None, str]:
        found = await self._row(ref.object, ref.external_id)
        if found is None:
            return None, ""
        row, company = found
        if ref.object == PAYMENT:
            return self._reader.payment(row, company)
        self.keep_link(row)
        return self._reader.invoice(row, company)

    async def _row(self, obj: str, external_id: str) -> tuple[Row, str] | None:
        """Return an invoice or payment with its company, asking each configured accounting system.

        Raises:
            RejectRecord: several have it, so that nobody can tell whose it is: the API does not heed the filter.
        """
        filters = self._rules.filters
        parameter = filters.payment_ids if obj == PAYMENT else filters.invoice_ids
        name = "PaymentId" if obj == PAYMENT else "Id"
        found: list[tuple[Row, str]] = []
        for company, system in (await self._companies.all()).items():
            params = {filters.accounting_system: str(system), parameter: external_id}
            for row in await self._client.all(self._rules.path(f"{obj}s"), f"{obj}.get", params):
                owner: Any = self._rules.value(obj, "AccountingSystemId", row)
                if values.text(self._rules.value(obj, name, row)) != external_id:
                    continue
                if str(owner) == str(system):
                    return row, company
                if owner in (None, ""):
                    found.append((row, company))
        if len(found) > 1:
            raise RejectRecord(
                "legal entity is not told",
                f"{obj} {external_id} shows in {', '.join(company for _, company in found)}: the API does not heed "
                "filters.accounting_system. Name the field of its accounting system under fields in the contract.",
            )
        return found[0] if found else None

    async def _master(self, ref: Ref) -> tuple[Record | None, str]:
        master, key = MASTERS[ref.object], decode_key(ref.external_id)
        if set(key) != set(master.key):
            raise RejectRecord(
                "not an AvidXchange key",
                f'{ref.object} "{ref.external_id}" does not name {", ".join(master.key)}: it cannot be read alone',
            )
        company = key[LEGAL_ENTITY].lower()
        if company not in self._config.entities:
            return None, ""
        rows = await self._lookups.rows(master, company, key)
        return self._reader.master(master, rows[0], company) if rows else (None, "")


def _check(obj: str) -> None:
    if obj not in READABLE:
        raise RejectRecord("unknown object", f"{obj} is not read by this connector; known are {', '.join(READABLE)}.")
