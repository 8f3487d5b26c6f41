"""Vendors over HTTP: addresses that two sets show, clocks of the mirrors, holds, purchase orders."""

from decimal import Decimal

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.payables import (
    HEADERS,
    created,
    edit,
    invoice,
    journal,
    pay,
    prepare,
    refused,
    rows,
    seed,
    settings,
)
from tests.integration.sandbox.dynamics_fo.server import infolog_of, ledger_of

ACME = "VendorsV2/dataAreaId=usmf,VendorAccountNumber=1001"
ADDRESS = {"AddressStreet": "1 Main St", "AddressCity": "Bellevue", "AddressStateId": "WA"}
ADDRESS |= {"AddressZipCode": "98004", "AddressCountryRegionId": "USA"}


@pytest.fixture(autouse=True)
async def world(sandbox: httpx.AsyncClient) -> None:
    await prepare(sandbox)


async def test_a_vendor_takes_its_defaults(sandbox: httpx.AsyncClient):
    vendor = await created(sandbox, "VendorsV2", VendorGroupId="20", VendorOrganizationName="Northwind", **ADDRESS)
    assert (vendor["VendorAccountNumber"], vendor["CurrencyCode"]) == ("USMF-V000001", "USD")
    assert (vendor["DefaultPaymentTermsName"], vendor["VendorSearchName"]) == ("Net30", "Northwind")
    assert vendor["FormattedPrimaryAddress"] == "1 Main St\nBellevue, WA 98004\nUSA"
    [row] = await rows(sandbox, "VendVendorPostalAddresses", "VendorAccountNumber eq 'USMF-V000001'")
    assert (row["IsPrimary"], row["IsRoleBusiness"], row["AddressCity"]) == ("Yes", "Yes", "Bellevue")
    assert (row["AddressLocationId"], row["VendorLegalEntityId"]) == (vendor["AddressLocationId"], "usmf")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"VendorOrganizationName": "X"}, "Field 'Group' must be filled in."),
        ({"VendorGroupId": "99", "VendorOrganizationName": "X"}, "related table 'Vendor groups'"),
        ({"VendorGroupId": "10"}, "Field 'Name' must be filled in."),
        ({"VendorGroupId": "10", "VendorOrganizationName": "X", "CurrencyCode": "XXX"}, "table 'Currencies'"),
        (
            {"VendorGroupId": "10", "VendorOrganizationName": "X", "DefaultVendorPaymentMethodName": "GOLD"},
            "related table 'Methods of payment - vendors'",
        ),
        (
            {"VendorGroupId": "10", "VendorOrganizationName": "X", "AddressDescription": "Office"},
            "Field 'Country/region' must be filled in.",
        ),
    ],
)
async def test_refused_vendors(sandbox: httpx.AsyncClient, fields: dict[str, object], text: str):
    assert text in await refused(sandbox, "VendorsV2", **fields)


async def test_a_vendors_address_changes_without_the_vendors_clock(sandbox: httpx.AsyncClient):
    """The primary address is another table: VendTable tells no change, the vendor's row shows it all the same."""
    [before] = await rows(sandbox, "VendTableBiEntities", "AccountNum eq '1001' and dataAreaId eq 'usmf'")
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 60})
    remit = {"AddressLocationRoles": "RemitTo;Invoice", "AddressDescription": "Lockbox", **ADDRESS}
    row = await created(sandbox, "VendVendorPostalAddresses", VendorAccountNumber="1001", IsPrimary="Yes", **remit)
    assert (row["IsRoleInvoice"], row["IsRoleBusiness"]) == ("Yes", "No")
    assert row["AddressValidTo"] == "2154-12-31T23:59:59Z"
    [after] = await rows(sandbox, "VendTableBiEntities", "AccountNum eq '1001' and dataAreaId eq 'usmf'")
    assert after["SysModifiedDateTime"] == before["SysModifiedDateTime"]
    vendor = (await rows(sandbox, "VendorsV2", "VendorAccountNumber eq '1001' and dataAreaId eq 'usmf'"))[0]
    assert (vendor["AddressCity"], vendor["AddressLocationId"]) == ("Bellevue", row["AddressLocationId"])
    await edit(sandbox, ACME, VendorKnownAsName="Acme")
    [touched] = await rows(sandbox, "VendTableBiEntities", "AccountNum eq '1001' and dataAreaId eq 'usmf'")
    assert touched["SysModifiedDateTime"] > before["SysModifiedDateTime"]
    second = await created(sandbox, "VendVendorPostalAddresses", VendorAccountNumber="1001", IsPrimary="Yes", **ADDRESS)
    primary = await rows(sandbox, "VendVendorPostalAddresses", "VendorAccountNumber eq '1001'")
    assert [each["AddressLocationId"] for each in primary if each["IsPrimary"] == "Yes"] == [
        second["AddressLocationId"]
    ]


