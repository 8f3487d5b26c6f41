"""Faults over real sockets: what the client sees, and what the ledger holds."""

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.integration.sandbox.dynamics_fo.server import SEED, ledger_of, new_order, running, token_for

ORDER = {"dataAreaId": "usmf", "OrderingCustomerAccountNumber": "US-001", "CustomersOrderReference": "F1"}
HEADERS = "/data/SalesOrderHeadersV2"


async def set_fault(client: httpx.AsyncClient, **rule: object) -> None:
    rule = {"match": {"method": "POST", "path": "SalesOrderHeadersV2", "body": '"F1"'}, **rule}
    assert "id" in (await client.post("/_sandbox/faults", json=rule)).json()


async def test_a_dropped_reply_leaves_the_change_in_the_ledger(sandbox: httpx.AsyncClient):
    await set_fault(sandbox, kind="drop_reply")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await sandbox.post(HEADERS, json=ORDER, headers={"traceparent": "00-aa-bb-01"})
    entry = (await ledger_of(sandbox, "SalesOrderHeadersV2"))[0]
    assert (entry["reply"], entry["action"], entry["key"]) == (
        "dropped",
        "create",
        "dataAreaId=usmf,SalesOrderNumber=SO-000001",
    )
    assert entry["request"]["traceparent"] == "00-aa-bb-01"
    assert len(entry["request"]["body_sha256"]) == 64
    await new_order(sandbox, CustomersOrderReference="F1")
    assert [entry["reply"] for entry in await ledger_of(sandbox, "SalesOrderHeadersV2")] == ["dropped", "sent"]
    fault = (await sandbox.get("/_sandbox/faults")).json()["faults"][0]
    assert fault["hits"] == 1
    met = [each["fault"] for each in (await sandbox.get("/_sandbox/requests")).json()["requests"] if each["fault"]]
    assert met == ["drop_reply"]


async def test_a_dropped_request_changes_nothing(sandbox: httpx.AsyncClient):
    await set_fault(sandbox, kind="drop_request")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await sandbox.post(HEADERS, json=ORDER)
    assert await ledger_of(sandbox, "SalesOrderHeadersV2") == []


async def test_a_reply_broken_in_its_middle(sandbox: httpx.AsyncClient):
    await set_fault(sandbox, kind="drop_mid_body")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        await sandbox.post(HEADERS, json=ORDER)
    assert [entry["reply"] for entry in await ledger_of(sandbox, "SalesOrderHeadersV2")] == ["dropped"]


async def test_silence_until_the_client_gives_up(sandbox: httpx.AsyncClient):
    await set_fault(sandbox, kind="hang")
    with pytest.raises(httpx.ReadTimeout):
        await sandbox.post(HEADERS, json=ORDER, timeout=0.3)
    assert [entry["reply"] for entry in await ledger_of(sandbox, "SalesOrderHeadersV2")] == ["dropped"]


async def test_answers_in_the_services_place(sandbox: httpx.AsyncClient):
    await set_fault(sandbox, kind="status", status=429, headers={"Retry-After": "2"}, body={"error": "busy"}, skip=1)
    await new_order(sandbox, CustomersOrderReference="F1")
    response = await sandbox.post(HEADERS, json=ORDER)
    assert (response.status_code, response.headers["retry-after"], response.json()) == (429, "2", {"error": "busy"})
    assert len(await ledger_of(sandbox, "SalesOrderHeadersV2")) == 1


async def test_an_error_after_the_commit(sandbox: httpx.AsyncClient):
    await set_fault(sandbox, kind="status", status=500, handle=True)
    assert (await sandbox.post(HEADERS, json=ORDER)).status_code == 500
    assert [entry["reply"] for entry in await ledger_of(sandbox, "SalesOrderHeadersV2")] == ["dropped"]


async def test_records_and_numbers_outlive_a_restart(tmp_path: Path):
    for number in ("SO-000001", "SO-000002"):
        async with running(tmp_path) as server, httpx.AsyncClient(base_url=server.url) as client:
            token = (await token_for(client, server.url)).json()["access_token"]
            client.headers["authorization"] = f"Bearer {token}"
            if number == "SO-000001":
                (await client.post("/_sandbox/seed", json=SEED)).raise_for_status()
            assert (await new_order(client))["SalesOrderNumber"] == number
            assert len(await ledger_of(client, "SalesOrderHeadersV2")) == int(number[-1])


async def test_a_delayed_request_still_succeeds(sandbox: httpx.AsyncClient):
    await set_fault(sandbox, kind="delay", seconds=0.2)
    loop = asyncio.get_running_loop()
    started = loop.time()
    await new_order(sandbox, CustomersOrderReference="F1")
    assert loop.time() - started >= 0.2


async def test_throttling_modes(sandbox: httpx.AsyncClient):
    await sandbox.post("/_sandbox/settings", json={"throttling": "resource", "throttle_probability": 1})
    response = await sandbox.get("/data/Currencies")
    assert (response.status_code, response.headers["retry-after"]) == (429, "30")
    assert "high resource utilization" in response.text
    await sandbox.post("/_sandbox/settings", json={"throttling": "legacy", "legacy_requests": 2})
    statuses = [(await sandbox.get("/data/Currencies")).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    await sandbox.post("/_sandbox/settings", json={"throttling": "off", "gateway_error_probability": 1})
    page = await sandbox.get("/data/Currencies")
    assert page.status_code in (502, 503)
    assert page.text.startswith("<html>")


async def test_the_control_api_shows_records_as_they_are_kept(sandbox: httpx.AsyncClient):
    await new_order(sandbox, CustomersOrderReference="F1")
    (record,) = (await sandbox.get("/_sandbox/records/SalesOrderHeadersV2")).json()["records"]
    assert (record["version"], record["data"]["CustomersOrderReference"]) == (1, "F1")
    assert not [name for name in record["data"] if name.startswith("#")]
    assert (await sandbox.get(f"/_sandbox/records/SalesOrderHeadersV2/{record['key']}")).json() == record
    assert (await sandbox.get("/_sandbox/records/SalesOrderHeadersV2/none")).status_code == 404


async def test_reset_returns_to_a_new_sandbox(sandbox: httpx.AsyncClient):
    await new_order(sandbox)
    await set_fault(sandbox, kind="hang")
    await sandbox.post("/_sandbox/reset")
    assert (await sandbox.get("/_sandbox/faults")).json() == {"faults": []}
    assert await ledger_of(sandbox, "SalesOrderHeadersV2") == []
    assert (await sandbox.get("/_sandbox/health")).json() == {"status": "ok", "system": "dynamics_fo"}
    assert (await sandbox.get("/data/Currencies")).status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "explode"}),
        ("faults", {"kind": "hang", "match": {"path": "("}}),
        ("settings", {"no_such": 1}),
        ("seed", {"no_such": 1}),
        ("seed", {"records": {"CustomersV3": [{"Nope": 1}]}}),
        ("seed", {"records": {"NoSuchSet": [{}]}}),
        ("webhooks", {"no_such": 1}),
    ],
)
async def test_wrong_control_calls_say_why(sandbox: httpx.AsyncClient, path: str, body: dict[str, object]):
    response = await sandbox.post(f"/_sandbox/{path}", json=body)
    assert response.status_code == 400
    assert len(response.json()["error"]) > 10
