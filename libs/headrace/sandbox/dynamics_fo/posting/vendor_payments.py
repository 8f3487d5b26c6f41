"""Posting a vendor payment journal: vouchers, bank and vendor transactions, and the invoices that they settle."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.drafts import Draft, Work
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.errors import WriteRefused
from headrace.sandbox.dynamics_fo.posting.vouchers import (
    BANK,
    CASH_DISCOUNT,
    PAYABLES,
    Entry,
    Voucher,
    accounting_amount,
    book,
)
from headrace.sandbox.dynamics_fo.rows import RECORD_ID
from headrace.sandbox.dynamics_fo.rules import settlement, vendor_holds
from headrace.sandbox.dynamics_fo.rules.accounts import Account, resolve_account
from headrace.sandbox.dynamics_fo.rules.vendor_payments import (
    HEADERS,
    LINES,
    TOTALS,
    check_bank_currency,
    check_unposted,
    journal_lines,
    refresh_totals,
    totals_of,
)
from headrace.sandbox.dynamics_fo.values import moment_text, to_decimal

BANK_TRANSACTIONS, SETTLEMENTS = "BankAccountTransBiEntities", "VendSettlementBiEntities"
_DISCOUNT = "CashDiscountToTakeInInvoiceCurrency"


def post_journal(work: Work, header: Record) -> Record:
    """Post a payment journal and return its header.

    Raises:
        WriteRefused: a rule stops it, or a voucher does not balance; the caller's transaction undoes what was written.
    """
    check_unposted(header)
    lines = journal_lines(work, header)
    if not lines:
        raise WriteRefused(f"Error: Journal {header.data['JournalBatchNumber']} has no lines.")
    vouchers: dict[str, list[Record]] = {}
    for line in lines:
        vouchers.setdefault(str(line.data.get("Voucher", "")), []).append(line)
    for number, own in vouchers.items():
        _post_voucher(work, number, own)
    refresh_totals(work, header)
    totals = totals_of(work, header)
    if totals is not None:
        changes = {"Posted": "Yes", "PostedDateTime": moment_text(work.now), "Log": f"{len(vouchers)} vouchers posted"}
        work.revise(TOTALS, totals, changes, work.note)
    return work.revise(HEADERS, header, {"IsPosted": "Yes"}, work.note)


def _post_voucher(work: Work, number: str, lines: list[Record]) -> None:
    first = lines[0].data
    company, currency, date = str(first["dataAreaId"]), str(first["CurrencyCode"]), str(first["TransactionDate"])
    if any(line.data["TransactionDate"] != date or line.data["CurrencyCode"] != currency for line in lines):
        raise WriteRefused(f"Error: The lines of voucher {number} differ in date or currency.")
    entries: list[Entry] = []
    for line in lines:
        amount = settlement.amount_of(line.data)
        if not amount:
            raise WriteRefused(f"Error: Line {line.data['LineNumber']} of voucher {number} has no amount.")
        draft = Draft(ENTITIES[LINES], company, dict(line.data))
        account = resolve_account(work, draft, "AccountType", "AccountDisplayValue")
        text = str(line.data.get("TransactionText", ""))
        entries.append(_entry(account, amount, text))
        if line.data.get("OffsetAccountDisplayValue"):
            offset = resolve_account(work, draft, "OffsetAccountType", "OffsetAccountDisplayValue")
            check_bank_currency(currency, offset)
            entries.append(_entry(offset, -amount, text))
            _move_money(work, line, offset, -amount)
        _move_money(work, line, account, amount)
        if account.kind == "Vend":
            entries += _pay(work, line, account, amount)
    book(work, Voucher(number, company, date, currency, "Payment"), entries)


def _entry(account: Account, amount: Decimal, text: str) -> Entry:
    if account.kind == "Ledger":
        return Entry(account.display_value, amount, text)
    bank = account.record.data if account.kind == "Bank" and account.record is not None else None
    summary = PAYABLES if bank is None else str(bank.get("BankMainAccountIdDisplayValue") or BANK)
    return Entry(summary, amount, text, profile=True)


def _move_money(work: Work, line: Record, account: Account, amount: Decimal) -> None:
    """Write the bank transaction, if the account is a bank's."""
    if account.kind != "Bank":
        return
    data, company = line.data, str(line.data["dataAreaId"])
    row = {
        "dataAreaId": company,
        "AccountId": account.number,
        "Voucher": data["Voucher"],
        "TransDate": data["TransactionDate"],
        "CurrencyCode": data["CurrencyCode"],
        "BankTransCurrencyCode": data["CurrencyCode"],
        "AmountCur": amount,
        "BankTransAmountCur": amount,
        "AmountMST": accounting_amount(work, company, data["CurrencyCode"], amount, data["TransactionDate"]),
        "ChequeNum": data.get("CheckNumber", ""),
        "PaymReference": data.get("PaymentReference", ""),
        "PaymentMode": data.get("PaymentMethodName", ""),
        "Txt": data.get("TransactionText", ""),
        "LedgerTransType": "Payment",
    }
    work.insert(BANK_TRANSACTIONS, row, work.note)


