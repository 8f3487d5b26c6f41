"""Pending vendor invoices over HTTP: numbers, coding, attachments, and what posting makes of them."""

import base64
import hashlib
from decimal import Decimal

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.payables import (
    HEADERS,
    act,
    created,
    edit,
    invoice,
    post,
    posted,
    prepare,
    refused,
    rows,
    seed,
    settings,
)
from tests.integration.sandbox.dynamics_fo.server import infolog_of, ledger_of

PARAMETERS = "VendorParameters/dataAreaId=usmf"
PDF = b"%PDF-1.4 invoice A-1"
LINE = {"HeaderReference": "INV/A-1", "Currency": "USD", "NetAmount": 10}
CODED = {**LINE, "MainAccountDisplayValue": "601500-SALES-100"}


def key_of(reference: str, company: str = "usmf") -> str:
    return f"{HEADERS}(dataAreaId='{company}',HeaderReference='{reference.replace('/', '%2F')}')"


@pytest.fixture(autouse=True)
async def world(sandbox: httpx.AsyncClient) -> None:
    await prepare(sandbox)


async def test_a_header_takes_its_defaults(sandbox: httpx.AsyncClient):
    body = {"InvoiceAccount": "1001", "InvoiceNumber": "A-1", "InvoiceDate": "2026-03-01T12:00:00Z"}
    header = await created(sandbox, "VendorInvoiceHeaders", **body)
    assert (header["HeaderReference"], header["Currency"], header["VendorName"]) == (
        "USMF-00000001",
        "USD",
        "Acme Office",
    )
    assert (header["TermsOfPayment"], header["DueDate"]) == ("Net30", "2026-03-31T12:00:00Z")
    assert header["VendorInvoiceReviewStatus"] == "Draft"
    undated = await created(sandbox, "VendorInvoiceHeaders", InvoiceAccount="1001", InvoiceNumber="A-2")
    assert undated["InvoiceDate"].startswith("1900-01-01")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"InvoiceNumber": "A-1"}, "Field 'Invoice account' must be filled in."),
        ({"InvoiceAccount": "1001"}, "Field 'Invoice number' must be filled in."),
        ({"InvoiceAccount": "9999", "InvoiceNumber": "A-1"}, "related table 'Vendors'"),
        ({"InvoiceAccount": "1001", "InvoiceNumber": "A" * 21}, "longer than 20 characters"),
        ({"InvoiceAccount": "1001", "InvoiceNumber": "A-1", "Currency": "XXX"}, "related table 'Currencies'"),
        (
            {"InvoiceAccount": "1001", "InvoiceNumber": "A-1", "MethodOfPayment": "GOLD"},
            "related table 'Methods of payment - vendors'",
        ),
        (
            {"InvoiceAccount": "1001", "InvoiceNumber": "A-1", "PurchaseOrderNumber": "PO-9"},
            "related table 'Purchase orders'",
        ),
        (
            {"InvoiceAccount": "1001", "InvoiceNumber": "A-1", "VendorInvoiceReviewStatus": "Approved"},
            "does not allow editing",
        ),
        (
            {"InvoiceAccount": "1001", "InvoiceNumber": "A-1", "DimensionDisplayValue": "NOWHERE-100"},
            "'NOWHERE' is not valid for the dimension 'Department'",
        ),
    ],
)
async def test_refused_headers(sandbox: httpx.AsyncClient, fields: dict[str, object], text: str):
    assert text in await refused(sandbox, "VendorInvoiceHeaders", **fields)
    assert await ledger_of(sandbox, "VendorInvoiceHeaders") == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({**CODED, "HeaderReference": "NOBODY"}, "related table 'Vendor invoice headers'"),
        ({**CODED, "Currency": ""}, "Field 'Currency' must be filled in."),
        ({**CODED, "Currency": "EUR"}, "Currency EUR of the line differs from currency USD"),
        (LINE, "Field 'Procurement category' must be filled in."),
        ({**LINE, "MainAccountDisplayValue": "999999-SALES-100"}, "main account '999999' does not exist"),
        ({**LINE, "MainAccountDisplayValue": "601500-NONE-100"}, "'NONE' is not valid for the dimension 'Department'"),
        ({**CODED, "DimensionDisplayValue": "SALES-999"}, "'999' is not valid for the dimension 'CostCenter'"),
        ({**CODED, "PurchaseOrder": "PO-9"}, "related table 'Purchase orders'"),
        ({**CODED, "PurchLineNumber": 1}, "Field 'Purchase order' must be filled in."),
        ({**CODED, "ItemNumber": "9999"}, "related table 'Released products'"),
    ],
)
async def test_refused_lines(sandbox: httpx.AsyncClient, fields: dict[str, object], text: str):
    await created(
        sandbox, "VendorInvoiceHeaders", HeaderReference="INV/A-1", InvoiceAccount="1001", InvoiceNumber="A-1"
    )
    assert text in await refused(sandbox, "VendorInvoiceLines", **fields)
    assert await ledger_of(sandbox, "VendorInvoiceLines") == []


