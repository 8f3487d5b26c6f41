"""Runs a RecordEngine sandbox behind a real socket, and helps to talk to it and to hear its webhooks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from headrace.sandbox.common.encoding import load
from headrace.sandbox.recordengine.app import CREDENTIALS, create_app
from headrace.testing.serving import Receiver, serve
from headrace.testing.waiting import eventually

TOKEN = CREDENTIALS["api_token"]
CONTACT, DOCUMENTS_FOLDER, QUARTER = 31, 75, 77
PDF = b"%PDF-1.7 pump repair"
REFS = {
    "dynamics": {
        "record_id": "3f0f9d3e-5a1b-ee11-9966-000d3a5b1c2d",
        "record_type": "invoice",
        "record_url": "https://contoso.crm.dynamics.com/main.aspx?etn=invoice&id=3f0f9d3e-5a1b-ee11-9966-000d3a5b1c2d",
    }
}
FIELDS = {
    "vendor": "Lakeside Plumbing LLC",
    "invoice_number": "INV-8841",
    "invoice_date": "2026-02-25",
    "due_date": "2026-03-27",
    "currency": "USD",
    "subtotal": "1200.00",
    "tax": "80.25",
    "total_amount": "1280.25",
    "po_number": "PO-000412",
    "payment_terms": "Net 30",
}
LINE = {"description": "Pump repair", "quantity": "2", "unit_price": "600.00", "amount": "1200.00"}
SCRIPT = {"filename": "INV-8841.pdf", "fields": FIELDS, "line_items": [LINE], "ai_summary": "A pump repair."}
SEED = {
    "contacts": [{"id": CONTACT, "name": "Lakeside Plumbing LLC", "type": "Vendor", "default_profile_id": 2}],
    "folders": [{"id": QUARTER, "name": "2026 Q1", "contact_id": CONTACT}],
    "scripts": [SCRIPT],
}
EXPORTS = {"name": "Auto export", "statuses": ["Approved", "Export"]}
"""A rule that exports everything with nobody looking."""


@asynccontextmanager
async def running(data_dir: Path, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client with the token; the quota is off unless the options say otherwise."""
    application = create_app(data_dir, **{"requests_per_minute": 0, **options})
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        serve(application) as served,
        httpx.AsyncClient(base_url=served.url, timeout=10, headers=headers) as client,
    ):
        yield client


async def switch(client: httpx.AsyncClient, **settings: Any) -> None:
    (await client.post("/_sandbox/settings", json=settings)).raise_for_status()


async def advance(client: httpx.AsyncClient, seconds: float) -> None:
    (await client.post("/_sandbox/clock", json={"advance_seconds": seconds})).raise_for_status()


async def control(client: httpx.AsyncClient, path: str, **body: Any) -> Any:
    response = await client.post(f"/_sandbox/{path}", json=body)
    assert response.status_code == 200, response.text
    return load(response.content)


async def get(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    response = await client.get(path, params=parameters or None)
    assert response.status_code == 200, response.text
    return load(response.content)


async def upload(
    client: httpx.AsyncClient,
    filename: str = "INV-8841.pdf",
    content: bytes = PDF,
    refs: Any = REFS,
    **parts: Any,
) -> httpx.Response:
    """Upload a file; a part that is None is left out."""
    data = {"contact_id": CONTACT, "folder_id": QUARTER, "external_refs": json.dumps(refs), **parts}
    return await client.post(
        "/api/documents/upload",
        data={name: str(value) for name, value in data.items() if value is not None},
        files={"file": (filename, content, "application/pdf")},
    )


async def uploaded(client: httpx.AsyncClient, filename: str = "INV-8841.pdf", **more: Any) -> int:
    """Upload a file and return the document's id."""
    response = await upload(client, filename, **more)
    assert response.status_code == 200, response.text
    return int(response.json()["id"])


async def reviewed(client: httpx.AsyncClient, filename: str = "INV-8841.pdf", **more: Any) -> int:
    """Upload a file, let it be read and return the document's id."""
    number = await uploaded(client, filename, **more)
    await advance(client, 60)
    return number


async def act(client: httpx.AsyncClient, action: str, *numbers: int, **more: Any) -> Any:
    """Let a person do something with documents."""
    return (await control(client, f"documents/{action}", ids=[*numbers], **more))["documents"]


async def document(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    return dict(await get(client, f"/api/documents/{number}"))


async def ledger(client: httpx.AsyncClient, object_: str = "documents") -> list[dict[str, Any]]:
    """Return ledger rows that are not of a seed."""
    entries = (await get(client, "/_sandbox/ledger", object=object_))["entries"]
    return [entry for entry in entries if entry["request"]["method"] != "SEED"]


async def listen(client: httpx.AsyncClient, receiver: Receiver, *channels: str, **more: Any) -> None:
    """Point channels at a receiver."""
    named = {name: {"url": f"{receiver.url}/{name}"} for name in channels or ("documents",)}
    await control(client, "channels", channels=named, **more)


async def attempts(client: httpx.AsyncClient, count: int) -> list[dict[str, Any]]:
    """Wait for so many attempts of deliveries, and return their lines in the audit list."""

    async def found() -> list[dict[str, Any]]:
        lines = (await get(client, "/_sandbox/audit"))["audit"]
        return [line for line in lines if line["action"] == "webhook"]

    async def enough() -> bool:
        return len(await found()) >= count

    await eventually(enough)
    return await found()


def bodies(receiver: Receiver) -> list[Mapping[str, Any]]:
    """Return what a receiver was sent."""
    return [load(each.body) for each in receiver.requests]
