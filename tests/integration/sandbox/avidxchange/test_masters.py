"""Vendors, codes and purchase orders: bulk upserts with a result for each item, and what the ledger keeps of them."""

from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.avidxchange.server import (
    DEMF,
    USMF,
    code,
    control,
    get,
    ledger,
    switch,
    today,
    vendor,
)


async def push(
    client: httpx.AsyncClient, path: str, name: str, *items: Any, system: int = USMF
) -> list[dict[str, Any]]:
    response = await client.post(f"/v1/{path}", json={"AccountingSystemId": system, name: [*items]})
    assert response.status_code == 200, response.text
    results = response.json()["Results"]
    return list(results)


async def push_vendors(client: httpx.AsyncClient, *items: Any, system: int = USMF) -> list[dict[str, Any]]:
    return await push(client, "vendors", "Vendors", *items, system=system)


def messages(result: dict[str, Any]) -> list[str]:
    assert result["Successful"] is not bool(result["Errors"])
    return [each["Message"] for each in result["Errors"]]


async def test_accounting_systems_have_ids_and_names(sandbox: httpx.AsyncClient):
    found = (await get(sandbox, "/v1/accountingSystems"))["Items"]
    assert found[0] == {"ID": USMF, "Name": "F&O USMF"}
    assert [each["Name"] for each in found] == ["F&O USMF", "F&O DEMF", "F&O GBSI"]


async def test_results_come_in_the_order_sent(sandbox: httpx.AsyncClient):
    good, bad, twice = await push_vendors(sandbox, vendor("V10"), vendor("V11", VendorName=" "), vendor("V10"))
    assert good["Item"]["VendorExternalSystemID"] == "V10"
    assert good["Item"]["VendorID"] > 90_000
    assert messages(bad) == ["VendorName is required"]
    assert messages(twice) == ["Duplicate VendorExternalSystemID in this call"]
    assert [entry["key"] for entry in await ledger(sandbox, "vendors")] == [
        "AccountingSystemId=4811,VendorExternalSystemID=V10"
    ]


async def test_the_ledger_tells_what_was_new_what_changed_and_what_was_repeated(sandbox: httpx.AsyncClient):
    for name in ("Lakeside", "Lakeside", "Lakeside LLC"):
        await push_vendors(sandbox, vendor("V10", VendorName=name), vendor("V1"))
    rows = [entry for entry in await ledger(sandbox, "vendors") if entry["key"].endswith("V10")]
    assert [entry["action"] for entry in rows] == ["create", "unchanged", "update"]
    assert [entry["after"]["VendorName"] for entry in rows] == ["Lakeside", "Lakeside", "Lakeside LLC"]
    assert rows[0]["after"]["LastChangedDate"] == rows[1]["after"]["LastChangedDate"]
    tally = await get(sandbox, "/_sandbox/tally/vendors")
    assert tally["AccountingSystemId=4811,VendorExternalSystemID=V10"] == {"create": 1, "unchanged": 1, "update": 1}
    assert tally["AccountingSystemId=4811,VendorExternalSystemID=V1"] == {"create": 1, "unchanged": 3}


async def test_the_time_of_change_moves_with_each_change_however_fast(sandbox: httpx.AsyncClient):
    times = [
        (await push_vendors(sandbox, vendor("V10", Terms=terms)))[0]["Item"]["LastChangedDate"]
        for terms in ("NET30", "NET45", "NET60")
    ]
    assert times == sorted(set(times))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Address": None}, "Address is required"),
        ({"Address": {"Line1": "1 Main St", "City": "Charlotte", "PostalCode": "28202"}}, "Address.State is required"),
        ({"RemitToAddress": {}}, "RemitToAddress.Line1 is required"),
        ({"CurrencyCode": "usd"}, "CurrencyCode 'usd' is no ISO 4217 code"),
        ({"IsActive": "Yes"}, "IsActive must be true or false"),
        ({"FedTaxId": 12}, "FedTaxId must be a text"),
        ({"VendorNmae": "X"}, "Unknown field VendorNmae"),
        ({"VendorExternalSystemID": ""}, "VendorExternalSystemID is required"),
    ],
)
async def test_an_item_is_refused_for_what_is_wrong_with_it(
    sandbox: httpx.AsyncClient, fields: dict[str, Any], message: str
):
    (result,) = await push_vendors(sandbox, {**vendor("V10"), **fields})
    assert message in messages(result)
    assert await ledger(sandbox, "vendors") == []


