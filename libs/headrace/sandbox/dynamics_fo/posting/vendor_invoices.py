"""Posting a vendor invoice: it leaves the pending sets; journal, lines, an open transaction and a voucher appear."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Work
from headrace.sandbox.dynamics_fo.entities.model import EMPTY_DATE
from headrace.sandbox.dynamics_fo.errors import WriteRefused
from headrace.sandbox.dynamics_fo.posting.vouchers import (
    EXPENSES,
    PAYABLES,
    SALES_TAX,
    Entry,
    Voucher,
    accounting_amount,
    book,
)
from headrace.sandbox.dynamics_fo.rules import purchasing, vendor_holds
from headrace.sandbox.dynamics_fo.rules.totals import to_currency
from headrace.sandbox.dynamics_fo.rules.vendor_invoices import (
    ATTACHMENTS,
    HEADERS,
    LINES,
    POSTED,
    POSTED_REFERENCES,
    attachments_of,
    due_date,
    invoice_lines,
    number_in_use,
)
from headrace.sandbox.dynamics_fo.values import to_decimal

POSTED_LINES, TRANSACTIONS = "VendInvoiceTransBiEntities", "VendTransBiEntities"


@dataclass(frozen=True, slots=True)
class InvoiceTotals:
    """What the lines of an invoice come to: net, tax, and what is owed."""

    net: Decimal
    tax: Decimal

    @property
    def amount(self) -> Decimal:
        """Return what the vendor is owed."""
        return self.net + self.tax


def totals_of(work: Work, header: Record) -> InvoiceTotals:
    """Return the totals of a pending invoice; tax by item sales tax group, as the sandbox's settings say."""
    inclusive = header.data.get("IsPricesIncludeSalesTax") == "Yes"
    net = tax = Decimal()
    for line in invoice_lines(work, header):
        amount = to_decimal(line.data.get("NetAmount", 0))
        own = _tax(work, header, line)
        tax += own
        net += amount - own if inclusive else amount
    return InvoiceTotals(net, tax)


def post_invoice(work: Work, header: Record) -> Record:
    """Post a pending invoice and return its row in the invoice journal.

    Raises:
        WriteRefused: a rule stops it; the caller's transaction undoes what was written.
    """
    _check(work, header)
    data = header.data
    company, currency = str(data["dataAreaId"]), str(data.get("Currency", ""))
    lines, totals = invoice_lines(work, header), totals_of(work, header)
    date = str(data.get("Date") or work.today)
    issued, number = data.get("InvoiceDate", EMPTY_DATE), str(data["InvoiceNumber"])
    voucher = work.number(POSTED, "LedgerVoucher", company)
    in_own = accounting_amount(work, company, currency, totals.amount, date)
    due = data.get("DueDate", EMPTY_DATE)
    if due == EMPTY_DATE:
        due = due_date(work, company, data.get("TermsOfPayment"), issued if issued != EMPTY_DATE else date)
    shared = {"dataAreaId": company, "CurrencyCode": currency, "DueDate": due}
    posted = work.insert(
        POSTED,
        {
            **shared,
            "InvoiceId": data["InvoiceNumber"],
            "InvoiceAccount": data["InvoiceAccount"],
            "OrderAccount": data.get("VendorAccount", data["InvoiceAccount"]),
            "PurchId": data.get("PurchaseOrderNumber", ""),
            "LedgerVoucher": voucher,
            "InternalInvoiceId": voucher,
            "DocumentNum": data.get("DocumentNumber", ""),
            "Description": data.get("InvoiceDescription", ""),
            "Payment": data.get("TermsOfPayment", ""),
            "TaxGroup": data.get("SalesTaxGroup", ""),
            "InvoiceDate": issued if issued != EMPTY_DATE else date,
            "ReceivedDate": data.get("InvoiceReceivedDate", EMPTY_DATE),
            "InvoiceAmount": totals.amount,
            "InvoiceAmountMST": in_own,
            "SumTax": totals.tax,
            "SalesBalance": totals.net,
            "InclTax": data.get("IsPricesIncludeSalesTax", "No"),
        },
        work.note,
    )
    _post_lines(work, header, lines, posted)
    work.insert(
        TRANSACTIONS,
        {
            **shared,
            "AccountNum": data["InvoiceAccount"],
            "Invoice": data["InvoiceNumber"],
            "Voucher": voucher,
            "TransType": "Purch" if data.get("PurchaseOrderNumber") else "Vend",
            "TransDate": date,
            "DocumentDate": issued,
            "DocumentNum": data.get("DocumentNumber", ""),
            "Txt": data.get("InvoiceDescription", ""),
            "PaymMode": data.get("MethodOfPayment", ""),
            "PaymTermId": data.get("TermsOfPayment", ""),
            "PaymId": data.get("PaymentId", ""),
            "AmountCur": -totals.amount,
            "AmountMST": -in_own,
            "Approved": "Yes",
        },
        work.note,
    )
    entries = [*_distributions(work, header, lines), Entry(PAYABLES, -totals.amount, number, profile=True)]
    book(work, Voucher(voucher, company, date, currency, "Purch", number), entries)
    _leave(work, header, lines, voucher)
    return posted


