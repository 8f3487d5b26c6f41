"""Writing: defaults, checks, error grammar, concurrency, numbers, dimensions."""

import asyncio

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.server import infolog_of, ledger_of, new_order

CUSTOMER = "/data/CustomersV3(dataAreaId='usmf',CustomerAccount='US-001')"


async def add_line(client: httpx.AsyncClient, order: dict[str, object], **fields: object) -> httpx.Response:
    body = {"dataAreaId": "usmf", "SalesOrderNumber": order["SalesOrderNumber"], "ItemNumber": "1000", **fields}
    return await client.post("/data/SalesOrderLines", json=body)


async def test_an_order_takes_its_defaults_from_customer_and_item(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox)
    assert (order["CurrencyCode"], order["PaymentTermsName"], order["InvoiceCustomerAccountNumber"]) == (
        "USD",
        "Net30",
        "US-001",
    )
    response = await add_line(sandbox, order, OrderedSalesQuantity=3)
    line = response.json()
    assert response.status_code == 201
    assert (line["SalesPrice"], line["LineAmount"], line["SalesUnitSymbol"]) == (12.5, 37.5, "ea")
    assert (line["ShippingSiteId"], line["InventoryLotId"], line["LineCreationSequenceNumber"]) == (
        "1",
        "USMF-000001",
        1,
    )
    assert (await add_line(sandbox, order)).json()["LineCreationSequenceNumber"] == 2
    assert '"LineAmount":37.50' in response.text


async def test_an_explicit_empty_value_suppresses_the_default(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox, PaymentTermsName="")
    assert order["PaymentTermsName"] == ""


async def test_the_customers_reference_is_not_unique(sandbox: httpx.AsyncClient):
    first = await new_order(sandbox, CustomersOrderReference="SRC-1")
    second = await new_order(sandbox, CustomersOrderReference="SRC-1")
    assert first["SalesOrderNumber"] != second["SalesOrderNumber"]
    created = await ledger_of(sandbox, "SalesOrderHeadersV2")
    assert [entry["fields"]["CustomersOrderReference"] for entry in created] == ["SRC-1", "SRC-1"]
    params = {"$filter": "CustomersOrderReference eq 'src-1'", "$count": "true", "$top": "0"}
    assert (await sandbox.get("/data/SalesOrderHeadersV2", params=params)).json()["@odata.count"] == 2


async def test_error_grammar_of_a_failed_lookup(sandbox: httpx.AsyncClient):
    body = {"dataAreaId": "usmf", "CustomerGroupId": "ZZ", "SalesCurrencyCode": "USD", "OrganizationName": "X"}
    response = await sandbox.post("/data/CustomersV3", json=body)
    assert response.status_code == 400
    assert infolog_of(response) == (
        "Write failed for table row of type 'CustCustomerV3Entity'. Infolog: Warning: The value 'ZZ' in field "
        "'Customer group' is not found in the related table 'Customer groups'.; Warning: validateField failed on "
        "field 'CustCustomerV3Entity.CustomerGroupId'.."
    )
    await sandbox.post("/_sandbox/settings", json={"validation_status": 500})
    assert (await sandbox.post("/data/CustomersV3", json=body)).status_code == 500


