"""Business events: registration with a test message, emission with the commit, retries, resend."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.testing.serving import serve
from tests.integration.sandbox.dynamics_fo import payables
from tests.integration.sandbox.dynamics_fo.server import new_order


class Receiver:
    def __init__(self) -> None:
        self.events: asyncio.Queue[dict[str, object]] = asyncio.Queue()
        self.statuses: list[int] = []
        self.url = ""

    async def receive(self, request: Request) -> Response:
        status = self.statuses.pop(0) if self.statuses else 200
        self.events.put_nowait({**(await request.json()), "answered": status})
        return Response(status_code=status)

    async def next(self) -> dict[str, object]:
        return await asyncio.wait_for(self.events.get(), 10)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    async with serve(Starlette(routes=[Route("/hook", found.receive, methods=["POST"])])) as served:
        found.url = f"{served.url}/hook"
        yield found


async def subscribe(client: httpx.AsyncClient, receiver: Receiver) -> None:
    await client.post("/_sandbox/settings", json={"retry_time_scale": 0.01})
    await client.post("/_sandbox/seed", json={"key_vault": {"hook": receiver.url}})
    endpoint = {"Name": "headrace", "Type": "Http", "KeyVaultSecretName": "hook"}
    created = await client.post("/data/BusinessEventsEndpoints", json=endpoint)
    assert created.status_code == 201, created.text
    assert (await receiver.next())["BusinessEventId"] == "BusinessEventsTestEndpointContract"
    active = {"BusinessEventsTable": "SalesOrderChangedBusinessEvent", "BusinessEventsEndpoint_Name": "headrace"}
    assert (await client.post("/data/BusinessEventsConfigurations", json=active)).status_code == 201


async def test_an_event_is_sent_when_the_change_commits(sandbox: httpx.AsyncClient, receiver: Receiver):
    await subscribe(sandbox, receiver)
    refused = {"dataAreaId": "usmf", "OrderingCustomerAccountNumber": "nobody"}
    assert (await sandbox.post("/data/SalesOrderHeadersV2", json=refused)).status_code == 400
    order = await new_order(sandbox)
    event = await receiver.next()
    assert (event["SalesOrderId"], event["CustomerAccount"]) == (order["SalesOrderNumber"], "US-001")
    assert (event["BusinessEventId"], event["LegalEntity"]) == ("SalesOrderChangedBusinessEvent", "usmf")
    assert str(event["EventTime"]).startswith("/Date(")
    assert list(event)[:-1] == sorted(list(event)[:-1])
    await new_order(sandbox)
    assert (await receiver.next())["ControlNumber"] > event["ControlNumber"]


async def test_posting_a_vendor_invoice_is_an_event(sandbox: httpx.AsyncClient, receiver: Receiver):
    await subscribe(sandbox, receiver)
    await payables.prepare(sandbox)
    active = {"BusinessEventsTable": "VendorInvoicePostedBusinessEvent", "BusinessEventsEndpoint_Name": "headrace"}
    assert (await sandbox.post("/data/BusinessEventsConfigurations", json=active)).status_code == 201
    await payables.invoice(sandbox, "A-1", "100.00")
    await payables.posted(sandbox)
    event = await receiver.next()
    assert (event["BusinessEventId"], event["InvoiceId"]) == ("VendorInvoicePostedBusinessEvent", "A-1")
    assert (event["InvoiceAccount"], event["InvoiceAmountInAccountingCurrency"]) == ("1001", 100)


async def test_a_failing_endpoint_is_not_registered(sandbox: httpx.AsyncClient, receiver: Receiver):
    receiver.statuses = [500]
    await sandbox.post("/_sandbox/seed", json={"key_vault": {"hook": receiver.url}})
    endpoint = {"Name": "headrace", "Type": "Http", "KeyVaultSecretName": "hook"}
    response = await sandbox.post("/data/BusinessEventsEndpoints", json=endpoint)
    assert response.status_code == 400
    assert "the endpoint answered 500" in response.text
    assert (await sandbox.get("/data/BusinessEventsEndpoints")).json()["value"] == []


async def test_three_attempts_then_the_error_list_then_resend(sandbox: httpx.AsyncClient, receiver: Receiver):
    await subscribe(sandbox, receiver)
    receiver.statuses = [500, 500, 500]
    await new_order(sandbox)
    attempts = [await receiver.next() for _ in range(3)]
    assert len({event["EventId"] for event in attempts}) == 1

    async def failed() -> list[dict[str, object]]:
        log = await sandbox.get("/_sandbox/deliveries", params={"state": "failed"})
        return list(log.json()["deliveries"])

    for _ in range(200):
        if await failed():
            break
    (delivery,) = await failed()
    assert (delivery["attempt"], delivery["status"]) == (3, 500)
    assert (await sandbox.post(f"/_sandbox/deliveries/{delivery['id']}/resend")).status_code == 200
    again = await receiver.next()
    assert (again["EventId"], again["answered"]) == (attempts[0]["EventId"], 200)


async def test_knobs_of_the_network(sandbox: httpx.AsyncClient, receiver: Receiver):
    await subscribe(sandbox, receiver)
    await sandbox.post("/_sandbox/webhooks", json={"duplicate_next": 1})
    first = await new_order(sandbox)
    assert [(await receiver.next())["SalesOrderId"] for _ in range(2)] == [first["SalesOrderNumber"]] * 2
    await sandbox.post("/_sandbox/webhooks", json={"drop_next": 1})
    await new_order(sandbox)
    await sandbox.post("/_sandbox/webhooks", json={"reorder_next": 3})
    numbers = [(await new_order(sandbox))["SalesOrderNumber"] for _ in range(3)]
    assert [(await receiver.next())["SalesOrderId"] for _ in range(3)] == numbers[::-1]
    await sandbox.post("/_sandbox/webhooks", json={"paused": True})
    held = await new_order(sandbox)
    assert receiver.events.empty()
    await sandbox.post("/_sandbox/webhooks", json={"paused": False})
    assert (await receiver.next())["SalesOrderId"] == held["SalesOrderNumber"]


async def test_the_short_envelope_of_older_environments(sandbox: httpx.AsyncClient, receiver: Receiver):
    await subscribe(sandbox, receiver)
    await sandbox.post("/_sandbox/settings", json={"event_envelope": "short"})
    await new_order(sandbox)
    event = await receiver.next()
    assert "EventTimeIso8601" not in event
    assert event["MajorVersion"] == 0
