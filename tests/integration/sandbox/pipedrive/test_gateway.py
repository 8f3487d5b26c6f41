"""Tokens, prefixes, OAuth, limits and faults: what every call meets first."""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.integration.sandbox.pipedrive.server import data, ledger, running, settings

CLIENT = ("sandbox-client", "sandbox-secret")


@pytest.mark.parametrize("path", ["/api/v2/deals", "/no/such/path", "/v2/deals"])
async def test_a_bad_token_is_refused_before_routing(sandbox: httpx.AsyncClient, path: str) -> None:
    reply = await sandbox.delete(path, headers={"x-api-token": "wrong"})
    assert reply.status_code == 401
    assert reply.headers["x-401-by-gw"] == "true"
    assert reply.json() == {
        "success": False,
        "error": "unauthorized access",
        "errorCode": 401,
        "error_info": "Please check developers.pipedrive.com",
    }


async def test_v2_has_one_prefix_and_v1_two(sandbox: httpx.AsyncClient) -> None:
    statuses = {path: (await sandbox.get(path)).status_code for path in ("/api/v2/deals", "/v2/deals")}
    assert statuses == {"/api/v2/deals": 200, "/v2/deals": 404}
    assert (await sandbox.get("/api/v1/users/me")).json() == (await sandbox.get("/v1/users/me")).json()
    assert (await sandbox.put("/api/v2/deals")).status_code == 405


async def test_token_in_the_query_is_a_switch(sandbox: httpx.AsyncClient) -> None:
    url = f"/v1/users/me?api_token={sandbox.headers.pop('x-api-token')}"
    assert (await sandbox.get(url)).status_code == 200
    shown = (await sandbox.get("/_sandbox/requests")).json()["requests"]
    assert shown[-1]["path"] == "/v1/users/me?api_token=***"
    await settings(sandbox, accept_api_token_query=False)
    assert (await sandbox.get(url)).status_code == 401


async def test_unpaid_company_answers_402(sandbox: httpx.AsyncClient) -> None:
    await settings(sandbox, account_open=False)
    assert (await sandbox.get("/api/v2/deals")).status_code == 402


async def _code(sandbox: httpx.AsyncClient) -> str:
    query = {"client_id": CLIENT[0], "redirect_uri": "http://localhost/back", "state": "s1"}
    reply = await sandbox.get("/oauth/authorize", params=query)
    answer = parse_qs(urlsplit(reply.headers["location"]).query)
    assert answer["state"] == ["s1"]
    return answer["code"][0]


async def _token(sandbox: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await sandbox.post("/oauth/token", data=form, auth=CLIENT)


async def test_oauth_code_is_single_use_and_tokens_expire(sandbox: httpx.AsyncClient) -> None:
    code = await _code(sandbox)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost/back"}
    issued = (await _token(sandbox, **form)).json()
    assert issued["api_domain"] == str(sandbox.base_url).rstrip("/")
    assert (await _token(sandbox, **form)).json()["message"] == "Invalid grant: authorization_code is invalid"

    bearer = httpx.Headers({"authorization": f"Bearer {issued['access_token']}"})
    del sandbox.headers["x-api-token"]
    assert (await sandbox.get("/api/v2/deals", headers=bearer)).status_code == 200
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 3600})
    assert (await sandbox.get("/api/v2/deals", headers=bearer)).status_code == 401

    refreshed = (await _token(sandbox, grant_type="refresh_token", refresh_token=issued["refresh_token"])).json()
    assert refreshed["refresh_token"] == issued["refresh_token"]
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 61 * 86_400})
    late = await _token(sandbox, grant_type="refresh_token", refresh_token=issued["refresh_token"])
    assert late.json()["message"] == "Invalid grant: refresh_token is invalid"


async def test_oauth_code_lives_five_minutes(sandbox: httpx.AsyncClient) -> None:
    code = await _code(sandbox)
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 301})
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost/back"}
    reply = await _token(sandbox, **form)
    assert (reply.status_code, reply.json()["message"]) == (400, "Invalid grant: authorization_code has expired")


