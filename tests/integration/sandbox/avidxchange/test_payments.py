"""Payments: their way through the statuses, what is void, replaced or switched, and how a poller sees it."""

import base64
import zlib
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.avidxchange.server import (
    USMF,
    advance,
    control,
    enter,
    get,
    invoice,
    ledger,
    pay,
    payment,
    switch,
    today,
)

WALKS = {
    "Check": ["Sent to Check Printer", "Issued to Supplier"],
    "AvidPay Direct": ["ACH Credit Issued"],
    "Virtual Credit Card": ["VCC Processing"],
    "e-Payment": [],
}


async def act(client: httpx.AsyncClient, action: str, *numbers: int, **more: Any) -> list[dict[str, Any]]:
    return list((await control(client, f"payments/{action}", {"ids": [*numbers], **more}))["payments"])


async def refused(client: httpx.AsyncClient, path: str, **body: Any) -> str:
    response = await client.post(f"/_sandbox/{path}", json=body)
    assert response.status_code == 400, response.text
    return str(response.json()["error"])


async def status(client: httpx.AsyncClient, number: int) -> str:
    return str((await payment(client, number))["Status"]["Description"])


@pytest.mark.parametrize("method", WALKS)
async def test_each_method_has_its_walk(sandbox: httpx.AsyncClient, method: str):
    number = await pay(sandbox, method)
    seen, times = [await status(sandbox, number)], []
    while seen[-1] != "Cleared":
        await act(sandbox, "step", number)
        found = await payment(sandbox, number)
        seen.append(found["Status"]["Description"])
        times.append(found["LastChangedDate"])
    assert seen == [
        "Pending Approval",
        "Processing",
        "Debit Requested",
        "Funds Received",
        *WALKS[method],
        "Cleared",
    ]
    assert times == sorted(set(times)), "each change moves the time of change"
    history = await get(sandbox, f"/v1/payments/{number}/paymenthistory")
    assert [each["Description"] for each in history] == seen
    assert {each["PaymentID"] for each in history} == {number}
    assert "no step" in await refused(sandbox, "payments/step", ids=[number])


async def test_a_cleared_payment_carries_the_reference_of_its_method(sandbox: httpx.AsyncClient):
    numbers = [await pay(sandbox, method) for method in WALKS]
    await act(sandbox, "clear", *numbers)
    check, direct, card, internal = [await payment(sandbox, number) for number in numbers]
    day = f"{await today(sandbox)}T00:00:00"
    assert {each["ClearedDate"] for each in (check, direct, card, internal)} == {day}
    names = ("AvidPayChecknumber", "AchTraceNumber", "VirtualCard")
    filled = [[name for name in names if each[name] is not None] for each in (check, direct, card, internal)]
    assert filled == [["AvidPayChecknumber"], ["AchTraceNumber"], ["VirtualCard"], []]
    assert len(direct["AchTraceNumber"]) == 15
    assert direct["AchTraceNumber"].startswith("0")
    assert [*card["VirtualCard"]] == ["Last4", "Reference"]
    assert check["HasClearedCheckImages"] is True


async def test_a_jump_is_one_change_with_the_whole_history(sandbox: httpx.AsyncClient):
    number = await pay(sandbox, "AvidPay Direct")
    await act(sandbox, "jump", number, status="ACH Credit Issued")
    assert [entry["action"] for entry in await ledger(sandbox, "payments")] == ["create", "update"]
    assert len(await get(sandbox, f"/v1/payments/{number}/paymenthistory")) == 5
    assert (await payment(sandbox, number))["AchTraceNumber"] is not None
    assert "does not lie ahead" in await refused(sandbox, "payments/jump", ids=[number], status="Processing")
    assert "does not lie ahead" in await refused(sandbox, "payments/jump", ids=[number], status="Issued to Supplier")


