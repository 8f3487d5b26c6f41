"""What holds for every call: token, quota, pages, contacts and folders, the documentation, faults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.sandbox.recordengine.directory import PROFILE_NAMES
from tests.integration.sandbox.recordengine.server import (
    CONTACT,
    QUARTER,
    TOKEN,
    act,
    advance,
    control,
    document,
    get,
    ledger,
    reviewed,
    running,
    switch,
    uploaded,
)

# --- token and quota ---


@pytest.mark.parametrize("authorization", ["", TOKEN, "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
async def test_every_call_needs_the_token(sandbox: httpx.AsyncClient, authorization: str) -> None:
    headers = {"Authorization": authorization}
    for method, path in (("GET", "/api/documents"), ("POST", "/api/documents/upload"), ("GET", "/api/nothing")):
        response = await sandbox.request(method, path, headers=headers)
        assert (response.status_code, response.json()) == (401, {"detail": "Not authenticated"})


async def test_a_new_token_makes_the_old_one_worthless_at_once(sandbox: httpx.AsyncClient) -> None:
    assert re.fullmatch("re_[0-9a-f]{40}", TOKEN)
    new = (await control(sandbox, "token"))["token"]
    assert re.fullmatch("re_[0-9a-f]{40}", new)
    assert (await sandbox.get("/api/documents")).status_code == 401
    sandbox.headers["Authorization"] = f"bearer {new}"
    assert (await sandbox.get("/api/documents")).status_code == 200


async def test_quota_with_and_without_retry_after(tmp_path: Path) -> None:
    async with running(tmp_path, requests_per_minute=2) as client:
        assert [(await client.get("/api/documents")).status_code for _ in range(3)] == [200, 200, 429]
        refused = await client.get("/api/documents")
        assert 0 < int(refused.headers["retry-after"]) <= 60
        assert refused.json() == {"detail": "Too many requests"}
        await switch(client, retry_after_header=False)
        assert "retry-after" not in (await client.get("/api/documents")).headers
        await advance(client, 60)
        assert (await client.get("/api/documents")).status_code == 200


# --- lists ---


async def test_pages_newest_first(sandbox: httpx.AsyncClient) -> None:
    numbers = [await uploaded(sandbox) for _ in range(5)]
    page = await get(sandbox, "/api/documents", page=1, per_page=2)
    assert [*page] == ["items", "total", "page", "per_page"]
    assert (page["total"], page["page"], page["per_page"]) == (5, 1, 2)
    assert [*page["items"][0]] == [
        "id", "filename", "status", "contact_id", "folder_id", "created_at", "updated_at",
    ]  # fmt: skip
    found = [
        each["id"]
        for number in (1, 2, 3, 4)
        for each in (await get(sandbox, "/api/documents", page=number, per_page=2))["items"]
    ]
    assert found == numbers[::-1]


async def test_what_arrives_during_a_scan_moves_rows_to_the_next_page(sandbox: httpx.AsyncClient) -> None:
    numbers = [await uploaded(sandbox) for _ in range(4)]
    first = await get(sandbox, "/api/documents", per_page=2)
    await uploaded(sandbox)
    second = await get(sandbox, "/api/documents", per_page=2, page=2)
    seen = [each["id"] for page in (first, second) for each in page["items"]]
    assert seen == [numbers[3], numbers[2], numbers[2], numbers[1]], "one comes twice"


async def test_filters(sandbox: httpx.AsyncClient) -> None:
    first = await reviewed(sandbox)
    day = (await document(sandbox, first))["created_at"][:10]
    await act(sandbox, "export", first)
    await advance(sandbox, 2 * 86_400)
    second = await reviewed(sandbox, "b.pdf")
    later = (await document(sandbox, second))["created_at"][:10]

    async def found(**parameters: Any) -> list[int]:
        return [each["id"] for each in (await get(sandbox, "/api/documents", **parameters))["items"]]

    assert await found(status="Export") == [first]
    assert await found(status="Needs Review", contact_id=CONTACT, folder_id=QUARTER) == [second]
    assert await found(folder_id=1) == []
    assert await found(date_from=day, date_to=day) == [first], "both ends are inside"
    assert await found(date_from=later) == [second]
    assert await found(date_to=later) == [second, first]
    assert await found(state="Export") == [second, first], "what nobody knows filters nothing"


@pytest.mark.parametrize(
    ("parameters", "place", "message"),
    [
        ({"page": "0"}, "page", "greater than or equal to 1"),
        ({"per_page": "201"}, "per_page", "less than or equal to 200"),
        ({"per_page": "x"}, "per_page", "not a valid integer"),
        ({"contact_id": ""}, "contact_id", "not a valid integer"),
        ({"date_from": "02/03/2026"}, "date_from", "invalid date"),
        ({"date_to": "2026-02-30"}, "date_to", "invalid date"),
        ({"status": "Exported"}, "status", "not a valid status"),
    ],
)
async def test_wrong_parameters_are_named(
    sandbox: httpx.AsyncClient, parameters: dict[str, str], place: str, message: str
) -> None:
    response = await sandbox.get("/api/documents", params=parameters)
    (problem,) = response.json()["detail"]
    assert (response.status_code, problem["loc"]) == (422, ["query", place])
    assert message in problem["msg"]


async def test_bare_arrays_and_fields_that_may_be_absent(sandbox: httpx.AsyncClient) -> None:
    number = await uploaded(sandbox)
    await switch(sandbox, bare_arrays=True, optional_fields=False)
    (row,) = await get(sandbox, "/api/documents")
    assert row["id"] == number
    shown = await document(sandbox, number)
    assert not {"updated_at", "exported_at", "version"} & {*row, *shown}


# --- contacts and folders ---


async def test_a_contact_comes_with_two_folders(sandbox: httpx.AsyncClient) -> None:
    made = await sandbox.post("/api/contacts", json={"name": "Harbor Electric", "type": "Vendor"})
    contact = made.json()
    assert made.status_code == 200
    (found,) = (await get(sandbox, "/api/contacts", name="harbor"))["items"]
    assert found == contact == await get(sandbox, f"/api/contacts/{contact['id']}")
    folders = (await get(sandbox, "/api/folders", contact_id=contact["id"]))["items"]
    assert [each["name"] for each in folders] == ["Documents", "Review"]
    added = (await sandbox.post("/api/folders", json={"name": "2026", "contact_id": contact["id"]})).json()
    assert (await get(sandbox, f"/api/folders/{added['id']}")) == added
    assert [row["key"] for row in await ledger(sandbox, "contacts")] == [str(contact["id"])]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("contacts", {}, 422),
        ("contacts", {"name": ""}, 422),
        ("contacts", {"name": "x", "type": "Supplier"}, 422),
        ("contacts", {"name": "x", "colour": "red"}, 422),
        ("contacts", {"name": "x", "parent_id": 999}, 404),
        ("contacts", {"name": "x", "default_profile_id": 99}, 404),
        ("folders", {"name": "x"}, 422),
        ("folders", {"name": "x", "contact_id": 999}, 404),
    ],
)
async def test_odd_contacts_and_folders_are_refused(
    sandbox: httpx.AsyncClient, path: str, body: dict[str, Any], status: int
) -> None:
    before = await get(sandbox, "/_sandbox/records")
    response = await sandbox.post(f"/api/{path}", json=body)
    assert (response.status_code, bool(response.json()["detail"])) == (status, True)
    assert await get(sandbox, "/_sandbox/records") == before


async def test_a_new_instance_knows_its_profiles_and_its_inbox(sandbox: httpx.AsyncClient) -> None:
    await control(sandbox, "reset")
    assert await get(sandbox, "/_sandbox/records") == {"profiles": 7, "contacts": 1, "folders": 1}
    profiles = (await get(sandbox, "/_sandbox/records/profiles"))["records"]
    assert tuple(each["data"]["name"] for each in profiles) == PROFILE_NAMES
    assert await get(sandbox, "/_sandbox/health") == {"status": "ok", "system": "recordengine"}


# --- the rest of the wire ---


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/documents/999", 404),
        ("GET", "/api/documents/x", 422),
        ("GET", "/api/documents/999/file", 404),
        ("DELETE", "/api/documents/999", 405),
        ("GET", "/api/nothing", 404),
        ("GET", "/", 404),
        ("PATCH", "/api/documents/999", 404),
        ("POST", "/api/contacts", 422),
    ],
)
async def test_odd_calls_are_refused_in_words(sandbox: httpx.AsyncClient, method: str, path: str, status: int) -> None:
    response = await sandbox.request(method, path)
    assert (response.status_code, bool(response.json()["detail"])) == (status, True)


async def test_the_documentation_needs_no_token_and_names_what_is_served(sandbox: httpx.AsyncClient) -> None:
    number = await reviewed(sandbox)
    named = await document(sandbox, number)
    sandbox.headers.pop("Authorization")
    page = await sandbox.get("/api/docs")
    assert "text/html" in page.headers["content-type"]
    assert "/api/documents/upload" in page.text
    found = await get(sandbox, "/api/openapi.json")
    assert [*found["paths"]["/api/documents/{id}"]] == ["get", "patch"]
    assert {*found["components"]["schemas"]["Document"]["properties"]} == {*named}
    form = found["paths"]["/api/documents/upload"]["post"]["requestBody"]["content"]["multipart/form-data"]
    assert form["schema"]["required"] == ["file", "contact_id", "folder_id"]
    await switch(sandbox, contract={"paths": {"document": "/v9/docs/{id}"}, "upload": {"ok": [201]}})
    moved = await get(sandbox, "/api/openapi.json")
    assert [*moved["paths"]["/v9/docs/{id}"]] == ["get"]
    assert [*moved["paths"]["/api/documents/upload"]["post"]["responses"]] == ["201"]


async def test_a_rename_changes_what_is_kept(sandbox: httpx.AsyncClient) -> None:
    await switch(sandbox, transform={"documents.filename": "fold", "contacts.name": "truncate:4"})
    number = await uploaded(sandbox)
    assert (await document(sandbox, number))["filename"] == "inv-8841.pdf"
    made = await sandbox.post("/api/contacts", json={"name": "Harbor Electric"})
    assert made.json()["name"] == "Harb"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("settings", {"no_such": 1}),
        ("settings", {"transform": {"documents.nope": "fold"}}),
        ("settings", {"contract": {"paths": {"documnts": "/x"}}}),
        ("settings", {"processing_seconds": [30, 10]}),
        ("settings", {"locked_statuses": ["Locked"]}),
        ("webhooks", {"no_such_next": 1}),
        ("channels", {"channels": {"invoices": {"url": "http://x"}}}),
        ("channels", {"auth": "hmac"}),
        ("seed", {"no_such": []}),
        ("seed", {"contacts": [{"name": "x", "parent_id": 999}]}),
        ("scripts", {"fields": {}}),
        ("rules", {"name": "x", "statuses": ["Processing"]}),
        ("documents/export", {"ids": [999]}),
        ("documents/no_such", {"ids": [999]}),
        ("documents/999/version", {"text": "x"}),
        ("email", {"sender": "x", "attachments": [{"filename": "a.pdf", "base64": "§"}]}),
        ("folders", {"name": "x", "contact_id": 999}),
    ],
)
async def test_wrong_control_calls_say_why(sandbox: httpx.AsyncClient, path: str, body: dict[str, Any]) -> None:
    response = await sandbox.post(f"/_sandbox/{path}", json=body)
    assert response.status_code == 400
    assert len(response.json()["error"]) > 10


async def test_people_do_not_act_before_a_document_is_read(sandbox: httpx.AsyncClient) -> None:
    number = await uploaded(sandbox)
    response = await sandbox.post("/_sandbox/documents/export", json={"ids": [number]})
    assert "is not read yet" in response.json()["error"]
    await act(sandbox, "finish", number)
    await act(sandbox, "fail", number, reason="Unreadable")
    assert (await document(sandbox, number))["status"] == "Exception"
