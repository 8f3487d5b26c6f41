"""What the inherited suites must know of Pipedrive: organizations, read and written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from headrace.connectors.pipedrive import CONNECTOR
from headrace.core.contracts import Action, Connection, Operation, WebhookRequest
from headrace.platform.settings import checked
from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.pipedrive.app import create_app
from headrace.testing.harness import Changed, SourceHarness, TargetHarness
from headrace.testing.serving import serve

TOKEN = "canary-api-token-7f3a"
HOOK = {"user": "hook", "password": "canary-hook-password"}
RELAY_SECRET = "canary-relay-hmac-key"
MARKER, TAX_NUMBER, CREDIT = "Headrace id", "VAT number", "Credit"
SEED: dict[str, Any] = {
    "company": {"name": "Contoso Bikes", "domain": "contoso"},
    "users": [{"name": "Integration", "email": "integration@example.com", "is_admin": True, "api_token": TOKEN}],
    "fields": {
        name: [
            {"name": MARKER, "type": "varchar"},
            {"name": TAX_NUMBER, "type": "varchar"},
            {"name": CREDIT, "type": "double"},
        ]
        for name in ("organization", "person", "product")
    },
    "quiet": True,
}


class PipedriveHarness(SourceHarness, TargetHarness):
    """Organizations of an account that starts with none."""

    vendor_path = "^/api/"
    canaries = (TOKEN, HOOK["password"], RELAY_SECRET)
    source_object = target_object = "organization"
    source_text = target_text = "name"
    source_clearable = f"custom.{TAX_NUMBER}"
    target_clearable = f"custom.{TAX_NUMBER}"
    target_amount = f"custom.{CREDIT}"
    absent_record = absent_target = "99999"

    def __init__(self, sandbox: Sandbox, url: str, people: httpx.AsyncClient) -> None:
        super().__init__(sandbox)
        self._url = url
        self._people = people

    def open(self, changed: Changed) -> Connection:
        values: dict[str, Any] = {
            "base_url": changed.address or self._url,
            "api_token": changed.credential or TOKEN,
            "webhook": {**HOOK, "secret": RELAY_SECRET},
            "markers": dict.fromkeys(("organization", "person", "product"), MARKER),
        }
        if changed.page_size:
            values["page_size"] = changed.page_size
        if changed.deadline:
            values |= {"read_timeout": changed.deadline, "call_deadline": changed.deadline}
        return CONNECTOR.open("under-test", checked(CONNECTOR.config, values, "under-test"))

    # --- somebody else ---

    async def make(self, text: str, key: str = "") -> str:
        return str((await self._call("POST", "/api/v2/organizations", name=text))["id"])

    async def change(self, external_id: str, text: str) -> None:
        await self._call("PATCH", f"/api/v2/organizations/{external_id}", name=text)

    async def hiding(self) -> Connection:
        self.sandbox.settings.change({"null_custom_fields": False})
        return self.connect()

    async def subscribe(self, url: str) -> None:
        body = {"subscription_url": url, "event_action": "*", "event_object": "organization", "name": "under test"}
        body |= {"version": "2.0", "http_auth_user": HOOK["user"], "http_auth_password": HOOK["password"]}
        await self._call("POST", "/api/v1/webhooks", **body)

    def forged(self, request: WebhookRequest) -> Sequence[WebhookRequest]:
        bad = ["", "Basic", "Basic %%%", "Basic aG9vazp3cm9uZw==", "Bearer x", "Basic " + "é" * 8]
        unsigned = {name: value for name, value in request.headers.items() if name != "authorization"}
        signatures = ["", "0" * 64, "sha256=" + "0" * 64]
        return [
            *(replace(request, headers={**request.headers, "authorization": value}) for value in bad),
            *(replace(request, headers={**unsigned, "x-headrace-signature": value}) for value in signatures),
        ]

    async def _call(self, method: str, path: str, **body: Any) -> Any:
        answer = await self._people.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()["data"]

    # --- sample operations ---

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        marker = {f"custom.{MARKER}": key}
        return self.operation(Action.CREATE, {"name": text, **marker, **fields}, marker)

    def too_long(self) -> Operation:
        return self.create("Contoso", "HR-1", **{f"custom.{TAX_NUMBER}": "9" * 256})


class PersonHarness(PipedriveHarness):
    """Persons as target; an e-mail address is one of several that Pipedrive replaces together."""

    target_object = "person"
    target_clearable = "email"


class ProductHarness(PipedriveHarness):
    """Products as target; a price is one of several that Pipedrive replaces together."""

    target_object = "product"
    target_clearable = "description"
    target_amount = "prices.EUR"


Kind = TypeVar("Kind", bound=PipedriveHarness)


@asynccontextmanager
async def harness(data_dir: Path, kind: type[Kind]) -> AsyncIterator[Kind]:
    """Run an account and give a harness for it."""
    application = create_app(data_dir)
    sandbox: Sandbox = application.state.sandbox
    sandbox.seed(SEED)
    headers = {"x-api-token": "sandbox-api-token"}  # of the sandbox's first user, a person
    async with (
        serve(application) as served,
        httpx.AsyncClient(base_url=served.url, headers=headers, trust_env=False) as people,
    ):
        found = kind(sandbox, served.url, people)
        try:
            yield found
        finally:
            await found.close()
