"""Vendor invoices that left the pending ones: somebody posted them, and they are found by their number alone.

A posted invoice does not show the `HeaderReference` that our call gave it. So it is taken for the one that an operation
is about if vendor account and number are its own, and for the one that a create made only if date, amount and currency
are as well: a number may be used for another invoice, a person may have corrected ours before posting it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient, Row
from headrace.connectors.dynamics_fo.entity_sets import COMPANY
from headrace.connectors.dynamics_fo.objects_invoices import (
    HEADER_REFERENCE,
    INVOICE_LINES,
    INVOICES,
    POSTED,
    POSTED_INVOICES,
)
from headrace.core import values
from headrace.core.contracts import Action, Found, Operation
from headrace.core.errors import NeedsReview, RejectRecord
from headrace.core.refs import decode_key

_NAMES: Mapping[str, str] = {
    "InvoiceNumber": "InvoiceId",
    "InvoiceAccount": "InvoiceAccount",
    "InvoiceDate": "InvoiceDate",
    "Currency": "CurrencyCode",
    "ImportedAmount": "InvoiceAmount",
    "DueDate": "DueDate",
    "PurchaseOrderNumber": "PurchId",
    "Voucher": "LedgerVoucher",
}
"""Fields of a pending invoice → the same of a posted one; both have the amount positive for what is owed."""
_TELLING = ("InvoiceDate", "ImportedAmount", "Currency")
"""What must be the same for a posted invoice to be the one that a create made."""
_NUMBER = ("InvoiceAccount", "InvoiceNumber")


class PostedInvoices:
    """Finds posted invoices, and what pending ones come to."""

    def __init__(self, client: ODataClient) -> None:
        self._client = client

    def is_id(self, target_id: str) -> bool:
        """Say whether an id is that of a posted invoice that has no reference of ours."""
        return set(decode_key(target_id)) == set(POSTED_INVOICES.key)

    async def by_id(self, target_id: str) -> Found | None:
        """Return the posted invoice with such an id."""
        key = odata.parse_target_id(POSTED_INVOICES, target_id)
        row = await self._client.get(POSTED_INVOICES, key, tuple(POSTED_INVOICES.fields))
        return None if row is None else _found({}, [row])

    def is_told(self, operation: Operation) -> bool:
        """Say whether an operation tells vendor and number of its invoice."""
        return _number(operation) is not None

    async def find(self, operation: Operation) -> Found | None:
        """Return the posted invoice that an operation on a pending one is about.

        Raises:
            NeedsReview: the number is used, and nothing tells whether by the invoice that this create made.
        """
        rows = [row for row in await self._rows(operation) if not _is_another(operation.fields, _header(row))]
        ours = operation.action is Action.CREATE and bool(operation.key.get(HEADER_REFERENCE))
        if ours and (differing := [row for row in rows if _differences(operation.fields, _header(row))]):
            raise _taken(operation, _header(differing[0]))
        return _found(_reference(operation), rows) if rows else None

    async def others_pending(self, operation: Operation) -> None:
        """Check that no pending invoice of somebody else has the number that a create is about to use.

        Raises:
            NeedsReview: one has.
        """
        number = _number(operation)
        if number is None or not operation.key.get(HEADER_REFERENCE):
            return
        select = (*INVOICES.key, *_NUMBER, *_TELLING)
        page = await self._client.page(INVOICES.name, odata.Query(odata.equals(INVOICES, number), select, top=10))
        for row in page.rows:
            if odata.has(INVOICES, row, number) and not odata.same_text(
                row[HEADER_REFERENCE], operation.key[HEADER_REFERENCE]
            ):
                raise _taken(operation, odata.decode_row(INVOICES, row))

    async def with_amount(self, found: Found) -> Found:
        """Return a pending invoice with what its lines come to, where its header states no amount."""
        if found.record.get("ImportedAmount"):
            return found
        header = odata.parse_target_id(INVOICES, found.target_id)
        total = Decimal()
        select = (*INVOICE_LINES.key, "NetAmount", "Amount")
        async for row in self._client.rows(
            INVOICE_LINES.name, odata.Query(odata.equals(INVOICE_LINES, header), select)
        ):
            if odata.has(INVOICE_LINES, row, header):
                total += Decimal(str(row["NetAmount"] or row["Amount"] or 0))
        return Found(found.target_id, found.version, {**found.record, "ImportedAmount": total}, found.matches)

    async def with_due_date(self, operation: Operation) -> dict[str, Any]:
        """Return the fields of a settlement with its invoice's due date, which is part of its key.

        Raises:
            RejectRecord: none is given, and there is no such posted invoice or several with different ones.
        """
        fields = dict(operation.fields)
        if fields.get("InvoiceDueDate") is not None:
            return fields
        wanted = {
            COMPANY: str(fields["InvoiceCompany"]).lower(),
            "InvoiceAccount": fields["invoiceAccount"],
            "InvoiceId": fields["InvoiceNumber"],
        }
        rows = await self._read(wanted)
        due = {odata.decode_row(POSTED_INVOICES, row)["DueDate"] for row in rows}
        if len(due) != 1:
            words = "is not posted" if not rows else f"is posted with {len(due)} different due dates"
            raise RejectRecord(
                "invoice cannot be settled",
                f"{operation.object}: invoice {wanted['InvoiceId']} of vendor {wanted['InvoiceAccount']} {words} in "
                f"{wanted[COMPANY]}. Post it, or mark it by hand, then retry.",
            )
        return {**fields, "InvoiceDueDate": due.pop()}

    async def _rows(self, operation: Operation) -> list[Row]:
        number = _number(operation)
        if number is None:
            return []
        asked = number if operation.key.get(HEADER_REFERENCE) else {**operation.key, **number}
        wanted = {_NAMES.get(name, name): value for name, value in asked.items() if name in (COMPANY, *_NAMES)}
        return await self._read(wanted)

    async def _read(self, wanted: Mapping[str, Any]) -> list[Row]:
        """Return the posted invoices with these values, the latest first.

        Raises:
            RejectRecord: the environment does not show posted invoices: then nothing tells what was paid already (I12).
            RetryLater, StopConnection: as reads do.
        """
        query = odata.Query(
            odata.equals(POSTED_INVOICES, wanted), tuple(POSTED_INVOICES.fields), f"{COMPANY},SourceKey desc", top=100
        )
        try:
            page = await self._client.page(POSTED_INVOICES.name, query)
        except RejectRecord as error:
            raise RejectRecord(
                "posted invoices are not visible",
                f"{error.detail} Publish the entity {POSTED_INVOICES.name}, and let the user's roles read it: without "
                "it nobody knows whether an invoice is there already.",
            ) from error
        return [row for row in page.rows if odata.has(POSTED_INVOICES, row, wanted)]


def named(found: Found) -> str:
    """Return how people know a posted invoice."""
    number, vendor, voucher = (found.record[name] for name in ("InvoiceNumber", "InvoiceAccount", "Voucher"))
    return f"invoice {number} of vendor {vendor} is posted (voucher {voucher})"


def _number(operation: Operation) -> dict[str, Any] | None:
    """Return company, account and number of the invoice; None if the operation does not tell them."""
    company = operation.key.get(COMPANY) or operation.fields.get(COMPANY)
    if not company and operation.target_id:
        company = decode_key(operation.target_id).get(COMPANY)
    told = {name: operation.key.get(name) or operation.fields.get(name) for name in _NUMBER}
    return {COMPANY: str(company).lower(), **told} if company and all(told.values()) else None


def _reference(operation: Operation) -> dict[str, Any]:
    known = {**operation.fields, **operation.key}
    if operation.target_id:
        known |= odata.parse_target_id(INVOICES, operation.target_id)
    return {name: known[name] for name in (HEADER_REFERENCE,) if known.get(name)}


def _found(reference: Mapping[str, Any], rows: Sequence[Row]) -> Found:
    record = {**_header(rows[0]), **reference, POSTED: True}
    target_id = odata.target_id(INVOICES, record) if reference else odata.target_id(POSTED_INVOICES, rows[0])
    return Found(target_id, "", record, len(rows))


def _header(row: Row) -> dict[str, Any]:
    """Return a posted invoice under the names of a pending one."""
    posted = odata.decode_row(POSTED_INVOICES, row)
    return {COMPANY: posted[COMPANY], **{ours: posted[theirs] for ours, theirs in _NAMES.items()}}


def _differences(fields: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, tuple[object, object]]:
    return {
        name: (fields[name], there.get(name))
        for name in _TELLING
        if fields.get(name) is not None and not values.same(fields[name], there.get(name))
    }


def _is_another(fields: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Say whether it is certainly another invoice: of another year, and of another amount."""
    ours, theirs = fields.get("InvoiceDate"), there.get("InvoiceDate")
    if not isinstance(ours, date) or not isinstance(theirs, date):
        return False
    return ours.year != theirs.year and "ImportedAmount" in _differences(fields, there)


def _taken(operation: Operation, there: Mapping[str, Any]) -> NeedsReview:
    voucher = there.get("Voucher")
    where = f"posted with voucher {voucher}" if voucher else f"pending as {there.get(HEADER_REFERENCE)}"
    fields = operation.fields
    return NeedsReview(
        "invoice number is taken",
        f"{operation.object}: number {there['InvoiceNumber']} of vendor {there['InvoiceAccount']} is {where}, dated "
        f"{there.get('InvoiceDate')}, {there.get('ImportedAmount')} {there.get('Currency') or ''}".rstrip()
        + ". If that is this invoice, resolve with its id or --take target; else correct the number at the source.",
        _differences(fields, there),
    )