async def test_the_mirrors_clocks(sandbox: httpx.AsyncClient):
    [account] = await rows(sandbox, "MainAccountBiEntities", "MainAccountId eq '601500'")
    assert (account["Name"], account["Type"]) == ("Office supplies", "Expense")
    order = await created(sandbox, "PurchaseOrderHeadersV2", OrderVendorAccountNumber="1001")
    [mirror] = await rows(sandbox, "PurchTableBiEntities", f"PurchId eq '{order['PurchaseOrderNumber']}'")
    assert "SysModifiedDateTime" not in mirror
    assert (mirror["DocumentState"], mirror["OrderAccount"]) == ("Approved", "1001")


@pytest.mark.parametrize(
    ("hold", "order", "bill", "payment"),
    [
        ("All", True, True, True),
        ("Invoice", False, True, False),
        ("Payment", False, False, True),
        ("PurchOrder", True, False, False),
        ("Requisition", False, False, False),
        ("Never", False, False, False),
    ],
)
async def test_what_a_vendors_hold_stops(sandbox: httpx.AsyncClient, hold: str, order: bool, bill: bool, payment: bool):
    number = await journal(sandbox)
    await edit(sandbox, ACME, OnHoldStatus=hold)
    bodies = (
        ("PurchaseOrderHeadersV2", {"OrderVendorAccountNumber": "1001"}),
        ("VendorInvoiceHeaders", {"InvoiceAccount": "1001", "InvoiceNumber": "A-1"}),
    )
    answers = [await sandbox.post(f"/data/{name}", json={"dataAreaId": "usmf", **body}) for name, body in bodies]
    answers.append(await pay(sandbox, number, "10"))
    assert [answer.status_code == 400 for answer in answers] == [order, bill, payment]
    texts = [infolog_of(answer) for answer in answers if answer.status_code == 400]
    assert all(f"Vendor 1001 is on hold for {hold}." in text for text in texts)


async def test_a_hold_ends_on_its_release_date(sandbox: httpx.AsyncClient):
    await edit(sandbox, ACME, OnHoldStatus="All", VendorHoldReleaseDate="2154-01-01T08:30:00Z")
    body = {"InvoiceAccount": "1001", "InvoiceNumber": "A-1"}
    assert "on hold" in await refused(sandbox, "VendorInvoiceHeaders", **body)
    await edit(sandbox, ACME, VendorHoldReleaseDate="2020-01-01T08:30:00Z")
    await created(sandbox, "VendorInvoiceHeaders", **body)


async def test_where_a_hold_for_invoices_is_met_is_a_setting(sandbox: httpx.AsyncClient):
    await settings(sandbox, invoice_hold_check="posting")
    await edit(sandbox, ACME, OnHoldStatus="Invoice")
    reference = await invoice(sandbox, "A-1")
    answer = await sandbox.post("/_sandbox/vendor_invoices/usmf/post", json={"references": [reference]})
    assert "Vendor 1001 is on hold for Invoice." in answer.json()["refused"][0]["error"]


