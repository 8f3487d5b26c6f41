"""Vendor payment journals over HTTP: lines, marks, totals, collisions, and what posting does with the money."""

import asyncio

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


async def test_a_posted_journal_is_closed(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1")
    await posted(sandbox)
    number = await journal(sandbox)
    assert (await pay(sandbox, number, "40")).status_code == 201
    assert (await settle(sandbox, number, "A-1")).status_code == 201
    await act(sandbox, "payment_journals/usmf/post", journals=[number])
    header = f"/data/VendorPaymentJournalHeaders(dataAreaId='usmf',JournalBatchNumber='{number}')"
    line = f"/data/VendorPaymentJournalLines(dataAreaId='usmf',JournalBatchNumber='{number}',LineNumber=1)"
    answers = [
        await pay(sandbox, number, "1"),
        await settle(sandbox, number, "A-1"),
        await sandbox.patch(line, json={"TransactionText": "x"}),
        await sandbox.delete(line),
        await sandbox.patch(header, json={"Description": "x"}),
        await sandbox.delete(header),
    ]
    assert [answer.status_code for answer in answers] == [400] * 6
    assert all(f"Journal {number} is posted and cannot be changed." in infolog_of(answer) for answer in answers)
    await settings(sandbox, posted_change_status=409)
    assert (await sandbox.delete(line)).status_code == 409
    again = await act(sandbox, "payment_journals/usmf/post", journals=[number])
    assert "is posted" in again["refused"][0]["error"]
    assert (await act(sandbox, "payment_journals/usmf/post"))["refused"] == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"JournalName": "NONE"},
            "The value 'NONE' in field 'Name' is not found in the related table",
        ),
        ({"JournalName": "GenJrn"}, "The value 'GenJrn' in field 'Name' is not found in the related table"),
        ({}, "Field 'Name' must be filled in."),
        ({"JournalName": "VendPay", "JournalBatchNumber": "MINE"}, "cannot be set manually"),
        ({"JournalName": "VendPay", "IsPosted": "Yes"}, "does not allow editing"),
    ],
)
async def test_refused_journals(sandbox: httpx.AsyncClient, fields: dict[str, object], text: str):
    assert text in await refused(sandbox, "VendorPaymentJournalHeaders", **fields)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"JournalBatchNumber": "99999"}, "related table 'Ledger journal table'"),
        ({"CurrencyCode": ""}, "Field 'Currency' must be filled in."),
        ({"AccountDisplayValue": "9999"}, "The value '9999' in field 'Account' is not found in the related table"),
        ({"AccountDisplayValue": "US-101"}, "The value 'US-101' in field 'Account' is not found"),
        ({"AccountType": "Ledger", "AccountDisplayValue": "999999"}, "main account '999999' does not exist"),
        ({"AccountType": "Project", "AccountDisplayValue": "P"}, "Account type Project is not supported"),
        (
            {"OffsetAccountType": "Bank", "OffsetAccountDisplayValue": "NO BANK"},
            "The value 'NO BANK' in field 'Offset account' is not found in the related table 'Bank accounts'.",
        ),
        ({"CurrencyCode": "EUR"}, "Bank account USMF OPER takes currency USD only, not EUR."),
        ({"PaymentMethodName": "GOLD"}, "related table 'Methods of payment - vendors'"),
        ({"CreditAmount": 5}, "a debit or a credit, not both"),
        ({"DebitAmount": -5}, "Amounts must be positive"),
        ({"DefaultDimensionsForAccountDisplayValue": "NONE"}, "'NONE' is not valid for the dimension"),
        ({"MarkedInvoice": "A-9"}, "The value 'A-9' in field 'Invoice' is not found in the related table"),
        ({"PaymentReference": "R" * 21}, "longer than 20 characters"),
    ],
)
async def test_refused_lines(sandbox: httpx.AsyncClient, fields: dict[str, object], text: str):
    number = await journal(sandbox)
    answer = (
        await pay(sandbox, number, "10", **fields)
        if "JournalBatchNumber" not in fields
        else await post(sandbox, "VendorPaymentJournalLines", AccountDisplayValue="1001", CurrencyCode="USD", **fields)
    )
    assert (answer.status_code, text in infolog_of(answer)) == (400, True), infolog_of(answer)
    assert await ledger_of(sandbox, "VendorPaymentJournalLines") == []


async def test_an_account_with_the_delimiter_is_escaped(sandbox: httpx.AsyncClient):
    number = await journal(sandbox)
    line = (await pay(sandbox, number, "10", AccountDisplayValue="US\\-101")).json()
    assert (line["AccountDisplayValue"], line["VendorName"]) == ("US\\-101", "Fabrikam")