async def test_lines_are_numbered_and_priced(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "10.00")
    body = {**CODED, "ReceiveNow": 3, "UnitPrice": Decimal("1.25"), "InvoiceLineNumber": Decimal("5.0")}
    del body["NetAmount"]
    line = await created(sandbox, "VendorInvoiceLines", **body)
    assert (line["InvoiceLineNumber"], line["NetAmount"], line["Amount"]) == (5, 3.75, 3.75)
    assert (await created(sandbox, "VendorInvoiceLines", **CODED))["InvoiceLineNumber"] == 6
    again = await post(sandbox, "VendorInvoiceLines", **{**CODED, "InvoiceLineNumber": 5})
    assert (again.status_code, "already exists" in infolog_of(again)) == (500, True)
    key = "/data/VendorInvoiceLines(dataAreaId='usmf',HeaderReference='INV%2FA-1',InvoiceLineNumber=5)"
    assert (await sandbox.patch(key, json={"LineDescription": "paper"})).status_code == 204
    assert (await sandbox.get(key)).json()["NetAmount"] == 3.75
    total = await sandbox.get("/_sandbox/vendor_invoices/usmf/total", params={"reference": "INV/A-1"})
    assert total.json() == {"net": 23.75, "tax": 0, "amount": 23.75}


async def test_a_line_of_a_purchase_order_names_both_of_its_parts(sandbox: httpx.AsyncClient):
    order = await created(sandbox, "PurchaseOrderHeadersV2", OrderVendorAccountNumber="1001")
    number = order["PurchaseOrderNumber"]
    item = {"ItemNumber": "1000", "OrderedPurchaseQuantity": 4, "PurchasePrice": 25}
    await created(sandbox, "PurchaseOrderLinesV2", PurchaseOrderNumber=number, **item)
    await created(
        sandbox, "VendorInvoiceHeaders", HeaderReference="INV/A-1", InvoiceAccount="1001", InvoiceNumber="A-1"
    )
    body = {"HeaderReference": "INV/A-1", "Currency": "USD", "PurchaseOrder": number}
    assert "'Procurement category' must be" in await refused(sandbox, "VendorInvoiceLines", **body)
    half = await refused(sandbox, "VendorInvoiceLines", ItemNumber="1000", **body)
    assert "Field 'Purchase order line' must be filled in." in half
    unknown = await refused(sandbox, "VendorInvoiceLines", ItemNumber="1000", PurchLineNumber=2, **body)
    assert "related table 'Purchase order lines'" in unknown
    line = await created(sandbox, "VendorInvoiceLines", PurchLineNumber=1, **body)
    assert (line["ItemNumber"], line["ReceiveNow"], line["NetAmount"]) == ("1000", 4, 100)
    other = {"HeaderReference": "INV/B-1", "InvoiceAccount": "US-101", "InvoiceNumber": "B-1"}
    await created(sandbox, "VendorInvoiceHeaders", **other)
    foreign = await refused(sandbox, "VendorInvoiceLines", **{**body, "HeaderReference": "INV/B-1"}, PurchLineNumber=1)
    assert f"Purchase order {number} belongs to invoice account 1001" in foreign
    await posted(sandbox, "INV/A-1")
    [header] = await rows(sandbox, "PurchaseOrderHeadersV2")
    assert header["PurchaseOrderStatus"] == "Invoiced"


