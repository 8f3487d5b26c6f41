"""Vendor payment journals: numbered lines, accounts by their type, totals of the journal, nothing after posting."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, EntityRules, Work
from headrace.sandbox.dynamics_fo.errors import (
    WriteRefused,
    related_value,
    validate_field,
    validate_write,
)
from headrace.sandbox.dynamics_fo.rules import settlement, vendor_holds
from headrace.sandbox.dynamics_fo.rules.accounts import Account, resolve_account
from headrace.sandbox.dynamics_fo.values import to_decimal

HEADERS, LINES = "VendorPaymentJournalHeaders", "VendorPaymentJournalLines"
TOTALS = "LedgerJournalTableBiEntities"
_HEADER_TABLE, _LINE_TABLE = "LedgerJournalTable", "LedgerJournalTrans"
DISBURSEMENT = "Payment"
"""Journal type of what the client calls "Vendor disbursement"."""


class HeaderRules(EntityRules):
    """`VendorPaymentJournalHeaders`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Take the description from the journal name."""
        name = _journal_name(work, draft)
        if name is not None and draft.original is None:
            draft.default("Description", name.data.get("Description", ""))

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse changes to posted journals, and names of journals of another type."""
        if draft.original is not None:
            check_unposted(draft.original)
        name = _journal_name(work, draft)
        if name is not None and name.data.get("Type", "Daily") != DISBURSEMENT:
            raise WriteRefused(
                related_value(draft.get("JournalName"), "Name", "Journal names"),
                validate_field(draft.entity.aot, "JournalName"),
            )

    def after_write(self, work: Work, draft: Draft, record: Record) -> None:
        """Show the journal, with its totals, in the table's own set."""
        shown = {"JournalName": record.data["JournalName"], "Name": record.data.get("Description", "")}
        totals = totals_of(work, record)
        if totals is not None:
            work.revise(TOTALS, totals, shown, work.note)
            return
        key = {"dataAreaId": draft.company, "JournalNum": record.data["JournalBatchNumber"]}
        work.insert(TOTALS, {**key, **shown, "JournalType": DISBURSEMENT}, work.note)

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse posted journals, and journals that have lines."""
        check_unposted(record)
        if journal_lines(work, record):
            raise WriteRefused(
                "Error: Ledger journal table cannot be deleted while dependent Journal lines exist.",
                validate_write(_HEADER_TABLE),
            )
        totals = totals_of(work, record)
        if totals is not None:
            work.remove(TOTALS, totals, work.note)


class LineRules(EntityRules):
    """`VendorPaymentJournalLines`."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Number the line; pay a vendor, today, from the account of the method of payment or of the journal name."""
        header = journal_of(work, draft)
        if header is None:
            return
        if draft.original is None:
            check_unposted(header)
            numbers = [to_decimal(line.data["LineNumber"]) for line in journal_lines(work, header)]
            draft.default("LineNumber", max(numbers, default=Decimal()) + 1)
            draft.default("AccountType", "Vend")
            draft.default("TransactionDate", work.today)
            draft.default("Company", draft.company.upper())
            draft.default("ExchangeRate", Decimal(100))
            self._offset(work, draft, header)
        if draft.get("MarkedInvoice"):
            draft.default("MarkedInvoiceCompany", draft.company.upper())
            draft.default("SettleVoucher", "SelectedTransact")

    def _offset(self, work: Work, draft: Draft, header: Record) -> None:
        method = work.related("VendorPaymentMethods", "Name", draft.get("PaymentMethodName"), draft.company)
        name = work.related("JournalNames", "Name", header.data["JournalName"], draft.company)
        for found, kind, value in (
            (method, "AccountType", "PaymentAccountDisplayValue"),
            (name, "OffsetAccountType", "OffsetAccountDisplayValue"),
        ):
            if found is not None and found.data.get(value):
                draft.default("OffsetAccountType", found.data.get(kind, "Ledger"))
                draft.default("OffsetAccountDisplayValue", found.data[value])
                return

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Refuse lines of posted journals, vendors on hold, and amounts or banks that do not fit."""
        header = journal_of(work, draft)
        if header is None:
            return
        check_unposted(header)
        account = resolve_account(work, draft, "AccountType", "AccountDisplayValue")
        draft.values["AccountDisplayValue"] = account.display_value
        self._check_amounts(draft)
        if account.kind == "Vend" and account.record is not None:
            draft.values["VendorName"] = account.record.data.get("VendorOrganizationName", "")
            vendor_holds.check_vendor(work, account.number, draft.company, vendor_holds.PAYMENT, _LINE_TABLE)
        if draft.get("OffsetAccountDisplayValue"):
            offset = resolve_account(work, draft, "OffsetAccountType", "OffsetAccountDisplayValue")
            draft.values["OffsetAccountDisplayValue"] = offset.display_value
            check_bank_currency(draft.get("CurrencyCode"), offset)
        if draft.original is not None:
            settlement.check_line(work, draft)
        if draft.get("MarkedInvoice") and (draft.original is None or draft.changes("MarkedInvoice")):
            settlement.check_marked(work, draft, account)

    def _check_amounts(self, draft: Draft) -> None:
        debit, credit = to_decimal(draft.get("DebitAmount")), to_decimal(draft.get("CreditAmount"))
        if debit < 0 or credit < 0:
            raise WriteRefused("Error: Amounts must be positive.", validate_write(_LINE_TABLE))
        if debit and credit:
            raise WriteRefused("Error: A line takes a debit or a credit, not both.", validate_write(_LINE_TABLE))

    def after_write(self, work: Work, draft: Draft, record: Record) -> None:
        """Mark the named invoice for settlement, none for none, and bring the journal's totals up to date."""
        before = "" if draft.original is None else draft.original.data.get("MarkedInvoice", "")
        if draft.get("MarkedInvoice") != before:
            settlement.mark(work, record)
        header = journal_of(work, draft)
        if header is not None:
            refresh_totals(work, header)

    def validate_delete(self, work: Work, record: Record) -> None:
        """Refuse lines of posted journals; what a line marked is free again."""
        header = work.related(
            HEADERS, "JournalBatchNumber", record.data["JournalBatchNumber"], str(record.data["dataAreaId"])
        )
        if header is None:
            return
        check_unposted(header)
        for row in settlement.rows_of(work, record):
            work.remove(settlement.ROWS, row, work.note)
        refresh_totals(work, header, without=record)


