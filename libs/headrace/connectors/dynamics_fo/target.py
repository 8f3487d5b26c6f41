"""Writes customers, contacts, orders, invoices and vendor payment journals, one change per call.

Things the caller relies on:

- `Written.target_id` is the encoded entity key from the service's answer; `version` is the etag; `record` is what the
  service kept, decoded; an update is answered without it, so it is read afterwards. Where something else was kept
  than was sent (defaulting, or a dimension text dropped without a word), the field's name stands in
  `record["@differs"]`; of what is posted to the ledger, dimensions that were not kept are `lost` besides.
- `Operation.expected_version` goes out as `If-Match`: the service itself compares.
- `AssociatedCustomer` of ContactPersons is not a field of F&O (`contact_party.py`).
- `FileContents` of VendorInvoiceDocumentAttachments is a reference to stored content, whose bytes are read just before
  they are sent and stand in no record, answer or log.
- `DocumentNumber` and `TotalAmount` of purchase orders and customer invoices are no fields of F&O: by them one that is
  there already is found and known for the same (`natural_keys.py`, `document_totals.py`). Before one of them is changed
  it is looked at whether it takes changes still (`open_documents.py`).
- An invoice that was posted is found without its `HeaderReference` (`posted_invoices.py`), under the names of a pending
  one and with `record["@posted"]`.
- The steps of one order come one after the other: lines written in parallel collide on the order's totals. So do lines
  of one journal, though they belong to different payments: `serial` tells.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.connectors.dynamics_fo import odata, operation_checks
from headrace.connectors.dynamics_fo.client import ETAG, ODataClient
from headrace.connectors.dynamics_fo.closed_documents import ClosedDocuments
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.contact_party import ASSOCIATED_CUSTOMER, ASSOCIATED_PARTY, ContactParty
from headrace.connectors.dynamics_fo.display_values import DisplayValues
from headrace.connectors.dynamics_fo.document_totals import DocumentTotals
from headrace.connectors.dynamics_fo.entity_sets import DOCUMENT_NUMBER, TOTAL_AMOUNT, EntitySet
from headrace.connectors.dynamics_fo.errors import NOT_THERE
from headrace.connectors.dynamics_fo.lookup import Lookup
from headrace.connectors.dynamics_fo.objects import INVOICES, PAYMENT_JOURNALS, PAYMENT_LINES, SETTLED_INVOICES
from headrace.connectors.dynamics_fo.objects_payments import JOURNAL_NUMBER
from headrace.connectors.dynamics_fo.open_documents import OpenDocuments
from headrace.connectors.dynamics_fo.operation_checks import entity_set_of
from headrace.connectors.dynamics_fo.posted_invoices import PostedInvoices
from headrace.core import values
from headrace.core.attachments import Attachments
from headrace.core.contracts import Action, Found, Limits, Operation, Written
from headrace.core.errors import HeadraceError, NeedsReview, OutcomeUnknown, RejectRecord

DIFFERS = "@differs"
READ_BACK_SECONDS = 10.0
"""How long reading a record after its update may take, within `call_deadline`; the change itself is confirmed."""

_JOURNALS = (PAYMENT_JOURNALS, PAYMENT_LINES, SETTLED_INVOICES)
_log = logging.getLogger(__name__)


class DynamicsFoTarget:
    """The target side of one connection."""

    def __init__(self, config: DynamicsFoConfig, client: ODataClient, attachments: Attachments | None = None) -> None:
        self._config = config
        self._client = client
        self._attachments = attachments
        self._display = DisplayValues(config)
        self._party = ContactParty(client)
        self._lookup = Lookup(config, client, self._display, self._party)
        self._posted = PostedInvoices(client)
        self._closed = ClosedDocuments(client, self._posted)
        self._open = OpenDocuments(client)
        self._totals = DocumentTotals(client)

    @property
    def limits(self) -> Limits:
        """Concurrency and deadlines from the configuration."""
        return Limits(self._config.concurrency, self._config.call_deadline, self._config.settle_seconds)

    def check(self, operation: Operation) -> None:
        """Check company, required fields, lengths, value forms and dimension texts without a call.

        Raises:
            RejectRecord: F&O would refuse this, or accept it and drop a part.
        """
        operation_checks.check(self._config, self._display, operation)

    def serial(self, operation: Operation) -> str:
        """Return the journal whose totals an operation changes, "" for all else."""
        entity_set = entity_set_of(operation)
        if entity_set not in _JOURNALS:
            return ""
        known = {**operation.key, **operation.fields}
        if operation.target_id:
            known |= odata.parse_target_id(entity_set, operation.target_id)
        company, number = known.get(entity_set.company), known.get(JOURNAL_NUMBER)
        return f"{company}/{number}".lower() if company and number else ""

    # --- find ---

    async def find(self, operation: Operation) -> Found | None:
        """Look the record up by its id if set, else by the operation's key, across companies.

        A vendor invoice that is not pending is looked for among the posted ones, if its vendor and number are known.

        Raises:
            RetryLater, StopConnection: as reads do. RejectRecord: the key cannot identify a record.
            NeedsReview: its number belongs to another invoice.
        """
        entity_set = entity_set_of(operation)
        if entity_set is INVOICES and operation.target_id and self._posted.is_id(operation.target_id):
            return await self._posted.by_id(operation.target_id)
        rows = await self._lookup.rows(entity_set, operation)
        found = await self._lookup.found(entity_set, operation, rows)
        if found is None:
            return await self._not_pending(operation) if entity_set is INVOICES else None
        if operation.action is Action.CREATE and found.matches == 1:
            found = replace(found, lost=self._lost(entity_set, operation.fields, found.record))
        found = await self._totals.add(entity_set, found)
        return await self._posted.with_amount(found) if entity_set is INVOICES and not operation.target_id else found

    async def _not_pending(self, operation: Operation) -> Found | None:
        found = await self._posted.find(operation)
        if found is None and operation.action is Action.CREATE:
            await self._posted.others_pending(operation)
        return found

    # --- apply ---

    async def apply(self, operation: Operation) -> Written:
        """Make the change once; errors are those of the table in `errors.py`. A read that follows it cannot fail it.

        Only fields that have a value are sent with a create: an empty one would suppress F&O's own default. With an
        update None clears the field. Key fields are never sent with an update.
        Of what is posted to the ledger, dimensions that F&O did not keep are `lost`.
        """
        entity_set = entity_set_of(operation)
        await self._open.check(entity_set, operation)
        try:
            if operation.action is Action.CREATE:
                return await self._create(entity_set, operation)
            if operation.action is Action.DELETE:
                return await self._delete(entity_set, operation)
            return await self._update(entity_set, operation)
        except NeedsReview:
            raise
        except RejectRecord as refused:
            raise await self._closed.explained(entity_set, operation, refused) from refused

    async def _create(self, entity_set: EntitySet, operation: Operation) -> Written:
        fields = await self._resolved(entity_set, operation)
        body = {
            name: str(value).lower() if name in entity_set.companies else odata.encode(value, entity_set.field(name))
            for name, value in (await self._wire(entity_set, fields)).items()
            if value is not None
        }
        row = await self._client.create(entity_set, body, trace=operation.traceparent)
        target_id = odata.target_id(entity_set, row)
        return self._written(entity_set, operation, target_id, fields, row)

    async def _delete(self, entity_set: EntitySet, operation: Operation) -> Written:
        key = odata.parse_target_id(entity_set, operation.target_id)
        was_there = await self._client.delete(
            entity_set, key, if_match=operation.expected_version, trace=operation.traceparent
        )
        if not was_there:
            # As good as deleted, unless it has left its set because it was posted.
            gone = RejectRecord(NOT_THERE, operation.target_id)
            explained = await self._closed.explained(entity_set, operation, gone)
            if explained is not gone:
                raise explained
        return Written(operation.target_id)

    async def _update(self, entity_set: EntitySet, operation: Operation) -> Written:
        started = time.monotonic()
        key = odata.parse_target_id(entity_set, operation.target_id)
        fields = await self._resolved(entity_set, operation)
        body = {
            name: odata.encode(value, entity_set.field(name))
            for name, value in (await self._wire(entity_set, fields)).items()
            if name not in entity_set.key
        }
        if not body:
            return Written(operation.target_id)
        row = await self._client.update(
            entity_set, key, body, if_match=operation.expected_version, trace=operation.traceparent
        )
        if not all(name in row for name in entity_set.key):
            left = self._config.call_deadline - (time.monotonic() - started)
            row = await self._read_back(entity_set, operation, str(row.get(ETAG, "")), min(READ_BACK_SECONDS, left / 2))
        return self._written(entity_set, operation, operation.target_id, fields, row)

    async def _read_back(
        self, entity_set: EntitySet, operation: Operation, etag: str, seconds: float
    ) -> Mapping[str, Any]:
        """Return the row that an update left, only its etag if it cannot be read or has been changed since."""
        key = odata.parse_target_id(entity_set, operation.target_id)
        row = None
        try:
            async with asyncio.timeout(seconds):
                row = await self._client.get(entity_set, key, self._lookup.select(entity_set, operation))
        except (HeadraceError, TimeoutError) as error:
            _log.warning(
                "an updated record could not be read back",
                extra={"object": operation.object, "connection": operation.connection, "error": str(error)},
            )
            if entity_set.keeps_dimensions and any(entity_set.field(name).display for name in operation.fields):
                # VERIFY reads it, and repeats the update if the dimensions are not there.
                raise OutcomeUnknown(f"update of {operation.object}: are the dimensions kept?") from None
        return {ETAG: etag} if row is None or etag not in ("", row.get(ETAG)) else row

    # --- what goes out, and what came of it ---

    async def _resolved(self, entity_set: EntitySet, operation: Operation) -> dict[str, Any]:
        """Return fields with their types, and what is read first: the party of a customer, an invoice's due date."""
        if entity_set is SETTLED_INVOICES and operation.action is Action.CREATE:
            fields = await self._posted.with_due_date(operation)
        else:
            fields = await self._party.resolved(operation.fields)
        return {
            name: odata.typed(value, entity_set.field(name))
            for name, value in fields.items()
            if name not in (DOCUMENT_NUMBER, TOTAL_AMOUNT) or name in entity_set.fields
        }

    async def _wire(self, entity_set: EntitySet, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields as F&O takes them: account numbers escaped, content in base64."""
        wire = self._display.wire(entity_set, fields)
        for name, value in wire.items():
            if entity_set.field(name).kind == "binary" and value is not None:
                if self._attachments is None:
                    raise RejectRecord("no stored content", f"{entity_set.name}.{name}: nothing reads files here.")
                wire[name] = base64.b64encode(await self._attachments.read(value)).decode()
        return wire

    def _written(
        self,
        entity_set: EntitySet,
        operation: Operation,
        target_id: str,
        sent: Mapping[str, Any],
        row: Mapping[str, Any],
    ) -> Written:
        """Return an answer: its record decoded, with the names of fields that hold something else than was sent."""
        record = self._display.plain(entity_set, odata.decode_row(entity_set, row))
        differing = [name for name in sent if name in record and not self._kept(entity_set, name, sent, record)]
        if differing:
            record[DIFFERS] = differing
            _log.warning(
                "F&O kept other values than were sent",
                extra={"object": operation.object, "fields": differing, "connection": operation.connection},
            )
        if ASSOCIATED_PARTY in record and ASSOCIATED_CUSTOMER in operation.fields and ASSOCIATED_PARTY not in differing:
            record[ASSOCIATED_CUSTOMER] = operation.fields[ASSOCIATED_CUSTOMER]
        return Written(target_id, str(row.get(ETAG, "")), record, self._lost(entity_set, sent, record))

    def _kept(self, entity_set: EntitySet, name: str, sent: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
        """Say whether the service kept what was sent; what was not sent, it may default."""
        if sent[name] is None or name in entity_set.companies:
            return True
        same = self._display.same(entity_set, name, sent[name], kept[name], kept)
        return values.same(sent[name], kept[name]) if same is None else same

    def _lost(
        self, entity_set: EntitySet, sent: Mapping[str, Any], kept: Mapping[str, Any]
    ) -> dict[str, tuple[object, object]]:
        """Return dimensions of what is posted to the ledger that were taken and not kept."""
        if not entity_set.keeps_dimensions:
            return {}
        return {
            name: (value, kept[name])
            for name, value in sent.items()
            if value is not None
            and name in kept
            and self._display.same(entity_set, name, value, kept[name], {**kept, **sent}) is False
        }
