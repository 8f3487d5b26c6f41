"""Pending vendor invoices: defaults from the vendor, the uniqueness of invoice numbers, the coding of lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, EntityRules, Work
from headrace.sandbox.dynamics_fo.entities.model import EMPTY_DATE
from headrace.sandbox.dynamics_fo.errors import (
    WriteRefused,
    must_be_filled,
    related_value,
    validate_field,
    validate_write,
)
from headrace.sandbox.dynamics_fo.rules import vendor_holds
from headrace.sandbox.dynamics_fo.rules.totals import to_currency
from headrace.sandbox.dynamics_fo.values import to_decimal

HEADERS, LINES, ATTACHMENTS = "VendorInvoiceHeaders", "VendorInvoiceLines", "VendorInvoiceDocumentAttachments"
POSTED = "VendInvoiceJourBiEntities"
POSTED_REFERENCES = "#posted_invoices"
"""Header references of posted invoices, for the setting in which their change is refused, not lost."""
_HEADER_TABLE, _LINE_TABLE = "VendInvoiceInfoTable", "VendInvoiceInfoLine"
_PRICED = frozenset({"ReceiveNow", "UnitPrice", "PriceUnit", "Discount", "DiscountPercent"})
_FROM_VENDOR = {
    "Currency": "CurrencyCode",
    "TermsOfPayment": "DefaultPaymentTermsName",
    "MethodOfPayment": "DefaultVendorPaymentMethodName",
    "PaymentSchedule": "DefaultPaymentScheduleName",
    "CashDiscountCode": "CashDiscountCode",
    "SalesTaxGroup": "SalesTaxGroupCode",
    "BankAccount": "BankAccountId",
    "DimensionDisplayValue": "DefaultLedgerDimensionDisplayValue",
}


class HeaderRules(EntityRules):
    """`VendorInvoiceHeaders`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Copy the vendor's terms; the invoice date stays blank unless it is sent, the posting date is today."""
        vendor = vendor_holds.vendor(work, draft.get("InvoiceAccount"), draft.company)
        if vendor is not None and draft.original is None:
            for ours, theirs in _FROM_VENDOR.items():
                if theirs in vendor.data:
                    draft.default(ours, vendor.data[theirs])
            draft.default("VendorAccount", vendor.data["VendorAccountNumber"])
            draft.default("Date", work.today)
            draft.values["VendorName"] = vendor.data.get("VendorOrganizationName", "")
        due = due_date(work, draft.company, draft.get("TermsOfPayment"), draft.get("InvoiceDate"))
        draft.default("DueDate", due)

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse invoices of vendors on hold, and numbers that are used already, where that is checked at saving."""
        stops = vendor_holds.INVOICE if work.settings.invoice_hold_check == "save" else vendor_holds.ALL
        for name in ("InvoiceAccount", "VendorAccount"):
            vendor_holds.check_vendor(work, draft.get(name), draft.company, stops, _HEADER_TABLE)
        if work.settings.invoice_number_check == "save":
            used = number_in_use(work, draft.company, draft.values, draft.original, pending=True)
            if used:
                raise WriteRefused(used, validate_write(_HEADER_TABLE), failure="duplicate")

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse while lines exist; an attachment goes with its header."""
        if invoice_lines(work, record):
            raise WriteRefused(
                "Error: Vendor invoice headers cannot be deleted while dependent Vendor invoice lines exist."
            )
        for attachment in attachments_of(work, record):
            work.remove(ATTACHMENTS, attachment, work.note)


