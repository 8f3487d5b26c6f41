"""The invoice lab, closed batches and their acknowledgement, images."""

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.avidxchange.server import (
    DEMF,
    HEADERS,
    USMF,
    advance,
    close,
    control,
    enter,
    get,
    invoice,
    ledger,
    switch,
    today,
)


async def closed(client: httpx.AsyncClient, system: int = USMF) -> list[dict[str, Any]]:
    day = await today(client)
    path = f"/v1/invoices/batches/closed/acctgSysId/{system}"
    return list((await get(client, path, closeDateFrom=day, closeDateTo=day))["Items"])


async def details(client: httpx.AsyncClient, guid: str) -> list[dict[str, Any]]:
    (link,) = (await get(client, f"/v1/invoices/batches/{guid}"))["Links"]
    assert link["Rel"] == "full-details"
    return list((await get(client, link["Href"]))["Items"])


async def refused(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> str:
    response = await client.post(f"/_sandbox/{path}", json=body)
    assert response.status_code == 400, response.text
    return str(response.json()["error"])


async def test_a_closed_batch_shows_its_invoices_behind_a_link(sandbox: httpx.AsyncClient):
    numbers = await enter(sandbox, invoice("INV-8841", "1200.00", "80.25"), invoice("INV-8850", "-210.00"))
    guid = await close(sandbox, *numbers)
    (batch,) = await closed(sandbox)
    assert (batch["BatchGUID"], batch["InvoiceCount"], batch["BatchTotal"]) == (guid, 2, Decimal("1070.25"))
    first, credit = await details(sandbox, guid)
    assert (first["Number"], first["GrossAmount"], first["InvoiceType"]) == ("INV-8841", Decimal("1280.25"), "Standard")
    assert (credit["GrossAmount"], credit["InvoiceType"], credit["InvoiceDueDate"]) == (
        Decimal("-210.00"),
        "Credit Memo",
        None,
    )
    assert first["BuyerVendor"] == {"VendorName": "Vendor V1", "VendorExternalSystemID": "V1"}
    assert first["Distributions"][0]["EnterpriseCodes"][0] == {
        "EnterpriseCodeValue": "601500",
        "EnterpriseCodeValueDescription": "601500 : GL Account",
        "EnterpriseCodeGroups": [{"CodeGroupName": "GL Account"}],
    }
    assert await closed(sandbox, DEMF) == []


async def test_the_path_of_the_details_is_not_to_be_guessed(sandbox: httpx.AsyncClient):
    guid = await close(sandbox, *await enter(sandbox, invoice("A", "1")))
    assert (await sandbox.get(f"/v1/invoices/batches/{guid}/invoices")).status_code == 404
    assert (await sandbox.get("/v1/invoices/batches/none")).status_code == 404


async def test_only_approved_invoices_come_into_a_batch(sandbox: httpx.AsyncClient):
    pending, held, approved = await enter(
        sandbox,
        invoice("A", "1", status="Pending Approval"),
        invoice("B", "2", status="On Hold"),
        invoice("C", "3"),
    )
    body = {"accounting_system": USMF, "invoices": [pending, approved]}
    assert "Pending Approval" in await refused(sandbox, "batches", body)
    await control(sandbox, "invoices/approve", {"ids": [pending, held]})
    await control(sandbox, "invoices/reject", {"ids": [held]})
    batch = await control(sandbox, "batches", {"accounting_system": "F&O USMF"})
    assert batch["invoices"] == [pending, approved]
    assert "closed batch" in await refused(sandbox, "invoices/hold", {"ids": [approved]})
    assert "is Rejected; approve needs" in await refused(sandbox, "invoices/approve", {"ids": [held]})
    assert "not an action" in await refused(sandbox, "invoices/pay", {"ids": [held]})


async def test_an_invoice_is_coded_before_it_is_approved(sandbox: httpx.AsyncClient):
    (number,) = await enter(sandbox, invoice("A", status="Pending Approval", GrossAmount="12.50"))
    path = f"/_sandbox/records/invoices/{number}"
    assert "code it before" in await refused(sandbox, "invoices/approve", {"ids": [number]})
    for amount, text in (("12.00", "come to 12.00"), ("12.505", "more than two decimals")):
        line = {"Amount": amount, "codes": {"GL Account": "605100"}}
        wrong = await sandbox.patch(path, json={"Distributions": [line], "status": "Approved"})
        assert text in wrong.json()["error"]
    await sandbox.patch(path, json={"Distributions": [{"Amount": "12.50", "codes": {"GL Account": "605100"}}]})
    await control(sandbox, "invoices/approve", {"ids": [number]})
    (found,) = (await get(sandbox, "/v1/invoices", invoiceIds=number))["Items"]
    assert found["Status"] == {"Id": 3, "Description": "Approved"}
    assert found["Distributions"][0]["EnterpriseCodes"][0]["EnterpriseCodeValue"] == "605100"


async def test_a_code_that_became_inactive_stays_on_what_was_coded(sandbox: httpx.AsyncClient):
    (number,) = await enter(sandbox, invoice("A", "10"))
    inactive = {"GroupName": "CostCenter", "CodeValue": "014", "Description": "014", "IsActive": False}
    body = {"AccountingSystemId": USMF, "EnterpriseCodes": [inactive]}
    (await sandbox.post("/v1/enterpriseCodes", json=body)).raise_for_status()
    assert "014 of CostCenter is inactive" in await refused(sandbox, "invoices", {"invoices": [invoice("B", "10")]})
    (found,) = await details(sandbox, await close(sandbox, number))
    assert found["Distributions"][0]["EnterpriseCodes"][1]["EnterpriseCodeValue"] == "014"


async def test_a_batch_is_reopened_and_closed_again_under_the_same_id(sandbox: httpx.AsyncClient):
    changed, gone, added = await enter(sandbox, invoice("A", "10"), invoice("B", "20"), invoice("C", "40"))
    guid = await close(sandbox, changed, gone)
    (before,) = await closed(sandbox)
    first = {each["Id"]: each for each in await details(sandbox, guid)}
    await control(sandbox, f"batches/{guid}/reopen", {})
    assert await closed(sandbox) == []
    open_batch = await get(sandbox, f"/v1/invoices/batches/{guid}")
    assert open_batch["DateClosed"] is None
    assert (await sandbox.get(open_batch["Links"][0]["Href"])).status_code == 404
    edited = await sandbox.patch(f"/_sandbox/records/invoices/{changed}", json={"Memo": "Pump"})
    assert edited.status_code == 200
    await control(sandbox, f"batches/{guid}/close", {"add": [added], "remove": [gone]})
    (after,) = await closed(sandbox)
    assert after["BatchGUID"] == guid
    assert after["DateClosed"] > before["DateClosed"]
    assert (after["InvoiceCount"], after["BatchTotal"]) == (2, Decimal("50.00"))
    second = {each["Id"]: each for each in await details(sandbox, guid)}
    assert [*second] == [changed, added]
    assert second[changed]["LastChangedDate"] > first[changed]["LastChangedDate"]


async def test_a_batch_that_is_open_or_would_be_empty_is_not_closed(sandbox: httpx.AsyncClient):
    (number,) = await enter(sandbox, invoice("A", "10"))
    guid = await close(sandbox, number)
    assert "closed already" in await refused(sandbox, f"batches/{guid}/close", {})
    await control(sandbox, f"batches/{guid}/reopen", {})
    assert "open already" in await refused(sandbox, f"batches/{guid}/reopen", {})
    assert "would be empty" in await refused(sandbox, f"batches/{guid}/close", {"remove": [number]})
    assert (await control(sandbox, f"batches/{guid}/close", {}))["invoices"] == [number], "nothing of it was done"


async def test_details_of_a_reopened_batch_can_be_switched_on(sandbox: httpx.AsyncClient):
    (number,) = await enter(sandbox, invoice("A", "10"))
    guid = await close(sandbox, number)
    await control(sandbox, f"batches/{guid}/reopen", {})
    await switch(sandbox, reopened_batch_details="current")
    assert [each["Id"] for each in await details(sandbox, guid)] == [number]


async def test_acknowledgements_are_kept_each_time(sandbox: httpx.AsyncClient):
    guid = await close(sandbox, *await enter(sandbox, invoice("A", "10")))
    body = {
        "BatchId": guid,
        "FileId": None,
        "ExportedByUserId": None,
        "StartDate": "2026-03-02T16:30:00.00",
        "EndDate": "2026-03-02T16:30:09.00",
        "ExportHistoryStatusId": 1,
    }
    path = "/v1/invoices/batches/exportHistories"
    for status in (2, 1, 1):
        assert (await sandbox.post(path, json={**body, "ExportHistoryStatusId": status})).status_code == 200
    kept = (await get(sandbox, f"/_sandbox/batches/{guid}"))["acknowledgements"]
    assert [each["ExportHistoryStatusId"] for each in kept] == [2, 1, 1]
    assert [entry["fields"] for entry in await ledger(sandbox, "exportHistories")][-1] == body
    for wrong, status in (({"BatchId": "none"}, 404), ({"StartDate": "soon"}, 400), ({"BatchId": None}, 400)):
        assert (await sandbox.post(path, json={**body, **wrong})).status_code == status


async def test_closed_batches_are_found_by_utc_days_both_inside(sandbox: httpx.AsyncClient):
    guid = await close(sandbox, *await enter(sandbox, invoice("A", "10")))
    day = date.fromisoformat(await today(sandbox))
    path = f"/v1/invoices/batches/closed/acctgSysId/{USMF}"

    async def found(first: date, last: date) -> list[str]:
        answer = await get(sandbox, path, closeDateFrom=first.isoformat(), closeDateTo=last.isoformat())
        return [each["BatchGUID"] for each in answer["Items"]]

    one = timedelta(days=1)
    assert await found(day, day) == await found(day - 29 * one, day) == await found(day, day + one) == [guid]
    assert await found(day - one, day - one) == await found(day + one, day + one) == []
    for window in (
        {"closeDateFrom": (day - 30 * one).isoformat(), "closeDateTo": day.isoformat()},
        {"closeDateFrom": day.isoformat(), "closeDateTo": (day - one).isoformat()},
        {"closeDateFrom": "01/03/2026"},
        {},
    ):
        response = await sandbox.get(path, params=window)
        assert (response.status_code, response.json()["exception"]["reason"]) == (400, "BadRequest")


async def test_invoices_by_status_and_time_of_change(sandbox: httpx.AsyncClient):
    approved, rejected = await enter(sandbox, invoice("A", "1"), invoice("B", "2"))
    await control(sandbox, "invoices/reject", {"ids": [rejected]})
    day = await today(sandbox)
    window = {"accountingSystemId": USMF, "lastModifiedFrom": day, "lastModifiedTo": day}
    for status, number in (("Approved", approved), ("Rejected", rejected)):
        (found,) = (await get(sandbox, "/v1/invoices", status=status, **window))["Items"]
        assert found["Id"] == number
    (one,) = (await get(sandbox, "/v1/invoices", invoiceIds=approved))["Items"]
    assert one["Number"] == "A"
    elsewhere = await get(sandbox, "/v1/invoices", invoiceIds=approved, accountingSystemId=DEMF)
    assert elsewhere["Items"] == []
    assert (await sandbox.get("/v1/invoices", params={"accountingSystemId": USMF})).status_code == 400


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"VendorExternalSystemID": "V99"}, "vendor V99 is unknown"),
        ({"VendorExternalSystemID": None}, "give VendorExternalSystemID or VendorName"),
        ({"Distributions": [{"Amount": "1", "codes": {"GL Account": "9"}}]}, "code 9 of GL Account is unknown"),
        ({"GrossAmount": "10.01"}, "distributions come to 10.00, GrossAmount is 10.01"),
        ({"Distributions": []}, "no distributions"),
        ({"InvoiceDate": "2026-02-30"}, "is no date"),
        ({"accounting_system": "F&O XX"}, "known are 4811 (F&O USMF)"),
        ({"Nmuber": "A"}, "Nmuber"),
    ],
)
async def test_the_lab_refuses_what_contradicts_itself(
    sandbox: httpx.AsyncClient, fields: dict[str, Any], message: str
):
    text = await refused(sandbox, "invoices", {"invoices": [invoice("OK", "1"), {**invoice("A", "10"), **fields}]})
    assert message in text
    assert await ledger(sandbox, "invoices") == [], "all of a call, or nothing"


