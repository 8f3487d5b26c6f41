"""What holds for every call: pages, times, numbers, other names, and faults."""

import re
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.avidxchange.server import (
    HEADERS,
    USMF,
    control,
    enter,
    get,
    invoice,
    ledger,
    pay,
    switch,
    today,
    vendor,
)


async def window(client: httpx.AsyncClient) -> dict[str, str]:
    day = await today(client)
    return {"lastModifiedFrom": day, "lastModifiedTo": day}


async def test_pages_with_links(sandbox: httpx.AsyncClient):
    numbers = [await pay(sandbox) for _ in range(5)]
    page = await get(sandbox, "/v1/payments", **await window(sandbox), pageSize=2)
    links = {link["Rel"]: link["Href"] for link in page["Paging"].pop("Links")}
    assert page["Paging"] == {"PageSize": 2, "PageNumber": 1, "PageCount": 3, "PageItems": 2, "TotalItems": 5}
    assert [*links] == ["first", "next", "last"]
    found = [each["PaymentId"] for each in page["Items"]]
    while "next" in links:
        page = await get(sandbox, links["next"])
        links = {link["Rel"]: link["Href"] for link in page["Paging"]["Links"]}
        found += [each["PaymentId"] for each in page["Items"]]
    assert found == numbers


@pytest.mark.parametrize(
    ("shape", "outer", "names"),
    [
        ("Pages", ["Items", "Paging"], ["PageSize", "PageNumber", "Pages", "PageItems", "TotalItems", "Links"]),
        ("absent", ["Items"], []),
        (
            "camel",
            ["items", "paging"],
            ["pageItems", "pageNumber", "pageSize", "pages", "queryTimeStamp", "totalItems"],
        ),
    ],
)
async def test_envelopes(sandbox: httpx.AsyncClient, shape: str, outer: list[str], names: list[str]):
    await switch(sandbox, paging_shape=shape, page_size=2)
    page = await get(sandbox, "/v1/vendors", accountingSystemId=USMF)
    assert [*page] == outer
    assert [*page.get(outer[-1], {})] == names if names else len(page["Items"]) == 3


async def test_the_size_of_a_page_has_a_cap(sandbox: httpx.AsyncClient):
    await switch(sandbox, page_size_cap=2, next_links=False)
    page = await get(sandbox, "/v1/vendors", accountingSystemId=USMF, pageSize=10_000)
    assert (page["Paging"]["PageSize"], page["Paging"]["PageCount"], page["Paging"]["Links"]) == (2, 2, [])
    for wrong in ("0", "-1", "x", "", "9" * 5000):
        assert (await sandbox.get("/v1/accountingSystems", params={"pageNumber": wrong})).status_code == 400


async def test_what_changes_during_a_scan_moves_between_pages(sandbox: httpx.AsyncClient):
    numbers = [await pay(sandbox) for _ in range(4)]
    days = await window(sandbox)
    first = await get(sandbox, "/v1/payments", **days, pageSize=2, pageNumber=1)
    await control(sandbox, "payments/step", {"ids": [numbers[0]]})
    second = await get(sandbox, "/v1/payments", **days, pageSize=2, pageNumber=2)
    seen = [each["PaymentId"] for page in (first, second) for each in page["Items"]]
    assert seen == [numbers[0], numbers[1], numbers[3], numbers[0]], "the third is missed, the first comes twice"


