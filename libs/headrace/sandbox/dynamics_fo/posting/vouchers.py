"""Vouchers of the general ledger: their entries must balance in both currencies before they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo import dimensions
from headrace.sandbox.dynamics_fo.drafts import Work
from headrace.sandbox.dynamics_fo.errors import WriteRefused
from headrace.sandbox.dynamics_fo.rows import RECORD_ID
from headrace.sandbox.dynamics_fo.rules.totals import to_currency
from headrace.sandbox.dynamics_fo.values import to_decimal

JOURNAL, ENTRIES = "GeneralJournalEntryBiEntities", "GeneralJournalAccountEntryBiEntities"
PAYABLES, EXPENSES, CASH_DISCOUNT, SALES_TAX, BANK = "200100", "600120", "520200", "202140", "110110"
RECEIVABLES = "130100"
"""Main accounts that a posting profile would name: where documents say none themselves."""
_FACTORS = {"One": 1, "Ten": 10, "Hundred": 100, "Thousand": 1000, "TenThousand": 10_000}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: an account, and an amount in the document's currency, positive for a debit.

    The account is a display value; or, from a posting `profile`, a main account, on which only postings book.
    """

    account: str
    amount: Decimal
    text: str = ""
    profile: bool = False


@dataclass(frozen=True, slots=True)
class Voucher:
    """What is booked together, on one day, in one currency."""

    number: str
    company: str
    date: str
    currency: str
    category: str
    document: str = ""


def accounting_amount(work: Work, company: str, currency: str, amount: Decimal, date: str) -> Decimal:
    """Return an amount in the company's accounting currency.

    Raises:
        WriteRefused: no exchange rate covers the day.
    """
    own = accounting_currency(work, company)
    if currency == own:
        return amount
    for source, target, inverted in ((currency, own, False), (own, currency, True)):
        rate = _rate(work, source, target, date)
        if rate:
            return to_currency(amount / rate if inverted else amount * rate, own)
    raise WriteRefused(f"Error: The exchange rate of currency {currency} to {own} on {date[:10]} is not set up.")


def accounting_currency(work: Work, company: str) -> str:
    """Return the currency in which a company keeps its books."""
    found = work.store.find("Ledgers", "LegalEntityId", company)
    return str(found[0].data.get("AccountingCurrency", "")) if found else ""


def book(work: Work, voucher: Voucher, entries: Sequence[Entry]) -> Record:
    """Write a voucher and return its head.

    Raises:
        WriteRefused: it does not balance, or an account takes no entry.
    """
    off = sum((entry.amount for entry in entries), Decimal())
    if off:
        raise WriteRefused(f"Error: Voucher {voucher.number} does not balance: {off:f} {voucher.currency}.")
    amounts = _converted(work, voucher, entries)
    ledgers = work.store.find("Ledgers", "LegalEntityId", voucher.company)
    head = work.insert(
        JOURNAL,
        {
            "JournalNumber": work.number(JOURNAL, "JournalNumber", voucher.company),
            "FiscalCalendarYear": int(voucher.date[:4]),
            "Ledger": int(ledgers[0].data[RECORD_ID]) if ledgers else 0,
            "SubledgerVoucher": voucher.number,
            "SubledgerVoucherDataAreaId": voucher.company,
            "AccountingDate": voucher.date,
            "DocumentDate": voucher.date,
            "DocumentNumber": voucher.document,
            "JournalCategory": voucher.category,
        },
        work.note,
    )
    for entry, amount in zip(entries, amounts, strict=True):
        row = {
            "GeneralJournalEntry": int(head.data[RECORD_ID]),
            "LedgerAccount": _display_value(work, entry, voucher.company),
            "Text": entry.text[:60],
            "TransactionCurrencyCode": voucher.currency,
            "TransactionCurrencyAmount": entry.amount,
            "AccountingCurrencyAmount": amount,
            "IsCredit": "Yes" if entry.amount < 0 else "No",
        }
        work.insert(ENTRIES, row, work.note)
    return head


def _converted(work: Work, voucher: Voucher, entries: Sequence[Entry]) -> list[Decimal]:
    """Return the entries' amounts in accounting currency; the largest takes what rounding leaves."""
    amounts = [
        accounting_amount(work, voucher.company, voucher.currency, entry.amount, voucher.date) for entry in entries
    ]
    rest = sum(amounts, Decimal())
    if rest:
        largest = max(range(len(amounts)), key=lambda index: abs(amounts[index]))
        amounts[largest] -= rest
    return amounts


def _display_value(work: Work, entry: Entry, company: str) -> str:
    """Return the entry's account in the ledger format; a line's account was good when it was saved, and must be still.

    Raises:
        WriteRefused: it is not.
    """
    names = dimensions.active_format(work.store, "ledger")
    if entry.profile:
        segments = [entry.account if name == dimensions.MAIN_ACCOUNT else "" for name in names or ()]
        return dimensions.join(segments, dimensions.delimiter(work.store)) if names else entry.account
    try:
        return dimensions.resolve(work.store, "ledger", entry.account, company)
    except dimensions.DimensionRefused as error:
        raise WriteRefused(f"Error: {error}") from error


def _rate(work: Work, source: str, target: str, date: str) -> Decimal:
    found: list[Any] = [
        row.data
        for row in work.store.list("ExchangeRates")
        if (row.data["FromCurrency"], row.data["ToCurrency"]) == (source, target)
        and row.data["StartDate"] <= date <= row.data.get("EndDate", "2154-12-31T12:00:00Z")
        and row.data.get("Rate")
    ]
    latest = max(found, key=lambda row: str(row["StartDate"]), default=None)
    return Decimal() if latest is None else to_decimal(latest["Rate"]) / _FACTORS[latest.get("ConversionFactor", "One")]