async def test_purchase_orders_number_and_price_their_lines(sandbox: httpx.AsyncClient):
    order = await created(
        sandbox, "PurchaseOrderHeadersV2", OrderVendorAccountNumber="1001", VendorOrderReference="PO/1"
    )
    assert (order["PurchaseOrderNumber"], order["CurrencyCode"], order["PaymentTermsName"]) == (
        "PO-000001",
        "USD",
        "Net30",
    )
    body = {"PurchaseOrderNumber": order["PurchaseOrderNumber"], "ItemNumber": "1000", "PurchasePrice": Decimal("2.5")}
    first = await created(sandbox, "PurchaseOrderLinesV2", OrderedPurchaseQuantity=3, **body)
    second = await created(sandbox, "PurchaseOrderLinesV2", **body)
    assert (first["LineNumber"], first["LineAmount"], second["LineNumber"]) == (1, 7.5, 2)
    key = f"(dataAreaId='usmf',PurchaseOrderNumber='{order['PurchaseOrderNumber']}',LineNumber=2)"
    assert (await sandbox.get(f"/data/PurchaseOrderLinesV2{key}")).json()["PurchaseOrderLineStatus"] == "Backorder"
    coding = {"PurchaseOrderNumber": order["PurchaseOrderNumber"], "LineDescription": "free text"}
    assert "'Item number' must be filled in" in await refused(sandbox, "PurchaseOrderLinesV2", **coding)
    path = f"/_sandbox/purchase_orders/usmf/{order['PurchaseOrderNumber']}"
    assert (await sandbox.post(f"{path}/confirm")).json()["DocumentApprovalStatus"] == "Confirmed"
    assert (await sandbox.post(f"{path}/receive")).json()["PurchaseOrderStatus"] == "Received"
    assert "is Received; cancel needs Backorder" in (await sandbox.post(f"{path}/cancel")).json()["error"]
    header = f"/data/PurchaseOrderHeadersV2(dataAreaId='usmf',PurchaseOrderNumber='{order['PurchaseOrderNumber']}')"
    assert "in status Received" in infolog_of(await sandbox.patch(header, json={"Email": "a@b.c"}))
    assert (await sandbox.delete(header)).status_code == 400


async def test_a_vendor_with_documents_stays(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1")
    key = "/data/VendorsV2(dataAreaId='usmf',VendorAccountNumber='1001')"
    assert "dependent Vendor invoice headers exist" in infolog_of(await sandbox.delete(key))
    other = "/data/VendorsV2(dataAreaId='usmf',VendorAccountNumber='US-101')"
    assert (await sandbox.delete(other)).status_code == 204


async def test_nobody_needs_a_vendors_bank_account(sandbox: httpx.AsyncClient):
    """The set is there with its numbers, so that a test can show that nobody reads it."""
    account = {"VendorAccountNumber": "1001", "VendorBankAccountId": "MAIN", "BankAccountNumber": "000123456789"}
    await seed(
        sandbox, records={"VendorBankAccounts": [{"dataAreaId": "usmf", "RoutingNumber": "021000021", **account}]}
    )
    [row] = await rows(sandbox, "VendorBankAccounts")
    assert (row["BankAccountNumber"], row["RoutingNumber"]) == ("000123456789", "021000021")
    requests = (await sandbox.get("/_sandbox/requests")).json()["requests"]
    assert len([each for each in requests if "VendorBankAccounts" in each["path"]]) == 1


async def test_every_change_is_in_the_ledger(sandbox: httpx.AsyncClient):
    await invoice(sandbox, "A-1", "1.00", "2.00")
    headers, lines = await ledger_of(sandbox, "VendorInvoiceHeaders"), await ledger_of(sandbox, "VendorInvoiceLines")
    assert [(each["action"], each["after"]["InvoiceNumber"]) for each in headers] == [("create", "A-1")]
    assert [each["after"]["NetAmount"] for each in lines] == [1, 2]
    assert HEADERS in headers[0]["request"]["path"]