async def test_times_are_naive_in_a_zone_that_is_set(sandbox: httpx.AsyncClient):
    number = await pay(sandbox)
    (kept,) = (await get(sandbox, "/_sandbox/records/payments"))["records"]
    utc = kept["data"]["LastChangedDate"]

    async def shown() -> dict[str, Any]:
        (found,) = (await get(sandbox, "/v1/payments", paymentIds=number))["Items"]
        return dict(found)

    assert (await shown())["LastChangedDate"] == utc[:19]
    await switch(sandbox, timestamp_fraction_digits=3, timestamp_separator=" ")
    assert (await shown())["LastChangedDate"] == utc[:23].replace("T", " ")
    day = (await shown())["PaymentDate"]
    await switch(sandbox, timezone="Asia/Tokyo", timestamp_fraction_digits=0, timestamp_separator="T")
    found = await shown()
    assert (int(found["LastChangedDate"][11:13]) - int(utc[11:13])) % 24 == 9
    assert found["PaymentDate"] == day, "a calendar date does not move"
    wrong = await sandbox.post("/_sandbox/settings", json={"timezone": "Mars"})
    assert "is no time zone" in wrong.json()["error"]


@pytest.mark.parametrize(
    ("form", "text"), [("two_places", "1280.20"), ("three_places", "1280.200"), ("shortest", "1280.2")]
)
async def test_amounts_are_numbers_digit_for_digit(sandbox: httpx.AsyncClient, form: str, text: str):
    (number,) = await enter(sandbox, invoice("A", "1279.10", "1.10"))
    await switch(sandbox, amounts=form)
    answer = (await sandbox.get("/v1/invoices", params={"invoiceIds": number})).text
    assert re.findall(r'"GrossAmount":([^,]+),', answer) == [text]


async def test_other_names_than_the_usual_ones(sandbox: httpx.AsyncClient):
    number = await pay(sandbox, "AvidPay Direct")
    (invoice_number,) = await enter(sandbox, invoice("A", "10"))
    renames = {
        "headers": {"X-Avid-Company-Token": "X-Tenant", "X-Avid-User-Token": "X-Key"},
        "paths": {
            "/v1": "/api/2",
            "/v1/vendors": "/api/2/suppliers",
            "/v1/payments/{}/paymenthistory": "/api/2/events/{}",
            "/images": "/api/2/documents",
        },
        "fields": {"VendorName": "Name", "payments.CurrencyCode": "Currency", "Items": "Records"},
        "parameters": {"pageNumber": "page", "pageSize": "limit", "accountingSystemId": "ledger"},
    }
    await switch(sandbox, renames=renames)
    assert (await sandbox.get("/v1/payments")).status_code == 404
    assert (await sandbox.get("/api/2/payments")).status_code == 401
    for usual, other in renames["headers"].items():
        sandbox.headers[other] = sandbox.headers.pop(usual)
    page = await get(sandbox, "/api/2/suppliers", ledger=USMF, limit=2)
    assert [each["Name"] for each in page["Records"]] == ["Vendor V1", "Vendor V2"]
    links = {link["Rel"]: link["Href"] for link in page["Paging"]["Links"]}
    assert links["next"] == f"/api/2/suppliers?ledger={USMF}&limit=2&page=2"
    assert [each["Name"] for each in (await get(sandbox, links["next"]))["Records"]] == ["Vendor V3"]
    assert (await get(sandbox, "/api/2/suppliers", ledger=USMF, pageSize=2))["Paging"]["TotalItems"] == 3
    assert (await sandbox.get("/api/2/vendors", params={"ledger": USMF})).status_code == 404
    assert (await sandbox.get("/api/2/suppliers", params={"accountingSystemId": USMF})).status_code == 400
    (found,) = (await get(sandbox, "/api/2/payments", paymentIds=number))["Records"]
    assert found["Currency"] == "USD"
    assert "CurrencyCode" not in found
    assert len(await get(sandbox, f"/api/2/events/{number}")) == 1
    (read,) = (await get(sandbox, "/api/2/invoices", invoiceIds=invoice_number))["Records"]
    assert read["CurrencyCode"] == "USD", "renamed below payments only"
    assert "/api/2/documents/" in read["ImageUrl"]
    assert (await sandbox.get(read["ImageUrl"])).status_code == 200


