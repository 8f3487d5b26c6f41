"""Purchase orders over HTTP: what a write needs, how lines are numbered, and when an order takes no more."""

import asyncio
from decimal import Decimal

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.payables import created, post, prepare, refused, rows, seed, settings
from tests.integration.sandbox.dynamics_fo.server import infolog_of, ledger_of

HEADERS, LINES = "PurchaseOrderHeadersV2", "PurchaseOrderLinesV2"


@pytest.fixture(autouse=True)
async def world(sandbox: httpx.AsyncClient) -> None:
    await prepare(sandbox)
    await settings(sandbox, duplicate_status=400)


async def ordered(client: httpx.AsyncClient) -> str:
    """Create an order with one line and return its number."""
    number = str((await created(client, HEADERS, OrderVendorAccountNumber="1001"))["PurchaseOrderNumber"])
    await created(client, LINES, PurchaseOrderNumber=number, ItemNumber="1000", PurchasePrice=Decimal("2.5"))
    return number


def path(number: str, line: int | None = None) -> str:
    key = f"dataAreaId='usmf',PurchaseOrderNumber='{number}'"
    return f"/data/{HEADERS}({key})" if line is None else f"/data/{LINES}({key},LineNumber={line})"


async def move(client: httpx.AsyncClient, number: str, action: str) -> None:
    (await client.post(f"/_sandbox/purchase_orders/usmf/{number}/{action}")).raise_for_status()


@pytest.mark.parametrize(
    ("set_name", "fields", "text"),
    [
        (HEADERS, {}, "Field 'Vendor account' must be filled in."),
        (HEADERS, {"OrderVendorAccountNumber": "NOBODY"}, "related table 'Vendors'"),
        (HEADERS, {"OrderVendorAccountNumber": "1001", "CurrencyCode": "XXX"}, "related table 'Currencies'"),
        (HEADERS, {"OrderVendorAccountNumber": "1001", "PurchaseOrderStatus": "Received"}, "does not allow editing"),
        (HEADERS, {"OrderVendorAccountNumber": "1001", "VendorOrderReference": "x" * 61}, "longer than 60"),
        (LINES, {"ItemNumber": "1000"}, "Field 'Purchase order' must be filled in."),
        (LINES, {"PurchaseOrderNumber": "PO-9", "ItemNumber": "1000"}, "related table 'Purchase orders'"),
    ],
)
async def test_what_is_refused(sandbox: httpx.AsyncClient, set_name: str, fields: dict[str, object], text: str):
    assert text in await refused(sandbox, set_name, **fields)
    assert await rows(sandbox, set_name) == []


async def test_lines_number_themselves_or_are_numbered(sandbox: httpx.AsyncClient):
    number = await ordered(sandbox)
    body = {"PurchaseOrderNumber": number, "ProcurementProductCategoryName": "Miscellaneous", "PurchasePrice": 3}
    assert (await created(sandbox, LINES, LineNumber=40, CustomerReference="mark", **body))["LineNumber"] == 40
    assert (await created(sandbox, LINES, **body))["LineNumber"] == 41
    assert "already exists" in await refused(sandbox, LINES, LineNumber=40, **body)
    assert "is negative" in await refused(sandbox, LINES, LineNumber=-1, **body)
    assert "'NONE'" in await refused(sandbox, LINES, **{**body, "ItemNumber": "NONE"})
    [found] = await rows(sandbox, LINES, f"PurchaseOrderNumber eq '{number}' and CustomerReference eq 'mark'")
    assert found["LineNumber"] == 40


async def test_amounts_follow_prices(sandbox: httpx.AsyncClient):
    number = await ordered(sandbox)
    change = {"OrderedPurchaseQuantity": 3, "PurchasePrice": 10, "LineDiscountAmount": 1, "LineDiscountPercentage": 50}
    assert (await sandbox.patch(path(number, 1), json=change)).status_code == 204
    assert [row["LineAmount"] for row in await rows(sandbox, LINES)] == [13.5]


async def test_a_number_by_hand_needs_a_sequence_that_allows_it(sandbox: httpx.AsyncClient):
    body = {"OrderVendorAccountNumber": "1001", "PurchaseOrderNumber": "4711"}
    assert (await post(sandbox, HEADERS, **body)).status_code == 400
    await seed(sandbox, number_sequences={f"{HEADERS}.PurchaseOrderNumber": {"mode": "both"}})
    assert (await created(sandbox, HEADERS, **body))["PurchaseOrderNumber"] == "4711"
    assert "already exists" in await refused(sandbox, HEADERS, **body)


@pytest.mark.parametrize(
    ("actions", "status"), [(["confirm"], "Confirmed"), (["receive"], "Received"), (["cancel"], "Canceled")]
)
async def test_what_was_confirmed_or_received_stays(sandbox: httpx.AsyncClient, actions: list[str], status: str):
    number = await ordered(sandbox)
    for action in actions:
        await move(sandbox, number, action)
    for answer in (
        await sandbox.patch(path(number), json={"PurchaseOrderName": "late"}),
        await sandbox.patch(path(number, 1), json={"PurchasePrice": 9}),
        await sandbox.delete(path(number, 1)),
        await post(sandbox, LINES, PurchaseOrderNumber=number, ItemNumber="1000"),
    ):
        assert f"{number} cannot be changed in status {status}" in infolog_of(answer)
    assert [entry["action"] for entry in await ledger_of(sandbox, LINES) if entry["action"] == "delete"] == []


async def test_a_setting_lets_a_confirmed_one_be_changed(sandbox: httpx.AsyncClient):
    await settings(sandbox, confirmed_orders="change")
    number = await ordered(sandbox)
    await move(sandbox, number, "confirm")
    assert (await sandbox.patch(path(number), json={"PurchaseOrderName": "anew"})).status_code == 204
    await move(sandbox, number, "receive")
    await move(sandbox, number, "finalize")
    assert "in status Received" in infolog_of(await sandbox.patch(path(number), json={"PurchaseOrderName": "late"}))


async def test_an_order_goes_with_its_lines(sandbox: httpx.AsyncClient):
    number = await ordered(sandbox)
    assert (await sandbox.delete(path(number))).status_code == 204
    assert await rows(sandbox, LINES) == []


async def test_lines_that_are_written_at_once_collide(sandbox: httpx.AsyncClient):
    await settings(sandbox, line_write_seconds=0.2)
    number = await ordered(sandbox)
    body = {"PurchaseOrderNumber": number, "ItemNumber": "1000"}
    answers = await asyncio.gather(*(post(sandbox, LINES, **body) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [201, 500]
