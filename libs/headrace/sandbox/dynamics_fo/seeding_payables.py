"""The `accounts_payable` section of a seed: what a company needs before vendors can be invoiced and paid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.store import Store
from headrace.sandbox.dynamics_fo.posting.vouchers import (
    BANK,
    CASH_DISCOUNT,
    EXPENSES,
    PAYABLES,
    RECEIVABLES,
    SALES_TAX,
)

_ACCOUNTS = (
    (BANK, "Bank account", "Asset"),
    (RECEIVABLES, "Accounts receivable", "Asset"),
    ("401100", "Service revenue", "Revenue"),
    (PAYABLES, "Accounts payable", "Liability"),
    (SALES_TAX, "Sales tax receivable", "Asset"),
    (CASH_DISCOUNT, "Vendor cash discounts taken", "Revenue"),
    (EXPENSES, "Purchases, expense", "Expense"),
    ("601500", "Office supplies", "Expense"),
    ("602100", "Advertising", "Expense"),
    ("603200", "Travel", "Expense"),
    ("605110", "Repairs and maintenance", "Expense"),
    ("606300", "Utilities", "Expense"),
    ("618160", "Freight", "Expense"),
)
_METHODS = (
    ("CHECK", "Check", "Check"),
    ("ELECTRONIC", "Electronic payment", "ElectronicPayment"),
    ("VCARD", "Virtual card", "ElectronicPayment"),
)


def payables_rows(store: Store, section: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield set and row of the reference data, for each company that the section names or, for `true`, each one.

    Raises:
        ControlError: the section is neither, or names a company that is not there.
    """
    known = {str(row.data["LegalEntityId"]): row for row in store.list("LegalEntities")}
    wanted = [*known] if section is True else section
    if not isinstance(wanted, list) or set(wanted) - set(known):
        raise ControlError(f"accounts_payable: give true or a list of companies; known are {sorted(known)}")
    for company in wanted:
        ledger = store.find("Ledgers", "LegalEntityId", company)[0].data
        yield from _shared(str(ledger.get("ChartOfAccounts", "Shared")))
        for set_name, row in _company(company, str(ledger.get("AccountingCurrency", "USD"))):
            yield set_name, {"dataAreaId": company, **row}


def _shared(chart: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, name, kind in _ACCOUNTS:
        row = {"ChartOfAccounts": chart, "MainAccountId": number, "Name": name, "MainAccountType": kind}
        yield "MainAccounts", row


def _company(company: str, currency: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    bank = f"{company.upper()} OPER"
    yield "VendorParameters", {"IsCheckInvoiceNumberUsed": "NoDuplicate"}
    yield "VendorGroups", {"VendorGroupId": "10", "Description": "Parts vendors", "DefaultPaymentTermName": "Net30"}
    yield "VendorGroups", {"VendorGroupId": "20", "Description": "Services", "DefaultPaymentTermName": "Net30"}
    yield (
        "BankAccounts",
        {
            "BankAccountId": bank,
            "Name": f"Operating account {company.upper()}",
            "CurrencyCode": currency,
            "BankMainAccountIdDisplayValue": BANK,
        },
    )
    for name, description, kind in _METHODS:
        method = {"Name": name, "Description": description, "PaymentType": kind}
        yield "VendorPaymentMethods", {**method, "AccountType": "Bank", "PaymentAccountDisplayValue": bank}
    journal = {"Name": "VendPay", "Description": "Vendor payments", "Type": "Payment"}
    yield "JournalNames", {**journal, "OffsetAccountType": "Bank", "OffsetAccountDisplayValue": bank}
    yield "JournalNames", {"Name": "GenJrn", "Description": "General journal", "Type": "Daily"}
