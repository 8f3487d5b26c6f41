"""Which invoices a payment line settles, and how much of each is still open.

Marked can be what is posted and open; what unposted lines have marked already is not open for others. Wording of the
refusals is unverified.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, Work
from headrace.sandbox.dynamics_fo.entities.model import EMPTY_DATE
from headrace.sandbox.dynamics_fo.errors import WriteRefused, related_value, validate_write
from headrace.sandbox.dynamics_fo.rules.accounts import Account, plain_number
from headrace.sandbox.dynamics_fo.values import to_decimal

ROWS, LINES, HEADERS = (
    "VendorPaymentJournalLineSettledInvoices",
    "VendorPaymentJournalLines",
    "VendorPaymentJournalHeaders",
)
TRANSACTIONS = "VendTransBiEntities"
_AMOUNT, _DISCOUNT = "SettlementAmountInInvoiceCurrency", "CashDiscountToTakeInInvoiceCurrency"


def open_invoice(work: Work, company: str, account: str, number: Any, due: Any = EMPTY_DATE) -> Record | None:
    """Return a vendor's posted invoice that is not settled in full, by its number and, if given, its due date."""
    for found in work.store.find(TRANSACTIONS, "Invoice", number):
        data = found.data
        if data["dataAreaId"] != company or str(data.get("AccountNum", "")).casefold() != account.casefold():
            continue
        if remaining(found) and due in (EMPTY_DATE, "", data.get("DueDate", EMPTY_DATE)):
            return found
    return None


def pending_invoice(work: Work, company: str, account: str, number: Any) -> Record | None:
    """Return a vendor's pending invoice, where the settings let those be marked."""
    if not work.settings.settle_pending_invoices:
        return None
    for found in work.store.find("VendorInvoiceHeaders", "InvoiceNumber", number):
        if found.data["dataAreaId"] == company and str(found.data["InvoiceAccount"]).casefold() == account.casefold():
            return found
    return None


def remaining(transaction: Record) -> Decimal:
    """Return what is open of an invoice: positive for what is owed, negative for a credit note."""
    return to_decimal(transaction.data.get("SettleAmountCur", 0)) - to_decimal(transaction.data.get("AmountCur", 0))


def rows_of(work: Work, line: Record) -> list[Record]:
    """Return what a payment line marks."""
    company, number = line.data["dataAreaId"], to_decimal(line.data["LineNumber"])
    return [
        row
        for row in work.store.find(ROWS, "JournalBatchNumber", line.data["JournalBatchNumber"])
        if row.data["JournalLineCompany"] == company and to_decimal(row.data["JournalLineNumber"]) == number
    ]


def free_of(work: Work, invoice: Record, own: str = "") -> Decimal:
    """Return what is open of an invoice and marked by no row of an unposted journal but our `own`."""
    return remaining(invoice) - _marked_elsewhere(work, invoice, own)


def _marked_elsewhere(work: Work, invoice: Record, own: str) -> Decimal:
    total = Decimal()
    for row in work.store.find(ROWS, "InvoiceNumber", invoice.data["Invoice"]):
        data = row.data
        if row.key == own or str(data.get("InvoiceCompany", "")).lower() != invoice.data["dataAreaId"]:
            continue
        if str(data.get("invoiceAccount", "")).casefold() != str(invoice.data["AccountNum"]).casefold():
            continue
        journal = work.related(HEADERS, "JournalBatchNumber", data["JournalBatchNumber"], data["JournalLineCompany"])
        if journal is not None and journal.data.get("IsPosted") != "Yes":
            total += taken(row)
    return total


def taken(row: Record) -> Decimal:
    """Return what a row takes of its invoice: the settlement and the cash discount."""
    return to_decimal(row.data.get(_AMOUNT, 0)) + to_decimal(row.data.get(_DISCOUNT, 0))


def check_amount(work: Work, invoice: Record, amount: Decimal, own: str = "") -> None:
    """Refuse to take more of an invoice than is open and free.

    Raises:
        WriteRefused: it is more, or has the other sign.
    """
    free = free_of(work, invoice, own)
    if abs(amount) > abs(free) or amount * free < 0:
        raise WriteRefused(
            f"Error: The amount to settle {amount:f} exceeds the open amount {free:f} of invoice "
            f"{invoice.data['Invoice']}.",
            validate_write("SpecTrans"),
        )


def not_found(number: Any) -> WriteRefused:
    """Return the refusal of an invoice that cannot be marked."""
    return WriteRefused(related_value(number, "Invoice", "Open vendor transactions"), validate_write("SpecTrans"))


def exceeds(settled: Decimal, amount: Decimal) -> bool:
    """Say whether more is settled than a line pays; a credit that is netted with invoices is less than nothing."""
    return settled > amount if amount >= 0 else settled < amount


def amount_of(line: Any) -> Decimal:
    """Return what a payment line pays: debit less credit."""
    return to_decimal(line.get("DebitAmount") or 0) - to_decimal(line.get("CreditAmount") or 0)


def check_marked(work: Work, draft: Draft, account: Account) -> None:
    """Refuse a line whose `MarkedInvoice` is not open, or not for as much as the line pays.

    Raises:
        WriteRefused: so it is.
    """
    company = str(draft.get("MarkedInvoiceCompany") or draft.company).lower()
    number = draft.get("MarkedInvoice")
    invoice = open_invoice(work, company, account.number, number)
    if invoice is None:
        if pending_invoice(work, company, account.number, number) is None:
            raise not_found(number)
        return
    own = "" if draft.original is None else next((row.key for row in rows_of(work, draft.original)), "")
    check_amount(work, invoice, amount_of(draft.values), own)


def check_line(work: Work, draft: Draft) -> None:
    """Refuse to lower a line below what it settles.

    Raises:
        WriteRefused: it would be.
    """
    if draft.original is None:
        return
    settled = sum((to_decimal(row.data.get(_AMOUNT, 0)) for row in rows_of(work, draft.original)), Decimal())
    if exceeds(settled, amount_of(draft.values)):
        raise WriteRefused(
            f"Error: The line settles {settled:f}, more than the {amount_of(draft.values):f} that it pays.",
            validate_write("LedgerJournalTrans"),
        )


def mark(work: Work, line: Record) -> None:
    """Show the line's `MarkedInvoice` as a settled invoice, in place of what was marked before."""
    for row in rows_of(work, line):
        work.remove(ROWS, row, work.note)
    if not line.data.get("MarkedInvoice"):
        return
    company = str(line.data.get("MarkedInvoiceCompany") or line.data["dataAreaId"]).lower()
    account = plain_number(work, line.data["AccountDisplayValue"])
    invoice = open_invoice(work, company, account, line.data["MarkedInvoice"])
    due = EMPTY_DATE if invoice is None else invoice.data.get("DueDate", EMPTY_DATE)
    work.insert(
        ROWS,
        {
            "JournalLineCompany": line.data["dataAreaId"],
            "JournalBatchNumber": line.data["JournalBatchNumber"],
            "JournalLineNumber": line.data["LineNumber"],
            "InvoiceNumber": line.data["MarkedInvoice"],
            "InvoiceCompany": company,
            "InvoiceDueDate": due,
            _AMOUNT: amount_of(line.data),
            "InvoiceToPaymentCrossRate": Decimal(1),
            "invoiceAccount": account,
            "AccountDisplayValue": line.data["AccountDisplayValue"],
        },
        work.note,
    )
