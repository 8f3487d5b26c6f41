"""What the inherited suites must know of AvidXchange: payments are read, vendors are written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import httpx

from headrace.connectors.avidxchange import CONNECTOR
from headrace.core.contracts import Action, Connection, Operation, WebhookRequest
from headrace.platform.settings import checked
from headrace.sandbox.avidxchange.app import create_app
from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.faults import Kind
from headrace.testing.harness import Changed, SourceHarness, TargetHarness
from headrace.testing.serving import serve

CREDENTIALS = {
    "company_token": "ct_canary-company-token",
    "user_token": "ut_canary-user-token",
    "client_id": "canary-client",
    "client_secret": "canary-client-secret",
    "gateway_key": "canary-gateway-key",
    "username": "canary@contoso.example",
    "password": "canary pass&word=",
}
COMPANY = "contoso"
USMF, DEMF = 4811, 4812
NAMES = ("client_id", "username")
"""What of it is no secret."""
PROFILES: Mapping[str, tuple[str, ...]] = {
    "company_user_tokens": ("company_token", "user_token"),
    "partner_oauth": ("client_id", "client_secret"),
    "avidsuite_v1": ("gateway_key", "username", "password"),
}
WRONG_FIELD = {"company_user_tokens": "user_token", "partner_oauth": "client_secret", "avidsuite_v1": "password"}
ADDRESS = {
    "Address.Line1": "14 Dock St",
    "Address.City": "Charlotte",
    "Address.State": "NC",
    "Address.PostalCode": "28202",
    "Address.Country": "US",
}
LEDGER = {"vendor": "vendors", "enterprise_code": "enterpriseCodes", "purchase_order": "purchaseOrders"}


class AvidxchangeHarness(SourceHarness, TargetHarness):
    """A company whose accounting system of usmf starts with nothing."""

    vendor_path = "^/v1/(?!authorizations)"
    sign_in_path = "^/(oauth2/token|v1/authorizations)"
    canaries = tuple(CREDENTIALS[name] for names in PROFILES.values() for name in names if name not in NAMES)
    source_object = "payment"
    source_text = "CheckNumber"
    source_clearable = "AchTraceNumber"
    absent_record = "99"
    target_object = "vendor"
    target_text = "VendorName"
    target_clearable = "NameOnCheck"
    target_amount = ""
    absent_target = "LegalEntity=usmf,VendorExternalSystemID=NOBODY"
    profile = "company_user_tokens"

    def __init__(self, sandbox: Sandbox, url: str, people: httpx.AsyncClient) -> None:
        super().__init__(sandbox)
        self.url = url
        self.people = people
        self.configuration: dict[str, Any] = {}
        """What a test configures otherwise."""

    def open(self, changed: Changed) -> Connection:
        auth = {name: CREDENTIALS[name] for name in PROFILES[self.profile]}
        if self.profile == "partner_oauth":
            auth["company_id"] = COMPANY
        if changed.credential:
            auth[WRONG_FIELD[self.profile]] = changed.credential
        values: dict[str, Any] = {
            "base_url": changed.address or self.url,
            "auth": {"profile": self.profile, **auth},
            "entities": {"usmf": {"accounting_system_id": USMF}},
            "requests_per_minute": 6000,
            "history_days": 20,
        }
        if changed.page_size:
            values["page_size"] = changed.page_size
        if changed.deadline:
            values |= {"read_timeout": changed.deadline, "call_deadline": changed.deadline}
        return CONNECTOR.open("under-test", checked(CONNECTOR.config, values | self.configuration, "under-test"))

    # --- what the suites use ---

    def fault(self, kind: Kind, method: str | None = None, *, times: int | None = 1, **more: Any) -> None:
        """Changes and deletes are upserts here."""
        super().fault(kind, "POST" if method in ("PATCH", "DELETE") else method, times=times, **more)

    def ledger(self, obj: str, action: str = "") -> list[dict[str, Any]]:
        """Return the ledger in the suites' words: what made a record inactive is its delete."""
        found = []
        for entry in super().ledger(LEDGER.get(obj, obj)):
            before, after = entry["before"] or {}, entry["after"] or {}
            gone = entry["action"] == "update" and before.get("IsActive") is True and after.get("IsActive") is False
            found.append({**entry, "action": "delete" if gone else entry["action"]})
        return [entry for entry in found if action in ("", entry["action"])]

    # --- somebody else ---

    async def make(self, text: str, key: str = "") -> str:
        (payment,) = await self.payments({"CheckNumber": text})
        return str(payment["PaymentId"])

    async def change(self, external_id: str, text: str) -> None:
        await self.call("PATCH", f"records/payments/{external_id}", CheckNumber=text)

    async def hiding(self) -> Connection:
        self.sandbox.settings.change({"renames": {"fields": {"AchTraceNumber": "TraceNumber"}}})
        return self.connect()

    async def subscribe(self, url: str) -> None:
        raise LookupError("AvidXchange sends no webhooks")

    def forged(self, request: WebhookRequest) -> Sequence[WebhookRequest]:
        raise LookupError("AvidXchange sends no webhooks")

    def foreign_page(self, url: str) -> Mapping[str, Any]:
        return {"Items": [], "Paging": {"PageNumber": 1, "PageCount": 2, "Links": [{"Rel": "next", "Href": url}]}}

    def expire_tokens(self) -> None:
        self.sandbox.clock.advance(2 * 3600)  # longer than a token lives

    async def call(self, method: str, path: str, **body: Any) -> Any:
        """Make a control call."""
        answer = await self.people.request(method, f"/_sandbox/{path}", json=body if method != "GET" else None)
        assert answer.is_success, answer.text
        return answer.json()

    async def payments(self, *documents: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Enter payments."""
        base = {"accounting_system": USMF, "PayeeName": "Lakeside Plumbing LLC"}
        line = {"Number": "INV-1", "Date": "2026-02-25", "Gross": 100}
        made = [{**base, "Remittances": [line], **each} for each in documents]
        return list((await self.call("POST", "payments", payments=made))["payments"])

    async def invoices(self, *documents: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Enter approved invoices."""
        lines = [
            {"Amount": 1200, "Description": "Repair", "codes": {"GL Account": "601500", "CostCenter": "014"}},
            {"Amount": 80.25, "Description": "Sales tax", "codes": {"GL Account": "601500"}},
        ]
        base = {"accounting_system": USMF, "VendorExternalSystemID": "V00123", "unchecked": True}
        made = [
            {"Number": f"INV-{place}", "Distributions": lines, **base, **each}
            for place, each in enumerate(documents, 1)
        ]
        return list((await self.call("POST", "invoices", invoices=made))["invoices"])

    async def batch(self, **document: Any) -> dict[str, Any]:
        """Close a batch with all invoices that are in none."""
        return dict(await self.call("POST", "batches", accounting_system=USMF, **document))

    # --- sample operations ---

    def create(self, text: str, key: str, **fields: Any) -> Operation:
        marker = {"LegalEntity": "usmf", "VendorExternalSystemID": key}
        return self.operation(Action.CREATE, {**marker, "VendorName": text, **ADDRESS, **fields}, marker)

    def too_long(self) -> Operation:
        return self.create("x" * 256, "HR-1")

    def code(self, value: str, action: Action = Action.CREATE, **fields: Any) -> Operation:
        """Return a change of an enterprise code."""
        marker = {"LegalEntity": "usmf", "GroupName": "CostCenter", "CodeValue": value}
        target_id = f"LegalEntity=usmf,GroupName=CostCenter,CodeValue={value}" if action is not Action.CREATE else ""
        given = {**marker, **fields} if action is Action.CREATE else fields
        return self.of("enterprise_code", self.operation(action, given, marker, target_id))

    def of(self, obj: str, operation: Operation) -> Operation:
        """Return an operation on another object."""
        return replace(operation, object=obj)


class PartnerHarness(AvidxchangeHarness):
    """A partner, whose tokens end."""

    profile = "partner_oauth"


class UserHarness(AvidxchangeHarness):
    """A user behind a gateway key, whose tokens end."""

    profile = "avidsuite_v1"


Harness = TypeVar("Harness", bound=AvidxchangeHarness)


@asynccontextmanager
async def running(data_dir: Path, kind: type[Harness], **settings: Any) -> AsyncIterator[Harness]:
    """Run a company and give a harness for it."""
    application = create_app(
        data_dir, credentials=CREDENTIALS, auth_profile=kind.profile, requests_per_minute=0, **settings
    )
    async with serve(application) as served, httpx.AsyncClient(base_url=served.url, trust_env=False) as people:
        found = kind(application.state.sandbox, served.url, people)
        try:
            yield found
        finally:
            await found.close()
