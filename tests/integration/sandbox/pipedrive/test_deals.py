"""Life cycle of deals, strict validation, lists and lines."""

import base64
import json
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.pipedrive.server import data, ledger, settings


async def _refusal(sandbox: httpx.AsyncClient, body: dict[str, Any]) -> str:
    reply = await sandbox.post("/api/v2/deals", json=body)
    assert reply.status_code == 400
    assert reply.json().keys() == {"success", "error", "code"}
    assert reply.json()["code"] == "ERR_SCHEMA_VALIDATION_FAILED"
    return str(reply.json()["error"])


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({}, "title: Parameter 'title' is required"),
        ({"foo": 1}, "foo: Parameter 'foo' is not allowed for this request"),
        ({"add_time": "2026-01-01T00:00:00Z"}, "add_time: Parameter 'add_time' is not allowed"),
        ({"value": "3"}, "value: Expected number"),
        ({"is_archived": 1}, "is_archived: Expected boolean"),
        ({"stage_id": 99}, "stage_id: Stage with id 99 was not found"),
        ({"person_id": 1}, "person_id: Person with id 1 was not found"),
        ({"probability": 101}, "probability: Must be less than or equal to 100"),
        ({"lost_reason": "price"}, "lost_reason: Can be set only"),
        ({"won_time": "2026-01-01T00:00:00Z"}, "won_time: Can be set only"),
        ({"expected_close_date": "01.02.2026"}, "is not a valid date"),
        ({"currency": "XXX"}, "Currency 'XXX' does not exist"),
        ({"custom_fields": {"0" * 40: "x"}}, "is not allowed for this request"),
    ],
)
async def test_v2_is_strict(sandbox: httpx.AsyncClient, body: dict[str, Any], text: str) -> None:
    error = await _refusal(sandbox, body if text.startswith("title") else {"title": "x", **body})
    assert error.startswith("Validation failed: ")
    assert text in error
    assert await ledger(sandbox) == []


async def test_all_problems_are_told_at_once(sandbox: httpx.AsyncClient) -> None:
    error = await _refusal(sandbox, {"foo": 1, "value": "3", "status": "maybe"})
    assert error.count("; ") == 3
    assert error.count("Validation failed: ") == 1


async def test_status_sets_and_clears_times(sandbox: httpx.AsyncClient) -> None:
    deal = await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    assert (deal["status"], deal["stage_id"], deal["pipeline_id"], deal["origin"]) == ("open", 1, 1, "API")
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 60})
    won = await data(sandbox.patch("/api/v2/deals/1", json={"status": "won"}))
    assert won["won_time"] == won["close_time"] == won["update_time"] > deal["update_time"]
    again = await data(sandbox.patch("/api/v2/deals/1", json={"status": "open"}))
    assert (again["won_time"], again["close_time"]) == (None, None)
    shown = await data(sandbox.get("/api/v2/deals/1?include_fields=first_won_time"))
    assert shown["first_won_time"] == won["won_time"]
    lost = await data(sandbox.patch("/api/v2/deals/1", json={"status": "lost", "lost_reason": "price"}))
    assert (lost["won_time"], lost["lost_reason"]) == (None, "price")


async def test_stage_and_pipeline_stay_consistent(sandbox: httpx.AsyncClient) -> None:
    seeded = (await sandbox.post("/_sandbox/seed", json={"pipelines": [{"name": "P2", "stages": ["A", "B"]}]})).json()
    pipeline, stages = seeded["pipelines"][0]["id"], seeded["pipelines"][0]["stages"]
    deal = await data(sandbox.post("/api/v2/deals", json={"title": "x", "pipeline_id": pipeline}))
    assert (deal["stage_id"], deal["stage_change_time"]) == (stages["A"], None)
    moved = await data(sandbox.patch("/api/v2/deals/1", json={"stage_id": 2}))
    assert (moved["pipeline_id"], moved["stage_change_time"]) == (1, moved["update_time"])
    reply = await sandbox.patch("/api/v2/deals/1", json={"stage_id": 2, "pipeline_id": pipeline})
    assert "does not belong to pipeline" in reply.json()["error"]