async def test_trouble_on_purpose(sandbox: httpx.AsyncClient):
    odd = [{"Amount": "10", "codes": [{"group": "GL Account", "value": "000000"}]}]
    numbers = await enter(
        sandbox,
        invoice("1", "10", "5", broken_sum=True),
        invoice("2", "1", VendorExternalSystemID="V1|ADDR2"),
        invoice("3", "1", VendorExternalSystemID=None, VendorName="Nobody's"),
        invoice("4", "1", unchecked=True, VendorExternalSystemID="V99", Distributions=odd),
        invoice("5", "1"),
        invoice("5", "2"),
        invoice("5", "2", VendorExternalSystemID="V2"),
        invoice("6", "1", PONumber="4500", AccountNo=12),
    )
    await switch(sandbox, numbers_as_numbers=True, status_words={"Approved": "Ready"})
    found = await details(sandbox, await close(sandbox, *numbers))
    assert sum(each["Amount"] for each in found[0]["Distributions"]) - found[0]["GrossAmount"] == Decimal("0.01")
    vendors = [each["BuyerVendor"]["VendorExternalSystemID"] for each in found]
    assert vendors == ["V1", "V1|ADDR2", None, "V99", "V1", "V1", "V2", "V1"]
    assert [each["IsDuplicateSuspect"] for each in found[4:7]] == [False, True, False]
    assert (found[7]["Number"], found[7]["PONumber"], found[7]["BuyerVendorAccount"]) == (6, 4500, {"AccountNo": 12})
    assert found[0]["Status"] == {"Id": 3, "Description": "Ready"}