async def test_lines_bring_the_journals_totals_up_to_date(sandbox: httpx.AsyncClient):
    number = await journal(sandbox)
    seen = []
    for amount in ("10.50", "20.25"):
        assert (await pay(sandbox, number, amount)).status_code == 201
        seen.append(await journal_row(sandbox, number))
    line = f"/data/VendorPaymentJournalLines(dataAreaId='usmf',JournalBatchNumber='{number}',LineNumber=1)"
    assert (await sandbox.patch(line, json={"DebitAmount": 11})).status_code == 204
    seen.append(await journal_row(sandbox, number))
    header = f"/data/VendorPaymentJournalHeaders(dataAreaId='usmf',JournalBatchNumber='{number}')"
    children = infolog_of(await sandbox.delete(header))
    assert "Ledger journal table cannot be deleted while dependent Journal lines exist." in children
    assert (await sandbox.delete(line)).status_code == 204
    seen.append(await journal_row(sandbox, number))
    assert [(row["NumOfLines"], row["JournalTotalDebit"]) for row in seen] == [
        (1, 10.5),
        (2, 30.75),
        (2, 31.25),
        (1, 20.25),
    ]
    assert (await sandbox.delete(line.replace("LineNumber=1", "LineNumber=2.0"))).status_code == 204
    assert (await sandbox.delete(header)).status_code == 204
    assert await rows(sandbox, "LedgerJournalTableBiEntities") == []


async def test_lines_of_one_journal_collide(sandbox: httpx.AsyncClient):
    await settings(sandbox, line_write_seconds=0.1)
    number, other = await journal(sandbox), await journal(sandbox)
    replies = await asyncio.gather(*(pay(sandbox, each, "10") for each in (number, number, other)))
    assert sorted(reply.status_code for reply in replies) == [201, 201, 500]
    [loser] = [reply for reply in replies if reply.status_code == 500]
    assert "Cannot edit a record in Ledger journal table (LedgerJournalTable). An update conflict" in infolog_of(loser)
    await settings(sandbox, line_conflict_probability=0)
    replies = await asyncio.gather(*(pay(sandbox, number, "10") for _ in range(3)))
    assert [reply.status_code for reply in replies] == [201, 201, 201]


async def test_batches_collide_like_single_lines(sandbox: httpx.AsyncClient):
    """A changeset of lines holds its journal: of two that overlap, the later one is refused as a whole."""
    await settings(sandbox, line_write_seconds=0.1)
    number = await journal(sandbox)
    body = f'{{"dataAreaId":"usmf","JournalBatchNumber":"{number}","AccountDisplayValue":"1001","CurrencyCode":"USD"}}'
    parts = "".join(
        f"--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {index}\r\n\r\n"
        f"POST /data/VendorPaymentJournalLines HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{body}\r\n"
        for index in (1, 2)
    )
    content = f"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n{parts}--c--\r\n--b--\r\n"
    headers = {"content-type": "multipart/mixed; boundary=b"}
    replies = await asyncio.gather(*(sandbox.post("/data/$batch", content=content, headers=headers) for _ in range(2)))
    created_counts = sorted(reply.text.count("HTTP/1.1 201") for reply in replies)
    assert (created_counts, sum("update conflict" in reply.text for reply in replies)) == ([0, 2], 1)
    assert len(await rows(sandbox, "VendorPaymentJournalLines")) == 2


async def test_what_can_be_settled(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "100.00")
    await invoice(sandbox, "A-2", "50.00")
    await posted(sandbox, "INV/A-1")
    number = await journal(sandbox)
    await pay(sandbox, number, "120")
    pending = await settle(sandbox, number, "A-2")
    assert "'A-2' in field 'Invoice' is not found" in infolog_of(pending)
    too_much = await settle(
        sandbox, number, "A-1", SettlementAmountInInvoiceCurrency=99, CashDiscountToTakeInInvoiceCurrency=2
    )
    assert "amount to settle 101 exceeds the open amount 100.00 of invoice A-1" in infolog_of(too_much)
    row = (await settle(sandbox, number, "A-1", SettlementAmountInInvoiceCurrency=60)).json()
    assert (row["invoiceAccount"], row["InvoiceCompany"], row["InvoiceDueDate"]) == (
        "1001",
        "usmf",
        "2026-03-31T12:00:00Z",
    )
    second = await journal(sandbox)
    await pay(sandbox, second, "50")
    elsewhere = await settle(sandbox, second, "A-1", SettlementAmountInInvoiceCurrency=50)
    assert "exceeds the open amount 40.00 of invoice A-1" in infolog_of(elsewhere)
    assert "'A-1' in field 'Invoice'" in infolog_of(
        await settle(sandbox, second, "A-1", InvoiceDueDate="2026-04-01T12:00:00Z")
    )
    assert (await settle(sandbox, second, "A-1")).json()["SettlementAmountInInvoiceCurrency"] == 40
    unknown = await settle(sandbox, second, "A-1", JournalLineNumber=7)
    assert "in field 'Line number' is not found" in infolog_of(unknown)
    line = f"/data/VendorPaymentJournalLines(dataAreaId='usmf',JournalBatchNumber='{second}',LineNumber=1)"
    lowered = await sandbox.patch(line, json={"DebitAmount": 39})
    assert "The line settles 40.00, more than the 39 that it pays." in infolog_of(lowered)
    assert (await sandbox.delete(line)).status_code == 204
    assert len(await rows(sandbox, SETTLED)) == 1


