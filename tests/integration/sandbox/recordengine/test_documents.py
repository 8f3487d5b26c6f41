"""The life of a document: processing on a clock, statuses, locks, rules, versions, mail."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from headrace.testing.waiting import eventually
from tests.integration.sandbox.recordengine.server import (
    EXPORTS,
    FIELDS,
    LINE,
    QUARTER,
    REFS,
    SCRIPT,
    act,
    advance,
    control,
    document,
    get,
    ledger,
    reviewed,
    switch,
    uploaded,
)


async def status(client: httpx.AsyncClient, number: int) -> str:
    return str((await document(client, number))["status"])


async def test_processing_takes_its_time_on_the_clock(sandbox: httpx.AsyncClient) -> None:
    number = await uploaded(sandbox)
    await advance(sandbox, 3)
    assert await status(sandbox, number) == "Processing"
    await advance(sandbox, 6)
    assert await status(sandbox, number) == "Processing"
    await advance(sandbox, 22)
    found = await document(sandbox, number)
    assert found["status"] == "Needs Review"
    assert found["extracted_fields"] == {**FIELDS, "line_items": [LINE]}
    assert (found["confidence_score"], found["confidence_label"], found["doc_type"]) == (91, "Good", "Invoice")
    assert (found["doc_date"], found["ai_summary"], found["exported_at"]) == ("2026-02-25", "A pump repair.", None)
    walked = [row["after"]["status"] for row in await ledger(sandbox)]
    assert walked == ["New", "Processing", "Needs Review"]


async def test_processing_goes_on_with_nobody_looking(sandbox: httpx.AsyncClient) -> None:
    await switch(sandbox, queue_seconds=0.02, processing_seconds=[0.02, 0.02])
    number = await uploaded(sandbox)

    async def read() -> bool:  # by the control API, which does nothing that is due
        found = await get(sandbox, f"/_sandbox/records/documents/{number}")
        return bool(found["data"]["status"] == "Needs Review")

    await eventually(read)


@pytest.mark.parametrize(
    ("settings", "script", "before", "after"),
    [
        ({}, {"filename": "x.mp3", "audio_minutes": 30}, 445, 10),
        ({"audio_minutes": 2}, {"filename": "y"}, 25, 10),
        ({}, {"filename": "x.pdf", "seconds": 1000}, 995, 10),
    ],
)
async def test_slow_ones(
    sandbox: httpx.AsyncClient, settings: Any, script: dict[str, Any], before: float, after: float
) -> None:
    await switch(sandbox, **settings)
    await control(sandbox, "scripts", **script)
    number = await uploaded(sandbox, "z.mp3" if script["filename"] == "y" else script["filename"])
    await advance(sandbox, 2)
    await advance(sandbox, before)
    assert await status(sandbox, number) == "Processing"
    await advance(sandbox, after)
    assert await status(sandbox, number) == "Needs Review"


async def test_the_first_document_after_a_start_is_slow(sandbox: httpx.AsyncClient) -> None:
    await switch(sandbox, first_document_seconds=[120, 300])
    first, second = await uploaded(sandbox), await uploaded(sandbox, "b.pdf")
    await advance(sandbox, 100)
    assert [await status(sandbox, number) for number in (first, second)] == ["Processing", "Needs Review"]
    await advance(sandbox, 205)
    assert await status(sandbox, first) == "Needs Review"


async def test_scripts_by_content_come_before_those_by_name(sandbox: httpx.AsyncClient) -> None:
    number = await uploaded(sandbox)
    sha256 = (await ledger(sandbox))[0]["fields"]["sha256"]
    await control(sandbox, "scripts", sha256=sha256, doc_type="Credit Note", fields={"total_amount": "(1,280.25)"})
    await control(sandbox, "scripts", filename="INV-*.pdf", doc_type="Receipt", status="Missing Info")
    await advance(sandbox, 60)
    found = await document(sandbox, number)
    assert (found["doc_type"], found["extracted_fields"]) == ("Credit Note", {"total_amount": "(1,280.25)"})
    other = await document(sandbox, await reviewed(sandbox, "INV-1.pdf", content=b"%PDF other"))
    assert (other["doc_type"], other["status"]) == ("Receipt", "Missing Info")


async def test_without_a_script_the_file_tells_what_is_read(sandbox: httpx.AsyncClient) -> None:
    first, second, other = [
        (await document(sandbox, await reviewed(sandbox, name, content=content)))["extracted_fields"]
        for name, content in (("a.pdf", b"one"), ("b.pdf", b"one"), ("c.pdf", b"two"))
    ]
    assert first == second != other
    assert {*first} == {*FIELDS, "line_items"}
    notes = await document(sandbox, await reviewed(sandbox, "d.pdf", profile_id=4))
    assert (notes["doc_type"], notes["extracted_fields"]) == ("Meeting Notes", {})


async def test_what_fails_is_an_exception_and_may_be_processed_again(sandbox: httpx.AsyncClient) -> None:
    await control(sandbox, "scripts", filename="bad.pdf", fails="No text found")
    number = await reviewed(sandbox, "bad.pdf")
    assert await status(sandbox, number) == "Exception"
    assert (await ledger(sandbox))[-1]["after"]["reason"] == "No text found"
    await control(sandbox, "scripts", filename="bad.pdf")
    await act(sandbox, "reprocess", number)
    await advance(sandbox, 60)
    assert await status(sandbox, number) == "Needs Review"


async def change(client: httpx.AsyncClient, number: int, **body: Any) -> tuple[int, Any]:
    response = await client.patch(f"/api/documents/{number}", json=body)
    return response.status_code, response.json().get("detail", response.json().get("status"))


async def test_a_status_follows_by_the_contract(sandbox: httpx.AsyncClient) -> None:
    number = await uploaded(sandbox)
    refused = (409, "Status change from New to Export is not allowed")
    assert await change(sandbox, number, status="Export") == refused
    await advance(sandbox, 60)
    for word, code in (
        ("Export", 409),
        ("Ready", 409),
        ("Missing Info", 200),
        ("Ready", 200),
        ("Approved", 200),
        ("Archived", 409),
        ("Export", 200),
        ("Export", 200),
        ("Archived", 200),
        ("Export", 409),
    ):
        assert (await change(sandbox, number, status=word))[0] == code, word
    changed = [row for row in await ledger(sandbox) if row["request"]["method"] == "PATCH"]
    assert [row["fields"]["status"] for row in changed] == ["Missing Info", "Ready", "Approved", "Export", "Archived"]
    assert (await change(sandbox, number, status="export"))[0] == 422
    assert (await change(sandbox, number, nothing=1))[0] == 422
    assert (await change(sandbox, number))[0] == 422
    assert (await change(sandbox, 999, status="Export")) == (404, "Document not found")


async def test_references_are_replaced_as_a_whole_until_a_document_is_locked(sandbox: httpx.AsyncClient) -> None:
    number = await reviewed(sandbox)
    mine = {"connector": {"key": "k", "sha256": "s", "tenant": "t"}}
    assert (await change(sandbox, number, external_refs=mine))[0] == 200
    assert (await document(sandbox, number))["external_refs"] == mine
    assert (await ledger(sandbox))[-1]["before"]["external_refs"] == REFS
    assert (await change(sandbox, number, external_refs="text"))[0] == 422
    await act(sandbox, "approve", number)
    assert await change(sandbox, number, external_refs={}) == (409, "Document is Approved and locked")
    edited = await sandbox.patch(f"/_sandbox/records/documents/{number}", json={"notes": "x"})
    assert (edited.status_code, edited.json()["error"]) == (
        400,
        f"documents {number}: Document is Approved and locked",
    )
    assert (await change(sandbox, number, external_refs={}, status="Export"))[0] == 409
    assert await status(sandbox, number) == "Approved", "all of a call is done, or nothing"
    await switch(sandbox, locked_statuses=[])
    assert (await change(sandbox, number, external_refs={}))[0] == 200


async def test_people_walk_by_every_status_on_the_way(sandbox: httpx.AsyncClient) -> None:
    number = await reviewed(sandbox)
    await act(sandbox, "export", number)
    assert (await document(sandbox, number))["exported_at"] is not None
    await act(sandbox, "pull_back", number)
    await act(sandbox, "ask", number)
    await act(sandbox, "archive", number)
    people = [row for row in await ledger(sandbox) if row["request"]["method"] == "PERSON"]
    assert [row["after"]["status"] for row in people] == [
        "Approved", "Export", "Needs Review", "Missing Info", "Ready", "Export", "Archived",
    ]  # fmt: skip
    refused = await sandbox.post("/_sandbox/documents/reprocess", json={"ids": [number]})
    assert "no way leads from Archived to New" in refused.json()["error"]


async def test_people_edit_what_was_read(sandbox: httpx.AsyncClient) -> None:
    number = await reviewed(sandbox)
    body = {"extracted_fields": {"tax": "0.00"}, "notes": "checked"}
    (await sandbox.patch(f"/_sandbox/records/documents/{number}", json=body)).raise_for_status()
    found = await document(sandbox, number)
    assert (found["extracted_fields"]["tax"], found["extracted_fields"]["vendor"]) == ("0.00", FIELDS["vendor"])
    for wrong in ({"status": "Export"}, {"folder_id": 999}, {"confidence_score": 101}):
        response = await sandbox.patch(f"/_sandbox/records/documents/{number}", json=wrong)
        assert response.status_code == 400, wrong
    (await sandbox.delete(f"/_sandbox/records/documents/{number}")).raise_for_status()
    assert (await sandbox.get(f"/api/documents/{number}")).status_code == 404
    assert (await ledger(sandbox))[-1]["action"] == "delete"


async def test_a_new_version_is_read_anew_under_the_same_id(sandbox: httpx.AsyncClient) -> None:
    number = await reviewed(sandbox)
    await act(sandbox, "export", number)
    fields = {**FIELDS, "total_amount": "1300.00"}
    await control(sandbox, "scripts", **{**SCRIPT, "fields": fields})
    text = base64.b64encode(b"%PDF second").decode()
    await control(sandbox, f"documents/{number}/version", base64=text)
    found = await document(sandbox, number)
    assert (found["version"], found["status"], found["extracted_fields"]) == (2, "New", {})
    assert found["exported_at"] is not None
    await advance(sandbox, 60)
    assert (await document(sandbox, number))["extracted_fields"]["total_amount"] == "1300.00"
    assert (await sandbox.get(f"/api/documents/{number}/file")).content == b"%PDF second"


# --- rules ---


async def test_a_rule_exports_with_nobody_looking(sandbox: httpx.AsyncClient) -> None:
    conditions = [
        {"field": "confidence_score", "is": "at_least", "value": 90},
        {"field": "doc_type", "value": "Invoice"},
        {"field": "vendor", "is": "containing", "value": "lakeside"},
        {"field": "total_amount", "is": "at_most", "value": "5000"},
        {"field": "status", "is": "not_equal", "value": "Missing Info"},
    ]
    await control(sandbox, "rules", **EXPORTS, conditions=conditions)
    await control(sandbox, "scripts", **{**SCRIPT, "filename": "low.pdf", "confidence_score": 89})
    sure, unsure = await reviewed(sandbox), await reviewed(sandbox, "low.pdf")
    assert (await status(sandbox, sure), await status(sandbox, unsure)) == ("Export", "Needs Review")
    rows = [row for row in await ledger(sandbox) if row["request"]["path"].startswith("rule ")]
    assert [row["after"]["status"] for row in rows] == ["Approved", "Export"]
    too_many = await sandbox.post("/_sandbox/rules", json={**EXPORTS, "conditions": [*conditions, conditions[0]]})
    assert too_many.status_code == 400


async def test_a_heartbeat_runs_rules_again(sandbox: httpx.AsyncClient) -> None:
    number = await reviewed(sandbox)
    await control(sandbox, "rules", **EXPORTS, heartbeat=True)
    assert await status(sandbox, number) == "Needs Review"
    await advance(sandbox, 300)
    assert await status(sandbox, number) == "Export"
    other = await reviewed(sandbox)
    await act(sandbox, "pull_back", other)
    assert await control(sandbox, "rules/heartbeat") == {"met": 1}


async def test_a_rule_may_fail_and_may_raise_an_exception(sandbox: httpx.AsyncClient) -> None:
    await control(sandbox, "rules", name="Wrong", statuses=["Ready"])
    number = await reviewed(sandbox)
    assert await status(sandbox, number) == "Needs Review"
    (line,) = [line for line in (await get(sandbox, "/_sandbox/audit"))["audit"] if line["action"] == "rule"]
    assert line["error"] == "Status change from Needs Review to Ready is not allowed"
    await control(sandbox, "rules", name="Stop", statuses=["Exception"], reason="Vendor is blocked")
    other = await reviewed(sandbox)
    assert await status(sandbox, other) == "Exception"
    assert (await ledger(sandbox))[-1]["after"]["reason"] == "Vendor is blocked"


# --- mail ---


async def test_a_mail_becomes_documents_without_references(sandbox: httpx.AsyncClient) -> None:
    names = ("INV-8841.pdf", "terms.pdf")
    attachments = [{"filename": name, "text": name} for name in names]
    mail = {"sender": "ap@lakeside.example", "subject": "Invoice: March", "text": "Hello", "attachments": attachments}
    await control(sandbox, "email", **mail)
    await advance(sandbox, 55)
    assert (await get(sandbox, "/api/documents"))["total"] == 0
    await advance(sandbox, 130)
    rows = (await get(sandbox, "/api/documents"))["items"]
    found = {row["filename"]: await document(sandbox, row["id"]) for row in rows}
    assert {*found} == {*names, "Invoice_ March.txt"}
    inbox = await get(sandbox, f"/api/folders/{rows[0]['folder_id']}")
    assert inbox["name"] == "Inbox"
    assert (await get(sandbox, f"/api/contacts/{inbox['contact_id']}"))["name"] == "System"
    for each in found.values():
        assert (each["external_refs"], each["source"], each["notes"]) == (None, "Email", "From: ap@lakeside.example")
    await advance(sandbox, 60)
    companion = await document(sandbox, found["Invoice_ March.txt"]["id"])
    assert (companion["doc_type"], companion["extracted_fields"]) == ("Text", {})


async def test_seeds_bring_documents_in_any_status(sandbox: httpx.AsyncClient) -> None:
    base = {"contact_id": 31, "folder_id": QUARTER, "filename": "INV-8841.pdf", "external_refs": REFS}
    seed = {"documents": [{**base, "id": 1204, "status": "Export"}, {**base, "status": "Missing Info"}]}
    await control(sandbox, "seed", **seed)
    assert await status(sandbox, 1204) == "Export"
    assert (await document(sandbox, 1204))["extracted_fields"]["tax"] == "80.25"
    again = await sandbox.post("/_sandbox/seed", json=seed)
    assert again.json()["error"] == "documents[0]: there is a 1204 in documents already"
    assert (await get(sandbox, "/api/documents"))["total"] == 2
