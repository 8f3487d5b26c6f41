"""Limits, and what goes wrong on the way."""

import asyncio

import httpx
import pytest

from tests.integration.sandbox.dataverse.server import API, error_of, ledger_of, new, settings


async def test_every_answer_tells_of_the_limits(sandbox: httpx.AsyncClient):
    first, second = await sandbox.get(f"{API}WhoAmI()"), await sandbox.get(f"{API}WhoAmI()")
    name = "x-ms-ratelimit-burst-remaining-xrm-requests"
    assert int(first.headers[name]) - int(second.headers[name]) == 1
    assert second.headers["x-ms-dop-hint"] == "10"
    assert second.headers["odata-version"] == "4.0"
    assert second.headers["req_id"] == second.headers["x-ms-service-request-id"]


async def test_the_number_of_requests(sandbox: httpx.AsyncClient):
    await settings(sandbox, throttling=True, request_limit=3)
    for _ in range(3):
        last = await sandbox.get(f"{API}WhoAmI()")
    assert last.status_code == 200
    refused = await sandbox.post(f"{API}accounts", json={"name": "x"})
    assert error_of(refused) == (429, "0x80072322")
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert refused.json()["error"]["message"].startswith("Number of requests exceeded the limit of 3 over time window")
    await settings(sandbox, throttling=False)
    assert await ledger_of(sandbox, "account") == []


async def test_the_time_of_requests(sandbox: httpx.AsyncClient):
    await settings(sandbox, throttling=True, execution_limit_seconds=0.05, latency_seconds=0.06, retry_after_seconds=7)
    assert (await sandbox.get(f"{API}WhoAmI()")).status_code == 200
    refused = await sandbox.get(f"{API}WhoAmI()")
    assert error_of(refused) == (429, "0x80072321")
    assert refused.headers["retry-after"] == "7"


async def test_the_number_at_once(sandbox: httpx.AsyncClient):
    await settings(sandbox, throttling=True, concurrency_limit=2, latency_seconds=0.2)
    answers = await asyncio.gather(*(sandbox.get(f"{API}WhoAmI()") for _ in range(4)))
    codes = sorted(error_of(each)[1] for each in answers if each.status_code == 429)
    assert codes == ["0x80072326"] * 2


@pytest.mark.parametrize(
    ("facet", "code"), [("requests", "0x80072322"), ("time", "0x80072321"), ("concurrency", "0x80072326")]
)
async def test_the_next_request_is_throttled(sandbox: httpx.AsyncClient, facet: str, code: str):
    await settings(sandbox, throttle_next=[facet])
    assert error_of(await sandbox.get(f"{API}WhoAmI()")) == (429, code)
    assert (await sandbox.get(f"{API}WhoAmI()")).status_code == 200


async def test_a_deadlock_changes_nothing(sandbox: httpx.AsyncClient):
    await settings(sandbox, deadlock_next=1)
    assert error_of(await sandbox.post(f"{API}accounts", json={"name": "x"})) == (500, "0x80044150")
    await new(sandbox, "accounts", name="x")
    assert len(await ledger_of(sandbox, "account")) == 1


async def test_a_reply_is_lost_after_the_commit(sandbox: httpx.AsyncClient):
    rule = {"match": {"method": "POST", "path": "accounts"}, "kind": "drop_reply"}
    await sandbox.post("/_sandbox/faults", json=rule)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await sandbox.post(f"{API}accounts", json={"name": "x"})
    assert [entry["reply"] for entry in await ledger_of(sandbox, "account")] == ["dropped"]


async def test_a_request_that_is_too_large(sandbox: httpx.AsyncClient):
    await settings(sandbox, max_request_bytes=10)
    assert (await sandbox.post(f"{API}accounts", json={"name": "Contoso"})).status_code == 413