async def test_a_line_settles_no_more_than_it_pays(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "100.00")
    await invoice(sandbox, "A-2", "50.00")
    await posted(sandbox)
    number = await journal(sandbox)
    await pay(sandbox, number, "120")
    assert (await settle(sandbox, number, "A-1")).status_code == 201
    more = await settle(sandbox, number, "A-2", SettlementAmountInInvoiceCurrency=30)
    assert "The line settles 130.00, more than the 120 that it pays." in infolog_of(more)
    assert (await settle(sandbox, number, "A-2")).json()["SettlementAmountInInvoiceCurrency"] == 20
    twice = await settle(sandbox, number, "A-1")
    assert "The record already exists" in infolog_of(twice)
    await act(sandbox, "payment_journals/usmf/post")
    open_amounts = {row["Invoice"]: row["AmountCur"] - row["SettleAmountCur"] for row in await owed(sandbox)}
    assert open_amounts == {"A-1": 0, "A-2": -30}


async def test_a_credit_may_be_larger_than_what_is_paid_once_it_is_netted(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "100.00")
    await invoice(sandbox, "C-1", "-90.00")
    await posted(sandbox)
    number = await journal(sandbox)
    await pay(sandbox, number, "10")
    assert (await settle(sandbox, number, "C-1", SettlementAmountInInvoiceCurrency=-90)).status_code == 201
    more = await settle(sandbox, number, "A-1", SettlementAmountInInvoiceCurrency=100.01)
    assert more.status_code == 400
    assert (await settle(sandbox, number, "A-1", SettlementAmountInInvoiceCurrency=100)).status_code == 201
    await act(sandbox, "payment_journals/usmf/post")
    assert all(row["AmountCur"] == row["SettleAmountCur"] for row in await rows(sandbox, "VendTransBiEntities"))


async def owed(sandbox: httpx.AsyncClient) -> list[dict[str, object]]:
    return [row for row in await rows(sandbox, "VendTransBiEntities") if row["AmountCur"] < 0]


async def test_a_marked_invoice_is_checked_like_a_settled_one(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "100.00")
    await posted(sandbox)
    number = await journal(sandbox)
    assert "exceeds the open amount 100" in infolog_of(await pay(sandbox, number, "101", MarkedInvoice="A-1"))
    other = await pay(sandbox, number, "10", MarkedInvoice="A-1", AccountDisplayValue="US\\-101")
    assert "'A-1' in field 'Invoice' is not found" in infolog_of(other)
    assert (await pay(sandbox, number, "100", MarkedInvoice="A-1")).status_code == 201
    [row] = await rows(sandbox, SETTLED)
    assert (row["InvoiceNumber"], row["SettlementAmountInInvoiceCurrency"], row["JournalLineNumber"]) == ("A-1", 100, 1)
    assert "exceeds the open amount 0" in infolog_of(await pay(sandbox, number, "1", MarkedInvoice="A-1"))
    line = f"/data/VendorPaymentJournalLines(dataAreaId='usmf',JournalBatchNumber='{number}',LineNumber=1)"
    assert (await sandbox.patch(line, json={"MarkedInvoice": ""})).status_code == 204
    assert await rows(sandbox, SETTLED) == []