async def test_held_and_in_error_and_back(sandbox: httpx.AsyncClient):
    number = await pay(sandbox)
    await act(sandbox, "hold", number)
    assert await status(sandbox, number) == "Held"
    await act(sandbox, "resume", number)
    await act(sandbox, "jump", number, status="Funds Received")
    assert "hold needs" in await refused(sandbox, "payments/hold", ids=[number])
    await act(sandbox, "error", number, reasons=[4, 9])
    found = await payment(sandbox, number)
    assert found["Status"]["Description"] == "Error"
    assert [each["ReasonCode"]["Id"] for each in found["Exceptions"]] == [4, 9]
    assert found["Exceptions"][0]["ReasonCode"]["Description"] == "Missing bank account"
    await act(sandbox, "error", number, reasons={"77": "Payee closed"})
    assert (await payment(sandbox, number))["Exceptions"] == [{"ReasonCode": {"Id": 77, "Description": "Payee closed"}}]
    await act(sandbox, "resume", number)
    found = await payment(sandbox, number)
    assert (found["Status"]["Description"], found["Exceptions"]) == ("Funds Received", [])
    await act(sandbox, "error", number)
    await act(sandbox, "clear", number)
    assert await status(sandbox, number) == "Cleared"


async def test_void_before_and_after_clearing(sandbox: httpx.AsyncClient):
    early, late = await pay(sandbox), await pay(sandbox)
    await act(sandbox, "clear", late)
    await act(sandbox, "void", early, late)
    first, second = await payment(sandbox, early), await payment(sandbox, late)
    assert first["Status"]["Description"] == second["Status"]["Description"] == "Void"
    assert (first["ClearedDate"], second["ClearedDate"] is not None) == (None, True)
    assert first["VoidDate"] == f"{await today(sandbox)}T00:00:00"
    assert "is Void already" in await refused(sandbox, "payments/void", ids=[early])
    assert "does not lie ahead" in await refused(sandbox, "payments/clear", ids=[early])
    await switch(sandbox, status_words={"Void": "Voided - stop payment"})
    assert await status(sandbox, early) == "Voided - stop payment"


async def test_a_reissue_is_a_new_payment(sandbox: httpx.AsyncClient):
    old = await pay(sandbox)
    await act(sandbox, "clear", old)
    (made,) = await act(sandbox, "reissue", old, method="AvidPay Direct")
    new = await payment(sandbox, made["PaymentId"])
    before = await payment(sandbox, old)
    assert (before["Status"]["Description"], before["ReplacedByPaymentId"]) == ("Void", new["PaymentId"])
    assert (new["ReplacesPaymentId"], new["Status"]["Description"]) == (old, "Processing")
    assert new["PaymentMethod"] == {"Id": 2, "Description": "AvidPay Direct"}
    assert [new[name] for name in ("AvidPayChecknumber", "ClearedDate", "VoidDate")] == [None, None, None]
    assert new["Remittances"] == before["Remittances"]
    assert "is replaced" in await refused(sandbox, "payments/reissue", ids=[old])


async def test_the_method_is_switched_under_the_same_id(sandbox: httpx.AsyncClient):
    issued, cleared = await pay(sandbox), await pay(sandbox)
    await act(sandbox, "jump", issued, status="Issued to Supplier")
    await act(sandbox, "clear", cleared)
    await act(sandbox, "switch", issued, cleared, method="AvidPay Direct")
    again, done = await payment(sandbox, issued), await payment(sandbox, cleared)
    assert (again["Status"]["Description"], again["AvidPayChecknumber"]) == ("Funds Received", None)
    assert (done["Status"]["Description"], len(done["AchTraceNumber"])) == ("Cleared", 15)
    assert "give method" in await refused(sandbox, "payments/switch", ids=[issued])


async def test_a_cheque_is_printed_again_under_another_number(sandbox: httpx.AsyncClient):
    number = await pay(sandbox)
    assert "no printed cheque" in await refused(sandbox, "payments/reprint", ids=[number])
    await act(sandbox, "jump", number, status="Issued to Supplier")
    before = (await payment(sandbox, number))["AvidPayChecknumber"]
    await act(sandbox, "reprint", number)
    found = await payment(sandbox, number)
    assert found["AvidPayChecknumber"] != before
    assert (found["PaymentId"], found["Status"]["Description"]) == (number, "Issued to Supplier")


