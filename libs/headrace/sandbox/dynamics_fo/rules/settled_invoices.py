"""`VendorPaymentJournalLineSettledInvoices`: the invoices that a payment line is to settle when it is posted.

The vendor documents the set's fields, not whether it can be written: a setting makes it read-only.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, EntityRules, Work
from headrace.sandbox.dynamics_fo.entities.model import EMPTY_DATE
from headrace.sandbox.dynamics_fo.errors import WriteRefused, related_value, validate_write
from headrace.sandbox.dynamics_fo.rules import settlement
from headrace.sandbox.dynamics_fo.rules.accounts import plain_number
from headrace.sandbox.dynamics_fo.rules.vendor_payments import check_unposted
from headrace.sandbox.dynamics_fo.values import to_decimal

_AMOUNT, _DISCOUNT = "SettlementAmountInInvoiceCurrency", "CashDiscountToTakeInInvoiceCurrency"


class SettledInvoiceRules(EntityRules):
    """One invoice of one line."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Take account, due date and, unless it is sent, the amount from the line and the open invoice."""
        _refuse_if_read_only(work)
        draft.values["JournalLineCompany"] = str(draft.get("JournalLineCompany")).lower()
        draft.values["InvoiceCompany"] = str(draft.get("InvoiceCompany") or draft.get("JournalLineCompany")).lower()
        line = line_of(work, draft.values)
        if line is None or line.data.get("AccountType", "Ledger") != "Vend":
            raise WriteRefused(
                related_value(draft.get("JournalLineNumber"), "Line number", "Journal lines"),
                validate_write("SpecTrans"),
            )
        account = plain_number(work, line.data["AccountDisplayValue"])
        draft.values["AccountDisplayValue"] = line.data["AccountDisplayValue"]
        draft.values["invoiceAccount"] = account
        draft.default("InvoiceToPaymentCrossRate", Decimal(1))
        invoice = self._invoice(work, draft)
        if invoice is None:
            return
        if draft.original is None:
            draft.values["InvoiceDueDate"] = invoice.data.get("DueDate", EMPTY_DATE)
        unpaid = settlement.amount_of(line.data) - _settled(work, line, draft)
        own = "" if draft.original is None else draft.original.key
        free = settlement.free_of(work, invoice, own) - to_decimal(draft.get(_DISCOUNT))
        draft.default(_AMOUNT, min(free, unpaid, key=abs))

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse rows of posted journals, invoices that are not open, and more than invoice or line have."""
        line = line_of(work, draft.values)
        if line is None:
            return
        _check_journal(work, draft.values["JournalBatchNumber"], draft.values["JournalLineCompany"])
        amount = to_decimal(draft.get(_AMOUNT))
        invoice = self._invoice(work, draft)
        if invoice is None:
            if settlement.pending_invoice(work, *self._sought(draft)) is None:
                raise settlement.not_found(draft.get("InvoiceNumber"))
        else:
            own = "" if draft.original is None else draft.original.key
            settlement.check_amount(work, invoice, amount + to_decimal(draft.get(_DISCOUNT)), own)
        settled = _settled(work, line, draft) + amount * to_decimal(draft.get("InvoiceToPaymentCrossRate"))
        if settlement.exceeds(settled, settlement.amount_of(line.data)):
            raise WriteRefused(
                f"Error: The line settles {settled:f}, more than the {settlement.amount_of(line.data):f} that it pays.",
                validate_write("SpecTrans"),
            )

    def after_write(self, work: Work, draft: Draft, record: Record) -> None:
        """Tell on the line that it settles selected transactions."""
        line = line_of(work, record.data)
        if line is not None and line.data.get("SettleVoucher") != "SelectedTransact":
            work.revise(settlement.LINES, line, {"SettleVoucher": "SelectedTransact"}, work.note)

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse rows of posted journals."""
        _refuse_if_read_only(work)
        _check_journal(work, record.data["JournalBatchNumber"], record.data["JournalLineCompany"])

    def _sought(self, draft: Draft) -> tuple[str, str, str]:
        return draft.values["InvoiceCompany"], draft.values["invoiceAccount"], draft.get("InvoiceNumber")

    def _invoice(self, work: Work, draft: Draft) -> Record | None:
        return settlement.open_invoice(work, *self._sought(draft), draft.get("InvoiceDueDate"))


def line_of(work: Work, row: Mapping[str, Any]) -> Record | None:
    """Return the payment line of a settled invoice."""
    number = to_decimal(row.get("JournalLineNumber", 0))
    for line in work.store.find(settlement.LINES, "JournalBatchNumber", row["JournalBatchNumber"]):
        if line.data["dataAreaId"] == row["JournalLineCompany"] and to_decimal(line.data["LineNumber"]) == number:
            return line
    return None


def _settled(work: Work, line: Record, draft: Draft) -> Decimal:
    """Return what the line's other rows settle, in the currency of the payment."""
    own = "" if draft.original is None else draft.original.key
    others = [row for row in settlement.rows_of(work, line) if row.key != own]
    return sum(
        (
            to_decimal(row.data.get(_AMOUNT, 0)) * to_decimal(row.data.get("InvoiceToPaymentCrossRate", 1))
            for row in others
        ),
        Decimal(),
    )


def _check_journal(work: Work, number: str, company: str) -> None:
    journal = work.related(settlement.HEADERS, "JournalBatchNumber", number, company)
    if journal is not None:
        check_unposted(journal)


def _refuse_if_read_only(work: Work) -> None:
    if work.settings.settled_invoices == "read_only":
        raise WriteRefused("Error: The data entity VendorPaymentJournalLineSettledInvoiceEntity is read-only.")


RULES: dict[str, EntityRules] = {settlement.ROWS: SettledInvoiceRules()}
