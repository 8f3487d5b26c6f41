"""One value, four shapes: REST v1, REST v2, webhook v1, webhook v2; and the Fields API."""

from typing import Any

import httpx
import pytest

from tests.integration.sandbox.pipedrive.server import Receiver, data, settings, subscribe

ADDRESS = {
    "value": "Storgata 1",
    "street_number": None,
    "route": None,
    "sublocality": None,
    "locality": "Oslo",
    "admin_area_level_1": None,
    "admin_area_level_2": None,
    "country": None,
    "postal_code": None,
    "subpremise": None,
    "formatted_address": None,
}
ZONE = {"timezone_id": 318, "timezone_name": "Europe/London"}

# type, v2 request, v2 answer, v1 keys by suffix, webhook v2
SHAPES: list[tuple[str, Any, Any, dict[str, Any], Any]] = [
    ("varchar", "x", "x", {"": "x"}, {"type": "varchar", "value": "x"}),
    ("text", "x", "x", {"": "x"}, {"type": "text", "value": "x"}),
    ("phone", "+47 1", "+47 1", {"": "+47 1"}, {"type": "phone", "value": "+47 1"}),
    ("double", 5.5, 5.5, {"": 5.5}, {"type": "double", "value": 5.5}),
    (
        "monetary",
        {"value": 500, "currency": "USD"},
        {"value": 500, "currency": "USD"},
        {"": 500, "_currency": "USD"},
        {"type": "monetary", "value": 500, "currency": "USD"},
    ),
    ("date", "2026-01-31", "2026-01-31", {"": "2026-01-31"}, {"type": "date", "value": "2026-01-31"}),
    (
        "daterange",
        {"value": "2026-01-01", "until": "2026-01-31"},
        {"value": "2026-01-01", "until": "2026-01-31"},
        {"": "2026-01-01", "_until": "2026-01-31"},
        {"type": "daterange", "from": "2026-01-01", "until": "2026-01-31"},
    ),
    (
        "time",
        {"value": "09:00:00", "timezone_id": 318},
        {"value": "09:00:00", **ZONE},
        {"": "09:00:00", "_timezone_id": 318},
        {"type": "time", "value": "09:00:00", "timezone_id": 318},
    ),
    (
        "timerange",
        {"value": "09:00:00", "until": "10:00:00", "timezone_id": 318},
        {"value": "09:00:00", "until": "10:00:00", **ZONE},
        {"": "09:00:00", "_until": "10:00:00", "_timezone_id": 318},
        {"type": "timerange", "from": "09:00:00", "until": "10:00:00", "timezone_id": 318},
    ),
    ("user", 1, 1, {"": 1}, {"type": "user", "id": 1}),
    ("org", 1, 1, {"": 1}, {"type": "org", "id": 1}),
    (
        "address",
        {"value": "Storgata 1", "locality": "Oslo"},
        ADDRESS,
        {"": "Storgata 1", "_locality": "Oslo", "_country": None},
        {"type": "address", **ADDRESS},
    ),
]


async def _field(sandbox: httpx.AsyncClient, type_: str, **more: Any) -> Any:
    return await data(sandbox.post("/api/v2/dealFields", json={"field_name": "F", "field_type": type_, **more}))


@pytest.mark.parametrize(("type_", "request_", "v2", "v1", "webhook"), SHAPES, ids=[shape[0] for shape in SHAPES])
async def test_shapes_of_a_value(
    sandbox: httpx.AsyncClient, receiver: Receiver, type_: str, request_: Any, v2: Any, v1: dict[str, Any], webhook: Any
) -> None:
    await data(sandbox.post("/api/v2/organizations", json={"name": "Org"}))
    code = (await _field(sandbox, type_))["field_code"]
    await subscribe(sandbox, receiver.url, event_object="deal", version="2.0")
    await subscribe(sandbox, receiver.url, event_object="deal", version="1.0")

    deal = await data(sandbox.post("/api/v2/deals", json={"title": "x", "custom_fields": {code: request_}}))
    assert deal["custom_fields"] == {code: v2}
    flat = {f"{code}{suffix}": value for suffix, value in v1.items()}
    assert flat.items() <= (await data(sandbox.get("/v1/deals/1"))).items()
    bodies = await receiver.wait_for(2)
    assert next(body for body in bodies if "v" not in body)["data"]["custom_fields"] == {code: webhook}
    assert flat.items() <= next(body for body in bodies if "v" in body)["current"].items()

    twin = await data(sandbox.post("/v1/deals", json={"title": "y", "org_id": 1, **flat}), 201)
    assert (await data(sandbox.get(f"/api/v2/deals/{twin['id']}")))["custom_fields"] == {code: v2}
    cleared = await data(sandbox.patch("/api/v2/deals/1", json={"custom_fields": {code: None}}))
    assert cleared["custom_fields"] == {code: None}