async def test_settled_invoices_may_be_read_only(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1")
    await posted(sandbox)
    number = await journal(sandbox)
    await pay(sandbox, number, "100", MarkedInvoice="A-1")
    await settings(sandbox, settled_invoices="read_only")
    assert "is read-only" in infolog_of(await settle(sandbox, number, "A-1"))
    assert [row["InvoiceNumber"] for row in await rows(sandbox, SETTLED)] == ["A-1"]


async def test_pending_invoices_can_be_marked_where_the_settings_say_so(sandbox: httpx.AsyncClient):
    await settings(sandbox, settle_pending_invoices=True)
    await invoice(sandbox, "A-1")
    number = await journal(sandbox)
    assert (await pay(sandbox, number, "100", MarkedInvoice="A-1")).status_code == 201
    outcome = await act(sandbox, "payment_journals/usmf/post")
    assert "'A-1' in field 'Invoice' is not found" in outcome["refused"][0]["error"]
    await posted(sandbox)
    assert (await act(sandbox, "payment_journals/usmf/post"))["refused"] == []
    assert [row["SettleAmountCur"] for row in await owed(sandbox)] == [-100]


async def test_a_cash_discount_is_booked(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "100.00")
    await posted(sandbox)
    number = await journal(sandbox)
    await pay(sandbox, number, "98")
    assert (await settle(sandbox, number, "A-1", CashDiscountToTakeInInvoiceCurrency=2)).status_code == 201
    await act(sandbox, "payment_journals/usmf/post")
    [debt] = await owed(sandbox)
    assert (debt["SettleAmountCur"], debt["LastSettleVoucher"]) == (-100, "APPM000001")
    entries = await rows(sandbox, "GeneralJournalAccountEntryBiEntities")
    assert [(row["LedgerAccount"], row["TransactionCurrencyAmount"]) for row in entries[-4:]] == [
        ("200100--", 98),
        ("110110--", -98),
        ("200100--", 2),
        ("520200--", -2),
    ]


async def test_a_journal_that_does_not_balance_is_not_posted(sandbox: httpx.AsyncClient):
    await edit(sandbox, "JournalNames/dataAreaId=usmf,Name=VendPay", OffsetAccountDisplayValue="")
    number = await journal(sandbox)
    assert (await pay(sandbox, number, "10", Voucher="V-1")).json()["OffsetAccountDisplayValue"] == ""
    assert (await journal_row(sandbox, number))["JournalBalance"] == 10
    outcome = await act(sandbox, "payment_journals/usmf/post")
    assert "Voucher V-1 does not balance: 10 USD." in outcome["refused"][0]["error"]
    assert await rows(sandbox, "VendTransBiEntities") == []
    bank = {"AccountType": "Bank", "AccountDisplayValue": "USMF OPER", "DebitAmount": 0, "CreditAmount": 10}
    line = {"JournalBatchNumber": number, "CurrencyCode": "USD", "Voucher": "V-1", **bank}
    await created(sandbox, "VendorPaymentJournalLines", **line)
    assert (await act(sandbox, "payment_journals/usmf/post"))["refused"] == []
    [money] = await rows(sandbox, "BankAccountTransBiEntities")
    assert (money["AmountCur"], money["Voucher"]) == (-10, "V-1")
    row = await journal_row(sandbox, number)
    assert (row["JournalTotalDebit"], row["JournalTotalCredit"], row["JournalBalance"]) == (10, 10, 0)


async def test_a_hold_stops_the_posting_of_a_payment(sandbox: httpx.AsyncClient):
    number = await journal(sandbox)
    await pay(sandbox, number, "10")
    await edit(sandbox, "VendorsV2/dataAreaId=usmf,VendorAccountNumber=1001", OnHoldStatus="Payment")
    outcome = await act(sandbox, "payment_journals/usmf/post", journals=[number])
    assert "Vendor 1001 is on hold for Payment." in outcome["refused"][0]["error"]


async def test_a_batch_job_posts_later(sandbox: httpx.AsyncClient):
    await settings(sandbox, journal_posting="batch")
    number, bad = await journal(sandbox), await journal(sandbox)
    await pay(sandbox, number, "10")
    await pay(sandbox, bad, "0")
    scheduled = await act(sandbox, "payment_journals/usmf/post")
    assert len(scheduled["scheduled"]) == 2
    assert (await journal_row(sandbox, number))["Posted"] == "No"
    outcome = await act(sandbox, "batch/run")
    assert [row["JournalBatchNumber"] for row in outcome["done"]] == [number]
    assert "has no amount" in outcome["refused"][0]["error"]
    assert (await journal_row(sandbox, number))["Posted"] == "Yes"
    assert await act(sandbox, "batch/run") == {"done": [], "refused": []}


async def test_the_ledger_tells_an_oracle_what_was_paid(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "100.00")
    await posted(sandbox)
    number = await journal(sandbox)
    await pay(sandbox, number, "60.10")
    await settle(sandbox, number, "A-1")
    await act(sandbox, "payment_journals/usmf/post")
    lines = await ledger_of(sandbox, "VendorPaymentJournalLines")
    paid = [entry["after"]["DebitAmount"] for entry in lines if entry["action"] == "create"]
    marks = [entry["after"] for entry in await ledger_of(sandbox, SETTLED) if entry["action"] == "create"]
    totals = await ledger_of(sandbox, "LedgerJournalTableBiEntities")
    assert (paid, totals[-1]["after"]["JournalTotalDebit"]) == ([60.1], 60.1)
    assert [(mark["InvoiceNumber"], mark["SettlementAmountInInvoiceCurrency"]) for mark in marks] == [("A-1", 60.1)]
    assert totals[-1]["after"]["Posted"] == "Yes"
