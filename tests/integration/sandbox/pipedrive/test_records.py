"""Persons, organizations, products, activities, notes, files, users, recents, merge and the seed."""

from typing import Any

import httpx
import pytest

from tests.integration.sandbox.pipedrive.server import data, ledger, settings


@pytest.mark.parametrize(
    ("path", "body", "v2", "v1"),
    [
        ("deals", {"title": "x", "org_id": 1}, 200, 201),
        ("persons", {"name": "x"}, 200, 201),
        ("organizations", {"name": "x"}, 200, 201),
        ("products", {"name": "x"}, 201, 201),
        ("activities", {"subject": "x"}, 200, 201),
    ],
)
async def test_status_of_a_create(
    sandbox: httpx.AsyncClient, path: str, body: dict[str, Any], v2: int, v1: int
) -> None:
    await data(sandbox.post("/api/v2/organizations", json={"name": "Org"}))
    assert (await sandbox.post(f"/api/v2/{path}", json=body)).status_code == v2
    assert (await sandbox.post(f"/v1/{path}", json=body)).status_code == v1


async def test_person_names_and_contacts(sandbox: httpx.AsyncClient) -> None:
    emails = [{"value": "a@x.no"}, {"value": "b@x.no", "label": "home"}]
    person = await data(sandbox.post("/api/v2/persons", json={"name": "Ada Maria Berg", "emails": emails}))
    assert (person["first_name"], person["last_name"]) == ("Ada Maria", "Berg")
    assert [(entry["primary"], entry["label"]) for entry in person["emails"]] == [(True, "work"), (False, "home")]
    changed = await data(sandbox.patch("/api/v2/persons/1", json={"emails": [{"value": "c@x.no"}]}))
    assert [entry["value"] for entry in changed["emails"]] == ["c@x.no"]
    changed = await data(sandbox.patch("/api/v2/persons/1", json={"first_name": "Eva"}))
    assert changed["name"] == "Eva Berg"
    two = [{"value": "a", "primary": True}, {"value": "b", "primary": True}]
    for body in ({"emails": two}, {"emails": ["a@x.no"]}, {"emails": [{"label": "work"}]}):
        assert (await sandbox.patch("/api/v2/persons/1", json=body)).status_code == 400
    assert (await sandbox.patch("/api/v2/persons/1", json={"job_title": "CEO"})).status_code == 403
    await settings(sandbox, contact_sync=True)
    assert (await data(sandbox.patch("/api/v2/persons/1", json={"job_title": "CEO"})))["job_title"] == "CEO"


async def test_address_parts_that_are_left_out_become_null(sandbox: httpx.AsyncClient) -> None:
    body = {"name": "Org", "address": {"value": "Storgata 1", "locality": "Oslo"}}
    await data(sandbox.post("/api/v2/organizations", json=body))
    changed = await data(sandbox.patch("/api/v2/organizations/1", json={"address": {"value": "Storgata 2"}}))
    assert (changed["address"]["value"], changed["address"]["locality"]) == ("Storgata 2", None)
    assert (await sandbox.patch("/api/v2/organizations/1", json={"website": "x"})).status_code == 400


async def test_prices_are_replaced_as_a_whole(sandbox: httpx.AsyncClient) -> None:
    product = await data(sandbox.post("/api/v2/products", json={"name": "Valve", "category": 9}), 201)
    assert [(price["price"], price["currency"]) for price in product["prices"]] == [(0, "EUR")]
    assert product["category"] == "9"
    two = {"prices": [{"currency": "EUR", "price": 22, "cost": 10}, {"currency": "USD", "price": 25}]}
    assert len((await data(sandbox.patch("/api/v2/products/1", json=two)))["prices"]) == 2
    one = {"prices": [{"currency": "USD", "price": 26}]}
    assert [price["price"] for price in (await data(sandbox.patch("/api/v2/products/1", json=one)))["prices"]] == [26]
    for bad in ([{"currency": "EUR"}], [{"price": 1}], [{"currency": "EUR", "price": 1}] * 2):
        assert (await sandbox.patch("/api/v2/products/1", json={"prices": bad})).status_code == 400