@pytest.mark.parametrize(
    ("set_name", "body", "text"),
    [
        ("CustomersV3", {"CustomerGroupId": "10", "SalesCurrencyCode": "USD"}, "Field 'Name' must be filled in."),
        ("CustomersV3", {"OrganizationName": "X"}, "must be filled in."),
        ("SalesOrderHeadersV2", {"OrderingCustomerAccountNumber": "DE-001"}, "related table 'Customers'"),
        ("SalesOrderHeadersV2", {"SalesOrderNumber": "MINE"}, "cannot be set manually"),
        ("SalesOrderHeadersV2", {"SalesOrderStatus": "Invoiced"}, "does not allow editing"),
        ("SalesOrderHeadersV2", {"CustomersOrderReference": "x" * 61}, "longer than 60 characters"),
        ("SalesOrderHeadersV2", {"Nonsense": 1}, "The property 'Nonsense' does not exist"),
        ("SalesOrderHeadersV2", {"TotalDiscountAmount": "1"}, "Cannot convert a value '1'"),
        ("SalesOrderHeadersV2", {"RequestedShippingDate": "tomorrow"}, "Cannot convert a value 'tomorrow'"),
        ("SalesOrderHeadersV2", {"dataAreaId": "zzzz"}, "related table 'Legal entities'"),
        ("SalesOrderHeadersV2", {"DefaultShippingSiteId": "9"}, "related table 'Sites'"),
        ("ContactPersons", {"AssociatedPartyNumber": "nobody", "LastName": "L"}, "'Global address book'"),
    ],
)
async def test_refused_creates(sandbox: httpx.AsyncClient, set_name: str, body: dict[str, object], text: str):
    response = await sandbox.post(f"/data/{set_name}", json={"dataAreaId": "usmf", **body})
    assert response.status_code == 400
    assert text in infolog_of(response)
    assert await ledger_of(sandbox, set_name) == []


async def test_a_chosen_number_cannot_be_used_twice(sandbox: httpx.AsyncClient):
    body = {
        "dataAreaId": "usmf",
        "CustomerAccount": "us-001",
        "OrganizationName": "X",
        "CustomerGroupId": "10",
        "SalesCurrencyCode": "USD",
    }
    response = await sandbox.post("/data/CustomersV3", json=body)
    assert response.status_code == 500
    assert "Cannot create a record in Customers (CustTable)" in infolog_of(response)
    assert "The record already exists" in infolog_of(response)
    product = {"ItemNumber": "1000", "ProductType": "Item", "ProductSubType": "Product", "ItemModelGroupId": "FIFO"}
    groups = {"ProductGroupId": "G", "StorageDimensionGroupName": "SW", "TrackingDimensionGroupName": "None"}
    again = await sandbox.post("/data/ReleasedProductCreationsV2", json={**product, **groups})
    assert "already exists" in infolog_of(again)
    fresh = await sandbox.post("/data/ReleasedProductCreationsV2", json={**product, **groups, "ItemNumber": "1001"})
    assert fresh.status_code == 201
    assert (await sandbox.get("/data/ProductsV2(ProductNumber='1001')")).json()["ProductName"] == "1001"
    released = await sandbox.get("/data/ReleasedProductsV2(dataAreaId='usmf',ItemNumber='1001')")
    assert released.json()["ProductGroupId"] == "G"


async def test_lines_that_business_rules_refuse(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox)
    unreleased = await add_line(sandbox, order, ItemNumber="9999")
    assert (
        "The value '9999' in field 'Item number' is not found in the related table 'Released products'."
        in infolog_of(unreleased)
    )
    no_site = {"DefaultShippingSiteId": "", "DefaultShippingWarehouseId": ""}
    bare = await new_order(sandbox, **no_site)
    assert "Inventory dimension Site is mandatory" in infolog_of(await add_line(sandbox, bare))
    assert (await add_line(sandbox, bare, ShippingWarehouseId="11")).json()["ShippingSiteId"] == "1"
    assert (await add_line(sandbox, bare, ItemNumber="S100")).status_code == 201
    await sandbox.post("/_sandbox/products/usmf/1000/block")
    assert "Item '1000' is blocked for 'Sales order'." in infolog_of(await add_line(sandbox, order))
    await sandbox.post("/_sandbox/products/usmf/1000/unblock")
    assert (await add_line(sandbox, order)).status_code == 201


async def test_customers_on_hold_get_no_orders(sandbox: httpx.AsyncClient):
    assert (await sandbox.patch(CUSTOMER, json={"OnHoldStatus": "All"})).status_code == 204
    body = {"dataAreaId": "usmf", "OrderingCustomerAccountNumber": "US-001"}
    assert "on hold" in infolog_of(await sandbox.post("/data/SalesOrderHeadersV2", json=body))


