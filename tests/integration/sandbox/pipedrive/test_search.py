"""Search: case rules, searchable types, the lag of the index."""

from typing import Any

import httpx

from tests.integration.sandbox.pipedrive.server import data, settings


async def _seed(sandbox: httpx.AsyncClient) -> dict[str, str]:
    body = {
        "fields": {
            "deal": [
                {"name": "ERP", "type": "varchar"},
                {"name": "Day", "type": "date"},
                {"name": "N", "type": "double"},
            ]
        },
        "organizations": [{"name": "Berg AS", "address": {"value": "Storgata 1"}}],
        "persons": [{"name": "Ada Berg", "organization": "Berg AS", "emails": [{"value": "ada@example.com"}]}],
        "products": [{"name": "Valve", "code": "V-1"}],
        "deals": [{"title": "Pump", "person": "Ada Berg", "custom": {"ERP": "So-1", "N": 42, "Day": "2026-01-01"}}],
    }
    seeded = (await sandbox.post("/_sandbox/seed", json=body)).json()
    return {name: field["code"] for name, field in seeded["fields"]["deal"].items()}


async def _by_field(sandbox: httpx.AsyncClient, field: str, term: str, **more: str) -> Any:
    query = {"entity_type": "deal", "field": field, "term": term, **more}
    return await data(sandbox.get("/api/v2/itemSearch/field", params=query))


async def test_field_search_is_case_sensitive(sandbox: httpx.AsyncClient) -> None:
    codes = await _seed(sandbox)
    hit = [{"id": 1, "name": "Pump"}]
    assert await _by_field(sandbox, codes["ERP"], "So-1") == hit
    assert await _by_field(sandbox, codes["ERP"], "SO-1") == []
    assert await _by_field(sandbox, codes["ERP"], "So-") == []
    assert await _by_field(sandbox, codes["ERP"], "So-", match="beginning") == hit
    assert await _by_field(sandbox, codes["ERP"], "o-1", match="middle") == hit
    assert await _by_field(sandbox, codes["N"], "42") == hit
    assert await _by_field(sandbox, "title", "Pump") == hit
    for query in (
        {"field": codes["Day"], "term": "2026"},
        {"field": "0" * 40, "term": "So-1"},
        {"field": codes["ERP"]},
    ):
        reply = await sandbox.get("/api/v2/itemSearch/field", params={"entity_type": "deal", **query})
        assert reply.status_code == 400, query
    await settings(sandbox, field_search_shape="item")
    assert (await _by_field(sandbox, codes["ERP"], "So-1"))[0]["item"]["id"] == 1


async def test_item_search_ignores_case_and_tells_values_not_keys(sandbox: httpx.AsyncClient) -> None:
    await _seed(sandbox)
    items = (await data(sandbox.get("/api/v2/itemSearch?term=so-1")))["items"]
    assert [(hit["item"]["type"], hit["item"]["custom_fields"]) for hit in items] == [("deal", ["So-1"])]
    assert (await data(sandbox.get("/api/v2/itemSearch?term=so&exact_match=true")))["items"] == []
    both = await data(sandbox.get("/api/v2/itemSearch?term=BERG&search_for_related_items=true"))
    assert [hit["item"]["type"] for hit in both["items"]] == ["person", "organization"]
    assert [hit["item"]["title"] for hit in both["related_items"]] == ["Pump"]
    assert (await sandbox.get("/api/v2/itemSearch?term=b")).status_code == 400
    assert (await sandbox.get("/api/v2/itemSearch?term=berg&limit=101")).status_code == 400


async def test_entity_searches(sandbox: httpx.AsyncClient) -> None:
    await _seed(sandbox)
    for path, term, fields in (
        ("persons", "ada@example.com", "email"),
        ("organizations", "storgata", "address"),
        ("products", "v-1", "code"),
        ("deals", "pump", "title"),
    ):
        found = await data(sandbox.get(f"/api/v2/{path}/search", params={"term": term, "fields": fields}))
        assert [hit["item"]["id"] for hit in found["items"]] == [1], path
    assert (await sandbox.get("/api/v2/deals/search?term=pump&fields=email")).status_code == 400
    assert (await data(sandbox.get("/api/v2/deals/search?term=pump&status=won")))["items"] == []


async def test_the_index_lags_behind(sandbox: httpx.AsyncClient) -> None:
    codes = await _seed(sandbox)
    await settings(sandbox, search_index_lag_seconds=5)
    body = {"title": "Fresh", "custom_fields": {codes["ERP"]: "So-2"}}
    await data(sandbox.post("/api/v2/deals", json=body))
    await data(sandbox.patch("/api/v2/deals/1", json={"custom_fields": {codes["ERP"]: "So-9"}}))
    assert await _by_field(sandbox, codes["ERP"], "So-2") == []
    assert [hit["id"] for hit in await _by_field(sandbox, codes["ERP"], "So-1")] == [1]
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 6})
    assert [hit["id"] for hit in await _by_field(sandbox, codes["ERP"], "So-2")] == [2]
    assert [hit["id"] for hit in await _by_field(sandbox, codes["ERP"], "So-9")] == [1]
    assert await _by_field(sandbox, codes["ERP"], "So-1") == []