async def test_v1_reads_objects_where_it_writes_numbers(sandbox: httpx.AsyncClient) -> None:
    await data(sandbox.post("/v1/organizations", json={"name": "Org", "address": "Oslo"}), 201)
    await data(
        sandbox.post("/v1/persons", json={"name": "Ada", "email": "a@x.no", "org_id": "1", "visible_to": "7"}), 201
    )
    form = {"title": "x", "person_id": "1", "org_id": "1", "value": "5.5", "add_time": "2026-01-02 03:04:05"}
    deal = await data(sandbox.post("/v1/deals", data=form), 201)
    assert (deal["person_id"]["value"], deal["org_id"]["value"], deal["user_id"]["value"]) == (1, 1, 1)
    assert (deal["value"], deal["add_time"], deal["deleted"], deal["visible_to"]) == (
        5.5,
        "2026-01-02 03:04:05",
        False,
        "3",
    )
    person = await data(sandbox.get("/api/v2/persons/1"))
    assert (person["emails"][0]["value"], person["visible_to"], person["org_id"]) == ("a@x.no", 7, 1)
    assert (await sandbox.post("/v1/deals", json={"person_id": 1})).json()["error"] == "Deal title must be given."
    assert (await sandbox.post("/v1/deals", json={"title": "x"})).status_code == 400
    assert (await sandbox.post("/v1/deals", json={"title": "x", "id": 3})).status_code == 400
    page = (await sandbox.get("/v1/deals?limit=1")).json()["additional_data"]["pagination"]
    assert page == {"start": 0, "limit": 1, "more_items_in_collection": False}
    await data(sandbox.delete("/v1/persons/1"))
    refused = await sandbox.put("/v1/persons/1", json={"name": "Eva"})
    assert refused.status_code == 400
    assert (await data(sandbox.put("/v1/persons/1", json={"active_flag": 1})))["active_flag"] is True


async def test_activity_person_is_the_primary_participant(sandbox: httpx.AsyncClient) -> None:
    await data(sandbox.post("/api/v2/persons", json={"name": "Ada"}))
    assert (await sandbox.post("/api/v2/activities", json={"person_id": 1})).status_code == 400
    body = {"type": "task", "participants": [{"person_id": 1}], "due_time": "9:30"}
    activity = await data(sandbox.post("/api/v2/activities", json=body))
    assert (activity["person_id"], activity["subject"], activity["due_time"]) == (1, "Task", "09:30:00")
    assert [item["id"] for item in await data(sandbox.get("/api/v2/activities?person_id=1&done=false"))] == [1]
    assert (await sandbox.get("/api/v2/activities?type=task")).status_code == 400
    person = await data(sandbox.get("/api/v2/persons/1?include_fields=next_activity_id,activities_count"))
    assert (person["next_activity_id"], person["activities_count"]) == (1, 1)


async def test_notes_need_a_target_and_lose_scripts(sandbox: httpx.AsyncClient) -> None:
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    assert (await sandbox.post("/v1/notes", json={"content": "x"})).status_code == 400
    note = await data(sandbox.post("/v1/notes", json={"content": "<b>x</b><script>y</script>", "deal_id": 1}))
    assert (note["content"], note["deal"], note["user"]["is_you"]) == ("<b>x</b>", {"title": "x"}, True)
    assert (await sandbox.put("/v1/notes/1", json={"pinned_to_person_flag": 1})).status_code == 400
    assert (await sandbox.get("/v1/notes?deal_id=2")).json()["data"] is None