class LineRules(EntityRules):
    """`VendorInvoiceLines`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Number the line, copy from header and purchase order line, then compute the amounts."""
        header = invoice_of(work, draft.get("HeaderReference"), draft.company)
        if header is None:
            return
        if draft.original is None:
            numbers = [to_decimal(line.data["InvoiceLineNumber"]) for line in invoice_lines(work, header)]
            draft.default("InvoiceLineNumber", max(numbers, default=Decimal()) + 1)
            draft.default("LineNumber", draft.get("InvoiceLineNumber"))
            for name in ("VendorAccount", "InvoiceAccount", "SalesTaxGroup", "DimensionDisplayValue"):
                if name in header.data:
                    draft.default(name, header.data[name])
            self._from_order(work, draft)
            draft.default("ReceiveNow", Decimal(1))
            draft.default("PriceUnit", Decimal(1))
        computed = draft.original is None or draft.supplied & _PRICED
        if computed and "NetAmount" not in draft.supplied:
            draft.values["NetAmount"] = _net_amount(draft)
        if (computed or "NetAmount" in draft.supplied) and "Amount" not in draft.supplied:
            draft.values["Amount"] = draft.get("NetAmount")

    def _from_order(self, work: Work, draft: Draft) -> None:
        line = order_line(work, draft)
        if line is None:
            return
        for ours, theirs in (
            ("ItemNumber", "ItemNumber"),
            ("ProcurementCategoryName", "ProcurementProductCategoryName"),
            ("LineDescription", "LineDescription"),
            ("Unit", "PurchaseUnitSymbol"),
            ("DimensionDisplayValue", "DefaultLedgerDimensionDisplayValue"),
            ("ItemSalesTax", "SalesTaxItemGroupCode"),
        ):
            if theirs in line.data:
                draft.default(ours, line.data[theirs])
        draft.default("ReceiveNow", to_decimal(line.data.get("OrderedPurchaseQuantity", 0)))
        draft.default("UnitPrice", to_decimal(line.data.get("PurchasePrice", 0)))
        draft.default("PriceUnit", to_decimal(line.data.get("PurchasePriceQuantity", 1)))

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse a line without a coding, half a purchase order line, and another currency than the header's."""
        header = invoice_of(work, draft.get("HeaderReference"), draft.company)
        if header is None:
            raise WriteRefused(
                related_value(draft.get("HeaderReference"), "Header reference", "Vendor invoice headers"),
                validate_write(_LINE_TABLE),
            )
        if not any(draft.get(name) for name in ("ItemNumber", "ProcurementCategoryName", "MainAccountDisplayValue")):
            raise WriteRefused(must_be_filled("Procurement category"), validate_write(_LINE_TABLE))
        currency = header.data.get("Currency", "")
        if draft.get("Currency") != currency:
            raise WriteRefused(
                f"Error: Currency {draft.get('Currency')} of the line differs from currency {currency} of the invoice.",
                validate_write(_LINE_TABLE),
            )
        if draft.get("PurchaseOrder") and not draft.get("PurchLineNumber"):
            raise WriteRefused(must_be_filled("Purchase order line"), validate_write(_LINE_TABLE))
        if draft.get("PurchLineNumber"):
            self._check_order(work, draft, header)

    def _check_order(self, work: Work, draft: Draft, header: Record) -> None:
        if not draft.get("PurchaseOrder"):
            raise WriteRefused(must_be_filled("Purchase order"), validate_write(_LINE_TABLE))
        if order_line(work, draft) is None:
            raise WriteRefused(
                related_value(draft.get("PurchLineNumber"), "Purchase order line", "Purchase order lines"),
                validate_field(draft.entity.aot, "PurchLineNumber"),
            )
        order = work.related("PurchaseOrderHeadersV2", "PurchaseOrderNumber", draft.get("PurchaseOrder"), draft.company)
        payee = "" if order is None else order.data.get("InvoiceVendorAccountNumber", "")
        if payee != header.data["InvoiceAccount"]:
            raise WriteRefused(
                f"Error: Purchase order {draft.get('PurchaseOrder')} belongs to invoice account {payee}.",
                validate_write(_LINE_TABLE),
            )


