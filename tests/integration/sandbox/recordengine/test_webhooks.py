"""Webhooks: two generations, seven channels, tokens, Offline Mode, and what goes wrong with deliveries."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.sandbox.common.encoding import load
from headrace.testing.serving import Receiver, serve
from tests.integration.sandbox.recordengine.server import (
    CONTACT,
    EXPORTS,
    FIELDS,
    LINE,
    QUARTER,
    REFS,
    TOKEN,
    act,
    attempts,
    bodies,
    control,
    document,
    get,
    ledger,
    listen,
    reviewed,
    switch,
    upload,
    uploaded,
)


async def exported(client: httpx.AsyncClient, **more: Any) -> int:
    number = await reviewed(client, **more)
    await act(client, "export", number)
    return number


async def test_the_newer_generation(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await listen(sandbox, receiver)
    number = await exported(sandbox)
    await receiver.received(1)
    (body,) = bodies(receiver)
    assert receiver.requests[0].headers["content-type"] == "application/json"
    assert receiver.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert (body["schema_version"], body["event"]) == ("2.0", "document.exported")
    assert body["timestamp"].endswith("Z")
    told = {name: body[name] for name in ("id", "status", "contact_name", "folder_name", "external_refs", "doc_url")}
    assert told == {
        "id": number,
        "status": "Export",
        "contact_name": "Lakeside Plumbing LLC",
        "folder_name": "2026 Q1",
        "external_refs": REFS,
        "doc_url": f"{str(sandbox.base_url).rstrip('/')}/documents/{number}",
    }
    custom = {"PO Number": "PO-000412", "Payment Terms": "Net 30"}
    assert body["custom_fields"] == custom
    assert {name: body[name] for name in FIELDS.keys() - {"po_number", "payment_terms"}} == {
        name: value for name, value in FIELDS.items() if name not in ("po_number", "payment_terms")
    }
    assert body["line_items"] == [{**LINE, "quantity": 2, "unit_price": Decimal(600), "amount": Decimal(1200)}]
    assert "extracted_fields" not in body


async def test_the_older_generation(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await switch(sandbox, webhook_generation="v1")
    await listen(sandbox, receiver)
    number = await exported(sandbox)
    await receiver.received(1)
    (body,) = bodies(receiver)
    assert not {"schema_version", "event", "timestamp", "custom_fields"} & {*body}
    assert (body["id"], body["status"], body["source"]) == (number, "Export", "API")
    assert body["extracted_fields"] == {**FIELDS, "line_items": [LINE]}


async def test_nothing_but_export_is_told(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await listen(sandbox, receiver)
    number = await reviewed(sandbox)
    await act(sandbox, "approve", number)
    await sandbox.patch(f"/api/documents/{number}", json={"status": "Export"})
    await sandbox.patch(f"/api/documents/{number}", json={"status": "Export"})
    await act(sandbox, "export", number)  # a person presses Export again
    await act(sandbox, "pull_back", number)
    await act(sandbox, "export", number)
    await attempts(sandbox, 3)
    assert [body["event"] for body in bodies(receiver)] == ["document.exported"] * 3


async def test_every_channel_of_the_newer_generation(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    channels = ("documents", "contacts", "folders", "cases", "notifications", "rules", "audit_log")
    await listen(sandbox, receiver, *channels)
    await control(sandbox, "rules", **EXPORTS)
    contact = (await sandbox.post("/api/contacts", json={"name": "Harbor Electric", "type": "Vendor"})).json()
    await sandbox.patch(f"/_sandbox/records/contacts/{contact['id']}", json={"name": "Harbor"})
    await control(sandbox, "cases", title="A case")
    await control(sandbox, "notifications", title="Mind this")
    number = await reviewed(sandbox)
    await attempts(sandbox, 12)
    found = bodies(receiver)
    events = [body["event"] for body in found]
    assert sorted({*events}) == [
        "audit.log", "case.created", "contact.created", "document.exported", "folder.created", "notification.created",
        "rule.executed",
    ]  # fmt: skip
    by_event = {body["event"]: body for body in found}
    assert by_event["contact.created"]["contact"] == {
        "id": contact["id"], "name": "Harbor Electric", "type": "Vendor", "parent_id": None, "default_profile_id": None,
    }  # fmt: skip
    assert events.count("contact.created") == 1, "a change is not told"
    assert [body["folder"]["name"] for body in found if body["event"] == "folder.created"] == ["Documents", "Review"]
    rule = by_event["rule.executed"]
    assert (rule["document_id"], rule["success"], rule["error"]) == (number, True, None)
    audit = [(body["action"], body["before"], body["after"]) for body in found if body["event"] == "audit.log"]
    assert audit[0] == ("upload", None, "New")
    assert audit[-1] == ("status_change", "Approved", "Export")


async def test_the_older_generation_tells_of_changed_contacts_and_folders(
    sandbox: httpx.AsyncClient, receiver: Receiver
) -> None:
    await switch(sandbox, webhook_generation="v1")
    await listen(sandbox, receiver, "contacts", "folders", "rules")
    await sandbox.patch(f"/_sandbox/records/contacts/{CONTACT}", json={"name": "Lakeside"})
    await sandbox.patch(f"/_sandbox/records/folders/{QUARTER}", json={"name": "2026 Q2"})
    await attempts(sandbox, 2)
    assert {body["name"] for body in bodies(receiver)} == {"Lakeside", "2026 Q2"}
    assert not any("event" in body for body in bodies(receiver))


async def test_a_channel_may_be_off(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await listen(sandbox, receiver)
    await control(sandbox, "channels", channels={"documents": {"url": receiver.url, "enabled": False}})
    await exported(sandbox)
    await switch(sandbox, webhook_generation="v1")  # which knows no toggle
    number = await exported(sandbox)
    await attempts(sandbox, 1)
    assert [body["id"] for body in bodies(receiver)] == [number]


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        ({"auth": "api_token"}, f"Bearer {TOKEN}"),
        ({"auth": "separate", "token": "hook-token"}, "Bearer hook-token"),
        ({"auth": "blank"}, None),
    ],
)
async def test_tokens_of_webhooks(
    sandbox: httpx.AsyncClient, receiver: Receiver, auth: dict[str, str], sent: str | None
) -> None:
    await listen(sandbox, receiver, **auth)
    await exported(sandbox)
    (request,) = await receiver.received(1)
    assert request.headers.get("authorization") == sent
    for path in ("channels", "deliveries", "settings", "records", "audit", "requests", "ledger"):
        text = (await sandbox.get(f"/_sandbox/{path}")).text
        assert TOKEN not in text
        assert "hook-token" not in text


@pytest.mark.parametrize("kept", [False, True])
async def test_offline_mode(sandbox: httpx.AsyncClient, receiver: Receiver, kept: bool) -> None:
    await switch(sandbox, offline_events="kept" if kept else "dropped")
    await listen(sandbox, receiver, offline=True)
    first = await exported(sandbox)
    await control(sandbox, "channels", offline=False)
    second = await exported(sandbox)
    await attempts(sandbox, 2 if kept else 1)
    assert [body["id"] for body in bodies(receiver)] == ([first, second] if kept else [second])
    actions = [line["action"] for line in (await get(sandbox, "/_sandbox/audit"))["audit"]]
    assert actions.count("webhook_offline") == 1


# --- what receivers answer ---


@pytest.mark.parametrize("status", [202, 204, 401, 500])
async def test_only_200_is_taken_and_nothing_is_repeated(
    sandbox: httpx.AsyncClient, receiver: Receiver, status: int
) -> None:
    receiver.statuses[:] = [status]
    await listen(sandbox, receiver)
    number = await exported(sandbox)
    (line,) = await attempts(sandbox, 1)
    told = {name: line[name] for name in ("channel", "document_id", "response_code", "attempt")}
    assert told == {"channel": "documents", "document_id": number, "response_code": status, "attempt": 1}
    (failed,) = (await get(sandbox, "/_sandbox/deliveries", state="failed"))["deliveries"]
    assert failed["attempt"] == 1


async def test_retries_may_be_tried(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await switch(sandbox, webhook_retry_seconds=[0, 0])
    receiver.statuses[:] = [500, 202, 200]
    await listen(sandbox, receiver)
    await exported(sandbox)
    lines = await attempts(sandbox, 3)
    assert [(line["response_code"], line["attempt"]) for line in lines] == [(500, 1), (202, 2), (200, 3)]


async def test_a_receiver_that_is_too_slow_is_given_up(sandbox: httpx.AsyncClient) -> None:
    released = asyncio.Event()

    async def wait(request: Request) -> Response:
        await released.wait()
        return Response()

    await switch(sandbox, webhook_timeout_seconds=0.1)
    async with serve(Starlette(routes=[Route("/hook", wait, methods=["POST"])])) as served:
        await control(sandbox, "channels", channels={"documents": {"url": f"{served.url}/hook"}})
        await exported(sandbox)
        (line,) = await attempts(sandbox, 1)
        released.set()
    assert (line["response_code"], line["error"]) == (None, "ReadTimeout")


# --- what networks and the vendor do to deliveries ---


async def test_twice_dropped_and_out_of_order(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await listen(sandbox, receiver)
    await control(sandbox, "webhooks", duplicate_next=1)
    twice = await exported(sandbox)
    await control(sandbox, "webhooks", drop_next=1)
    await exported(sandbox)
    await control(sandbox, "webhooks", reorder_next=2)
    first, second = await exported(sandbox), await exported(sandbox)
    await attempts(sandbox, 4)
    assert [body["id"] for body in bodies(receiver)] == [twice, twice, second, first]


async def test_late(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await listen(sandbox, receiver)
    await control(sandbox, "webhooks", delay_seconds=0.2)
    late = await exported(sandbox)
    await control(sandbox, "webhooks", delay_seconds=0)
    soon = await exported(sandbox)
    await attempts(sandbox, 2)
    assert [body["id"] for body in bodies(receiver)] == [soon, late]


async def test_before_the_upload_is_answered(sandbox: httpx.AsyncClient) -> None:
    answered: list[int] = []
    seen: list[tuple[int, int]] = []

    async def take(request: Request) -> Response:
        seen.append((load(await request.body())["id"], len(answered)))
        return Response()

    await control(sandbox, "webhooks", before_upload_answer_next=1)
    async with serve(Starlette(routes=[Route("/hook", take, methods=["POST"])])) as served:
        await control(sandbox, "channels", channels={"documents": {"url": f"{served.url}/hook"}})
        response = await upload(sandbox)
        answered.append(response.json()["id"])
        assert response.json()["status"] == "New"
        assert seen == [(answered[0], 0)]
        assert (await document(sandbox, answered[0]))["status"] == "Export"
        assert (await sandbox.get("/_sandbox/webhooks")).json()["before_upload_answer_next"] == 0


async def test_odd_bodies_and_tokens(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await listen(sandbox, receiver)
    knobs: list[dict[str, Any]] = [
        {"truncate_next": 1},
        {"form_next": 1},
        {"wrong_token_next": 1},
        {"no_token_next": 1},
        {"unknown_event_next": 1},
        {"unknown_keys_next": 1},
        {"missing_key_next": 1},
        {"missing_key_next": 1, "missing_key": "id"},
    ]
    for knob in knobs:
        await control(sandbox, "webhooks", **knob)
        await exported(sandbox)
    await exported(sandbox)
    await attempts(sandbox, len(knobs) + 1)
    truncated, form, wrong, none, event, keys, refs, without_id, sound = receiver.requests
    with pytest.raises(ValueError):
        load(truncated.body)
    assert form.headers["content-type"] == "application/x-www-form-urlencoded"
    assert parse_qs(form.body.decode())["event"] == ["document.exported"]
    assert wrong.headers["authorization"] == f"Bearer {TOKEN}0"
    assert "authorization" not in none.headers
    assert load(event.body)["event"] == "document.polished"
    assert load(keys.body)["x_nested"] == {"anything": [1, None]}
    assert "external_refs" not in load(refs.body)
    assert "id" not in load(without_id.body)
    assert load(sound.body)["external_refs"] == REFS


@pytest.mark.parametrize(
    ("form", "header", "line"),
    [
        ("published", "1280.25", Decimal("600.00")),
        ("text", "1280.25", "600.00"),
        ("number", Decimal("1280.25"), Decimal("600.00")),
        ("local", "1.280,25", "600,00"),
    ],
)
async def test_forms_of_amounts(
    sandbox: httpx.AsyncClient, receiver: Receiver, form: str, header: Any, line: Any
) -> None:
    await switch(sandbox, amounts=form)
    await listen(sandbox, receiver)
    number = await exported(sandbox)
    await receiver.received(1)
    (body,) = bodies(receiver)
    assert (body["total_amount"], body["line_items"][0]["unit_price"]) == (header, line)
    assert (await document(sandbox, number))["extracted_fields"]["total_amount"] == header


@pytest.mark.parametrize(("form", "shown"), [("null", None), ("empty", {}), ("object", REFS), ("text", "json")])
async def test_forms_of_references(sandbox: httpx.AsyncClient, receiver: Receiver, form: str, shown: Any) -> None:
    await switch(sandbox, refs_form=form)
    await listen(sandbox, receiver)
    await exported(sandbox)
    await receiver.received(1)
    found = bodies(receiver)[0]["external_refs"]
    assert (load(found) if shown == "json" else found) == (REFS if shown == "json" else shown)


async def test_a_second_export_shows_the_new_version(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await listen(sandbox, receiver)
    number = await exported(sandbox)
    await control(sandbox, "scripts", filename="INV-8841.pdf", fields={**FIELDS, "total_amount": "1300.00"})
    await control(sandbox, f"documents/{number}/version", text="second")
    await act(sandbox, "finish", number)
    await act(sandbox, "export", number)
    await attempts(sandbox, 2)
    assert [(body["id"], body["total_amount"]) for body in bodies(receiver)] == [
        (number, "1280.25"),
        (number, "1300.00"),
    ]


async def test_an_ended_delivery_may_be_sent_again(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    receiver.statuses[:] = [500, 200]
    await listen(sandbox, receiver)
    await exported(sandbox)
    await attempts(sandbox, 1)
    (failed,) = (await get(sandbox, "/_sandbox/deliveries"))["deliveries"]
    await control(sandbox, f"deliveries/{failed['id']}/resend")
    await attempts(sandbox, 2)
    assert receiver.requests[0].body == receiver.requests[1].body


async def test_uploads_that_nobody_exported_tell_nothing(sandbox: httpx.AsyncClient, receiver: Receiver) -> None:
    await listen(sandbox, receiver)
    await uploaded(sandbox)
    assert (await get(sandbox, "/_sandbox/deliveries"))["deliveries"] == []
    assert len(await ledger(sandbox)) == 1