async def test_pages_are_keyset_pages(sandbox: httpx.AsyncClient) -> None:
    for title in "abcde":
        await data(sandbox.post("/api/v2/deals", json={"title": title}))
    first = (await sandbox.get("/api/v2/deals?limit=2")).json()
    cursor = first["additional_data"]["next_cursor"]
    assert json.loads(base64.urlsafe_b64decode(cursor + "==")) == {
        "field": "id",
        "fieldValue": 2,
        "sortDirection": "asc",
        "id": 2,
    }
    await data(sandbox.delete("/api/v2/deals/1"))
    rest = (await sandbox.get(f"/api/v2/deals?limit=3&cursor={cursor}")).json()
    assert [deal["title"] for deal in rest["data"]] == ["c", "d", "e"]
    assert rest["additional_data"] == {"next_cursor": None}
    for query in ("limit=501", "limit=0", "cursor=nonsense", "sort_by=title", "colour=red", f"ids={'1,' * 101}1"):
        assert (await sandbox.get(f"/api/v2/deals?{query}")).status_code == 400, query


async def test_updated_since_is_inclusive_and_wants_whole_seconds(sandbox: httpx.AsyncClient) -> None:
    first = await data(sandbox.post("/api/v2/deals", json={"title": "a"}))
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 10})
    second = await data(sandbox.post("/api/v2/deals", json={"title": "b"}))

    async def ids(**query: str) -> list[int]:
        return [deal["id"] for deal in await data(sandbox.get("/api/v2/deals", params=query))]

    assert await ids(updated_since=first["update_time"], sort_by="update_time", sort_direction="desc") == [2, 1]
    assert await ids(updated_since=second["update_time"]) == [2]
    assert await ids(updated_until=second["update_time"]) == [1]
    reply = await sandbox.get("/api/v2/deals", params={"updated_since": "2026-01-31T08:15:00.123Z"})
    assert reply.json()["code"] == "ERR_SCHEMA_VALIDATION_FAILED"
    assert "is not a valid datetime" in reply.json()["error"]
    assert (await sandbox.get("/api/v2/stages?updated_since=2026-01-31T08:15:00Z")).status_code == 400


async def test_archived_and_deleted_deals_leave_the_list(sandbox: httpx.AsyncClient) -> None:
    for title in "abc":
        await data(sandbox.post("/api/v2/deals", json={"title": title}))
    await data(sandbox.patch("/api/v2/deals/1", json={"is_archived": True}))
    assert await data(sandbox.delete("/api/v2/deals/2")) == {"id": 2}
    assert [deal["id"] for deal in await data(sandbox.get("/api/v2/deals"))] == [3]
    assert [deal["id"] for deal in await data(sandbox.get("/api/v2/deals/archived"))] == [1]
    assert [deal["id"] for deal in await data(sandbox.get("/api/v2/deals?status=deleted"))] == [2]
    assert (await sandbox.patch("/api/v2/deals/1", json={"title": "z"})).status_code == 403
    assert (await sandbox.patch("/api/v2/deals/2", json={"title": "z"})).status_code == 404
    assert (await data(sandbox.get("/api/v2/deals/2")))["is_deleted"] is True
    assert (await sandbox.delete("/api/v2/deals/2")).status_code == 404
    assert (await sandbox.get("/v1/deals?status=won")).json()["data"] is None
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 31 * 86_400})
    assert (await sandbox.get("/api/v2/deals/2")).status_code == 404


async def _with_product(sandbox: httpx.AsyncClient, **deal: Any) -> None:
    await data(sandbox.post("/api/v2/products", json={"name": "Valve"}), 201)
    await data(sandbox.post("/api/v2/deals", json={"title": "x", "currency": "EUR", **deal}))


def _line(**changes: Any) -> dict[str, Any]:
    return {"product_id": 1, "item_price": 100, "quantity": 1, **changes}


@pytest.mark.parametrize(
    ("line", "switches", "total"),
    [
        ({"item_price": 22, "quantity": 5, "discount": 0.2, "tax": 11, "tax_method": "inclusive"}, {}, 109.78),
        ({"tax": 20, "discount": 10, "tax_method": "exclusive"}, {}, 108),
        ({"tax": 20, "tax_method": "exclusive"}, {"sum_contains_exclusive_tax": False}, 100),
        ({"quantity": 3, "discount": 10, "discount_type": "amount"}, {}, 290),
        ({"quantity": 3, "discount": 10, "discount_type": "amount"}, {"amount_discount_per": "unit"}, 270),
        ({"item_price": 0.333, "quantity": 1.5}, {}, 0.5),
        ({"item_price": 0.333, "quantity": 1.5}, {"round_sums": False}, 0.4995),
    ],
)
async def test_sum_of_a_line(
    sandbox: httpx.AsyncClient, line: dict[str, Any], switches: dict[str, Any], total: float
) -> None:
    await settings(sandbox, **switches)
    await _with_product(sandbox)
    shown = await data(sandbox.post("/api/v2/deals/1/products", json=_line(**line)), 201)
    assert shown["sum"] == total
    assert (shown["name"], shown["currency"], shown["comments"]) == ("Valve", "EUR", "")


