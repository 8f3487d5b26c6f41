"""Purchase orders: written only where that is configured, with exact amounts and their lines."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from headrace.core.contracts import Action, Operation
from headrace.core.errors import RejectRecord, StopConnection
from tests.contract.avidxchange.harness import AvidxchangeHarness

LINE = {
    "LineNumber": 1,
    "ItemNumber": "BK-1",
    "Description": "Bike",
    "Quantity": Decimal(2),
    "Unit": "ea",
    "UnitPrice": Decimal("617283.945"),
    "Amount": Decimal("1234567.89"),
}


def order(harness: AvidxchangeHarness) -> Operation:
    key = {"LegalEntity": "USMF", "OrderNumber": "PO-1"}
    fields = {
        **key,
        "VendorExternalSystemID": "V-1",
        "CurrencyCode": "USD",
        "OrderDate": date(2026, 3, 5),
        "TotalAmount": Decimal("1234567.89"),
        "Status": "Confirmed",
        "LineItems": [LINE],
    }
    return harness.of("purchase_order", harness.operation(Action.CREATE, fields, key))


async def test_an_order_is_written_found_and_made_inactive(harness: AvidxchangeHarness) -> None:
    harness.sandbox.settings.change({"purchase_orders": True})
    harness.configuration = {"purchase_orders": True}
    target = harness.target()
    await target.apply(harness.create("Lakeside", "V-1"))
    create = order(harness)
    target.check(create)
    written = await target.apply(create)
    assert written.target_id == "LegalEntity=usmf,OrderNumber=PO-1"
    found = await target.find(create)
    assert found is not None
    for record in (written.record, found.record):
        assert {name: record[name] for name in create.fields} == dict(create.fields)
    (entry,) = harness.ledger("purchase_order")
    assert entry["fields"]["ExternalCode"] == entry["fields"]["OrderNumber"] == "PO-1"
    assert entry["fields"]["OrderDate"] == "2026-03-05T00:00:00"
    delete = harness.of("purchase_order", harness.delete(written.target_id))
    await target.apply(delete)
    assert await target.find(delete) is None
    assert len(harness.ledger("purchase_order", "delete")) == 1


async def test_orders_are_off_unless_configured(harness: AvidxchangeHarness) -> None:
    with pytest.raises(RejectRecord, match="purchase_orders: true"):
        harness.target().check(order(harness))


async def test_an_api_without_orders_stops_the_connection_with_words(harness: AvidxchangeHarness) -> None:
    harness.configuration = {"purchase_orders": True}
    with pytest.raises(StopConnection, match="contract"):
        await harness.target().apply(order(harness))
