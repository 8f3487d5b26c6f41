"""What the inherited suites must know of RecordEngine: exported documents are read, files are uploaded."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from headrace.connectors.recordengine import CONNECTOR
from headrace.core.contracts import Action, Connection, Operation, Surroundings, WebhookRequest
from headrace.core.errors import RejectRecord
from headrace.platform.settings import checked
from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.recordengine.app import create_app
from headrace.testing.harness import Changed, SourceHarness, TargetHarness
from headrace.testing.serving import serve

TOKEN = "re_canary-api-token"
WEBHOOK_TOKEN = "canary-webhook-token"
CONTACT, FOLDER, OTHER_FOLDER = 31, 77, 78
PDF = b"%PDF-1.7 pump repair"
REFS = {"dynamics": {"record_id": "3f0f9d3e-5a1b-ee11-9966-000d3a5b1c2d", "record_type": "opportunity"}}
SEED = {
    "contacts": [{"id": CONTACT, "name": "Lakeside Plumbing LLC", "type": "Vendor", "default_profile_id": 2}],
    "folders": [
        {"id": FOLDER, "name": "2026 Q1", "contact_id": CONTACT},
        {"id": OTHER_FOLDER, "name": "2026 Q2", "contact_id": CONTACT},
    ],
}


class Stored:
    """Contents by their SHA-256 (`headrace.core.attachments.Attachments`)."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def keep(self, content: bytes) -> dict[str, Any]:
        """Store a content and return its reference."""
        digest = hashlib.sha256(content).hexdigest()
        self._contents[digest] = content
        return {"sha256": digest, "size": len(content), "key": f"file:{digest[:8]}"}

    def lose(self, reference: Mapping[str, Any]) -> None:
        """Forget all but the beginning of a content."""
        self._contents[reference["sha256"]] = self._contents[reference["sha256"]][:3]

    async def read(self, reference: Mapping[str, Any]) -> bytes:
        return b"".join([part async for part in self.parts(reference)])

    async def parts(self, reference: Mapping[str, Any]) -> AsyncIterator[bytes]:
        content = self._contents[reference["sha256"]]
        yield content[:5]
        yield content[5:]
        if len(content) != reference["size"]:
            raise RejectRecord("attachment is not there", f"{len(content)} bytes are left")


class RecordengineHarness(SourceHarness, TargetHarness):
    """An instance with one contact and its folders."""

    vendor_path = "^/api/"
    canaries = (TOKEN, WEBHOOK_TOKEN)
    source_object = "document"
    source_text = "filename"
    source_clearable = "notes"
    absent_record = "99"
    target_object = "upload"
    target_text = "filename"
    target_clearable = "media_type"
    target_amount = ""
    absent_target = "99"

    def __init__(self, sandbox: Sandbox, url: str, people: httpx.AsyncClient) -> None:
        super().__init__(sandbox)
        self.url = url
        self.people = people
        self.stored = Stored()
        self.configuration: dict[str, Any] = {}
        """What a test configures otherwise."""

    def open(self, changed: Changed) -> Connection:
        values: dict[str, Any] = {
            "base_url": changed.address or self.url,
            "api_token": changed.credential or TOKEN,
            "webhook": {"tokens": [WEBHOOK_TOKEN]},
            "legal_entities": {"default": "usmf"},
            "filing": {"default": {"contact": CONTACT, "folder": FOLDER}},
            "requests_per_minute": 60_000,
        }
        if changed.page_size:
            values["page_size"] = changed.page_size
        if changed.deadline:
            values |= {"read_timeout": changed.deadline, "call_deadline": changed.deadline}
        config = checked(CONNECTOR.config, values | self.configuration, "under-test")
        return CONNECTOR.open("under-test", config, Surroundings(attachments=self.stored))

    def ledger(self, obj: str, action: str = "") -> list[dict[str, Any]]:
        """Return the ledger without what the instance does with a document by itself."""
        found = super().ledger("documents" if obj in ("document", "upload") else obj, action)
        return [entry for entry in found if entry["request"]["method"] != "SYSTEM"]

    # --- somebody else ---

    async def make(self, text: str, key: str = "") -> str:
        return await self.exported(filename=text)

    async def change(self, external_id: str, text: str) -> None:
        await self.edit(external_id, filename=text)
        await self.act("export", external_id)

    async def hiding(self) -> Connection:
        self.sandbox.settings.change({"contract": {"fields": {"document": {"notes": "remarks"}}}})
        return self.connect()

    async def subscribe(self, url: str) -> None:
        channels = {"documents": {"url": url}}
        await self.call("POST", "channels", channels=channels, auth="separate", token=WEBHOOK_TOKEN)

    def forged(self, request: WebhookRequest) -> Sequence[WebhookRequest]:
        tokens = ("", "Bearer", f"Bearer {WEBHOOK_TOKEN}x", f"Bearer {TOKEN}", WEBHOOK_TOKEN, f"Basic {WEBHOOK_TOKEN}")
        return [replace(request, headers={**request.headers, "authorization": token}) for token in tokens]

    async def call(self, method: str, path: str, **body: Any) -> Any:
        """Make a control call."""
        answer = await self.people.request(method, f"/_sandbox/{path}", json=body if method != "GET" else None)
        assert answer.is_success, answer.text
        return answer.json()

    async def document(self, status: str = "Export", **fields: Any) -> str:
        """Let a document come in by hand, be read and brought to a status; return its id."""
        document = {
            "filename": "INV-8841.pdf",
            "contact_id": CONTACT,
            "folder_id": FOLDER,
            "base64": base64.b64encode(PDF).decode(),
            "status": status,
        }
        (key,) = (await self.call("POST", "seed", documents=[document | fields]))["keys"]["documents"]
        return str(key)

    async def exported(self, **fields: Any) -> str:
        """Let a document come in and be exported."""
        return await self.document(**fields)

    async def act(self, action: str, *ids: str) -> None:
        """Let a person do something with documents."""
        await self.call("POST", f"documents/{action}", ids=[int(each) for each in ids])

    async def edit(self, external_id: str, **fields: Any) -> None:
        """Let a person change fields."""
        await self.call("PATCH", f"records/documents/{external_id}", **fields)

    # --- sample operations ---

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        usual = {
            "file": self.stored.keep(PDF),
            "filename": f"{text}.pdf",
            "media_type": "application/pdf",
            "contact_id": CONTACT,
            "folder_id": FOLDER,
            "external_refs": REFS,
            "key": key,
        }
        return self.operation(Action.CREATE, usual | fields, {"key": key})

    def too_long(self) -> Operation:
        return self.create("x" * 252, "HR-1")


@asynccontextmanager
async def running(data_dir: Path, **settings: Any) -> AsyncIterator[RecordengineHarness]:
    """Run an instance and give a harness for it."""
    usual: dict[str, Any] = {"requests_per_minute": 0, "queue_seconds": 3600}
    application = create_app(data_dir, credentials={"api_token": TOKEN}, **usual | settings)
    async with serve(application) as served, httpx.AsyncClient(base_url=served.url, trust_env=False) as people:
        (await people.post("/_sandbox/seed", json=SEED)).raise_for_status()
        found = RecordengineHarness(application.state.sandbox, served.url, people)
        try:
            yield found
        finally:
            await found.close()
