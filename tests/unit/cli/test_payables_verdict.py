"""The oracle of accounts payable sees what is wrong."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from headrace.cli.demo.payables_books import Books, Companies
from headrace.cli.demo.payables_verdict import (
    judge_acknowledgements,
    judge_codes,
    judge_invoices,
    judge_money,
    judge_payments,
    judge_vendors,
)

COMPANIES = Companies({4811: "usmf"})
SCAN = b"%PDF-1.4 an invoice"
INVOICE: dict[str, Any] = {
    "Id": 7,
    "AccountingSystemId": 4811,
    "Number": "A-1",
    "BuyerVendor": {"VendorExternalSystemID": "1001|ADDR2"},
    "InvoiceDate": "2026-03-01T00:00:00",
    "GrossAmount": 100.0,
    "CurrencyCode": "USD",
    "Distributions": [
        {
            "LineNumber": 1,
            "Amount": 100.0,
            "Description": "Desks",
            "EnterpriseCodes": [
                {"EnterpriseCodeValue": "601500", "EnterpriseCodeGroups": [{"CodeGroupName": "GL Account"}]},
                {"EnterpriseCodeValue": "R-D", "EnterpriseCodeGroups": [{"CodeGroupName": "Department"}]},
            ],
        }
    ],
}
PAYMENT: dict[str, Any] = {
    "PaymentId": 9,
    "AccountingSystemId": 4811,
    "Payee": {"VendorExternalSystemID": "1001"},
    "Amount": 98.0,
    "CurrencyCode": "USD",
    "BankAccount": {"ClientIds": ["USMF OPER"]},
    "PaymentMethod": {"Description": "Check"},
    "AvidPayChecknumber": "20044871",
    "Status": {"Description": "Void"},
    "SettledDate": "2026-03-09T00:00:00",
    "VoidDate": "2026-03-10T00:00:00",
    "Remittances": [{"Number": "A-1", "Net": 98.0, "Discount": 2.0}],
}
_SHARED = {"dataAreaId": "usmf", "AccountType": "Vend", "AccountDisplayValue": "1001", "CurrencyCode": "USD"}
_SHARED |= {"OffsetAccountType": "Bank", "OffsetAccountDisplayValue": "USMF OPER", "PaymentMethodName": "CHECK"}
REFERENCE = {"dataAreaId": "usmf", "HeaderReference": "HR1"}


def row(obj: str, path: str = "/data/…", **after: Any) -> dict[str, Any]:
    key = ",".join(str(value) for value in after.values())
    return {"object": obj, "key": key, "action": "create", "after": after, "request": {"method": "POST", "path": path}}


def invoices() -> list[dict[str, Any]]:
    return [
        row(
            "VendorInvoiceHeaders",
            **REFERENCE,
            InvoiceAccount="1001",
            InvoiceNumber="A-1",
            InvoiceDate="2026-03-01T12:00:00Z",
            Currency="USD",
            ImportedAmount=100,
            DocumentNumber="7",
        ),
        row(
            "VendorInvoiceLines",
            **REFERENCE,
            InvoiceLineNumber=1,
            MainAccountDisplayValue="601500-R\\-D-",
            DimensionDisplayValue="R\\-D-",
            NetAmount=100,
            LineDescription="Desks",
        ),
        row(
            "VendorInvoiceDocumentAttachments",
            **REFERENCE,
            FileContents={"sha256": hashlib.sha256(SCAN).hexdigest(), "bytes": len(SCAN)},
        ),
    ]


def payments() -> list[dict[str, Any]]:
    own = {"TransactionDate": "2026-03-09T12:00:00Z", "PaymentReference": "20044871", "DebitAmount": 98}
    back = {"TransactionDate": "2026-03-10T12:00:00Z", "CreditAmount": 98}
    names = {"00001": "AvidXchange 2026-03-09 USMF OPER USD", "00002": "AvidXchange 2026-03-10 USMF OPER USD reversals"}
    posting = "/_sandbox/payment_journals/usmf/post"
    return [
        *(
            row("VendorPaymentJournalHeaders", dataAreaId="usmf", JournalBatchNumber=number, Description=name)
            for number, name in names.items()
        ),
        row("VendorPaymentJournalLines", JournalBatchNumber="00001", LineNumber=1, PaymentId="ap/9", **_SHARED, **own),
        row(
            "VendorPaymentJournalLines", JournalBatchNumber="00002", LineNumber=1, PaymentId="ap/9-V", **_SHARED, **back
        ),
        row(
            "VendorPaymentJournalLineSettledInvoices",
            JournalLineCompany="usmf",
            JournalBatchNumber="00001",
            JournalLineNumber=1.0,
            InvoiceNumber="A-1",
            SettlementAmountInInvoiceCurrency=98,
            CashDiscountToTakeInInvoiceCurrency=2,
        ),
        row("LedgerJournalTableBiEntities", dataAreaId="usmf", JournalNum="00001", JournalTotalDebit=98),
        row("LedgerJournalTableBiEntities", dataAreaId="usmf", JournalNum="00002", JournalTotalCredit=98),
        row(
            "BankAccountTransBiEntities", posting, dataAreaId="usmf", AccountId="USMF OPER", AmountCur=-98, Voucher="1"
        ),
        row("BankAccountTransBiEntities", posting, dataAreaId="usmf", AccountId="USMF OPER", AmountCur=98, Voucher="2"),
        row("GeneralJournalAccountEntryBiEntities", posting, GeneralJournalEntry=1, AccountingCurrencyAmount=98, n=1),
        row("GeneralJournalAccountEntryBiEntities", posting, GeneralJournalEntry=1, AccountingCurrencyAmount=-98, n=2),
    ]


def judged(ledger: list[dict[str, Any]]) -> list[str]:
    books = Books(ledger)
    return (
        judge_invoices([INVOICE], books, COMPANIES, {7: SCAN}, by_hand=())
        + judge_payments([PAYMENT], books, COMPANIES)
        + judge_money([PAYMENT], books, COMPANIES)
    )


def test_what_is_right_is_clean() -> None:
    assert judged([*invoices(), *payments()]) == []


Change = Callable[[list[dict[str, Any]]], object]


def set_in(place: int, **fields: Any) -> Change:
    return lambda ledger: ledger[place]["after"].update(fields)


def again(place: int, key: str = "another", **fields: Any) -> Change:
    def change(ledger: list[dict[str, Any]]) -> None:
        twin = copy.deepcopy(ledger[place])
        twin["key"] = key
        twin["after"] |= fields
        ledger.append(twin)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ledger: ledger.pop(0), "created 0 times"),
        (again(0, HeaderReference="HR2"), "created 2 times"),
        (again(0, InvoiceNumber="B-1"), "nobody approved"),
        (set_in(0, ImportedAmount=100.01), "ImportedAmount is 100.01 instead of"),
        (lambda ledger: ledger.pop(1), "'Desks') is missing"),
        (again(1), "'Desks') is too many"),
        (set_in(1, MainAccountDisplayValue="601500-R-D-"), "is missing"),
        (set_in(1, NetAmount=99.99), "is too many"),
        (set_in(2, FileContents={"sha256": "0", "bytes": 1}), "image"),
        (again(2), "image"),
        (lambda ledger: ledger.pop(5), "payment ap/9: 0 lines"),
        (again(5, JournalBatchNumber="00002"), "payment ap/9: 2 lines"),
        (again(5, PaymentId="10"), "nobody paid it"),
        (set_in(5, DebitAmount=97.99), "DebitAmount is 97.99"),
        (set_in(5, TransactionDate="2026-03-08T12:00:00Z"), "TransactionDate"),
        (lambda ledger: ledger.pop(6), "payment ap/9-V: 0 lines"),
        (set_in(6, JournalBatchNumber="00001"), "comes to"),
        (lambda ledger: ledger.pop(7), "settlements"),
        (again(7), "is too many"),
        (set_in(7, SettlementAmountInInvoiceCurrency=97), "settlements"),
        (set_in(8, JournalTotalDebit=98.01), "comes to 98.01 instead of 98"),
        (set_in(8, JournalBalance=0.01), "does not balance"),
        (set_in(4, Description="AvidXchange 2026-03-10 USMF OPER USD"), "reversals in"),
        (set_in(3, Description="AvidXchange 2026-03-08 USMF OPER USD"), "in journal"),
        (set_in(10, AmountCur=-97), "moved instead of"),
        (set_in(12, AccountingCurrencyAmount=97), "is off by"),
    ],
)
def test_what_is_wrong_is_told(change: Change, words: str) -> None:
    ledger = [*invoices(), *payments()]
    change(ledger)
    assert any(words in sentence for sentence in judged(ledger)), judged(ledger)


def test_what_a_clerk_entered_is_not_written_again() -> None:
    books = Books(invoices())
    assert judge_invoices([INVOICE], books, COMPANIES, {7: SCAN}, by_hand=("A-1",))[0].endswith(
        "a clerk has entered it"
    )
    seeded = [{**entry, "request": {"method": "SEED", "path": "/_sandbox/seed"}} for entry in invoices()]
    assert judge_invoices([INVOICE], Books(seeded), COMPANIES, {7: SCAN}, by_hand=("A-1",)) == []


def test_a_payment_that_was_never_settled_has_no_line() -> None:
    still = {**PAYMENT, "SettledDate": None}
    assert "usmf payment ap/9: nobody paid it" in judge_payments([still], Books(payments()), COMPANIES)


ADDRESS = {"Line1": "1 Street", "City": "Leeds", "PostalCode": "LS1"}
VENDOR = {
    "dataAreaId": "usmf",
    "VendorAccountNumber": "1001",
    "VendorOrganizationName": "Acme",
    "CurrencyCode": "USD",
    "AddressStreet": "1 Street",
    "AddressCity": "Leeds",
    "AddressZipCode": "LS1",
}
SENT = {
    "AccountingSystemId": 4811,
    "VendorExternalSystemID": "1001",
    "VendorName": "Acme",
    "CurrencyCode": "USD",
    "IsActive": True,
    "Address": ADDRESS,
}


@pytest.mark.parametrize(
    ("vendor", "sent", "words"),
    [
        ({}, [SENT], ""),
        ({}, [], "is missing"),
        ({"OnHoldStatus": "All"}, [SENT], "IsActive"),
        ({"IsOneTimeVendor": "Yes"}, [SENT], "used once"),
        ({"VendorOrganizationName": "Acme 2"}, [SENT], "VendorName"),
        ({"AddressCity": "York"}, [SENT], "City"),
        ({}, [SENT, {**SENT, "VendorExternalSystemID": "1002"}], "nobody's"),
    ],
)
def test_vendors(vendor: dict[str, Any], sent: list[dict[str, Any]], words: str) -> None:
    told = judge_vendors([{**VENDOR, **vendor}], sent, [], COMPANIES)
    assert (words in told[0]) if words else told == []


def test_a_vendor_or_code_that_was_made_twice() -> None:
    twice = [{"object": name, "key": "k", "action": "create"} for name in ("vendors", "enterpriseCodes")] * 2
    assert judge_vendors([], [], twice, COMPANIES) == ["vendor k: created 2 times"]
    assert judge_codes([], [], [], twice, COMPANIES) == ["code k: created 2 times"]


def test_codes() -> None:
    accounts = [{"MainAccountId": "601500", "Name": "Office supplies"}]
    values = [{"FinancialDimension": "Department", "DimensionValue": "OPS", "LegalEntityId": "demf"}]
    account = {"AccountingSystemId": 4811, "GroupName": "GL Account", "CodeValue": "601500", "IsActive": True}
    kept = [{**account, "Description": "601500 : Office supplies"}]
    assert judge_codes(accounts, [], kept, [], COMPANIES) == []
    assert judge_codes(accounts, values, kept, [], COMPANIES) == ["code demf Department OPS: is missing"]
    assert judge_codes([], [], kept, [], COMPANIES) == ["code usmf GL Account 601500: is nobody's"]
    assert "IsActive" in judge_codes(accounts, [], [{**kept[0], "IsActive": False}], [], COMPANIES)[0]


def test_acknowledgements() -> None:
    closed, opened = {"BatchGUID": "a", "DateClosed": "2026-03-02T10:00:00"}, {"BatchGUID": "b", "DateClosed": None}
    told = {"BatchId": "a", "LastChangedDate": "2026-03-02T10:00:01"}
    assert judge_acknowledgements([closed, opened], [told]) == []
    early = {**told, "LastChangedDate": "2026-03-02T09:00:00"}
    assert judge_acknowledgements([closed, opened], [early]) == ["batch a: is not acknowledged"]
    other = {**told, "BatchId": "b"}
    assert judge_acknowledgements([closed, opened], [told, other]) == ["batch b: acknowledged, but not closed"]