@pytest.mark.parametrize(("type_", "v2", "v1"), [("enum", 0, "{0}"), ("set", [0, 1], "{0},{1}")])
async def test_shapes_of_options(sandbox: httpx.AsyncClient, receiver: Receiver, type_: str, v2: Any, v1: str) -> None:
    field = await _field(sandbox, type_, options=[{"label": "A"}, {"label": "B"}])
    code, ids = field["field_code"], [option["id"] for option in field["options"]]
    value = [ids[position] for position in v2] if isinstance(v2, list) else ids[v2]
    await subscribe(sandbox, receiver.url, event_object="deal")
    await data(sandbox.post("/api/v2/deals", json={"title": "x", "custom_fields": {code: value}}))
    assert (await data(sandbox.get("/v1/deals/1")))[code] == v1.format(*ids)
    (body,) = await receiver.wait_for(1)
    chosen = {"values": [{"id": item} for item in value]} if isinstance(value, list) else {"id": value}
    assert body["data"]["custom_fields"][code] == {"type": type_, **chosen}
    labelled = await data(sandbox.get("/api/v2/deals/1?include_option_labels=true"))
    first = labelled["custom_fields"][code]
    assert (first[0] if isinstance(first, list) else first) == {"id": ids[0], "label": "A"}


@pytest.mark.parametrize(
    ("type_", "bad"),
    [
        ("varchar", 5),
        ("varchar", "x" * 256),
        ("double", "5.5"),
        ("enum", "1"),
        ("enum", 999),
        ("set", []),
        ("set", 1),
        ("monetary", 5),
        ("monetary", {"value": 5, "currency": "XXX"}),
        ("date", "31.01.2026"),
        ("people", 77),
        ("address", {"locality": "Oslo"}),
        ("address", {"value": "x", "planet": "Earth"}),
        ("time", {"value": "25:00"}),
    ],
)
async def test_v2_refuses_values_of_another_type(sandbox: httpx.AsyncClient, type_: str, bad: Any) -> None:
    options = {"options": [{"label": "A"}]} if type_ in ("enum", "set") else {}
    code = (await _field(sandbox, type_, **options))["field_code"]
    reply = await sandbox.post("/api/v2/deals", json={"title": "x", "custom_fields": {code: bad}})
    assert reply.status_code == 400
    assert f"custom_fields.{code}: " in reply.json()["error"]


async def test_empty_object_clears_and_a_partial_one_does_not(sandbox: httpx.AsyncClient) -> None:
    first, second = [(await _field(sandbox, "varchar"))["field_code"] for _ in range(2)]
    assert first != second
    await data(sandbox.post("/api/v2/deals", json={"title": "x", "custom_fields": {first: "a", second: "b"}}))
    deal = await data(sandbox.patch("/api/v2/deals/1", json={"custom_fields": {first: "c"}}))
    assert deal["custom_fields"] == {first: "c", second: "b"}
    assert (await data(sandbox.get(f"/api/v2/deals/1?custom_fields={first}")))["custom_fields"] == {first: "c"}
    too_many = ",".join(f"{number:040x}" for number in range(16))
    assert (await sandbox.get(f"/api/v2/deals?custom_fields={too_many}")).status_code == 400
    deal = await data(sandbox.patch("/api/v2/deals/1", json={"custom_fields": {}}))
    assert deal["custom_fields"] == {first: None, second: None}
    await settings(sandbox, null_custom_fields=False)
    assert (await data(sandbox.get("/api/v2/deals/1")))["custom_fields"] == {}


async def test_v1_field_update_drops_options_that_are_left_out(sandbox: httpx.AsyncClient) -> None:
    field = await _field(sandbox, "enum", options=[{"label": "A"}, {"label": "B"}])
    code, kept = field["field_code"], field["options"][1]["id"]
    number = next(item["id"] for item in await data(sandbox.get("/v1/dealFields?limit=500")) if item["key"] == code)
    options = [{"id": kept, "label": "B2"}, {"label": "C"}]
    changed = await data(sandbox.put(f"/v1/dealFields/{number}", json={"options": options}))
    assert [(item["label"], item["id"] == kept) for item in changed["options"]] == [("B2", True), ("C", False)]


async def test_deleted_field_disappears_with_its_values(sandbox: httpx.AsyncClient) -> None:
    code = (await _field(sandbox, "varchar"))["field_code"]
    await data(sandbox.post("/api/v2/deals", json={"title": "x", "custom_fields": {code: "a"}}))
    await data(sandbox.delete(f"/api/v2/dealFields/{code}"))
    assert (await data(sandbox.get("/api/v2/deals/1")))["custom_fields"] == {}
    assert (await sandbox.get(f"/api/v2/dealFields/{code}")).status_code == 404
    reply = await sandbox.patch("/api/v2/deals/1", json={"custom_fields": {code: "b"}})
    assert reply.status_code == 400
    await data(sandbox.put("/v1/deals/1", json={code: "ignored", "title": "y"}))
    assert (await sandbox.delete("/api/v2/dealFields/title")).status_code == 403