async def test_several_invoices_a_discount_a_part_and_a_credit(sandbox: httpx.AsyncClient):
    whole, discounted, part, credit = await enter(
        sandbox, invoice("A", "1280.25"), invoice("B", "210"), invoice("C", "500"), invoice("D", "-90.25")
    )
    remittances = [
        {"InvoiceId": whole},
        {"InvoiceId": discounted, "Discount": "10"},
        {"InvoiceId": part, "Gross": "100"},
        {"InvoiceId": credit},
    ]
    body = {"payments": [{"method": "Check", "Amount": "1490.00", "Remittances": remittances}]}
    (made,) = (await control(sandbox, "payments", body))["payments"]
    found = await payment(sandbox, made["PaymentId"])
    assert [(each["Gross"], each["Discount"], each["Net"]) for each in found["Remittances"]] == [
        (Decimal("1280.25"), Decimal("0.00"), Decimal("1280.25")),
        (Decimal("210.00"), Decimal("10.00"), Decimal("200.00")),
        (Decimal("100.00"), Decimal("0.00"), Decimal("100.00")),
        (Decimal("-90.25"), Decimal("0.00"), Decimal("-90.25")),
    ]
    assert found["Amount"] == sum(each["Net"] for each in found["Remittances"])
    assert (found["AccountingSystemId"], found["Payee"]["VendorExternalSystemID"]) == (USMF, "V1")
    assert found["Remittances"][0]["Number"] == "A"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"Amount": 10**30}, "is too large"),
        ({"Amount": "100.01"}, "comes to 100.00, Amount is 100.01"),
        ({"Remittances": [{"Number": "A", "Date": "2026-01-01", "Gross": 10, "Net": 9}]}, "is not Net 9.00"),
        ({"Remittances": [{"InvoiceId": 1}]}, "there is no invoice 1"),
        ({"Remittances": [{"Number": "A"}]}, "give InvoiceId, or Number, Date and Gross"),
        ({"method": "Cash"}, "method"),
        ({"accounting_system": None}, "give accounting_system"),
    ],
)
async def test_a_payment_that_contradicts_itself_is_refused(
    sandbox: httpx.AsyncClient, fields: dict[str, Any], message: str
):
    remittance = {"Number": "A", "Date": "2026-01-01", "Gross": 100}
    body = {"accounting_system": USMF, "VendorExternalSystemID": "V1", "Remittances": [remittance], **fields}
    assert message in await refused(sandbox, "payments", payments=[body])
    assert await ledger(sandbox, "payments") == []


async def test_sums_are_broken_on_purpose(sandbox: httpx.AsyncClient):
    number = await pay(sandbox, Amount="100.01", broken_sum=True)
    found = await payment(sandbox, number)
    assert (found["Amount"], found["Remittances"][0]["Net"]) == (Decimal("100.01"), Decimal("100.00"))


async def test_payments_are_listed_by_day_of_change_id_or_batch(sandbox: httpx.AsyncClient):
    first, second = await pay(sandbox, BatchId="B1"), await pay(sandbox, BatchId="B2")
    day = date.fromisoformat(await today(sandbox))
    await advance(sandbox, 2 * 86_400)
    await act(sandbox, "step", first)

    async def found(**parameters: Any) -> list[int]:
        return [each["PaymentId"] for each in (await get(sandbox, "/v1/payments", **parameters))["Items"]]

    later = day + timedelta(days=2)
    assert await found(lastModifiedFrom=day.isoformat(), lastModifiedTo=day.isoformat()) == [second]
    assert await found(lastModifiedFrom=later.isoformat(), lastModifiedTo=later.isoformat()) == [first]
    assert await found(lastModifiedFrom=day.isoformat()) == [second, first]
    assert await found(paymentIds=f"{first},{second}") == [second, first]
    assert await found(batchId="B2", flattenresponse="false") == [second]
    too_long = {"lastModifiedFrom": (later - timedelta(days=30)).isoformat(), "lastModifiedTo": later.isoformat()}
    for wrong in (too_long, {}, {"paymentIds": "x"}, {"lastModifiedTo": day.isoformat()}):
        assert (await sandbox.get("/v1/payments", params=wrong)).status_code == 400


