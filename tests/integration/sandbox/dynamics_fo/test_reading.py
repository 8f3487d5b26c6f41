"""Reading: scope, keys, query options, paging, value forms, metadata."""

from xml.etree import ElementTree

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.server import infolog_of, new_order

GROUPS = "/data/CustomerGroups"


async def accounts(client: httpx.AsyncClient, **params: str) -> list[str]:
    response = await client.get("/data/CustomersV3", params=params)
    assert response.status_code == 200, response.text
    return [row["CustomerAccount"] for row in response.json()["value"]]


async def test_reads_see_the_callers_company_unless_they_cross_companies(sandbox: httpx.AsyncClient):
    assert await accounts(sandbox) == ["US-001"]
    assert await accounts(sandbox, **{"cross-company": "true"}) == ["US-001", "DE-001"]
    scoped = {"cross-company": "true", "$filter": "dataAreaId eq 'DEMF'"}
    assert await accounts(sandbox, **scoped) == ["DE-001"]
    key = "/data/CustomersV3(CustomerAccount='DE-001',dataAreaId='demf')"
    assert (await sandbox.get(key)).status_code == 404
    assert (await sandbox.get(f"{key}?cross-company=true")).json()["dataAreaId"] == "demf"


@pytest.mark.parametrize(
    "key", ["'US-001'", "CustomerAccount='US-001'", "dataAreaId='usmf',CustomerAccount=1", "A='1'"]
)
async def test_short_and_positional_keys_find_no_route(sandbox: httpx.AsyncClient, key: str):
    response = await sandbox.get(f"/data/CustomersV3({key})")
    assert response.status_code == 404
    assert "No route data was found for this request." in response.json()["Message"]


async def test_key_strings_with_quotes_and_slashes(sandbox: httpx.AsyncClient):
    body = {"dataAreaId": "usmf", "CustomerGroupId": "A/'#%Ł", "Description": "odd"}
    created = await sandbox.post(GROUPS, json=body)
    assert created.status_code == 201
    assert created.headers["location"].endswith(
        "CustomerGroups(dataAreaId='usmf',CustomerGroupId='A%2F''%23%25%C5%81')"
    )
    found = await sandbox.get(f"{created.headers['location']}/Description")
    assert found.json()["value"] == "odd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CustomerGroupId eq '10' and CreditLimit ge 0", ["US-001"]),
        ("OrganizationName eq '*RETAIL*'", ["US-001"]),
        ("OrganizationName ne '*retail*'", []),
        ("not (CustomerAccount eq 'US-001')", []),
        ("OnHoldStatus eq Microsoft.Dynamics.DataEntities.CustVendorBlocked'No'", ["US-001"]),
        ("AddressValidFrom lt 2020-01-01T00:00:00Z or CustomerAccount eq 'x'", ["US-001"]),
        ("CreditLimit add 5 gt 4.5", ["US-001"]),
    ],
)
async def test_filters(sandbox: httpx.AsyncClient, text: str, expected: list[str]):
    assert await accounts(sandbox, **{"$filter": text}) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CustomerAccount gt 'A'", "operator kind 'gt'"),
        ("CustomerAccount in ('A','B')", "'in' is not supported"),
        ("OnHoldStatus has Microsoft.Dynamics.DataEntities.CustVendorBlocked'No'", "'has' is not supported"),
        ("OnHoldStatus eq 'No'", "incompatible types"),
        ("OnHoldStatus eq Microsoft.Dynamics.DataEntities.CustVendorBlocked'Nope'", "not a valid enumeration"),
        ("Customeraccount eq 'A'", "Could not find a property named 'Customeraccount'"),
        ("contains(OrganizationName,'x')", "'contains' is not supported"),
        ("CustomerAccount eq", "Syntax error"),
        ("CreditLimit eq '5'", "incompatible types"),
    ],
)
async def test_filters_that_the_service_refuses(sandbox: httpx.AsyncClient, text: str, message: str):
    response = await sandbox.get("/data/CustomersV3", params={"$filter": text})
    assert response.status_code == 400
    assert message in infolog_of(response)


async def test_string_functions_are_a_switch(sandbox: httpx.AsyncClient):
    await sandbox.post("/_sandbox/settings", json={"string_functions": True})
    assert await accounts(sandbox, **{"$filter": "startswith(OrganizationName,'contoso')"}) == ["US-001"]