class AttachmentRules(EntityRules):
    """`VendorInvoiceDocumentAttachments`: one for each header, as its key says."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Name the attachment after its file."""
        draft.default("Name", str(draft.get("FileName"))[:254])

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse a file without a name."""
        if draft.get("FileContents") and not draft.get("FileName"):
            raise WriteRefused(must_be_filled("File name"), validate_write("DocuRef"))


def number_in_use(
    work: Work, company: str, invoice: Any, own: Record | None, *, pending: bool, posted: bool = True
) -> str:
    """Return the refusal of an invoice number that the invoice account has used, "" if it may be used.

    The company's accounts payable parameters decide: never twice, once in a year of invoice dates, or as one likes; a
    warning does not show over OData.
    """
    parameters = work.store.get("VendorParameters", f"dataAreaId={company}")
    mode = "NoDuplicate" if parameters is None else parameters.data.get("IsCheckInvoiceNumberUsed", "NoDuplicate")
    if mode in ("AcceptDuplicate", "WarnDuplicate"):
        return ""
    number, account = invoice.get("InvoiceNumber", ""), invoice.get("InvoiceAccount", "")
    found = []
    if pending:
        found = [
            (row, f"pending invoice {row.data['HeaderReference']}")
            for row in work.store.find(HEADERS, "InvoiceNumber", number)
            if own is None or row.key != own.key
        ]
    if posted:
        found += [
            (row, f"voucher {row.data.get('LedgerVoucher', '')}")
            for row in work.store.find(POSTED, "InvoiceId", number)
        ]
    year = str(invoice.get("InvoiceDate") or EMPTY_DATE)[:4]
    for row, where in found:
        if row.data["dataAreaId"] != company or str(row.data["InvoiceAccount"]).casefold() != str(account).casefold():
            continue
        if mode == "NoDuplicateInYear" and str(row.data.get("InvoiceDate", EMPTY_DATE))[:4] != year:
            continue
        return f"Error: Invoice number {number} already exists for invoice account {account}: {where}."
    return ""


def invoice_of(work: Work, reference: Any, company: str) -> Record | None:
    """Return the header of a pending invoice."""
    return work.related(HEADERS, "HeaderReference", reference, company)


def invoice_lines(work: Work, header: Record) -> list[Record]:
    """Return the lines of a pending invoice, by number."""
    return sorted(_of(work, LINES, header), key=lambda line: to_decimal(line.data["InvoiceLineNumber"]))


def attachments_of(work: Work, header: Record) -> list[Record]:
    """Return the attachment of a pending invoice, if it has one."""
    return _of(work, ATTACHMENTS, header)


def order_line(work: Work, line: Draft) -> Record | None:
    """Return the purchase order line that an invoice line names."""
    for found in work.store.find("PurchaseOrderLinesV2", "PurchaseOrderNumber", line.get("PurchaseOrder")):
        if found.data["dataAreaId"] == line.company and found.data["LineNumber"] == line.get("PurchLineNumber"):
            return found
    return None


def due_date(work: Work, company: str, terms: Any, invoice_date: Any) -> str:
    """Return the due date that terms of payment give an invoice of a date; an empty date for an empty one."""
    found = work.related("PaymentTerms", "Name", terms, company)
    if found is None or invoice_date in ("", EMPTY_DATE):
        return str(invoice_date or EMPTY_DATE)
    days = int(found.data.get("NumberOfDays", 0))
    return f"{datetime.fromisoformat(invoice_date) + timedelta(days=days):%Y-%m-%d}T12:00:00Z"


def _of(work: Work, set_name: str, header: Record) -> list[Record]:
    found = work.store.find(set_name, "HeaderReference", header.data["HeaderReference"])
    return [row for row in found if row.data["dataAreaId"] == header.data["dataAreaId"]]


def _net_amount(draft: Draft) -> Decimal:
    def number(name: str) -> Decimal:
        return to_decimal(draft.get(name))

    price = number("UnitPrice") / (number("PriceUnit") or Decimal(1)) - number("Discount")
    net = number("ReceiveNow") * price * (1 - number("DiscountPercent") / 100)
    return to_currency(net, str(draft.get("Currency")))


RULES: dict[str, EntityRules] = {HEADERS: HeaderRules(), LINES: LineRules(), ATTACHMENTS: AttachmentRules()}
