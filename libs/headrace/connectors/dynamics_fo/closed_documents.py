"""Why F&O refused a change of an invoice or a journal: it was posted, or it is gone. Words for people.

A posted journal stays in its set and refuses; a posted invoice has left its set, so that its header, its lines and its
documents are simply not there any more. Only reads tell which it is.
"""

from __future__ import annotations

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.entity_sets import COMPANY, EntitySet
from headrace.connectors.dynamics_fo.errors import NOT_THERE, POSTED, RELATED
from headrace.connectors.dynamics_fo.objects_invoices import (
    HEADER_REFERENCE,
    INVOICE_DOCUMENTS,
    INVOICE_LINES,
    INVOICES,
)
from headrace.connectors.dynamics_fo.objects_payments import (
    JOURNAL_NUMBER,
    PAYMENT_JOURNALS,
    PAYMENT_LINES,
    SETTLED_INVOICES,
)
from headrace.connectors.dynamics_fo.posted_invoices import PostedInvoices, named
from headrace.core.contracts import Action, Operation
from headrace.core.errors import Full, HeadraceError, RejectRecord
from headrace.core.refs import encode_key

NO_LONGER_PENDING = "no longer pending"
REMEDY = "Correct it in Finance and Operations, then resolve with --take target."
_OF_INVOICES = (INVOICE_LINES, INVOICE_DOCUMENTS)
_OF_JOURNALS = (PAYMENT_LINES, SETTLED_INVOICES)


class ClosedDocuments:
    """Explains refusals of changes to invoices and journals."""

    def __init__(self, client: ODataClient, posted: PostedInvoices) -> None:
        self._client = client
        self._posted = posted

    async def explained(self, entity_set: EntitySet, operation: Operation, refused: RejectRecord) -> HeadraceError:
        """Return a refusal in words that say which document is posted or gone; others as they are.

        A line that finds its journal posted or deleted belongs into another one: `Full`.

        What cannot be read leaves the refusal as it is: it stays one.
        """
        if refused.reason not in (POSTED, NOT_THERE, RELATED):
            return refused
        try:
            if entity_set is INVOICES:
                return await self._invoice(operation, refused)
            if entity_set in _OF_INVOICES:
                return await self._part_of_invoice(entity_set, operation, refused)
            if entity_set is PAYMENT_JOURNALS or entity_set in _OF_JOURNALS:
                return await self._journal(entity_set, operation, refused)
        except HeadraceError:
            return refused
        return refused

    async def _invoice(self, operation: Operation, refused: RejectRecord) -> RejectRecord:
        if refused.reason == RELATED:
            return refused
        found = await self._posted.find(operation)
        if found is not None:
            return RejectRecord(POSTED, f"{operation.object} {operation.target_id}: {named(found)}. {REMEDY}")
        tells = all(
            operation.key.get(name) or operation.fields.get(name) for name in ("InvoiceAccount", "InvoiceNumber")
        )
        if refused.reason == POSTED or tells:
            return refused
        return _no_longer_pending(operation, str(odata.parse_target_id(INVOICES, operation.target_id)))

    async def _part_of_invoice(
        self, entity_set: EntitySet, operation: Operation, refused: RejectRecord
    ) -> RejectRecord:
        known = {**operation.key, **operation.fields}
        if operation.target_id:
            known |= odata.parse_target_id(entity_set, operation.target_id)
        header = {COMPANY: str(known.get(COMPANY)).lower(), HEADER_REFERENCE: known.get(HEADER_REFERENCE)}
        if refused.reason == POSTED or await self._client.get(INVOICES, header, INVOICES.key) is not None:
            return refused
        return _no_longer_pending(operation, str(header[HEADER_REFERENCE]))

    async def _journal(self, entity_set: EntitySet, operation: Operation, refused: RejectRecord) -> HeadraceError:
        known = {**operation.key, **operation.fields}
        if operation.target_id:
            known |= odata.parse_target_id(entity_set, operation.target_id)
        journal = {COMPANY: str(known.get(entity_set.company)).lower(), JOURNAL_NUMBER: known.get(JOURNAL_NUMBER)}
        header = await self._client.get(PAYMENT_JOURNALS, journal, (*PAYMENT_JOURNALS.key, "IsPosted"))
        if entity_set is PAYMENT_LINES and operation.action is Action.CREATE:
            words, of = f"journal {journal[JOURNAL_NUMBER]} of {journal[COMPANY]}", encode_key(journal)
            if header is None:
                return Full(f"{words} was deleted", of)
            if header["IsPosted"] == "Yes":
                return Full(f"{words} is posted", of)
        if header is None or header["IsPosted"] != "Yes":
            return refused
        voucher = ""
        if operation.target_id and entity_set is PAYMENT_LINES:
            line = odata.parse_target_id(entity_set, operation.target_id)
            row = await self._client.get(PAYMENT_LINES, line, (*PAYMENT_LINES.key, "Voucher"))
            voucher = f" (voucher {row['Voucher']})" if row and row.get("Voucher") else ""
        words = f"journal {journal[JOURNAL_NUMBER]} of {journal[COMPANY]} is posted{voucher}"
        return RejectRecord(POSTED, f"{operation.object} {operation.target_id}".rstrip() + f": {words}. {REMEDY}")


def _no_longer_pending(operation: Operation, invoice: str) -> RejectRecord:
    return RejectRecord(
        NO_LONGER_PENDING,
        f"{operation.object}: the pending invoice {invoice} is not there: it was posted or deleted meanwhile. Look for "
        f"its number among posted invoices. {REMEDY}",
    )