async def test_paging_is_by_offset_and_keeps_the_query(sandbox: httpx.AsyncClient):
    for number in range(5):
        await new_order(sandbox, CustomersOrderReference=f"R{number}")
    params = {"$select": "SalesOrderNumber", "$orderby": "CustomersOrderReference desc", "$count": "true"}
    prefer = {"prefer": "odata.maxpagesize=2"}
    page = (await sandbox.get("/data/SalesOrderHeadersV2", params=params, headers=prefer)).json()
    seen, pages = [row["SalesOrderNumber"] for row in page["value"]], 1
    assert page["@odata.count"] == 5
    while "@odata.nextLink" in page:
        assert f"$skip={pages * 2}" in page["@odata.nextLink"]
        page = (await sandbox.get(page["@odata.nextLink"], headers=prefer)).json()
        seen += [row["SalesOrderNumber"] for row in page["value"]]
        pages += 1
    assert (pages, seen) == (3, [f"SO-{number:06d}" for number in (5, 4, 3, 2, 1)])
    total = await sandbox.get("/data/SalesOrderHeadersV2/$count", params={"$filter": "CustomersOrderReference ne 'R0'"})
    assert (total.text, total.headers["content-type"].split(";")[0]) == ("4", "text/plain")
    limited = (await sandbox.get("/data/SalesOrderHeadersV2", params={"$top": "2", "$skip": "4"})).json()
    assert len(limited["value"]) == 1


async def test_expand_goes_one_level(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox)
    line = {"dataAreaId": "usmf", "SalesOrderNumber": order["SalesOrderNumber"], "ItemNumber": "1000"}
    assert (await sandbox.post("/data/SalesOrderLines", json=line)).status_code == 201
    found = await sandbox.get("/data/SalesOrderHeadersV2", params={"$expand": "SalesOrderLines($select=ItemNumber)"})
    lines = found.json()["value"][0]["SalesOrderLines"]
    assert [{name: line[name] for name in line if name[0] != "@"} for line in lines] == [{"ItemNumber": "1000"}]
    key = f"(dataAreaId='usmf',SalesOrderNumber='{order['SalesOrderNumber']}')"
    listed = (await sandbox.get(f"/data/SalesOrderHeadersV2{key}/SalesOrderLines")).json()["value"]
    assert [line["SalesPrice"] for line in listed] == [12.5]
    deep = await sandbox.get("/data/SalesOrderHeadersV2", params={"$expand": "SalesOrderLines($expand=X)"})
    assert deep.status_code == 400


async def test_value_forms(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox, RequestedShippingDate="2026-03-02T01:00:00+05:00", dataAreaId="USMF")
    assert order["dataAreaId"] == "usmf"
    assert order["RequestedShippingDate"] == "2026-03-01T12:00:00Z"
    assert order["ConfirmedShippingDate"] == "1900-01-01T12:00:00Z"
    assert (order["CampaignId"], order["TotalDiscountAmount"], order["SalesOrderStatus"]) == ("", 0, "Backorder")
    assert order["SalesOrderProcessingStatus"] == "Active"


async def test_mirrors_follow_their_tables_and_refuse_writes(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox, CustomersOrderReference="M1")
    params = {"$filter": "SysModifiedDateTime ge 2020-01-01T00:00:00Z and CustomerRef eq 'M1'"}
    row = (await sandbox.get("/data/SalesTableBiEntities", params=params)).json()["value"][0]
    assert (row["SalesId"], row["SalesStatus"]) == (order["SalesOrderNumber"], "Backorder")
    assert row["SysModifiedDateTime"].endswith("Z")
    refused = await sandbox.post("/data/SalesTableBiEntities", json={"SalesId": "1"})
    assert refused.status_code == 400
    key = f"(dataAreaId='usmf',SalesId='{order['SalesOrderNumber']}')"
    assert (await sandbox.patch(f"/data/SalesTableBiEntities{key}", json={"CustomerRef": "x"})).status_code == 400


async def test_metadata_names_every_set_and_no_lengths(sandbox: httpx.AsyncClient):
    sets = {each["name"] for each in (await sandbox.get("/data/")).json()["value"]}
    assert {"CustomersV3", "SalesOrderLines", "InventTableBiEntities"} <= sets
    text = (await sandbox.get("/data/$metadata")).text
    namespace = "{http://docs.oasis-open.org/odata/ns/edm}"
    schema = ElementTree.fromstring(text)  # noqa: S314 - our own answer
    assert {each.get("Name") for each in schema.iter(f"{namespace}EntitySet")} == sets
    assert "MaxLength" not in text
    customer = (await sandbox.get("/metadata/PublicEntities('CustomerV3')")).json()
    fields = {each["Name"]: each for each in customer["Properties"]}
    assert fields["CustomerGroupId"]["IsMandatory"]
    assert not fields["CustomerAccount"]["IsMandatory"]
    entities = (await sandbox.get("/metadata/DataEntities")).json()["value"]
    assert "CustCustomerV3Entity" in {each["Name"] for each in entities}


async def test_unknown_sets_are_not_found(sandbox: httpx.AsyncClient):
    assert (await sandbox.get("/data/SalesOrderLinesV2")).status_code == 404
    assert (await sandbox.get("/data/customersv3")).status_code == 404
