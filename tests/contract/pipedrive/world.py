"""A Pipedrive sandbox behind a socket, and connections to it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from headrace.connectors.pipedrive import CONNECTOR
from headrace.connectors.pipedrive.connection import PipedriveConnection, open_connection
from headrace.core.contracts import Action, Operation, Page, Record, Source, Target
from headrace.core.event import Ref
from headrace.platform.settings import checked
from headrace.sandbox.pipedrive.app import create_app
from headrace.testing.serving import serve

CANARY = "canary-api-token-7f3a"
HOOK = {"user": "hook", "password": "canary-hook-password"}

SEED: dict[str, Any] = {
    "company": {"name": "Contoso Bikes", "domain": "contoso"},
    "users": [{"name": "Integration", "email": "integration@example.com", "is_admin": True, "api_token": CANARY}],
    "fields": {
        "deal": [
            {"name": "Legal entity", "type": "enum", "options": ["usmf", "demf"]},
            {"name": "Requested delivery", "type": "date"},
            {"name": "Department", "type": "varchar"},
            {"name": "Cost center", "type": "varchar"},
            {"name": "Budget", "type": "monetary"},
            {"name": "Regions", "type": "set", "options": ["North", "South"]},
            {"name": "Score", "type": "double"},
            {"name": "Headrace id", "type": "varchar"},
            {"name": "Order status", "type": "varchar"},
        ],
        "organization": [
            {"name": "VAT number", "type": "varchar"},
            {"name": "Legal entity", "type": "enum", "options": ["usmf", "demf"]},
            {"name": "Headrace id", "type": "varchar"},
            {"name": "Rating", "type": "enum", "options": ["A", "B"]},
        ],
        "person": [{"name": "Headrace id", "type": "varchar"}],
        "product": [{"name": "Headrace id", "type": "varchar"}],
    },
    "organizations": [
        {
            "name": "Bäckerei Müller 🥨",
            "address": {"value": "Hauptstraße 1, Köln", "route": "Hauptstraße", "street_number": "1",
                        "locality": "Köln", "postal_code": "50667", "country": "Germany"},
            "custom": {"VAT number": "DE123456789", "Legal entity": "demf"},
        },
        {"name": "Empty Ltd"},
    ],
    "persons": [
        {
            "name": "Ada Berg",
            "organization": "Bäckerei Müller 🥨",
            "emails": [{"value": "old@example.com"}, {"value": "ada@example.com", "primary": True}],
            "phones": [{"value": "+49 221 1", "primary": True}],
        }
    ],
    "products": [
        {"name": "Road bike", "code": "BK-R1", "unit": "pcs", "tax": 19,
         "prices": [{"currency": "EUR", "price": 1200.5}]},
        {"name": "Helmet", "code": "HL-1", "prices": [{"currency": "EUR", "price": 40}]},
    ],
    "deals": [
        {
            "title": "Spring order",
            "currency": "EUR",
            "organization": "Bäckerei Müller 🥨",
            "person": "Ada Berg",
            "status": "won",
            "expected_close_date": "2026-12-15",
            "custom": {
                "Legal entity": "demf",
                "Requested delivery": "2026-12-20",
                "Department": "022",
                "Regions": ["North", "South"],
                "Score": 5,
                "Budget": {"value": 100, "currency": "EUR"},
            },
            "products": [
                {"product": "BK-R1", "item_price": 1200.5, "quantity": 2, "discount": 10, "tax": 19,
                 "tax_method": "exclusive"},
                {"product": "HL-1", "item_price": 40, "quantity": 1.5, "discount": 5, "discount_type": "amount",
                 "tax": 19, "comments": "red"},
            ],
        }
    ],
    "quiet": True,
}  # fmt: skip


def basic(user: str = HOOK["user"], password: str = HOOK["password"]) -> dict[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"authorization": f"Basic {token}", "content-type": "application/json"}


@dataclass
class World:
    """A running sandbox; `api` is another user's client, also of the control API."""

    url: str
    api: httpx.AsyncClient
    seeded: dict[str, Any] = field(default_factory=dict)
    opened: list[PipedriveConnection] = field(default_factory=list)

    def connect(self, name: str = "crm", **changes: Any) -> PipedriveConnection:
        values = {
            "base_url": self.url,
            "api_token": CANARY,
            "webhook": HOOK,
            "markers": dict.fromkeys(("deal", "organization", "person", "product"), "Headrace id"),
            **changes,
        }
        connection = open_connection(name, checked(CONNECTOR.config, values, name))  # type: ignore[arg-type]
        self.opened.append(connection)
        return connection

    def source(self, **changes: Any) -> Source:
        source = self.connect(**changes).source
        assert source is not None
        return source

    def target(self, **changes: Any) -> Target:
        target = self.connect(**changes).target
        assert target is not None
        return target

    async def call(self, method: str, path: str, **body: Any) -> Any:
        answer = await self.api.request(method, path, json=body or None)
        answer.raise_for_status()
        return answer.json().get("data")

    async def settings(self, **changes: Any) -> None:
        (await self.api.post("/_sandbox/settings", json=changes)).raise_for_status()

    async def advance(self, seconds: float) -> None:
        (await self.api.post("/_sandbox/clock", json={"advance_seconds": seconds})).raise_for_status()

    async def fault(self, kind: str, method: str = "POST", path: str = "/api/", **more: Any) -> None:
        rule = {"match": {"method": method, "path": path}, "kind": kind, **more}
        (await self.api.post("/_sandbox/faults", json=rule)).raise_for_status()

    async def requests(self, method: str, path: str) -> list[dict[str, Any]]:
        found = (await self.api.get("/_sandbox/requests")).json()["requests"]
        return [each for each in found if each["method"] == method and path in each["path"]]

    async def created(self, obj: str) -> list[dict[str, Any]]:
        entries = (await self.api.get("/_sandbox/ledger", params={"object": obj})).json()["entries"]
        return [e for e in entries if e["action"] == "create" and e["request"]["path"] != "/_sandbox/seed"]

    def code(self, obj: str, name: str) -> str:
        return str(self.seeded["fields"][obj][name]["code"])