async def test_an_image_is_a_pdf_that_names_its_invoice(sandbox: httpx.AsyncClient):
    await enter(sandbox, invoice("INV (1)", "10"), invoice("B", "1", image=False))
    found, without = (await get(sandbox, "/v1/invoices", invoiceIds="5550101,5550102"))["Items"]
    assert without["ImageUrl"] is None
    response = await sandbox.get(found["ImageUrl"])
    assert response.headers["content-type"] == "application/pdf"
    content = response.content
    assert content.startswith(b"%PDF-1.4")
    assert rb"Invoice INV \(1\)" in content
    (start,) = re.findall(rb"startxref\n(\d+)\n%%EOF", content)
    assert content[int(start) :].startswith(b"xref\n")
    offsets = re.findall(rb"(\d{10}) 00000 n", content)
    assert [content[int(offset) :].split()[0] for offset in offsets] == [b"1", b"2", b"3", b"4", b"5"]
    (length,) = re.findall(rb"/Length (\d+)", content)
    assert len(content.partition(b"stream\n")[2].partition(b"\nendstream")[0]) == int(length)


async def test_who_codes_an_invoice_anew_does_not_change_its_paper(sandbox: httpx.AsyncClient):
    (number,) = await enter(sandbox, invoice("A", "10"))

    async def scan() -> bytes:
        (found,) = (await get(sandbox, "/v1/invoices", invoiceIds=str(number)))["Items"]
        return (await sandbox.get(found["ImageUrl"])).content

    before = await scan()
    coded = {"GrossAmount": 11, "Distributions": [{"Amount": 11, "Description": "Other"}]}
    (await sandbox.patch(f"/_sandbox/records/invoices/{number}", json=coded)).raise_for_status()
    assert await scan() == before


