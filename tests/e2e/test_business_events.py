"""The ERP tells by itself: business events reach the receiver, and what they name is read and emitted."""

from __future__ import annotations

import asyncio

import pytest

from headrace.cli.demo.deployment import ERP, EVENT_CODE
from headrace.pipeline.decoding import decode
from headrace.pipeline.shared import Shared
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


async def webhooks_in_the_inbox(trade):
    """Return how many webhooks of the ERP were taken in."""
    with trade.deployment.environ():
        shared = Shared(load_settings(), "test")
    await shared.start(links=False)
    try:
        arrivals = [
            (await decode(shared.codec, message.value))["arrival"]
            async for message in read_all(shared.settings.kafka, [shared.names.inbox(ERP)])
        ]
    finally:
        await shared.stop()
    return arrivals.count("webhook")


async def canonical_orders(trade):
    """Return connection, status, and the fields that are no news, of every canonical order event."""
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
    return [(record["meta"]["connection"], record["data"]["status"], record["meta"]["echoed"]) for record in records]


def told_by_the_erp(trade):
    return [event for event in asyncio.run(canonical_orders(trade)) if event[0] == ERP]


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
    trade.wait_until(lambda: told_by_the_erp(trade), "the order as the ERP keeps it")
    for _, status, echoed in told_by_the_erp(trade):
        assert status == "open"
        assert {"reference", "currency", "title"} <= set(echoed), "our own write came back as news"
        assert "number" not in echoed, "the order's number is the ERP's own word"

    number = f"{order['dataAreaId']}/{order['SalesOrderNumber']}"
    for action in ("confirm", "ship", "invoice"):
        trade.deployment.erp.post(f"orders/{number}/{action}")
    trade.wait_until(lambda: any(status != "open" for _, status, _ in told_by_the_erp(trade)), "news from the ERP")
    verdict = trade.quiet_verdict()
    assert verdict.clean, (reference, verdict.as_json())


def test_an_endpoint_with_a_wrong_code_gets_401_and_leaves_nothing(trade):
    register(trade, "not-the-code-at-all-0000", "stranger")
    trade.sell(1)
    trade.wait_complete()
    trade.wait_until(lambda: any(item["status"] == 401 for item in deliveries(trade)), "a refused delivery")
    trade.wait_until(lambda: all(item["state"] != "waiting" for item in deliveries(trade)), "an answer to each")
    taken_in = sum(item["status"] == 202 for item in deliveries(trade))
    assert asyncio.run(webhooks_in_the_inbox(trade)) == taken_in