async def test_etags_change_with_every_write_and_guard_it(sandbox: httpx.AsyncClient):
    first = (await sandbox.get(CUSTOMER)).headers["etag"]
    assert first.startswith('W/"')
    changed = await sandbox.patch(CUSTOMER, json={"KnownAs": "A"}, headers={"if-match": first})
    assert (changed.status_code, changed.content) == (204, b"")
    assert "etag" not in changed.headers
    second = (await sandbox.get(CUSTOMER)).headers["etag"]
    assert second != first
    stale = await sandbox.patch(CUSTOMER, json={"KnownAs": "B"}, headers={"if-match": first})
    assert stale.status_code == 412
    assert (await sandbox.get(CUSTOMER)).json()["KnownAs"] == "A"
    again = await sandbox.patch(CUSTOMER, json={"KnownAs": "A"})
    assert (again.status_code, (await sandbox.get(CUSTOMER)).headers["etag"]) == (204, second)
    entries = await ledger_of(sandbox, "CustomersV3")
    assert [(entry["action"], entry["fields"]) for entry in entries] == [("update", {"KnownAs": "A"})]
    assert entries[0]["before"]["OrganizationName"] == entries[0]["after"]["OrganizationName"] == "Contoso Retail"


async def test_keys_stay_and_unknown_keys_are_not_created(sandbox: httpx.AsyncClient):
    assert (await sandbox.patch(CUSTOMER, json={"CustomerAccount": "X"})).status_code == 400
    missing = "/data/CustomersV3(dataAreaId='usmf',CustomerAccount='nobody')"
    assert (await sandbox.patch(missing, json={"KnownAs": "x"})).status_code == 404
    other = "/data/CustomersV3(dataAreaId='demf',CustomerAccount='DE-001')"
    assert (await sandbox.patch(other, json={"KnownAs": "x"})).status_code == 404
    assert (await sandbox.patch(f"{other}?cross-company=true", json={"KnownAs": "x"})).status_code == 204


async def test_parallel_lines_of_one_order_collide(sandbox: httpx.AsyncClient):
    await sandbox.post("/_sandbox/settings", json={"line_write_seconds": 0.1})
    order, other = await new_order(sandbox), await new_order(sandbox)
    replies = await asyncio.gather(*(add_line(sandbox, each) for each in (order, order, other)))
    refused = [reply for reply in replies if reply.status_code != 201]
    assert len(refused) == 1
    assert refused[0].status_code == 500
    assert "An update conflict occurred due to another user process" in infolog_of(refused[0])
    await sandbox.post("/_sandbox/settings", json={"line_conflict_probability": 0})
    replies = await asyncio.gather(*(add_line(sandbox, order) for _ in range(3)))
    assert [reply.status_code for reply in replies] == [201, 201, 201]


async def test_number_sequences_can_be_manual(sandbox: httpx.AsyncClient):
    sequence = {"SalesOrderHeadersV2": {"mode": "both", "companies": {"usmf": {"format": "US-####", "next": 7}}}}
    await sandbox.post("/_sandbox/seed", json={"number_sequences": sequence})
    assert (await new_order(sandbox))["SalesOrderNumber"] == "US-0007"
    assert (await new_order(sandbox, SalesOrderNumber="MINE"))["SalesOrderNumber"] == "MINE"
    await sandbox.post("/_sandbox/seed", json={"number_sequences": {"SalesOrderHeadersV2": {"mode": "manual"}}})
    body = {"dataAreaId": "usmf", "OrderingCustomerAccountNumber": "US-001"}
    response = await sandbox.post("/data/SalesOrderHeadersV2", json=body)
    assert "Field 'Sales order' must be filled in." in infolog_of(response)