async def test_a_call_that_is_too_large_or_names_no_system_is_refused_as_a_whole(sandbox: httpx.AsyncClient):
    many = [vendor(f"M{number}") for number in range(501)]
    for body, status in (
        ({"AccountingSystemId": USMF, "Vendors": many}, 400),
        ({"AccountingSystemId": USMF, "Vendors": []}, 400),
        ({"Vendors": [vendor("M1")]}, 400),
        ({"AccountingSystemId": 9999, "Vendors": [vendor("M1")]}, 404),
    ):
        assert (await sandbox.post("/v1/vendors", json=body)).status_code == status
    assert await ledger(sandbox, "vendors") == []
    assert len(await push_vendors(sandbox, *many[:500])) == 500


async def test_accounting_systems_do_not_share_vendors(sandbox: httpx.AsyncClient):
    await push_vendors(sandbox, vendor("V1", VendorName="Another"), system=DEMF)
    usmf = (await get(sandbox, "/v1/vendors", accountingSystemId=USMF, vendorExternalSystemIds="V1"))["Items"]
    demf = (await get(sandbox, "/v1/vendors", accountingSystemId=DEMF))["Items"]
    assert [each["VendorName"] for each in usmf] == ["Vendor V1"]
    assert [each["VendorName"] for each in demf] == ["Another"]
    assert (await sandbox.get("/v1/vendors")).status_code == 400


async def test_vendors_are_listed_by_day_of_change(sandbox: httpx.AsyncClient):
    day = await today(sandbox)
    await control(sandbox, "clock", {"advance_seconds": 3 * 86_400})
    await push_vendors(sandbox, vendor("V2", Terms="NET10"))
    window = {"lastModifiedFrom": day, "lastModifiedTo": day}
    found = (await get(sandbox, "/v1/vendors", accountingSystemId=USMF, **window))["Items"]
    assert [each["VendorExternalSystemID"] for each in found] == ["V1", "V3"]


async def test_case_of_keys_counts_unless_it_is_switched_off(sandbox: httpx.AsyncClient):
    await push_vendors(sandbox, vendor("v1"))
    assert [entry["action"] for entry in await ledger(sandbox, "vendors")] == ["create"]
    await switch(sandbox, key_case="ignored")
    changed, twice = await push_vendors(sandbox, vendor("v2", VendorName="Other"), vendor("V2"))
    assert changed["Item"]["VendorExternalSystemID"] == "V2"
    assert messages(twice) == ["Duplicate VendorExternalSystemID in this call"]
    (entry,) = (await ledger(sandbox, "vendors"))[1:]
    assert (entry["action"], entry["key"]) == ("update", "AccountingSystemId=4811,VendorExternalSystemID=V2")
    found = (await get(sandbox, "/v1/vendors", accountingSystemId=USMF, vendorExternalSystemIds="v2"))["Items"]
    assert [each["VendorName"] for each in found] == ["Other"]


async def test_codes_have_fifty_characters_and_a_flag(sandbox: httpx.AsyncClient):
    fits, too_long, inactive = await push(
        sandbox,
        "enterpriseCodes",
        "EnterpriseCodes",
        code("GL Account", "1", Description="x" * 50),
        code("GL Account", "2", Description="x" * 51),
        code("GL Account", "601500", IsActive=False),
    )
    assert messages(fits) == []
    assert messages(too_long) == ["Description exceeds 50 characters"]
    assert inactive["Item"]["CodeValue"] == "601500"
    found = (await get(sandbox, "/v1/enterpriseCodes", accountingSystemId=USMF, groupNames="GL Account"))["Items"]
    assert [(each["CodeValue"], each["IsActive"]) for each in found] == [
        ("605100", True),
        ("1", True),
        ("601500", False),
    ]