@asynccontextmanager
async def world(data_dir: Path) -> AsyncIterator[World]:
    headers = {"x-api-token": "sandbox-api-token"}
    async with (
        serve(create_app(data_dir)) as served,
        httpx.AsyncClient(base_url=served.url, headers=headers, trust_env=False, timeout=10) as api,
    ):
        seeded = await api.post("/_sandbox/seed", json=SEED)
        seeded.raise_for_status()
        found = World(served.url, api, seeded.json())
        try:
            yield found
        finally:
            for connection in found.opened:
                await connection.close()


async def poll(
    source: Source, obj: str, cursor: Mapping[str, str] | None = None
) -> tuple[list[Record], dict[str, str]]:
    pages: list[Page] = [page async for page in source.changes(obj, cursor or {})]
    return [record for page in pages for record in page.records], dict(pages[-1].cursor) if pages else dict(
        cursor or {}
    )


async def fetched(source: Source, obj: str, id_: Any) -> Record:
    record = await source.fetch(Ref(obj, str(id_)))
    assert record is not None
    return record


def operation(
    action: Action, obj: str, fields: Mapping[str, Any] | None = None, target_id: str = "", **more: Any
) -> Operation:
    values: dict[str, Any] = {
        "op_id": "op-1",
        "connection": "crm",
        "entity": "customer",
        "canonical_id": "c-1",
        "step": "main",
        "action": action,
        "object": obj,
        "fields": fields or {},
        "key": {"custom.Headrace id": (fields or {}).get("custom.Headrace id", "")},
        "target_id": target_id,
        **more,
    }
    return Operation(**values)
