"""Webhooks: management, both payloads, retries, ban, removal."""

import base64
from typing import Any

import httpx
import pytest

from headrace.testing.waiting import eventually
from tests.integration.sandbox.pipedrive.server import Receiver, data, ledger, settings, subscribe


async def test_payload_v2(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    hook = await subscribe(sandbox, receiver.url, http_auth_user="pd", http_auth_password="s3cret")
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    await data(sandbox.patch("/api/v2/deals/1", json={"status": "won"}))
    await data(sandbox.delete("/api/v2/deals/1"))
    create, change, delete = await receiver.wait_for(3)

    assert receiver.received[0][0]["authorization"] == "Basic " + base64.b64encode(b"pd:s3cret").decode()
    assert create["previous"] is None
    assert (create["data"]["id"], create["data"]["visible_to"]) == (1, "3")
    meta = change["meta"]
    expected = {
        "action": "change",
        "entity": "deal",
        "entity_id": "1",
        "company_id": "8087566",
        "user_id": "1",
        "version": "2.0",
        "webhook_id": str(hook["id"]),
        "change_source": "api",
        "attempt": 1,
        "permitted_user_ids": ["1"],
    }
    assert expected.items() <= meta.items()
    assert meta["timestamp"].endswith("Z")
    assert len(meta["timestamp"]) == len("2026-11-02T09:05:01.375Z")
    assert change["previous"].keys() - {"update_time"} == {"status", "won_time", "close_time", "first_won_time"}
    assert change["previous"]["status"] == "open"
    assert (delete["data"], delete["previous"]["status"]) == (None, "won")
    assert len({body["meta"]["id"] for body in receiver.bodies}) == 3


async def test_payload_v1(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await subscribe(sandbox, receiver.url, version="1.0", event_object="person")
    await data(sandbox.post("/api/v2/persons", json={"name": "Ada"}))
    await data(sandbox.patch("/api/v2/persons/1", json={"name": "Eva"}))
    await data(sandbox.delete("/api/v2/persons/1"))
    added, updated, deleted = await receiver.wait_for(3)
    assert [body["event"] for body in receiver.bodies] == ["added.person", "updated.person", "deleted.person"]
    assert (added["previous"], deleted["current"]) == (None, None)
    assert (updated["previous"]["name"], updated["current"]["name"]) == ("Ada", "Eva")
    assert updated["current"]["owner_id"]["value"] == 1
    assert (updated["retry"], updated["meta"]["id"], updated["meta"]["user_id"]) == (0, 1, 1)
    assert updated["meta"]["timestamp_micro"] // 1_000_000 == updated["meta"]["timestamp"]


async def test_subscriptions_choose_object_and_action(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await subscribe(sandbox, receiver.url, event_object="deal_product", event_action="create")
    await subscribe(sandbox, receiver.url, event_object="product", event_action="delete")
    await data(sandbox.post("/api/v2/products", json={"name": "Valve"}), 201)
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    line = {"product_id": 1, "item_price": 2, "quantity": 3}
    await data(sandbox.post("/api/v2/deals/1/products", json=line), 201)
    await data(sandbox.delete("/api/v2/products/1"))
    bodies = await receiver.wait_for(2)
    assert [(body["meta"]["entity"], body["meta"]["action"]) for body in bodies] == [
        ("deal_product", "create"),
        ("product", "delete"),
    ]
    assert (bodies[0]["data"]["sum"], bodies[0]["data"]["deal_id"], bodies[0]["meta"]["entity_id"]) == (6, 1, "1")


async def test_merge_events(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    for name in ("Loser", "Winner"):
        await data(sandbox.post("/api/v2/organizations", json={"name": name}))
    await subscribe(sandbox, receiver.url, event_object="organization")
    await subscribe(sandbox, receiver.url, event_object="organization", version="1.0")
    await data(sandbox.put("/v1/organizations/1/merge", json={"merge_with_id": 2}))
    bodies = await receiver.wait_for(4)
    v2 = {body["meta"]["action"]: body["meta"] for body in bodies if "event" not in body}
    assert (v2["delete"]["entity_id"], v2["delete"]["merged_to_id"]) == ("1", "2")
    assert (v2["change"]["entity_id"], v2["change"]["merged_from_id"]) == ("2", "1")
    assert {body["event"] for body in bodies if "event" in body} == {"merged.organization", "deleted.organization"}


async def test_quiet_seed_tells_nobody(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await subscribe(sandbox, receiver.url)
    await sandbox.post("/_sandbox/seed", json={"quiet": True, "organizations": [{"name": "A"}]})
    await sandbox.post("/_sandbox/seed", json={"organizations": [{"name": "B"}]})
    (body,) = await receiver.wait_for(1)
    assert (body["data"]["name"], body["meta"]["change_source"]) == ("B", "app")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
async def test_attempts_are_numbered(sandbox: httpx.AsyncClient, receiver: Receiver, version: str) -> None:
    await settings(sandbox, retry_time_scale=0.0005)
    receiver.statuses = [500, 302, 404]
    await subscribe(sandbox, receiver.url, version=version, event_object="deal")
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    bodies = await receiver.wait_for(4)
    numbers = [body["retry"] + 1 if version == "1.0" else body["meta"]["attempt"] for body in bodies]
    assert numbers == [1, 2, 3, 4]
    if version == "2.0":
        assert len({body["meta"]["id"] for body in bodies}) == 1
    assert await _health(sandbox, "last_http_status", 200)


async def _health(sandbox: httpx.AsyncClient, key: str, value: Any) -> bool:
    async def holds() -> bool:
        hooks = (await sandbox.get("/v1/webhooks")).json()["data"]
        return bool(hooks) and hooks[0][key] == value

    await eventually(holds)
    return True


async def test_after_four_failures_the_event_is_lost(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await settings(sandbox, retry_time_scale=0.0001)
    receiver.statuses = [500] * 4
    await subscribe(sandbox, receiver.url, event_object="deal")
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))

    async def failed() -> bool:
        rows = (await sandbox.get("/_sandbox/deliveries?state=failed")).json()["deliveries"]
        return [row["attempt"] for row in rows] == [4]

    await eventually(failed)
    assert len(receiver.received) == 4


async def test_failed_first_attempts_ban_the_webhook(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await settings(sandbox, retry_time_scale=0.0, webhook_ban_after=2)
    receiver.statuses = [500, 200, 500, 200]
    await subscribe(sandbox, receiver.url, event_object="deal")
    for count in (2, 4):
        await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
        await receiver.wait_for(count)
        await _health(sandbox, "last_http_status", 200)
    await data(sandbox.post("/api/v2/deals", json={"title": "lost"}))
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 1801})
    await data(sandbox.post("/api/v2/deals", json={"title": "heard"}))
    assert (await receiver.wait_for(5))[-1]["data"]["title"] == "heard"


async def test_three_bad_days_remove_the_webhook(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await settings(sandbox, retry_time_scale=1000)
    receiver.statuses = [500]
    await subscribe(sandbox, receiver.url, event_object="deal")
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 3 * 86_400})
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))

    async def removed() -> bool:
        return bool((await sandbox.get("/v1/webhooks")).json()["data"] == [])

    await eventually(removed)