async def test_other_names_in_what_is_sent(sandbox: httpx.AsyncClient):
    await switch(sandbox, renames={"fields": {"VendorName": "Name", "Vendors": "Suppliers"}})
    item = vendor("V10")
    item["Name"] = item.pop("VendorName")
    usual = await sandbox.post("/v1/vendors", json={"AccountingSystemId": USMF, "Vendors": [item]})
    assert usual.status_code == 400
    body = {"AccountingSystemId": USMF, "Suppliers": [item, vendor("V11")]}
    good, old = (await sandbox.post("/v1/vendors", json=body)).json()["Results"]
    assert good["Successful"] is True
    assert old["Errors"] == [{"Message": "Unknown field VendorName"}]
    (entry,) = await ledger(sandbox, "vendors")
    assert entry["after"]["VendorName"] == "Vendor V10", "kept under its usual name"


async def test_what_does_not_exist_and_what_is_no_json(sandbox: httpx.AsyncClient):
    assert (await sandbox.get("/v1/nothing")).status_code == 404
    assert (await sandbox.put("/v1/vendors", json={})).status_code == 405
    for content in (b"{", b"[]", b"\xff", rb'{"AccountingSystemId": "\ud800"}'):
        response = await sandbox.post("/v1/vendors", content=content)
        assert (response.status_code, response.json()["exception"]["reason"]) == (400, "BadRequest")


async def test_a_reply_that_is_lost_after_the_commit(sandbox: httpx.AsyncClient):
    rule = {"kind": "drop_reply", "match": {"method": "POST", "path": "/v1/vendors"}}
    await control(sandbox, "faults", rule)
    body = {"AccountingSystemId": USMF, "Vendors": [vendor("V10"), vendor("V11")]}
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await sandbox.post("/v1/vendors", json=body)
    (await sandbox.post("/v1/vendors", json=body)).raise_for_status()
    rows = [(entry["action"], entry["reply"]) for entry in await ledger(sandbox, "vendors")]
    assert rows == [("create", "dropped")] * 2 + [("unchanged", "sent")] * 2
    assert len({entry["request"]["id"] for entry in await ledger(sandbox, "vendors")}) == 2


async def test_answers_in_the_place_of_the_api(sandbox: httpx.AsyncClient):
    for status, headers in ((429, {"Retry-After": "3"}), (429, {}), (500, {}), (503, {})):
        await control(sandbox, "faults", {"kind": "status", "status": status, "headers": headers})
        response = await sandbox.get("/v1/accountingSystems")
        assert (response.status_code, response.headers.get("retry-after")) == (status, headers.get("Retry-After"))
    assert (await sandbox.get("/v1/accountingSystems")).status_code == 200


async def test_no_secret_is_kept_or_shown(sandbox: httpx.AsyncClient):
    await sandbox.get("/v1/accountingSystems")
    for path in ("requests", "ledger", "records", "settings", "records/%23companies", "records/accountingSystems"):
        text = (await sandbox.get(f"/_sandbox/{path}")).text
        assert not [secret for secret in HEADERS.values() if secret in text]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"no_such": 1}),
        ("settings", {"transform": {"vendors.Nope": "fold"}}),
        ("settings", {"renames": {"fieldz": {}}}),
        ("seed", {"no_such": []}),
        ("seed", {"vendors": [{"VendorExternalSystemID": "V1"}]}),
        ("seed", {"codes": [{"accounting_system": 4811, "GroupName": "GL Account"}]}),
        ("samples", {"accounting_system": 4812, "invoices": 3}),
        ("payments/void", {"ids": [1]}),
        ("payments/no_such", {"ids": [1]}),
        ("batches", {"accounting_system": 4811}),
    ],
)
async def test_wrong_control_calls_say_why(sandbox: httpx.AsyncClient, path: str, body: dict[str, Any]):
    response = await sandbox.post(f"/_sandbox/{path}", json=body)
    assert response.status_code == 400
    assert len(response.json()["error"]) > 10