async def test_results_may_come_as_an_object_and_success_as_text(sandbox: httpx.AsyncClient):
    await switch(sandbox, results_shape="object", successful_as_text=True)
    body = {"AccountingSystemId": USMF, "Vendors": [vendor("V10", VendorName="")]}
    result = (await sandbox.post("/v1/vendors", json=body)).json()["Results"]
    assert result == {"Successful": "false", "Errors": {"Message": "VendorName is required"}}
    body["Vendors"] = [vendor("V10"), vendor("V11")]
    results = (await sandbox.post("/v1/vendors", json=body)).json()["Results"]
    assert [each["Successful"] for each in results] == ["true", "true"]


async def test_values_can_be_kept_in_another_form_than_they_were_sent(sandbox: httpx.AsyncClient):
    await switch(sandbox, transform={"vendors.Email": "fold", "vendors.Address.City": "truncate:4"})
    for _ in range(2):
        await push_vendors(sandbox, vendor("V10", Email="AP@Lake.example"))
    (found,) = (await get(sandbox, "/v1/vendors", accountingSystemId=USMF, vendorExternalSystemIds="V10"))["Items"]
    assert (found["Email"], found["Address"]["City"]) == ("ap@lake.example", "Char")
    assert [entry["action"] for entry in await ledger(sandbox, "vendors")] == ["create", "unchanged"]


async def test_a_vendor_entered_in_avidxchange_has_no_external_id(sandbox: httpx.AsyncClient):
    own = {**vendor("x"), "accounting_system": "F&O USMF", "VendorExternalSystemID": None}
    await control(sandbox, "seed", {"vendors": [own]})
    found = (await get(sandbox, "/v1/vendors", accountingSystemId=USMF))["Items"]
    assert [each["VendorExternalSystemID"] for each in found] == ["V1", "V2", "V3", None]
    assert {each["Terms"] for each in found} == {None}, "what was never set is shown empty"
    path = "/_sandbox/records/vendors/AccountingSystemId=4811,VendorID=90004"
    assert (await sandbox.patch(path, json={"Terms": "NET30"})).json()["Terms"] == "NET30"
    for wrong in ({"Nope": 1}, {"VendorName": ""}, {"VendorExternalSystemID": "V4"}):
        assert (await sandbox.patch(path, json=wrong)).status_code == 400


async def test_purchase_orders_are_taken_only_where_they_are_switched_on(sandbox: httpx.AsyncClient):
    order = {
        "ExternalCode": "PO-1",
        "OrderNumber": "PO-1",
        "VendorExternalCode": "V1",
        "TotalAmount": 222.15,
        "LineItems": [{"LineNumber": 1, "Description": "Bearing", "Quantity": 4, "UnitPrice": 50.26}],
    }
    body = {"AccountingSystemId": USMF, "PurchaseOrders": [order]}
    assert (await sandbox.post("/v1/purchaseOrders", json=body)).status_code == 404
    await switch(sandbox, purchase_orders=True)
    taken, unknown = await push(
        sandbox, "purchaseOrders", "PurchaseOrders", order, {**order, "ExternalCode": "2", "VendorExternalCode": "V9"}
    )
    assert messages(taken) == []
    assert messages(unknown) == ["Vendor V9 does not exist"]
    (large,) = await push(sandbox, "purchaseOrders", "PurchaseOrders", {**order, "TotalAmount": 10**30})
    assert messages(large) == [f"TotalAmount: {10**30} is too large"]
    (found,) = (await get(sandbox, "/v1/purchaseOrders", accountingSystemId=USMF, externalCodes="PO-1"))["Items"]
    assert (found["TotalAmount"], found["LineItems"][0]["UnitPrice"]) == (Decimal("222.15"), Decimal("50.26"))


async def test_a_person_edits_a_vendor(sandbox: httpx.AsyncClient):
    key = "AccountingSystemId=4811,VendorExternalSystemID=V1"
    response = await sandbox.patch(f"/_sandbox/records/vendors/{key}", json={"IsActive": False})
    assert response.json()["IsActive"] is False
    (entry,) = await ledger(sandbox, "vendors")
    assert (entry["action"], entry["request"]["method"]) == ("update", "PERSON")
    wrong = await sandbox.patch(f"/_sandbox/records/vendors/{key}", json={"IsActive": 1})
    assert wrong.json() == {"error": "IsActive must be true or false"}