async def test_dimension_strings_follow_the_active_format(sandbox: httpx.AsyncClient):
    field = "DefaultLedgerDimensionDisplayValue"
    body = {"dataAreaId": "usmf", "OrderingCustomerAccountNumber": "US-001", field: "001"}
    response = await sandbox.post("/data/SalesOrderHeadersV2", json=body)
    assert "No active financial dimension format" in infolog_of(response)
    formats = {
        "default": ["BusinessUnit", "Department", "CostCenter"],
        "values": {"BusinessUnit": ["001"], "Department": ["0-22"], "CostCenter": ["7"]},
    }
    await sandbox.post("/_sandbox/seed", json={"dimension_formats": formats})
    for given, kept in (("001", "001--"), ("001-0\\-22-7-9", "001-0\\-22-7"), ("--7", "--7")):
        assert (await new_order(sandbox, **{field: given}))[field] == kept
    wrong = await sandbox.post("/data/SalesOrderHeadersV2", json={**body, field: "7-001"})
    assert "'7' is not valid for the dimension 'BusinessUnit'" in infolog_of(wrong)
    await sandbox.post("/_sandbox/settings", json={"dimension_errors": "silent"})
    assert (await new_order(sandbox, **{field: "7-001"}))[field] == ""


async def test_an_order_goes_through_its_states(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox, CustomersOrderReference="SRC-9")
    assert (await add_line(sandbox, order, OrderedSalesQuantity=2)).status_code == 201
    number = order["SalesOrderNumber"]
    for action in ("confirm", "ship", "invoice"):
        assert (await sandbox.post(f"/_sandbox/orders/usmf/{number}/{action}")).status_code == 200
    key = f"/data/SalesOrderHeadersV2(dataAreaId='usmf',SalesOrderNumber='{number}')"
    row = (await sandbox.get(key)).json()
    assert (row["SalesOrderStatus"], row["SalesOrderProcessingStatus"]) == ("Invoiced", "Invoiced")
    assert "cannot be changed in status Invoiced" in infolog_of(await sandbox.patch(key, json={"Email": "a@b.c"}))
    assert (await sandbox.delete(key)).status_code == 400
    invoice = (await sandbox.get("/data/SalesInvoiceHeadersV2")).json()["value"][0]
    assert (invoice["TotalInvoiceAmount"], invoice["CustomersOrderReference"]) == (25, "SRC-9")
    assert (await sandbox.post(f"/_sandbox/orders/usmf/{number}/cancel")).status_code == 400


@pytest.mark.parametrize(
    ("header", "amount", "tax", "discount"),
    [
        ({}, 30.35, 4.85, 0),
        ({"TotalDiscountPercentage": 10}, 27.32, 4.37, 2.55),
        ({"TotalDiscountAmount": 5.5, "ArePricesIncludingSalesTax": "Yes"}, 20, 3.2, 5.5),
        ({"CurrencyCode": "JPY", "TotalDiscountPercentage": 5}, 30, 5, 1),
    ],
)
async def test_totals_of_an_order(sandbox: httpx.AsyncClient, header, amount, tax, discount):
    """2 × 12.50 and 0.50 less nothing, taxed with 19 % and 20 %; yen have no decimals."""
    await sandbox.post("/_sandbox/seed", json={"records": {"Currencies": [{"CurrencyCode": "JPY"}]}})
    await sandbox.post("/_sandbox/settings", json={"item_tax_percent": {"FULL": 19, "VAT": 20}})
    order = await new_order(sandbox, **header)
    for quantity, price, group in ((2, 12.5, "FULL"), (1, 0.5, "VAT")):
        line = {"OrderedSalesQuantity": quantity, "SalesPrice": price, "SalesTaxItemGroupCode": group}
        assert (await add_line(sandbox, order, **line)).status_code == 201
    found = (await sandbox.post(f"/_sandbox/orders/usmf/{order['SalesOrderNumber']}/total")).json()
    names = ("OrderTotalAmount", "OrderTotalTaxAmount", "OrderTotalDiscountAmount", "AreTotalsCalculated")
    assert [found.get(name, 0) for name in names] == [amount, tax, discount, "Yes"]


async def test_deleting_an_order_deletes_its_lines(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox)
    assert (await add_line(sandbox, order)).status_code == 201
    key = f"/data/SalesOrderHeadersV2(dataAreaId='usmf',SalesOrderNumber='{order['SalesOrderNumber']}')"
    assert (await sandbox.delete(key)).status_code == 204
    assert (await sandbox.get("/data/SalesOrderLines/$count")).text == "0"
    assert [entry["action"] for entry in await ledger_of(sandbox, "SalesOrderLines")] == ["create", "delete"]
