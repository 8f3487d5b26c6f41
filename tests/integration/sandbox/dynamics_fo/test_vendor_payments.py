"""Vendor payment journals over HTTP: lines, marks, totals, collisions, and what posting does with the money."""

import asyncio
from decimal import Decimal

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.payables import (
    SETTLED,
    act,
    created,
    edit,
    invoice,
    journal,
    pay,
    post,
    posted,
    prepare,
    refused,
    rows,
    seed,
    settings,
    settle,
)
from tests.integration.sandbox.dynamics_fo.server import infolog_of, ledger_of


@pytest.fixture(autouse=True)
async def world(sandbox: httpx.AsyncClient) -> None:
    await prepare(sandbox)


async def journal_row(sandbox: httpx.AsyncClient, number: str) -> dict[str, object]:
    return (await rows(sandbox, "LedgerJournalTableBiEntities", f"JournalNum eq '{number}'"))[0]


async def test_a_payment_goes_from_the_journal_to_the_bank(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "100.00", "50.50")
    await posted(sandbox)
    number = await journal(sandbox, Description="Payments of 2 March")
    line = (await pay(sandbox, number, "150.50", MarkedInvoice="A-1", PaymentMethodName="CHECK")).json()
    assert (line["LineNumber"], line["AccountType"], line["VendorName"]) == (1, "Vend", "Acme Office")
    assert (line["OffsetAccountType"], line["OffsetAccountDisplayValue"]) == ("Bank", "USMF OPER")
    assert (line["SettleVoucher"], line["Voucher"]) == ("SelectedTransact", "APPM000001")

    assert (await act(sandbox, "payment_journals/usmf/post"))["refused"] == []

    key = f"/data/VendorPaymentJournalHeaders(dataAreaId='usmf',JournalBatchNumber='{number}')"
    assert (await sandbox.get(key)).json()["IsPosted"] == "Yes"
    row = await journal_row(sandbox, number)
    assert (row["Posted"], row["NumOfLines"], row["JournalTotalDebit"]) == ("Yes", 1, 150.5)
    assert row["PostedDateTime"] > "2026"
    owed, paid = await rows(sandbox, "VendTransBiEntities")
    assert (owed["AmountCur"], owed["SettleAmountCur"], owed["LastSettleVoucher"]) == (-150.5, -150.5, "APPM000001")
    assert (paid["AmountCur"], paid["SettleAmountCur"], paid["JournalNum"]) == (150.5, 150.5, number)
    assert owed["Closed"] == paid["Closed"] == line["TransactionDate"]
    [bank] = await rows(sandbox, "BankAccountTransBiEntities")
    assert (bank["AccountId"], bank["AmountCur"], bank["Voucher"]) == ("USMF OPER", -150.5, "APPM000001")
    entries = await rows(sandbox, "GeneralJournalAccountEntryBiEntities")
    assert [(each["LedgerAccount"], each["TransactionCurrencyAmount"]) for each in entries[-2:]] == [
        ("200100--", 150.5),
        ("110110--", -150.5),
    ]
    settlements = await rows(sandbox, "VendSettlementBiEntities")
    assert [each["SettleAmountCur"] for each in settlements] == [-150.5, 150.5]