async def test_accounts_and_dimensions_that_are_closed(sandbox: httpx.AsyncClient):
    account = "MainAccounts/ChartOfAccounts=Shared,MainAccountId=601500"
    value = "FinancialDimensionValues/FinancialDimension=Department,LegalEntityId=,DimensionValue=SALES"
    reference = await invoice(sandbox, "A-1")
    for path, field, text in (
        (account, "IsSuspended", "main account '601500' is suspended"),
        (account, "DoNotAllowManualEntry", "Manual entry is not allowed for the main account '601500'"),
        (value, "IsSuspended", "'SALES' of dimension 'Department' is suspended"),
    ):
        await edit(sandbox, path, **{field: "Yes"})
        assert text in await refused(sandbox, "VendorInvoiceLines", **CODED)
        outcome = await act(sandbox, "vendor_invoices/usmf/post", references=[reference])
        assert text in outcome["refused"][0]["error"]
        await edit(sandbox, path, **{field: "No"})
    await created(sandbox, "VendorInvoiceLines", **CODED)


async def test_a_changed_format_breaks_what_is_sent_in_the_old_one(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1")
    body = {**CODED, "DimensionDisplayValue": "SALES-0\\-7"}
    assert (await created(sandbox, "VendorInvoiceLines", **body))["DimensionDisplayValue"] == "SALES-0\\-7"
    await seed(sandbox, dimension_formats={"default": ["CostCenter", "Department"]})
    assert "'SALES' is not valid for the dimension 'CostCenter'" in await refused(sandbox, "VendorInvoiceLines", **body)
    await settings(sandbox, dimension_errors="silent")
    kept = await created(sandbox, "VendorInvoiceLines", **body)
    assert (kept["DimensionDisplayValue"], kept["MainAccountDisplayValue"]) == ("", "601500-SALES-100")
    bad = {**body, "MainAccountDisplayValue": "999999"}
    assert "main account '999999' does not exist" in await refused(sandbox, "VendorInvoiceLines", **bad)


@pytest.mark.parametrize(
    ("mode", "same_year", "next_year"),
    [
        ("NoDuplicate", False, False),
        ("NoDuplicateInYear", False, True),
        ("AcceptDuplicate", True, True),
        ("WarnDuplicate", True, True),
    ],
)
@pytest.mark.parametrize("already", ["pending", "posted"])
async def test_an_invoice_number_is_used_once(
    sandbox: httpx.AsyncClient, mode: str, same_year: bool, next_year: bool, already: str
):
    await edit(sandbox, PARAMETERS, IsCheckInvoiceNumberUsed=mode)
    await invoice(sandbox, "A-1")
    if already == "posted":
        await posted(sandbox)
    for day, allowed in (("2026-12-31", same_year), ("2027-01-01", next_year)):
        body = {"InvoiceAccount": "1001", "InvoiceNumber": "a-1", "InvoiceDate": f"{day}T12:00:00Z"}
        answer = await post(sandbox, "VendorInvoiceHeaders", **body)
        assert answer.status_code == (201 if allowed else 500)
        if not allowed:
            where = "pending invoice INV/A-1" if already == "pending" else "voucher APIN000001"
            assert f"already exists for invoice account 1001: {where}." in infolog_of(answer)
        else:
            await sandbox.delete(answer.headers["location"])
    other = {"InvoiceNumber": "A-1", "InvoiceDate": "2026-03-01T12:00:00Z"}
    await created(sandbox, "VendorInvoiceHeaders", InvoiceAccount="US-101", **other)
    await created(sandbox, "VendorInvoiceHeaders", dataAreaId="demf", InvoiceAccount="1001", **other)


async def test_a_number_may_be_checked_at_posting_only(sandbox: httpx.AsyncClient):
    await settings(sandbox, invoice_number_check="posting")
    first = await invoice(sandbox, "A-1")
    second = await invoice(sandbox, "A-1", HeaderReference="INV/A-1B")
    await posted(sandbox, first)
    outcome = await act(sandbox, "vendor_invoices/usmf/post", references=[second])
    assert "already exists for invoice account 1001: voucher APIN000001" in outcome["refused"][0]["error"]
    assert [row["HeaderReference"] for row in await rows(sandbox, "VendorInvoiceHeaders")] == [second]


async def test_an_attachment_belongs_to_its_header(sandbox: httpx.AsyncClient):
    body = {"HeaderReference": "INV/A-1", "TypeId": "File", "FileName": "a-1.pdf", "FileType": "pdf"}
    file = {**body, "FileContents": base64.b64encode(PDF).decode()}
    missing = await refused(sandbox, "VendorInvoiceDocumentAttachments", **file)
    assert "related table 'Vendor invoice headers'" in missing
    await invoice(sandbox, "A-1")
    broken = await refused(sandbox, "VendorInvoiceDocumentAttachments", **body, FileContents="not base64!")
    assert "Edm.Binary" in broken
    row = await created(sandbox, "VendorInvoiceDocumentAttachments", **file)
    assert (base64.b64decode(row["FileContents"]), row["Name"]) == (PDF, "a-1.pdf")
    second = await post(sandbox, "VendorInvoiceDocumentAttachments", **file)
    assert "already exists" in infolog_of(second)
    [entry] = await ledger_of(sandbox, "VendorInvoiceDocumentAttachments")
    assert entry["after"]["FileContents"] == {"sha256": hashlib.sha256(PDF).hexdigest(), "bytes": len(PDF)}
    query = {"$filter": "FileContents eq 'x'"}
    assert (await sandbox.get("/data/VendorInvoiceDocumentAttachments", params=query)).status_code == 400
    await posted(sandbox)
    assert await rows(sandbox, "VendorInvoiceDocumentAttachments") == []


async def test_posting_moves_an_invoice_out_of_the_pending_ones(sandbox: httpx.AsyncClient):
    await settings(sandbox, item_tax_percent={"FULL": 10})
    await invoice(sandbox, "A-1", "100.00")
    await created(sandbox, "VendorInvoiceLines", **CODED, ItemSalesTax="FULL", LineDescription="taxed")
    [done] = await posted(sandbox)
    assert (done["InvoiceId"], done["InvoiceAmount"], done["SumTax"]) == ("A-1", 111, 1)
    for name in ("VendorInvoiceHeaders", "VendorInvoiceLines"):
        assert await rows(sandbox, name) == []
    [journal_row] = await rows(sandbox, "VendInvoiceJourBiEntities", "InvoiceId eq 'A-1'")
    assert (journal_row["LedgerVoucher"], journal_row["DueDate"]) == ("APIN000001", "2026-03-31T12:00:00Z")
    key = f"/data/VendInvoiceJourBiEntities(dataAreaId='usmf',SourceKey={journal_row['SourceKey']})"
    assert (await sandbox.get(key)).json()["InvoiceAccount"] == "1001"
    [owed] = await rows(sandbox, "VendTransBiEntities")
    assert (owed["AmountCur"], owed["Invoice"], owed["Voucher"]) == (-111, "A-1", "APIN000001")
    assert owed["Closed"].startswith("1900-01-01")
    assert [row["LineAmount"] for row in await rows(sandbox, "VendInvoiceTransBiEntities")] == [100, 10]
    entries = await rows(sandbox, "GeneralJournalAccountEntryBiEntities")
    assert [(row["LedgerAccount"], row["AccountingCurrencyAmount"]) for row in entries] == [
        ("601500-SALES-100", 100),
        ("601500-SALES-100", 10),
        ("202140--", 1),
        ("200100--", -111),
    ]
    answer = await post(sandbox, "VendInvoiceJourBiEntities", InvoiceId="X")
    assert "is read-only" in infolog_of(answer)


async def test_a_foreign_invoice_is_booked_at_its_rate_or_not_at_all(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "100.01", "0.03", Currency="EUR")
    outcome = await act(sandbox, "vendor_invoices/usmf/post")
    assert "exchange rate of currency EUR to USD" in outcome["refused"][0]["error"]
    assert await rows(sandbox, "VendTransBiEntities") == []
    rate = {"RateTypeName": "Default", "FromCurrency": "EUR", "ToCurrency": "USD", "StartDate": "2026-01-01"}
    await seed(sandbox, records={"ExchangeRates": [{**rate, "Rate": Decimal("110.5"), "ConversionFactor": "Hundred"}]})
    [done] = await posted(sandbox)
    assert (done["InvoiceAmount"], done["InvoiceAmountMST"]) == (100.04, 110.54)
    entries = await rows(sandbox, "GeneralJournalAccountEntryBiEntities")
    assert sum(Decimal(str(row["AccountingCurrencyAmount"])) for row in entries) == 0


@pytest.mark.parametrize("status", [400, 403, 409, 500])
async def test_what_changes_of_a_posted_invoice_meet(sandbox: httpx.AsyncClient, status: int):
    reference = await invoice(sandbox, "A-1")
    await posted(sandbox)
    assert (await sandbox.patch(key_of(reference), json={"Comment": "x"})).status_code == 404
    await settings(sandbox, posted_invoices="refuse", posted_change_status=status)
    answer = await sandbox.patch(key_of(reference), json={"Comment": "x"})
    assert (answer.status_code, "INV/A-1 is posted and cannot be changed" in infolog_of(answer)) == (status, True)
    assert (await sandbox.delete(key_of(reference))).status_code == status
    assert (await sandbox.get(key_of(reference))).status_code == 404
    assert (await sandbox.patch(key_of("NEVER"), json={"Comment": "x"})).status_code == 404


async def test_what_keeps_an_invoice_from_being_posted(sandbox: httpx.AsyncClient):
    reference = await invoice(sandbox, "A-1")
    bare = await created(sandbox, "VendorInvoiceHeaders", InvoiceAccount="1001", InvoiceNumber="A-2")
    outcome = await act(sandbox, "vendor_invoices/usmf/post", references=[bare["HeaderReference"]])
    assert "has no lines" in outcome["refused"][0]["error"]
    await sandbox.patch(key_of(reference), json={"IsOnHold": "Yes"})
    outcome = await act(sandbox, "vendor_invoices/usmf/post", references=[reference])
    assert "is on hold" in outcome["refused"][0]["error"]
    await sandbox.patch(key_of(reference), json={"IsOnHold": "No"})
    await act(sandbox, "vendor_invoices/usmf/reject", references=[reference])
    outcome = await act(sandbox, "vendor_invoices/usmf/post", references=[reference])
    assert "is Rejected and cannot be posted" in outcome["refused"][0]["error"]
    unknown = await sandbox.post("/_sandbox/vendor_invoices/usmf/post", json={"references": ["NEVER"]})
    assert (unknown.status_code, "has no HeaderReference 'NEVER'" in unknown.json()["error"]) == (400, True)


async def test_a_workflow_approves_first(sandbox: httpx.AsyncClient):
    await settings(sandbox, invoice_workflow=True)
    reference = await invoice(sandbox, "A-1")
    outcome = await act(sandbox, "vendor_invoices/usmf/post")
    assert "is Draft and cannot be posted" in outcome["refused"][0]["error"]
    for action, status in (("submit", "InReview"), ("approve", "Approved")):
        await act(sandbox, f"vendor_invoices/usmf/{action}")
        assert (await sandbox.get(key_of(reference))).json()["VendorInvoiceReviewStatus"] == status
    await posted(sandbox)


async def test_posting_all_of_a_company_leaves_what_is_refused(sandbox: httpx.AsyncClient):
    for number in range(5):
        await invoice(sandbox, f"A-{number}")
    await sandbox.patch(key_of("INV/A-3"), json={"IsOnHold": "Yes"})
    await invoice(sandbox, "D-1", dataAreaId="demf")
    outcome = await act(sandbox, "vendor_invoices/usmf/post")
    assert [row["InvoiceId"] for row in outcome["done"]] == ["A-0", "A-1", "A-2", "A-4"]
    assert [row["HeaderReference"] for row in await rows(sandbox, "VendorInvoiceHeaders")] == ["INV/A-3", "INV/D-1"]


async def test_a_header_with_lines_is_not_deleted(sandbox: httpx.AsyncClient):
    reference = await invoice(sandbox, "A-1")
    assert "dependent Vendor invoice lines exist" in infolog_of(await sandbox.delete(key_of(reference)))
    line = "/data/VendorInvoiceLines(dataAreaId='usmf',HeaderReference='INV%2FA-1',InvoiceLineNumber=1)"
    assert (await sandbox.delete(line)).status_code == 204
    assert (await sandbox.delete(key_of(reference))).status_code == 204