async def test_the_link_to_an_image_needs_credentials_and_ends(sandbox: httpx.AsyncClient):
    (number,) = await enter(sandbox, invoice("A", "10"))

    async def link() -> str:
        (found,) = (await get(sandbox, "/v1/invoices", invoiceIds=number))["Items"]
        return str(found["ImageUrl"])

    first = await link()
    assert (await sandbox.get(first, headers=dict.fromkeys(HEADERS, "wrong"))).status_code == 401
    assert (await sandbox.get(first.replace(".pdf", "0.pdf"))).status_code == 404
    await advance(sandbox, 86_400 - 60)
    assert (await sandbox.get(first)).status_code == 200
    await advance(sandbox, 60)
    expired = await sandbox.get(first)
    assert (expired.status_code, expired.json()["exception"]["reason"]) == (410, "Gone")
    assert (await sandbox.get(await link())).status_code == 200
    await switch(sandbox, image_requires_auth=False)
    assert (await sandbox.get(await link(), headers=dict.fromkeys(HEADERS, "wrong"))).status_code == 200


async def test_a_person_deletes_an_invoice_outside_of_closed_batches(sandbox: httpx.AsyncClient):
    kept, gone = await enter(sandbox, invoice("A", "10"), invoice("B", "10"))
    await close(sandbox, kept)
    assert (await sandbox.delete(f"/_sandbox/records/invoices/{kept}")).status_code == 400
    assert (await sandbox.delete(f"/_sandbox/records/invoices/{gone}")).status_code == 200
    assert (await get(sandbox, "/v1/invoices", invoiceIds=f"{gone}"))["Items"] == []
