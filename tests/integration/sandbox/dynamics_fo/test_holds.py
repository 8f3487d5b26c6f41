"""What stops a sales order: customers on hold, credit limits, items stopped for sales."""

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.server import infolog_of, new_order

US_001 = "CustomersV3/dataAreaId=usmf,CustomerAccount=US-001"
ORDER = {"dataAreaId": "usmf", "OrderingCustomerAccountNumber": "US-001"}


async def edit(sandbox: httpx.AsyncClient, path: str, **fields: object) -> None:
    (await sandbox.patch(f"/_sandbox/records/{path}", json=fields)).raise_for_status()


async def line(sandbox: httpx.AsyncClient, number: object, **fields: object) -> httpx.Response:
    body = {"dataAreaId": "usmf", "SalesOrderNumber": number, "ItemNumber": "1000", **fields}
    return await sandbox.post("/data/SalesOrderLines", json=body)


@pytest.mark.parametrize(("hold", "refused"), [("All", True), ("Invoice", False), ("No", False), ("Never", False)])
async def test_a_new_order_of_a_customer_on_hold(sandbox: httpx.AsyncClient, hold: str, refused: bool):
    await edit(sandbox, US_001, OnHoldStatus=hold)
    answer = await sandbox.post("/data/SalesOrderHeadersV2", json=ORDER)
    assert answer.status_code == (400 if refused else 201)
    if refused:
        assert "Customer US-001 is on hold for All." in infolog_of(answer)


async def test_a_customer_on_hold_for_invoices_gets_no_delivery(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox)
    await edit(sandbox, US_001, OnHoldStatus="Invoice")
    path = f"/_sandbox/orders/usmf/{order['SalesOrderNumber']}"
    for action in ("ship", "invoice"):
        answer = await sandbox.post(f"{path}/{action}")
        assert answer.status_code == 400
        assert "on hold for Invoice" in answer.json()["error"]
    assert (await sandbox.post(f"{path}/confirm")).status_code == 200
    await edit(sandbox, US_001, OnHoldStatus="No")
    assert (await sandbox.post(f"{path}/invoice")).status_code == 200


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"CreditLimit": 100}, True),
        ({"CreditLimit": 125}, False),
        ({"CreditLimit": 0}, False),
        ({"CreditLimit": 0, "CreditLimitIsMandatory": "Yes"}, True),
    ],
)
async def test_open_orders_count_against_the_credit_limit(
    sandbox: httpx.AsyncClient, fields: dict[str, object], refused: bool
):
    await edit(sandbox, US_001, **fields)
    first, second = await new_order(sandbox), await new_order(sandbox)
    assert (await line(sandbox, first["SalesOrderNumber"], OrderedSalesQuantity=5)).status_code == 201
    await sandbox.post("/_sandbox/settings", json={"credit_limit_message": "error"})
    answer = await line(sandbox, second["SalesOrderNumber"], OrderedSalesQuantity=5)
    assert answer.status_code == (400 if refused else 201)
    if refused:
        assert f"Credit limit {fields['CreditLimit']} for customer US-001 has been exceeded" in infolog_of(answer)


async def test_an_item_stopped_by_its_order_settings_or_its_lifecycle_state(sandbox: httpx.AsyncClient):
    order = await new_order(sandbox)
    key = "dataAreaId=usmf,ItemNumber=1000"
    settings = "/data/ProductDefaultOrderSettings(dataAreaId='usmf',ItemNumber='1000')"
    assert (await sandbox.get(settings)).json()["IsSalesProcessingStopped"] == "No"
    await edit(sandbox, f"ProductDefaultOrderSettings/{key}", IsSalesProcessingStopped="Yes")
    stopped = await line(sandbox, order["SalesOrderNumber"])
    assert "Item '1000' is blocked for 'Sales order'." in infolog_of(stopped)
    await sandbox.post("/_sandbox/products/usmf/1000/unblock")
    assert (await sandbox.get(settings)).json()["IsSalesProcessingStopped"] == "No"
    assert (await line(sandbox, order["SalesOrderNumber"])).status_code == 201
    await sandbox.post("/_sandbox/settings", json={"stopped_lifecycle_states": ["Obsolete"]})
    await edit(sandbox, f"ReleasedProductsV2/{key}", ProductLifecycleStateId="Obsolete")
    assert (await line(sandbox, order["SalesOrderNumber"])).status_code == 400
