"""Free text invoices over HTTP: what a write needs, what people post, and the voucher that it leaves."""

from decimal import Decimal

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.payables import act, created, edit, post, prepare, refused, rows, settings
from tests.integration.sandbox.dynamics_fo.server import infolog_of

HEADERS, LINES = "CDSFreeTextInvoiceHeaders", "CDSFreeTextInvoiceLines"
CODED = {"MainAccountDisplayValue": "401100-SALES-100"}
US_001 = "CustomersV3/dataAreaId=usmf,CustomerAccount=US-001"
HEADER = f"/data/{HEADERS}(dataAreaId='usmf',ExternalInvoiceId='X/1')"
LINE = f"/data/{LINES}(dataAreaId='usmf',ExternalInvoiceId='X/1',LineNumber=1)"


@pytest.fixture(autouse=True)
async def world(sandbox: httpx.AsyncClient) -> None:
    await prepare(sandbox)
    await settings(sandbox, duplicate_status=400)


async def billed(client: httpx.AsyncClient, reference: str, *amounts: str, **fields: object) -> dict[str, object]:
    """Create an invoice with a line for each amount."""
    body = {"CustomerAccount": "US-001", "InvoiceDate": "2026-03-01T12:00:00Z", **fields}
    header = await created(client, HEADERS, ExternalInvoiceId=reference, **body)
    for amount in amounts:
        line = {"ExternalInvoiceId": reference, "TransactionCurrencyAmount": Decimal(amount)}
        await created(client, LINES, **line, **CODED)
    return header


async def test_defaults_and_numbers(sandbox: httpx.AsyncClient):
    header = await billed(sandbox, "X/1", "100.00", "0.25")
    assert (header["CurrencyCode"], header["TermsOfPayment"], header["IsPosted"]) == ("USD", "Net30", "No")
    assert (header["DueDate"], header["FreeTextNumber"]) == ("2026-03-31T12:00:00Z", "")
    assert [row["LineNumber"] for row in await rows(sandbox, LINES)] == [1, 2]
    priced = {"ExternalInvoiceId": "X/1", "Quantity": 3, "UnitPrice": Decimal("2.5"), **CODED}
    assert (await created(sandbox, LINES, LineNumber=7, **priced))["TransactionCurrencyAmount"] == 7.5
    [one] = (await sandbox.get(HEADER, params={"$expand": LINES})).json()[LINES][2:]
    assert one["LineNumber"] == 7


@pytest.mark.parametrize(
    ("set_name", "fields", "text"),
    [
        (HEADERS, {"CustomerAccount": "US-001"}, "Field 'External invoice' must be filled in."),
        (HEADERS, {"ExternalInvoiceId": "X/2"}, "Field 'Customer account' must be filled in."),
        (HEADERS, {"ExternalInvoiceId": "X/2", "CustomerAccount": "NOBODY"}, "related table 'Customers'"),
        (HEADERS, {"ExternalInvoiceId": "X/1", "CustomerAccount": "US-001"}, "already exists"),
        (HEADERS, {"ExternalInvoiceId": "X/2", "CustomerAccount": "US-001", "IsPosted": "Yes"}, "not allow editing"),
        (LINES, {"ExternalInvoiceId": "X/9", **CODED}, "related table 'Free text invoices'"),
        (LINES, {"ExternalInvoiceId": "X/1"}, "Field 'Main account' must be filled in."),
        (LINES, {"ExternalInvoiceId": "X/1", "MainAccountDisplayValue": "999999--"}, "'999999' does not exist"),
        (LINES, {"ExternalInvoiceId": "X/1", "LineNumber": 1, **CODED}, "already exists"),
        (
            LINES,
            {"ExternalInvoiceId": "X/1", "Quantity": 2, "UnitPrice": 3, "TransactionCurrencyAmount": 7, **CODED},
            "Amount 7 is not quantity 2 times unit price 3",
        ),
    ],
)
async def test_what_is_refused(sandbox: httpx.AsyncClient, set_name: str, fields: dict[str, object], text: str):
    await billed(sandbox, "X/1", "100.00")
    assert text in await refused(sandbox, set_name, **fields)
    assert len(await rows(sandbox, set_name)) == 1