async def test_value_follows_lines_and_discounts(sandbox: httpx.AsyncClient) -> None:
    await _with_product(sandbox, value=7)
    before = await data(sandbox.get("/api/v2/deals/1"))
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 5})
    await data(sandbox.post("/api/v2/deals/1/products/bulk", json={"data": [_line(), _line(is_enabled=False)]}), 201)
    after = await data(sandbox.get("/api/v2/deals/1"))
    assert after["value"] == 100
    assert after["update_time"] > before["update_time"]
    discount = {"description": "d", "amount": 10, "type": "percentage"}
    await data(sandbox.post("/api/v2/deals/1/discounts", json=discount), 201)
    assert (await data(sandbox.get("/api/v2/deals/1")))["value"] == 90
    assert (await data(sandbox.patch("/api/v2/deals/1", json={"value": 5})))["value"] == 90
    await settings(sandbox, value_with_products="rejected")
    assert (await sandbox.patch("/api/v2/deals/1", json={"value": 5})).status_code == 400
    gone = (await sandbox.request("DELETE", "/api/v2/deals/1/products")).json()
    assert gone["data"] == {"ids": [1, 2]}
    assert gone["additional_data"] == {"more_items_in_collection": False}
    rows = await ledger(sandbox)
    assert [row["action"] for row in rows if row["object"] == "deal_product"] == [
        "create",
        "create",
        "delete",
        "delete",
    ]


async def test_one_tax_method_for_all_lines(sandbox: httpx.AsyncClient) -> None:
    await _with_product(sandbox)
    await data(sandbox.post("/api/v2/deals/1/products", json=_line(tax=20, tax_method="inclusive")), 201)
    await data(sandbox.post("/api/v2/deals/1/products", json=_line(tax=20, tax_method="exclusive")), 201)
    lines = await data(sandbox.get("/api/v2/deals/products?deal_ids=1"))
    assert [(line["tax_method"], line["sum"]) for line in lines] == [("exclusive", 120), ("exclusive", 120)]


async def test_a_bad_line_in_bulk_leaves_nothing(sandbox: httpx.AsyncClient) -> None:
    await _with_product(sandbox)
    rows = len(await ledger(sandbox))
    for lines in ([_line(), {"product_id": 1}], [], [_line()] * 101):
        assert (await sandbox.post("/api/v2/deals/1/products/bulk", json={"data": lines})).status_code == 400
    assert (await sandbox.post("/api/v2/deals/1/products", json=_line(currency="EUR"))).status_code == 400
    assert len(await ledger(sandbox)) == rows
    assert await data(sandbox.get("/api/v2/deals/1/products")) == []


async def test_plan_limits_answer_403_with_code(sandbox: httpx.AsyncClient) -> None:
    await settings(sandbox, open_deals_limit=1, recurring_products=False)
    await _with_product(sandbox)
    reply = await sandbox.post("/api/v2/deals", json={"title": "two"})
    assert (reply.status_code, reply.json()["code"]) == (403, "feature_capping_deals_limit")
    weekly = _line(billing_frequency="weekly", billing_frequency_cycles=4)
    assert (await sandbox.post("/api/v2/deals/1/products", json=weekly)).status_code == 403


async def test_purged_product_leaves_the_line_without_it(sandbox: httpx.AsyncClient) -> None:
    await _with_product(sandbox)
    await data(sandbox.post("/api/v2/deals/1/products", json=_line()), 201)
    await data(sandbox.delete("/api/v2/products/1"))
    assert (await data(sandbox.get("/api/v2/deals/1/products")))[0]["product_id"] == 1
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 31 * 86_400})
    (line,) = await data(sandbox.get("/api/v2/deals/1/products"))
    assert (line["product_id"], line["name"], line["sum"]) == (None, None, 100)


async def test_money_keeps_its_digits(sandbox: httpx.AsyncClient) -> None:
    raw = b'{"title":"x","value":12345678901234567.89}'
    reply = await sandbox.post("/api/v2/deals", content=raw, headers={"content-type": "application/json"})
    assert '"value":12345678901234567.89' in reply.text