async def test_file_content_comes_back(sandbox: httpx.AsyncClient) -> None:
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    content = bytes(range(256))
    upload = sandbox.post("/v1/files", files={"file": ("a.bin", content)}, data={"deal_id": "1"})
    assert (await data(upload))["file_size"] == 256
    assert (await sandbox.get("/v1/files/1/download")).content == content
    renamed = await data(sandbox.put("/v1/files/1", data={"name": "b.bin"}))
    assert renamed["name"] == "b.bin"


async def test_merge_keeps_the_named_record(sandbox: httpx.AsyncClient) -> None:
    fields = {"organization": [{"name": "ERP", "type": "varchar"}, {"name": "Rank", "type": "double"}]}
    organizations = [
        {"name": "Loser", "custom": {"ERP": "C-1", "Rank": 1}, "address": {"value": "Oslo"}},
        {"name": "Winner", "custom": {"ERP": "C-2", "Rank": 2}},
    ]
    body = {"fields": fields, "organizations": organizations, "deals": [{"title": "x", "organization": "Loser"}]}
    seeded = (await sandbox.post("/_sandbox/seed", json=body)).json()
    code = seeded["fields"]["organization"]["ERP"]["code"]
    merged = await data(sandbox.put("/v1/organizations/1/merge", json={"merge_with_id": 2}))
    assert (merged["id"], merged["name"], merged["address"], merged[code]) == (2, "Winner", "Oslo", "C-2, C-1")
    assert merged[seeded["fields"]["organization"]["Rank"]["code"]] == 2
    assert (await data(sandbox.get("/api/v2/deals/1")))["org_id"] == 2
    assert (await data(sandbox.get("/api/v2/organizations/1")))["is_deleted"] is True
    assert (await sandbox.put("/v1/organizations/2/merge", json={"merge_with_id": 2})).status_code == 400


async def test_recents_go_back_one_month(sandbox: httpx.AsyncClient) -> None:
    await data(sandbox.post("/api/v2/deals", json={"title": "old"}))
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 20 * 86_400})
    await data(sandbox.post("/api/v2/persons", json={"name": "Ada"}))
    query = {"since_timestamp": "2020-01-01 00:00:00", "items": "deal,person"}
    body = (await sandbox.get("/v1/recents", params=query)).json()
    assert [(row["item"], row["id"]) for row in body["data"]] == [("deal", 1), ("person", 1)]
    assert body["additional_data"]["last_timestamp_on_page"] == body["data"][1]["data"]["update_time"]
    await sandbox.post("/_sandbox/clock", json={"advance_seconds": 20 * 86_400})
    body = (await sandbox.get("/v1/recents", params=query)).json()
    assert [row["item"] for row in body["data"]] == ["person"]


async def test_changelog_tells_old_and_new(sandbox: httpx.AsyncClient) -> None:
    await data(sandbox.post("/api/v2/deals", json={"title": "a"}))
    await data(sandbox.patch("/api/v2/deals/1", json={"title": "b"}))
    (change,) = await data(sandbox.get("/v1/deals/1/changelog"))
    assert (change["field_key"], change["old_value"], change["new_value"]) == ("title", "a", "b")


async def test_filter_overrides_other_parameters(sandbox: httpx.AsyncClient) -> None:
    for title in ("pump", "valve"):
        await data(sandbox.post("/api/v2/deals", json={"title": title}))
    field = next(item["id"] for item in await data(sandbox.get("/v1/dealFields")) if item["key"] == "title")
    condition = {"object": "deal", "field_id": field, "operator": "=", "value": "valve"}
    conditions = {"glue": "and", "conditions": [{"glue": "and", "conditions": [condition]}]}
    body = {"name": "f", "type": "deals", "conditions": conditions}
    saved = await data(sandbox.post("/v1/filters", json=body))
    found = await data(sandbox.get(f"/api/v2/deals?filter_id={saved['id']}&ids=1"))
    assert [deal["title"] for deal in found] == ["valve"]
    assert (await sandbox.get("/api/v2/persons?filter_id=1")).status_code == 404