async def test_posting_numbers_it_and_books_a_voucher(sandbox: httpx.AsyncClient):
    await settings(sandbox, item_tax_percent={"FULL": "8.25"})
    await billed(sandbox, "X/1", "100.00", "-0.25", CustomerReference="AR-1")
    taxed = {"ExternalInvoiceId": "X/1", "TransactionCurrencyAmount": 10, "SalesTaxItemGroupId": "FULL", **CODED}
    await created(sandbox, LINES, **taxed)
    outcome = await act(sandbox, "customer_invoices/usmf/post", references=["X/1"])
    assert outcome["refused"] == []
    [header] = await rows(sandbox, HEADERS)
    assert (header["IsPosted"], header["FreeTextNumber"]) == ("Yes", "FTI-00000001")
    [row] = await rows(sandbox, "CustInvoiceJourBiEntities")
    assert (row["InvoiceId"], row["InvoiceAmount"], row["SumTax"]) == ("FTI-00000001", 110.58, 0.83)
    assert (row["CustomerRef"], row["DueDate"]) == ("AR-1", "2026-03-31T12:00:00Z")
    [head] = await rows(sandbox, "GeneralJournalEntryBiEntities")
    assert (head["SubledgerVoucher"], head["JournalCategory"]) == (row["LedgerVoucher"], "Cust")
    entries = await rows(sandbox, "GeneralJournalAccountEntryBiEntities")
    booked = [(each["LedgerAccount"], each["TransactionCurrencyAmount"]) for each in entries]
    assert booked == [
        ("401100-SALES-100", -100),
        ("401100-SALES-100", 0.25),
        ("401100-SALES-100", -10),
        ("202140--", -0.83),
        ("130100--", 110.58),
    ]


async def test_a_posted_one_stays_as_it_is(sandbox: httpx.AsyncClient):
    await billed(sandbox, "X/1", "100.00")
    await act(sandbox, "customer_invoices/usmf/post")
    await settings(sandbox, posted_change_status=409)
    for answer in (
        await sandbox.patch(HEADER.replace("/1'", "%2F1'"), json={"CustomerReference": "late"}),
        await sandbox.delete(HEADER.replace("/1'", "%2F1'")),
        await sandbox.patch(LINE.replace("/1'", "%2F1'"), json={"Description": "late"}),
        await sandbox.delete(LINE.replace("/1'", "%2F1'")),
        await post(sandbox, LINES, ExternalInvoiceId="X/1", **CODED),
    ):
        assert answer.status_code == 409, answer.text
        assert "has been posted" in infolog_of(answer)
    assert (await act(sandbox, "customer_invoices/usmf/post"))["done"] == []
    again = await act(sandbox, "customer_invoices/usmf/post", references=["X/1"])
    assert "has been posted" in str(again["refused"][0]["error"])
    assert len(await rows(sandbox, "CustInvoiceJourBiEntities")) == 1


async def test_one_that_cannot_be_posted(sandbox: httpx.AsyncClient):
    await billed(sandbox, "EMPTY")
    await billed(sandbox, "X/1", "100.00")
    await edit(sandbox, US_001, OnHoldStatus="Invoice")
    outcome = await act(sandbox, "customer_invoices/usmf/post")
    assert sorted(str(each["error"]) for each in outcome["refused"]) == [
        "Error: Customer US-001 is on hold for Invoice.",
        "Error: Free text invoice EMPTY has no lines.",
    ]
    await edit(sandbox, US_001, OnHoldStatus="All")
    text = await refused(sandbox, HEADERS, ExternalInvoiceId="X/3", CustomerAccount="US-001")
    assert "Customer US-001 is on hold for All." in text
    assert await rows(sandbox, "GeneralJournalEntryBiEntities") == []


async def test_an_open_one_goes_with_its_lines(sandbox: httpx.AsyncClient):
    await billed(sandbox, "X/1", "100.00")
    assert (await sandbox.delete(HEADER.replace("/1'", "%2F1'"))).status_code == 204
    assert await rows(sandbox, LINES) == []
