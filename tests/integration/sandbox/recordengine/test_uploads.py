"""Uploads: what is taken, what is refused, what stays of a file, and replies that get lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.sandbox.recordengine.server import (
    CONTACT,
    PDF,
    QUARTER,
    REFS,
    TOKEN,
    control,
    document,
    get,
    ledger,
    running,
    switch,
    upload,
    uploaded,
)


async def test_an_upload_is_answered_as_the_vendor_shows(sandbox: httpx.AsyncClient) -> None:
    response = await upload(sandbox)
    answer = response.json()
    assert response.status_code == 200
    assert [*answer] == ["id", "filename", "status", "contact_id", "folder_id", "created_at"]
    assert answer["created_at"].endswith("Z")
    assert len(answer["created_at"]) == len("2026-03-02T08:23:41Z")
    assert {name: answer[name] for name in ("filename", "status", "contact_id", "folder_id")} == {
        "filename": "INV-8841.pdf",
        "status": "New",
        "contact_id": CONTACT,
        "folder_id": QUARTER,
    }
    found = await document(sandbox, answer["id"])
    assert (found["external_refs"], found["source"], found["profile_id"]) == (REFS, "API", 2)
    assert (found["extracted_fields"], found["ai_summary"], found["confidence_score"]) == ({}, None, None)


async def test_the_ledger_tells_which_bytes_came(sandbox: httpx.AsyncClient) -> None:
    number = await uploaded(sandbox)
    (row,) = [each for each in await ledger(sandbox) if each["action"] == "create"]
    assert row["request"]["method"] == "POST"
    assert len(row["request"]["body_sha256"]) == 64
    told = {name: row["fields"][name] for name in ("id", "filename", "sha256", "size", "external_refs")}
    assert told == {
        "id": number,
        "filename": "INV-8841.pdf",
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "size": len(PDF),
        "external_refs": REFS,
    }
    file = await sandbox.get(f"/api/documents/{number}/file")
    assert (file.content, file.headers["content-type"]) == (PDF, "application/pdf")


@pytest.mark.parametrize(
    "refs",
    [
        {"a": {"deep": [1, 2.50, None, "ü"]}, "dynamics_fo": {"record_id": "usmf|INV-000731"}, **REFS},
        {},
        None,
        json.dumps(REFS),
    ],
)
async def test_references_come_back_as_they_were_sent(sandbox: httpx.AsyncClient, refs: Any) -> None:
    number = await uploaded(sandbox, refs=refs)
    answer = (await sandbox.get(f"/api/documents/{number}")).json()
    assert answer["external_refs"] == refs


@pytest.mark.parametrize(
    ("parts", "filename", "status", "detail"),
    [
        ({"contact_id": None}, "a.pdf", 422, [("body", "contact_id", "field required")]),
        (
            {"contact_id": "x", "folder_id": None},
            "a.pdf",
            422,
            [("body", "contact_id", "value is not a valid integer"), ("body", "folder_id", "field required")],
        ),
        ({"profile_id": "1.5"}, "a.pdf", 422, [("body", "profile_id", "value is not a valid integer")]),
        ({"external_refs": "{not json"}, "a.pdf", 400, "external_refs is not valid JSON"),
        ({"contact_id": 999}, "a.pdf", 404, "Contact not found"),
        ({"folder_id": 999}, "a.pdf", 404, "Folder not found"),
        ({"folder_id": 1}, "a.pdf", 404, "Folder not found"),
        ({"profile_id": 99}, "a.pdf", 404, "Profile not found"),
        ({}, "a.exe", 415, "Unsupported file type .exe"),
        ({}, "a", 415, "Unsupported file type a"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    sandbox: httpx.AsyncClient, tmp_path: Path, parts: dict[str, Any], filename: str, status: int, detail: Any
) -> None:
    response = await upload(sandbox, filename, **parts)
    told = response.json()["detail"]
    if isinstance(detail, list):
        told = [(*each["loc"], each["msg"]) for each in told]
    assert (response.status_code, told) == (status, detail)
    assert await ledger(sandbox) == []
    assert not (tmp_path / "files").exists()


async def test_a_folder_of_another_contact_may_be_taken(sandbox: httpx.AsyncClient) -> None:
    await switch(sandbox, foreign_folder="accept")
    assert (await upload(sandbox, folder_id=1)).status_code == 200


async def test_a_form_without_a_file_and_what_is_no_form(sandbox: httpx.AsyncClient) -> None:
    response = await sandbox.post(
        "/api/documents/upload",
        files={"contact_id": (None, "31"), "folder_id": (None, "77"), "file": (None, "text")},
    )
    assert (response.status_code, response.json()["detail"][0]["loc"]) == (422, ["body", "file"])
    for kind in ("application/json", "multipart/form-data", "multipart/form-data; boundary=b1"):
        odd = await sandbox.post("/api/documents/upload", content=b"odd", headers={"content-type": kind})
        assert odd.status_code in (400, 422), kind
    assert await ledger(sandbox) == []


async def parts_of_a_large_file(sent: list[int], count: int) -> AsyncIterator[bytes]:
    head = (
        '--b1\r\nContent-Disposition: form-data; name="contact_id"\r\n\r\n31\r\n'
        '--b1\r\nContent-Disposition: form-data; name="folder_id"\r\n\r\n77\r\n'
        '--b1\r\nContent-Disposition: form-data; name="file"; filename="big.pdf"\r\n\r\n'
    )
    yield head.encode()
    for _ in range(count):
        sent.append(65_536)
        yield b"x" * 65_536
    yield b"\r\n--b1--\r\n"


async def test_a_file_may_come_in_parts_and_goes_to_disk(sandbox: httpx.AsyncClient, tmp_path: Path) -> None:
    kind = {"content-type": "multipart/form-data; boundary=b1"}
    response = await sandbox.post("/api/documents/upload", content=parts_of_a_large_file([], 48), headers=kind)
    assert response.status_code == 200, response.text
    (row,) = await ledger(sandbox)
    whole = b"x" * (48 * 65_536)
    assert (row["fields"]["size"], row["fields"]["sha256"]) == (len(whole), hashlib.sha256(whole).hexdigest())
    assert [path.stat().st_size for path in (tmp_path / "files").rglob("*") if path.is_file()] == [len(whole)]


async def test_too_large_is_told_by_its_length_and_on_the_way(sandbox: httpx.AsyncClient, tmp_path: Path) -> None:
    await switch(sandbox, contract={"upload": {"max_mb": 1}})
    assert (await upload(sandbox, content=b"x" * 1_048_576)).status_code == 200
    for size in (1_048_577, 2_000_000):
        response = await upload(sandbox, content=b"x" * size)
        assert (response.status_code, response.json()) == (413, {"detail": "File too large"})
    kind = {"content-type": "multipart/form-data; boundary=b1"}
    response = await sandbox.post("/api/documents/upload", content=parts_of_a_large_file([], 32), headers=kind)
    assert response.status_code == 413
    assert len(await ledger(sandbox)) == 1


async def test_a_lost_reply_leaves_a_document_that_can_be_found(sandbox: httpx.AsyncClient) -> None:
    match = {"method": "POST", "path": "^/api/documents/upload"}
    await control(sandbox, "faults", kind="drop_reply", match=match)
    with pytest.raises(httpx.RemoteProtocolError):
        await upload(sandbox)
    (row,) = await ledger(sandbox)
    assert row["reply"] == "dropped"
    (found,) = (await get(sandbox, "/api/documents", folder_id=QUARTER))["items"]
    assert (await document(sandbox, found["id"]))["external_refs"] == REFS


@pytest.mark.parametrize("handle", [False, True])
async def test_a_proxy_may_answer_with_html(sandbox: httpx.AsyncClient, handle: bool) -> None:
    fault = {"kind": "status", "status": 502, "body": "<html>Bad Gateway</html>", "handle": handle}
    await control(sandbox, "faults", **fault)
    response = await upload(sandbox)
    assert (response.status_code, response.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert len(await ledger(sandbox)) == int(handle)
    assert (await upload(sandbox)).status_code == 200


async def test_a_connection_may_be_cut_before_the_file_is_read(sandbox: httpx.AsyncClient) -> None:
    await control(sandbox, "faults", kind="drop_request", match={"method": "POST"})
    with pytest.raises(httpx.TransportError):
        await upload(sandbox, content=b"x" * 5_000_000)
    assert await ledger(sandbox) == []


async def test_the_same_name_again_is_a_new_document_or_a_version(sandbox: httpx.AsyncClient) -> None:
    first = await uploaded(sandbox)
    assert await uploaded(sandbox) == first + 1
    await switch(sandbox, contract={"upload": {"same_name": "version"}})
    assert await uploaded(sandbox, content=b"%PDF another") == first
    assert (await document(sandbox, first))["version"] == 2


async def test_documents_and_files_outlive_a_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as client:
        await control(client, "contacts", name="Lakeside")
        number = await uploaded(client, contact_id=2, folder_id=2)
        new = (await control(client, "token"))["token"]
    async with running(tmp_path) as client:
        assert (await client.get("/api/documents")).status_code == 401
        client.headers["Authorization"] = f"Bearer {new}"
        assert (await client.get(f"/api/documents/{number}/file")).content == PDF
        assert await uploaded(client, contact_id=2, folder_id=2) == number + 1
        await control(client, "reset")
        assert not [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        assert (await get(client, "/api/documents"))["total"] == 0