def _pay(work: Work, line: Record, account: Account, amount: Decimal) -> list[Entry]:
    """Write the vendor's transaction, settle what the line marks, and return the entries of the cash discount."""
    vendor_holds.check_vendor(
        work, account.number, str(line.data["dataAreaId"]), vendor_holds.PAYMENT, "LedgerJournalTrans"
    )
    payment = _transaction(work, line, account.number, amount, "Payment")
    discount = Decimal()
    for row in settlement.rows_of(work, line):
        discount += _settle(work, line, payment, row)
        payment = work.store.get(payment.object, payment.key) or payment
    if not discount:
        return []
    _transaction(work, line, account.number, discount, "CashDiscount", settled=discount)
    return [
        Entry(PAYABLES, discount, "Cash discount", profile=True),
        Entry(CASH_DISCOUNT, -discount, "Cash discount", profile=True),
    ]


def _transaction(
    work: Work, line: Record, account: str, amount: Decimal, kind: str, settled: Decimal = Decimal()
) -> Record:
    data, company = line.data, str(line.data["dataAreaId"])
    row = {
        "dataAreaId": company,
        "AccountNum": account,
        "Voucher": data["Voucher"],
        "JournalNum": data["JournalBatchNumber"],
        "TransType": kind,
        "TransDate": data["TransactionDate"],
        "CurrencyCode": data["CurrencyCode"],
        "AmountCur": amount,
        "AmountMST": accounting_amount(work, company, data["CurrencyCode"], amount, data["TransactionDate"]),
        "SettleAmountCur": settled,
        "PaymMode": data.get("PaymentMethodName", ""),
        "PaymReference": data.get("PaymentReference", ""),
        "PaymId": data.get("PaymentId", ""),
        "Txt": data.get("TransactionText", ""),
        "CompanyBankAccountId": data.get("OffsetAccountDisplayValue", "")[:10],
        "Prepayment": data.get("IsPrepayment", "No"),
        "Approved": "Yes",
        **({"Closed": data["TransactionDate"]} if settled == amount else {}),
    }
    return work.insert(settlement.TRANSACTIONS, row, work.note)


def _settle(work: Work, line: Record, payment: Record, row: Record) -> Decimal:
    """Settle one marked invoice with a payment and return the discount that was taken.

    Raises:
        WriteRefused: the invoice is not open any more, or for less than was marked.
    """
    data = row.data
    sought = (str(data["InvoiceCompany"]), str(data["invoiceAccount"]), data["InvoiceNumber"])
    invoice = settlement.open_invoice(work, *sought)
    if invoice is None:
        raise settlement.not_found(data["InvoiceNumber"])
    taken, discount = settlement.taken(row), to_decimal(data.get(_DISCOUNT, 0))
    settlement.check_amount(work, invoice, taken, row.key)
    paid = (taken - discount) * to_decimal(data.get("InvoiceToPaymentCrossRate", 1))
    date, voucher = str(line.data["TransactionDate"]), str(line.data["Voucher"])
    _reduce(work, invoice, -taken, date, voucher, payment)
    _reduce(work, payment, paid, date, voucher, invoice)
    for own, other, amount in ((invoice, payment, -taken), (payment, invoice, paid)):
        work.insert(SETTLEMENTS, _settlement(own, other, amount, discount, date, voucher), work.note)
    return discount


def _settlement(
    own: Record, other: Record, amount: Decimal, discount: Decimal, date: str, voucher: str
) -> dict[str, Any]:
    return {
        "dataAreaId": own.data["dataAreaId"],
        "TransCompany": own.data["dataAreaId"],
        "OffsetCompany": other.data["dataAreaId"],
        "AccountNum": own.data["AccountNum"],
        "OffsetAccountNum": other.data["AccountNum"],
        "OffsetTransVoucher": other.data["Voucher"],
        "SettlementVoucher": voucher,
        "TransRecId": int(own.data[RECORD_ID]),
        "OffsetRecid": int(other.data[RECORD_ID]),
        "TransDate": date,
        "DueDate": own.data.get("DueDate", date),
        "SettleAmountCur": amount,
        "UtilizedCashDisc": discount if amount < 0 else Decimal(),
        "TransType": own.data.get("TransType", "None"),
        "CanBeReversed": "Yes",
    }


def _reduce(work: Work, transaction: Record, amount: Decimal, date: str, voucher: str, other: Record) -> None:
    settled = to_decimal(transaction.data.get("SettleAmountCur", 0)) + amount
    changes: dict[str, Any] = {
        "SettleAmountCur": settled,
        "LastSettleDate": date,
        "LastSettleVoucher": other.data["Voucher"],
        "LastSettleAccountNum": other.data["AccountNum"],
        "LastSettleCompany": other.data["dataAreaId"],
    }
    if settled == to_decimal(transaction.data.get("AmountCur", 0)):
        changes["Closed"] = date
    work.revise(settlement.TRANSACTIONS, transaction, changes, work.note)
