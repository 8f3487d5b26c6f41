"""What stops sales in F&O: told by the source, and refused in words when an order is written all the same."""

from decimal import Decimal
from typing import Any

import pytest

from headrace.connectors.dynamics_fo.objects import OBJECTS
from headrace.core.errors import RejectRecord
from headrace.testing.harness import source_of, target_of
from headrace.testing.suites.values import fetched
from tests.contract.dynamics_fo.world import World, line, order

US_001 = "dataAreaId=usmf,CustomerAccount=US-001"
ITEM = "dataAreaId=usmf,ItemNumber=1000"


async def edit(sandbox: World, obj: str, key: str, **fields: Any) -> None:
    (await sandbox.admin.patch(f"/_sandbox/records/{obj}/{key}", json=fields)).raise_for_status()


async def test_hold_and_credit_limit_of_a_customer(sandbox: World) -> None:
    fields = {"OnHoldStatus": "Invoice", "CreditLimit": 2500.5, "CreditLimitIsMandatory": "Yes"}
    await edit(sandbox, "CustomersV3", US_001, **fields)
    data = (await fetched(source_of(sandbox.connect()), "CustomersV3", US_001)).data
    told = {"OnHoldStatus": "Invoice", "CreditLimit": Decimal("2500.5"), "CreditLimitIsMandatory": True}
    assert {name: data[name] for name in told} == told
    assert set(told) <= set(OBJECTS["CustomersV3"].fields)


async def test_an_item_stopped_for_sales(sandbox: World) -> None:
    source = source_of(sandbox.connect())
    assert (await fetched(source, "ReleasedProductsV2", ITEM)).data["IsSalesProcessingStopped"] is False
    await edit(sandbox, "ProductDefaultOrderSettings", ITEM, IsSalesProcessingStopped="Yes")
    await edit(sandbox, "ReleasedProductsV2", ITEM, ProductLifecycleStateId="Obsolete")
    data = (await fetched(source, "ReleasedProductsV2", ITEM)).data
    assert (data["IsSalesProcessingStopped"], data["ProductLifecycleStateId"]) == (True, "Obsolete")
    pages = [page async for page in source.changes("ReleasedProductsV2", {})]
    assert [record.data["IsSalesProcessingStopped"] for page in pages for record in page.records] == [True]
    described = OBJECTS["ReleasedProductsV2"]
    assert {"IsSalesProcessingStopped", "ProductLifecycleStateId"} <= set(described.fields)
    assert "IsSalesProcessingStopped" not in (described.writable or ())


async def test_an_environment_without_order_settings(sandbox: World) -> None:
    absent = {"ReleasedProductsV2": ["IsSalesProcessingStopped"]}
    source = source_of(sandbox.connect(absent_fields=absent))
    await sandbox.fault("status", "GET", "ProductDefaultOrderSettings", status=404, times=None)
    assert "IsSalesProcessingStopped" not in (await fetched(source, "ReleasedProductsV2", ITEM)).data


@pytest.mark.parametrize(
    ("obj", "key", "fields", "reason"),
    [
        ("CustomersV3", US_001, {"OnHoldStatus": "All"}, "blocked or on hold"),
        ("CustomersV3", US_001, {"CreditLimit": 1}, "credit limit exceeded"),
        ("ProductDefaultOrderSettings", ITEM, {"IsSalesProcessingStopped": "Yes"}, "blocked or on hold"),
    ],
)
async def test_an_order_is_refused_with_its_reason(
    sandbox: World, obj: str, key: str, fields: dict[str, Any], reason: str
) -> None:
    await sandbox.settings(credit_limit_message="error")
    await edit(sandbox, obj, key, **fields)
    target = target_of(sandbox.connect())

    async def order_and_line() -> None:
        header = await target.apply(order("PD-1"))
        await target.apply(line(header.record["SalesOrderNumber"], "1", OrderedSalesQuantity=Decimal(1)))

    with pytest.raises(RejectRecord) as caught:
        await order_and_line()
    assert caught.value.reason == reason