async def test_the_word_of_a_batch(sandbox: httpx.AsyncClient):
    first, second = await pay(sandbox, BatchId="B1"), await pay(sandbox, BatchId="B1")

    async def word() -> str:
        (found,) = (await get(sandbox, "/v1/payments/batches", batchIds="B1,none"))["Items"]
        assert found["ExternalIdentifier"] == {"Value": "B1"}
        return str(found["Status"]["Description"])

    assert await word() == "Processing"
    await act(sandbox, "error", first)
    assert await word() == "Processing with Exceptions"
    await act(sandbox, "void", first)
    await act(sandbox, "clear", second)
    assert await word() == "Closed"
    assert (await sandbox.get("/v1/payments/batches")).status_code == 400


async def test_the_image_of_a_cheque_or_a_500(sandbox: httpx.AsyncClient):
    number = await pay(sandbox)
    path = f"/v1/payments/{number}/getclearedcheckimage"
    missing = await sandbox.get(path)
    assert missing.status_code == 500
    assert missing.json()["exception"]["detail"] == "Nullable object must have a value."
    await act(sandbox, "clear", number)
    sides = await get(sandbox, path)
    front, back = (base64.b64decode(sides[side]["Image"]) for side in ("Front", "Back"))
    assert front.startswith(b"\x89PNG\r\n\x1a\n")
    assert front != back
    start = front.index(b"IDAT") + 4
    size = int.from_bytes(front[start - 8 : start - 4])
    assert len(zlib.decompress(front[start : start + size])) == 48 * 121
    assert (await sandbox.get("/v1/payments/1/getclearedcheckimage")).status_code == 404


async def test_the_buyer_voids_through_the_api_what_is_not_issued(sandbox: httpx.AsyncClient):
    early = await pay(sandbox, ExternalPaymentIds=["USMF-1"])
    late = await pay(sandbox, ExternalPaymentIds=["USMF-2"])
    await act(sandbox, "jump", late, status="Issued to Supplier")
    response = await sandbox.delete("/v1/payments", params={"externalPaymentIds": "USMF-1,USMF-2,USMF-3"})
    done, issued, unknown = response.json()["Results"]
    assert (done["Successful"], done["Item"]["Status"]["Description"]) == (True, "Void")
    assert issued["Errors"] == [{"Message": "Payment USMF-2 is Issued to Supplier and cannot be voided"}]
    assert unknown["Errors"] == [{"Message": "Payment USMF-3 does not exist"}]
    assert await status(sandbox, early) == "Void"
    assert (await ledger(sandbox, "payments"))[-1]["request"]["method"] == "DELETE"


async def test_a_person_corrects_a_reference(sandbox: httpx.AsyncClient):
    number = await pay(sandbox)
    response = await sandbox.patch(f"/_sandbox/records/payments/{number}", json={"CheckNumber": "000123"})
    assert response.json()["CheckNumber"] == "000123"
    for wrong in ({"Amount": 1}, {"CheckNumber": 123}, {"ExternalPaymentIds": "USMF-1"}):
        assert (await sandbox.patch(f"/_sandbox/records/payments/{number}", json=wrong)).status_code == 400
    ids = {"ExternalPaymentIds": ["USMF-9"], "BankAccount": "USMF OPER"}
    response = await sandbox.patch(f"/_sandbox/records/payments/{number}", json=ids)
    assert response.json()["ExternalPaymentIds"] == [{"Value": "USMF-9"}]
    assert response.json()["BankAccount"] == {"ClientIds": ["USMF OPER"]}


async def test_many_payments_in_one_call(sandbox: httpx.AsyncClient):
    drawn = await control(sandbox, "samples", {"accounting_system": USMF, "invoices": 300, "payments": True, "seed": 7})
    numbers = [each["PaymentId"] for each in drawn["payments"]]
    assert len(drawn["invoices"]) == drawn["batch"]["InvoiceCount"] == 300
    assert len(numbers) > 50
    assert {each["Status"]["Description"] for each in await act(sandbox, "clear", *numbers)} == {"Cleared"}
    assert all(each["Amount"] == sum(line["Net"] for line in each["Remittances"]) for each in drawn["payments"])
    assert all(each["Amount"] > 0 for each in drawn["payments"])