def check_unposted(header: Record) -> None:
    """Refuse whatever changes a posted journal.

    Raises:
        WriteRefused: it is posted.
    """
    if header.data.get("IsPosted") == "Yes":
        raise WriteRefused(
            f"Error: Journal {header.data['JournalBatchNumber']} is posted and cannot be changed.",
            validate_write(_HEADER_TABLE),
            failure="posted",
        )


def check_bank_currency(currency: Any, bank: Account) -> None:
    """Refuse a payment in a currency that the bank account does not take.

    Raises:
        WriteRefused: it does not.
    """
    data = {} if bank.kind != "Bank" or bank.record is None else bank.record.data
    own = data.get("CurrencyCode", "")
    if own and own != currency and data.get("AllowTransactionsInAdditionalCurrencies") != "Yes":
        raise WriteRefused(
            f"Error: Bank account {bank.number} takes currency {own} only, not {currency}.",
            validate_write(_LINE_TABLE),
        )


def journal_of(work: Work, line: Draft) -> Record | None:
    """Return the journal of a line."""
    return work.related(HEADERS, "JournalBatchNumber", line.get("JournalBatchNumber"), line.company)


def journal_lines(work: Work, header: Record) -> list[Record]:
    """Return the lines of a journal, by number."""
    found = work.store.find(LINES, "JournalBatchNumber", header.data["JournalBatchNumber"])
    own = [line for line in found if line.data["dataAreaId"] == header.data["dataAreaId"]]
    return sorted(own, key=lambda line: to_decimal(line.data["LineNumber"]))


def totals_of(work: Work, header: Record) -> Record | None:
    """Return the row that shows the journal's totals."""
    return work.related(TOTALS, "JournalNum", header.data["JournalBatchNumber"], str(header.data["dataAreaId"]))


def refresh_totals(work: Work, header: Record, without: Record | None = None) -> None:
    """Add the journal's lines up, `without` the one that is about to go."""
    lines = [line for line in journal_lines(work, header) if without is None or line.key != without.key]
    totals = totals_of(work, header)
    if totals is None:
        return
    debit, credit = (sum((to_decimal(line.data.get(name, 0)) for line in lines), Decimal()) for name in _AMOUNTS)
    one_sided = [line for line in lines if not line.data.get("OffsetAccountDisplayValue")]
    balance = sum(
        (
            to_decimal(line.data.get("DebitAmount", 0)) - to_decimal(line.data.get("CreditAmount", 0))
            for line in one_sided
        ),
        Decimal(),
    )
    changes = {
        "NumOfLines": len(lines),
        "JournalTotalDebit": debit,
        "JournalTotalCredit": credit,
        "JournalBalance": balance,
    }
    work.revise(TOTALS, totals, changes, work.note)


def _journal_name(work: Work, draft: Draft) -> Record | None:
    return work.related("JournalNames", "Name", draft.get("JournalName"), draft.company)


_AMOUNTS = ("DebitAmount", "CreditAmount")

RULES: dict[str, EntityRules] = {HEADERS: HeaderRules(), LINES: LineRules()}