def _check(work: Work, header: Record) -> None:
    data, company = header.data, str(header.data["dataAreaId"])
    reference = data["HeaderReference"]
    status = data.get("VendorInvoiceReviewStatus", "Draft")
    if status in ("Rejected", "Cancelled") or (work.settings.invoice_workflow and status != "Approved"):
        raise WriteRefused(f"Error: Vendor invoice {reference} is {status} and cannot be posted.")
    if data.get("IsOnHold") == "Yes":
        raise WriteRefused(f"Error: Vendor invoice {reference} is on hold.")
    if not invoice_lines(work, header):
        raise WriteRefused(f"Error: Vendor invoice {reference} has no lines.")
    for name in ("InvoiceAccount", "VendorAccount"):
        vendor_holds.check_vendor(work, data.get(name), company, vendor_holds.INVOICE, "VendInvoiceInfoTable")
    used = number_in_use(work, company, data, header, pending=False)
    if used:
        raise WriteRefused(used, failure="duplicate")


def _post_lines(work: Work, header: Record, lines: list[Record], posted: Record) -> None:
    company, currency = str(header.data["dataAreaId"]), str(header.data.get("Currency", ""))
    date = str(header.data.get("Date") or work.today)
    for line in lines:
        data, amount = line.data, to_decimal(line.data.get("NetAmount", 0))
        row = {
            "dataAreaId": company,
            "CurrencyCode": currency,
            "InvoiceId": posted.data["InvoiceId"],
            "InvoiceDate": posted.data["InvoiceDate"],
            "InternalInvoiceId": posted.data["InternalInvoiceId"],
            "LineNum": data["InvoiceLineNumber"],
            "PurchID": data.get("PurchaseOrder", ""),
            "OrigPurchId": data.get("PurchaseOrder", ""),
            "PurchaseLineLineNumber": data.get("PurchLineNumber", 0),
            "ItemId": data.get("ItemNumber", ""),
            "Name": data.get("LineDescription", ""),
            "Qty": data.get("ReceiveNow", Decimal()),
            "PurchPrice": data.get("UnitPrice", Decimal()),
            "PriceUnit": data.get("PriceUnit", Decimal()),
            "PurchUnit": data.get("Unit", ""),
            "LineAmount": amount,
            "LineAmountMST": accounting_amount(work, company, currency, amount, date),
            "TaxAmount": _tax(work, header, line),
            "TaxGroup": data.get("SalesTaxGroup", ""),
            "TaxItemGroup": data.get("ItemSalesTax", ""),
            "LedgerDimensionValuesJson": _coding(line),
        }
        work.insert(POSTED_LINES, row, work.note)


def _coding(line: Record) -> str:
    return str(line.data.get("MainAccountDisplayValue") or line.data.get("DimensionDisplayValue", ""))


def _distributions(work: Work, header: Record, lines: list[Record]) -> list[Entry]:
    """Return the debits: every line on its account, or where it names none on that of its category, and the tax."""
    inclusive = header.data.get("IsPricesIncludeSalesTax") == "Yes"
    entries, taxes = [], Decimal()
    for line in lines:
        tax = _tax(work, header, line)
        amount = to_decimal(line.data.get("NetAmount", 0)) - (tax if inclusive else Decimal())
        text = str(line.data.get("LineDescription", ""))
        account = str(line.data.get("MainAccountDisplayValue", ""))
        entries.append(Entry(account or EXPENSES, amount, text, profile=not account))
        taxes += tax
    return [*entries, *([Entry(SALES_TAX, taxes, profile=True)] if taxes else [])]


def _tax(work: Work, header: Record, line: Record) -> Decimal:
    group = str(line.data.get("ItemSalesTax", ""))
    rate = work.settings.item_tax_percent.get(group, Decimal()) / 100
    amount = to_decimal(line.data.get("NetAmount", 0))
    inclusive = header.data.get("IsPricesIncludeSalesTax") == "Yes"
    return to_currency(amount * rate / (1 + rate) if inclusive else amount * rate, str(header.data.get("Currency", "")))


def _leave(work: Work, header: Record, lines: list[Record], voucher: str) -> None:
    """Take the invoice out of the pending sets, and its lines off their purchase orders."""
    company, reference = str(header.data["dataAreaId"]), str(header.data["HeaderReference"])
    for line in lines:
        _invoice_order_line(work, line.data, company)
        work.remove(LINES, line, work.note)
    for attachment in attachments_of(work, header):
        work.remove(ATTACHMENTS, attachment, work.note)
    work.remove(HEADERS, header, work.note)
    name = f"{company}:{reference}".casefold()
    work.store.put(POSTED_REFERENCES, name, {"reference": reference, "voucher": voucher}, work.now)


def _invoice_order_line(work: Work, line: Any, company: str) -> None:
    order = work.related("PurchaseOrderHeadersV2", "PurchaseOrderNumber", line.get("PurchaseOrder", ""), company)
    if order is None:
        return
    order_lines = purchasing.order_lines(work, order)
    for found in order_lines:
        if found.data["LineNumber"] == line.get("PurchLineNumber") and _invoiced(work, found) >= to_decimal(
            found.data.get("OrderedPurchaseQuantity", 0)
        ):
            work.revise(purchasing.LINES, found, {"PurchaseOrderLineStatus": "Invoiced"}, work.note)
    if all(each.data.get("PurchaseOrderLineStatus") == "Invoiced" for each in purchasing.order_lines(work, order)):
        work.revise(purchasing.HEADERS, order, {"PurchaseOrderStatus": "Invoiced"}, work.note)


def _invoiced(work: Work, order_line: Record) -> Decimal:
    return sum(
        (
            to_decimal(row.data.get("Qty", 0))
            for row in work.store.find(POSTED_LINES, "PurchID", order_line.data["PurchaseOrderNumber"])
            if row.data["dataAreaId"] == order_line.data["dataAreaId"]
            and row.data.get("PurchaseLineLineNumber") == order_line.data["LineNumber"]
        ),
        Decimal(),
    )
