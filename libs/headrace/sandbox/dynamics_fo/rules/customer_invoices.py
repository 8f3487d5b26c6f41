"""Free text invoices: defaults from the customer, the coding and numbers of lines; posted ones stay as they are."""

from __future__ import annotations

from decimal import Decimal

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, EntityRules, Work
from headrace.sandbox.dynamics_fo.errors import WriteRefused, related_value, validate_write
from headrace.sandbox.dynamics_fo.rules import holds
from headrace.sandbox.dynamics_fo.rules.totals import to_currency
from headrace.sandbox.dynamics_fo.rules.vendor_invoices import due_date
from headrace.sandbox.dynamics_fo.values import to_decimal

HEADERS, LINES = "CDSFreeTextInvoiceHeaders", "CDSFreeTextInvoiceLines"
_HEADER_TABLE, _LINE_TABLE = "CustInvoiceTable", "CustInvoiceLine"
_PRICED = frozenset({"Quantity", "UnitPrice"})


class HeaderRules(EntityRules):
    """`CDSFreeTextInvoiceHeaders`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Copy the customer's currency and terms; the invoice is of today, unless it is sent with its date."""
        customer = work.related("CustomersV3", "CustomerAccount", draft.get("CustomerAccount"), draft.company)
        if customer is not None and draft.original is None:
            draft.default("CurrencyCode", customer.data.get("SalesCurrencyCode", ""))
            draft.default("TermsOfPayment", customer.data.get("PaymentTerms", ""))
            draft.default("InvoiceDate", work.today)
        draft.default("DueDate", due_date(work, draft.company, draft.get("TermsOfPayment"), draft.get("InvoiceDate")))

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse customers on hold, and changes of what is posted."""
        if draft.original is not None:
            check_open(draft.original)
        refused = holds.invoice_refused(work, draft.get("CustomerAccount"), draft.company, posting=False)
        if refused:
            raise WriteRefused(refused, validate_write(_HEADER_TABLE))

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse for posted ones; the lines go with the header."""
        check_open(record)
        for line in invoice_lines(work, record):
            work.remove(LINES, line, work.note)


class LineRules(EntityRules):
    """`CDSFreeTextInvoiceLines`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Number the line, and compute its amount where none is sent."""
        header = invoice_of(work, draft)
        if header is None:
            return
        if draft.original is None:
            numbers = [to_decimal(line.data["LineNumber"]) for line in invoice_lines(work, header)]
            draft.default("LineNumber", max(numbers, default=Decimal()) + 1)
        priced = draft.original is None or draft.supplied & _PRICED
        if priced and "TransactionCurrencyAmount" not in draft.supplied:
            amount = to_decimal(draft.get("Quantity")) * to_decimal(draft.get("UnitPrice"))
            draft.values["TransactionCurrencyAmount"] = to_currency(amount, str(header.data.get("CurrencyCode", "")))

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse lines of no invoice or a posted one, and an amount that quantity and price do not come to."""
        header = invoice_of(work, draft)
        if header is None:
            number = draft.get("ExternalInvoiceId")
            raise WriteRefused(
                related_value(number, "External invoice", "Free text invoices"), validate_write(_LINE_TABLE)
            )
        check_open(header)
        quantity, price = to_decimal(draft.get("Quantity")), to_decimal(draft.get("UnitPrice"))
        amount = to_decimal(draft.get("TransactionCurrencyAmount"))
        if quantity and price and to_currency(quantity * price, str(header.data.get("CurrencyCode", ""))) != amount:
            raise WriteRefused(
                f"Error: Amount {amount:f} is not quantity {quantity:f} times unit price {price:f}.",
                validate_write(_LINE_TABLE),
            )

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse for lines of posted invoices."""
        number, company = record.data["ExternalInvoiceId"], str(record.data["dataAreaId"])
        header = work.related(HEADERS, "ExternalInvoiceId", number, company)
        if header is not None:
            check_open(header)


def invoice_of(work: Work, line: Draft) -> Record | None:
    """Return the header of a line."""
    return work.related(HEADERS, "ExternalInvoiceId", line.get("ExternalInvoiceId"), line.company)


def invoice_lines(work: Work, header: Record) -> list[Record]:
    """Return the lines of a free text invoice, by number."""
    found = work.store.find(LINES, "ExternalInvoiceId", header.data["ExternalInvoiceId"])
    own = [row for row in found if row.data["dataAreaId"] == header.data["dataAreaId"]]
    return sorted(own, key=lambda line: to_decimal(line.data["LineNumber"]))


def check_open(header: Record) -> None:
    """Refuse a change of an invoice that is posted.

    Raises:
        WriteRefused: it is.
    """
    if header.data.get("IsPosted") == "Yes":
        number = header.data.get("FreeTextNumber", "")
        text = f"Error: Free text invoice {number} has been posted and cannot be changed."
        raise WriteRefused(text, validate_write(_HEADER_TABLE), failure="posted")


RULES: dict[str, EntityRules] = {HEADERS: HeaderRules(), LINES: LineRules()}