async def test_followers_are_removed_by_user_id(sandbox: httpx.AsyncClient) -> None:
    await data(sandbox.post("/api/v2/deals", json={"title": "x"}))
    await data(sandbox.post("/api/v2/deals/1/followers", json={"user_id": 1}), 201)
    assert (await sandbox.post("/api/v2/deals/1/followers", json={"user_id": 1})).status_code == 400
    assert await data(sandbox.delete("/api/v2/deals/1/followers/1")) == {"user_id": 1}
    assert await data(sandbox.get("/api/v2/deals/1/followers")) == []


async def test_only_admins_change_pipelines(sandbox: httpx.AsyncClient) -> None:
    user = {"name": "Bo", "email": "bo@example.com", "api_token": "bo"}
    await sandbox.post("/_sandbox/seed", json={"users": [user]})
    bo = {"x-api-token": "bo"}
    assert (await sandbox.post("/api/v2/pipelines", json={"name": "P"}, headers=bo)).status_code == 403
    deal = await data(sandbox.post("/api/v2/deals", json={"title": "x"}, headers=bo))
    assert deal["owner_id"] == deal["creator_user_id"] == 2


async def test_a_seed_is_all_or_nothing_and_names_the_problem(sandbox: httpx.AsyncClient) -> None:
    body = {"organizations": [{"name": "Org"}], "deals": [{"title": "x"}, {"title": "y", "organization": "Nobody"}]}
    reply = await sandbox.post("/_sandbox/seed", json=body)
    assert reply.status_code == 400
    assert "deals[1]: there is no organization 'Nobody'" in reply.json()["error"]
    assert await ledger(sandbox) == []
    assert await data(sandbox.get("/api/v2/organizations")) == []
    assert (await sandbox.post("/_sandbox/seed", json={"deal": []})).status_code == 400


async def test_a_seed_answers_ids_and_codes(sandbox: httpx.AsyncClient) -> None:
    body = {
        "company": {"name": "Acme", "domain": "acme"},
        "currencies": ["EUR", {"code": "PTS", "name": "Points", "decimal_points": 0}],
        "users": [{"name": "Ada", "email": "ada@example.com"}],
        "fields": {"deal": [{"name": "Entity", "type": "enum", "options": ["usmf", "demf"], "code": "e" * 40}]},
        "pipelines": [{"name": "Projects", "stages": ["New", "Done"]}],
        "organizations": [{"name": "Berg"}],
        "persons": [{"name": "Bo", "organization": "Berg", "labels": ["Customer"]}],
        "products": [{"name": "Valve", "code": "V-1"}],
        "deals": [
            {
                "title": "Pump",
                "organization": "Berg",
                "person": "Bo",
                "owner": "ada@example.com",
                "pipeline": "Projects",
                "stage": "Done",
                "currency": "PTS",
                "status": "won",
                "won_time": "2026-01-02T03:04:05Z",
                "add_time": "2026-01-01T00:00:00Z",
                "custom": {"Entity": "demf"},
                "products": [{"product": "V-1", "item_price": 2.6, "quantity": 1}],
            }
        ],
    }
    seeded = (await sandbox.post("/_sandbox/seed", json=body)).json()
    assert (seeded["organizations"], seeded["deals"], seeded["deal_products"]) == ([1], [1], [[1]])
    assert seeded["fields"]["deal"]["Entity"]["code"] == "e" * 40
    deal = await data(sandbox.get("/api/v2/deals/1"))
    assert deal["custom_fields"] == {"e" * 40: seeded["fields"]["deal"]["Entity"]["options"]["demf"]}
    assert (deal["stage_id"], deal["owner_id"]) == (seeded["pipelines"][0]["stages"]["Done"], 2)
    assert (deal["value"], deal["won_time"]) == (3, "2026-01-02T03:04:05Z")
    assert (deal["add_time"], deal["origin"]) == ("2026-01-01T00:00:00Z", "ManuallyCreated")
    assert (await data(sandbox.get("/v1/users/me")))["company_domain"] == "acme"