async def test_scope_decides(sandbox: httpx.AsyncClient) -> None:
    client = {"client_id": "reader", "client_secret": "x", "scope": "base,deals:read"}
    await sandbox.post("/_sandbox/seed", json={"oauth_clients": [client]})
    query = {"client_id": "reader", "redirect_uri": "http://localhost/back"}
    location = (await sandbox.get("/oauth/authorize", params=query)).headers["location"]
    form = {"grant_type": "authorization_code", "redirect_uri": "http://localhost/back"}
    form["code"] = parse_qs(urlsplit(location).query)["code"][0]
    token = (await sandbox.post("/oauth/token", data=form, auth=("reader", "x"))).json()["access_token"]
    del sandbox.headers["x-api-token"]
    bearer = {"authorization": f"Bearer {token}"}
    assert (await sandbox.get("/api/v2/deals", headers=bearer)).status_code == 200
    for refused in (
        await sandbox.post("/api/v2/deals", headers=bearer, json={"title": "x"}),
        await sandbox.get("/api/v2/products", headers=bearer),
        await sandbox.get("/v1/webhooks", headers=bearer),
    ):
        assert (refused.status_code, refused.json()["error"]) == (403, "Scope and URL mismatch")


async def test_burst_limit_answers_429_and_then_blocks(sandbox: httpx.AsyncClient) -> None:
    await settings(sandbox, burst_limit=3, block_after_refusals=2)
    replies = [await sandbox.get("/api/v2/stages") for _ in range(6)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429, 403]
    assert [reply.headers["x-ratelimit-remaining"] for reply in replies[:4]] == ["2", "1", "0", "0"]
    assert int(replies[3].headers["x-ratelimit-reset"]) <= 2
    assert replies[5].headers["content-type"].startswith("text/html")


async def test_search_has_its_own_burst(sandbox: httpx.AsyncClient) -> None:
    await settings(sandbox, search_burst_limit=2)
    query = {"term": "pump"}
    statuses = [(await sandbox.get("/api/v2/itemSearch", params=query)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert (await sandbox.get("/api/v2/deals")).status_code == 200


async def test_daily_budget_is_spent_by_token_costs(sandbox: httpx.AsyncClient) -> None:
    await settings(sandbox, daily_token_budget=18)
    left = []
    for method, path in (("GET", "/api/v2/deals"), ("POST", "/api/v2/deals"), ("GET", "/v1/users/1")):
        reply = await sandbox.request(method, path, json={"title": "x"} if method == "POST" else None)
        left.append(reply.headers["x-daily-ratelimit-token-remaining"])
    assert left == ["8", "3", "1"]
    assert (await sandbox.get("/api/v2/deals")).status_code == 429
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 86_400})
    assert (await sandbox.get("/api/v2/deals")).status_code == 200


async def test_a_dropped_reply_has_changed_the_account(sandbox: httpx.AsyncClient) -> None:
    await sandbox.post("/_sandbox/faults", json={"match": {"method": "POST"}, "kind": "drop_reply"})
    with pytest.raises(httpx.RemoteProtocolError):
        await sandbox.post("/api/v2/deals", json={"title": "lost"}, headers={"traceparent": "00-aa-bb-01"})
    (row,) = await ledger(sandbox, "deal")
    assert (row["action"], row["reply"], row["fields"]) == ("create", "dropped", {"title": "lost"})
    assert row["request"]["method"] == "POST"
    assert row["request"]["path"] == "/api/v2/deals"
    assert row["request"]["traceparent"] == "00-aa-bb-01"


async def test_records_survive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await data(client.post("/api/v2/products", json={"name": "Valve"}), 201)
        await data(client.post("/api/v2/deals", json={"title": "first"}))
        line = {"product_id": 1, "item_price": 1, "quantity": 1}
        await data(client.post("/api/v2/deals/1/products", json=line), 201)
        await data(client.delete("/api/v2/deals/1/products/1"))
    async with running(tmp_path) as client:
        assert (await data(client.get("/api/v2/deals/1")))["title"] == "first"
        assert (await data(client.post("/api/v2/deals/1/products", json=line), 201))["id"] == 2
        await client.post("/_sandbox/reset")
        assert (await client.get("/api/v2/deals")).json()["data"] == []


async def test_parallel_creates_get_different_ids(sandbox: httpx.AsyncClient) -> None:
    calls = (data(sandbox.post("/api/v2/deals", json={"title": str(n)})) for n in range(20))
    assert sorted(deal["id"] for deal in await asyncio.gather(*calls)) == [*range(1, 21)]
