"""A Dataverse sandbox behind a socket with records of each table, and connections to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from headrace.connectors.dataverse import CONNECTOR
from headrace.connectors.dataverse.connection import DataverseConnection, open_connection
from headrace.core.contracts import Action, Operation, Page, Record, Source, Target
from headrace.core.event import Ref
from headrace.platform.settings import checked
from headrace.sandbox.dataverse.app import create_app
from headrace.sandbox.dataverse.installation import currency_id
from headrace.testing.serving import Served, serve
from tests.contract.dataverse.harness import CLIENT, CODE, SECRET, SEED, control_client

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
CONTACT = "aaaaaaaa-0000-4000-8000-000000000002"
OPPORTUNITY = "aaaaaaaa-0000-4000-8000-000000000003"
INVOICE = "aaaaaaaa-0000-4000-8000-000000000004"
LEAD = "aaaaaaaa-0000-4000-8000-000000000005"
NOTE = "aaaaaaaa-0000-4000-8000-000000000006"
NOBODY = "11111111-2222-3333-4444-555555555555"
ROLE = "Headrace Integration"

RECORDS: Mapping[str, list[Mapping[str, Any]]] = {
    "account": [
        {
            "accountid": ACCOUNT,
            "name": "Bäckerei Müller 🥨",
            "accountnumber": "C-42",
            "revenue": 1000,
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency_id('EUR')})",
        }
    ],
    "contact": [
        {
            "contactid": CONTACT,
            "firstname": "Ada",
            "lastname": "Berg",
            "birthdate": "1990-02-28",
            "parentcustomerid_account@odata.bind": f"/accounts({ACCOUNT})",
        }
    ],
    "opportunity": [
        {
            "opportunityid": OPPORTUNITY,
            "name": "Ovens",
            "stepname": "2-Develop",
            "estimatedvalue": Decimal("1234.50"),
            "estimatedclosedate": "2026-12-24",
            "customerid_account@odata.bind": f"/accounts({ACCOUNT})",
            "transactioncurrencyid@odata.bind": f"/transactioncurrencies({currency_id('EUR')})",
        }
    ],
    "invoice": [{"invoiceid": INVOICE, "name": "Ovens", "customerid_account@odata.bind": f"/accounts({ACCOUNT})"}],
    "lead": [{"leadid": LEAD, "subject": "Ovens", "lastname": "Berg"}],
}


@dataclass
class World:
    """A running sandbox; `api` is the client of its control API."""

    served: Served
    api: httpx.AsyncClient
    sandbox: Any
    opened: list[DataverseConnection] = field(default_factory=list)

    def connect(self, name: str = "sales", **changes: Any) -> DataverseConnection:
        values = {
            "environment_url": self.served.url,
            "tenant_id": "contoso",
            "client_id": CLIENT,
            "client_secret": SECRET,
            "authority": self.served.url,
            "instance_discovery": False,
            "verify": str(self.served.authority_file),
            "webhook": {"codes": [CODE]},
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

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.api.request(method, f"/_sandbox/{path}", json=body or {})
        answer.raise_for_status()
        return answer.json()

    async def settings(self, **changes: Any) -> None:
        await self.control("POST", "settings", changes)

    async def fault(self, kind: str, method: str = "POST", path: str = "/api/data/", **more: Any) -> None:
        await self.control("POST", "faults", {"match": {"method": method, "path": path}, "kind": kind, **more})

    async def role(self, **privileges: str) -> None:
        await self.control("POST", f"roles/{ROLE}", {"privileges": privileges})

    def seed(self, **records: Any) -> None:
        self.sandbox.seed({"records": records})

    def edit(self, table: str, id_: str, **fields: Any) -> None:
        assert self.sandbox.edit(table, id_, fields) is not None

    def requests(self, method: str, path: str) -> list[dict[str, Any]]:
        found = self.sandbox.requests.entries()
        return [each for each in found if each["method"] == method and path in each["path"]]

    def ledger(self, table: str) -> list[dict[str, Any]]:
        entries = self.sandbox.ledger.entries(0, table, limit=1000)
        return [entry for entry in entries if entry["request"]["method"] != "SEED"]

    def row(self, table: str, id_: str) -> Mapping[str, Any]:
        record = self.sandbox.store.get(table, id_)
        assert record is not None
        found: Mapping[str, Any] = record.data
        return found


@asynccontextmanager
async def world(data_dir: Path) -> AsyncIterator[World]:
    application = create_app(data_dir)
    sandbox = application.state.sandbox
    sandbox.seed({**SEED, "records": RECORDS})
    async with serve(application, data_dir / "tls") as served, control_client(served) as api:
        found = World(served, api, sandbox)
        try:
            yield found
        finally:
            for connection in found.opened:
                await connection.close()


async def poll(
    source: Source, obj: str, cursor: Mapping[str, str] | None = None
) -> tuple[list[Record], dict[str, str]]:
    pages: list[Page] = [page async for page in source.changes(obj, cursor or {})]
    assert pages
    return [record for page in pages for record in page.records], dict(pages[-1].cursor)


async def fetched(source: Source, obj: str, id_: str) -> Record:
    record = await source.fetch(Ref(obj, id_))
    assert record is not None
    return record


def operation(
    action: Action, obj: str, fields: Mapping[str, Any] | None = None, target_id: str = "", **more: Any
) -> Operation:
    values: dict[str, Any] = {
        "op_id": "op-1",
        "connection": "sales",
        "entity": "document",
        "canonical_id": "c-1",
        "step": "main",
        "action": action,
        "object": obj,
        "fields": fields or {},
        "key": {},
        "target_id": target_id,
        **more,
    }
    return Operation(**values)
