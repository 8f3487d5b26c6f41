"""The ERP tells by itself: business events reach the receiver, and what they name is read and emitted."""

from __future__ import annotations

import asyncio

import pytest

from headrace.cli.demo.deployment import ERP, EVENT_CODE
from headrace.pipeline.assembly import Shared
from headrace.pipeline.decoding import decode
from headrace.platform.kafka import read_all
from headrace.platform.settings import load_settings
from tests.faults.harness import Trade

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

EVENTS = {
    "SalesOrderChangedBusinessEvent": {"object": "SalesOrderHeadersV2", "key": {"SalesOrderNumber": "SalesOrderId"}}
}


@pytest.fixture(scope="module")
def trade(deploy_once):
    deployment = deploy_once(connections={ERP: {"polls": {}, "config": {"events": EVENTS}}})
    trade = Trade(deployment, deals=20)
    deployment.start_services()
    yield trade
    trade.close()


def register(trade, code, name):
    return trade.deployment.erp.post(
        "seed",
        {
            "business_events": {
                "endpoints": [{"name": name, "url": f"{trade.deployment.hook_url}/{ERP}?code={code}"}],
                "configurations": [{"event": "SalesOrderChangedBusinessEvent", "endpoint": name}],
            }
        },
    )


def deliveries(trade):
    return trade.deployment.erp.get("deliveries")["deliveries"]


async def canonical_orders(trade):
    """Return (connection, status) of every canonical order event."""
    with trade.deployment.environ():
        shared = Shared(load_settings(), "test")
    await shared.start(links=False)
    try:
        topic = shared.names.canonical("sales_order")
        records = [
            await decode(shared.codec, message.value) async for message in read_all(shared.settings.kafka, [topic])
        ]
    finally:
        await shared.stop()
    return [(record["meta"]["connection"], record["data"]["status"]) for record in records]


def test_an_order_that_the_erp_invoices_is_news_and_our_own_write_is_not(trade):
    register(trade, EVENT_CODE, "headrace")
    (reference,) = trade.sell(1)
    trade.wait_complete()
    (order,) = [
        entry["after"]
        for entry in trade.deployment.erp.ledger(object="SalesOrderHeadersV2")
        if entry["action"] == "create"
    ]
    trade.wait_until(lambda: any(item["status"] == 202 for item in deliveries(trade)), "a delivered business event")
    assert all(connection != ERP for connection, _ in asyncio.run(canonical_orders(trade))), "our own write came back"

    number = f"{order['dataAreaId']}/{order['SalesOrderNumber']}"
    for action in ("confirm", "ship", "invoice"):
        trade.deployment.erp.post(f"orders/{number}/{action}")
    trade.wait_until(
        lambda: any(connection == ERP for connection, _ in asyncio.run(canonical_orders(trade))), "news from the ERP"
    )
    verdict = trade.quiet_verdict()
    assert verdict.clean, (reference, verdict.as_json())


def test_an_endpoint_with_a_wrong_code_gets_401_and_leaves_nothing(trade):
    register(trade, "not-the-code-at-all-0000", "stranger")
    before = asyncio.run(canonical_orders(trade))
    trade.sell(1)
    trade.wait_complete()
    trade.wait_until(lambda: any(item["status"] == 401 for item in deliveries(trade)), "a refused delivery")
    after = asyncio.run(canonical_orders(trade))
    assert [entry for entry in after if entry[0] == ERP] == [entry for entry in before if entry[0] == ERP]