async def test_only_permitted_users_hear(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    users = [{"name": "Bo", "email": "bo@example.com", "api_token": "bo"}]
    await sandbox.post("/_sandbox/seed", json={"users": users})
    await subscribe(sandbox, receiver.url, event_object="deal", user_id=2)
    await data(sandbox.post("/api/v2/deals", json={"title": "private", "visible_to": 1}))
    await data(sandbox.post("/api/v2/deals", json={"title": "public"}))
    (body,) = await receiver.wait_for(1)
    assert (body["data"]["title"], body["meta"]["permitted_user_ids"]) == ("public", ["1", "2"])


async def test_knobs_pause_and_duplicate(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await subscribe(sandbox, receiver.url, event_object="deal")
    await sandbox.post("/_sandbox/webhooks", json={"paused": True, "duplicate_next": 1})
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    assert receiver.received == []
    await sandbox.post("/_sandbox/webhooks", json={"paused": False})
    first, second = await receiver.wait_for(2)
    assert first == second


async def test_management(sandbox: httpx.AsyncClient) -> None:
    await settings(sandbox, webhook_limit=1)
    good = {"subscription_url": "http://localhost:9/x", "event_action": "*", "event_object": "deal", "name": "n"}
    refusals: list[dict[str, Any]] = [
        {"subscription_url": "not a url"},
        {"subscription_url": "https://acme.pipedrive.com/api"},
        {"event_action": "updated"},
        {"event_object": "activityType"},
        {"name": None},
        {"user_id": 99},
    ]
    for change in refusals:
        reply = await sandbox.post("/v1/webhooks", json=good | change)
        assert (reply.status_code, reply.json()["status"]) == (400, "error"), change
        assert reply.json()["errors"].keys() == change.keys()
    hook = (await sandbox.post("/v1/webhooks", json={**good, "http_auth_password": "s3cret"})).json()
    assert (hook["status"], hook["data"]["version"], hook["data"]["is_active"]) == ("ok", "2.0", 1)
    assert (await sandbox.post("/v1/webhooks", json=good)).status_code == 422
    assert "s3cret" not in str(await ledger(sandbox))
    assert (await sandbox.delete("/v1/webhooks/1")).json() == {"status": "ok", "success": True}
    gone = await sandbox.delete("/v1/webhooks/1")
    assert (gone.status_code, gone.json()["errors"]) == (404, {"id": ["not found"]})


async def test_url_check_is_a_switch(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    def body(url: str) -> dict[str, str]:
        return {"subscription_url": url, "event_action": "*", "event_object": "deal", "name": "n"}

    await settings(sandbox, webhook_url_check="public")
    assert (await sandbox.post("/v1/webhooks", json=body(receiver.url))).status_code == 400
    assert (await sandbox.post("/v1/webhooks", json=body("https://hook.example.com/x"))).status_code == 201
    await settings(sandbox, webhook_url_check="reachable")
    assert (await sandbox.post("/v1/webhooks", json=body("http://127.0.0.1:1/x"))).status_code == 400
    assert (await sandbox.post("/v1/webhooks", json=body(receiver.url))).status_code == 201
