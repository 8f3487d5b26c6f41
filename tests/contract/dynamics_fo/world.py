"""An F&O sandbox over TLS, as the cloud is, and connections to it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from headrace.connectors.dynamics_fo import CONNECTOR
from headrace.connectors.dynamics_fo.connection import DynamicsFoConnection, open_connection
from headrace.connectors.dynamics_fo.objects import ENTITY_SETS
from headrace.core.contracts import ALONE, Action, Operation, Surroundings
from headrace.platform.settings import checked
from headrace.sandbox.dynamics_fo.app import create_app
from headrace.testing.serving import serve

TENANT = "contoso"
CLIENT_ID = "00000000-0000-0000-0000-00000000f0f0"
CODE = "a-code-that-nobody-guesses"
CANARY = "canary-secret-7f3a-canary"
FORMAT = {"dimensions": ["Department", "CostCenter"], "aliases": {"Cost center": "CostCenter"}}


def customer(number: str, company: str = "usmf", **fields: Any) -> dict[str, Any]:
    return {
        "dataAreaId": company,
        "CustomerAccount": number,
        "CustomerGroupId": "10",
        "SalesCurrencyCode": "USD",
        "OrganizationName": f"Customer {number}",
        **fields,
    }


SEED: dict[str, Any] = {
    "companies": {"usmf": {}, "demf": {"currency": "EUR"}},
    "dimension_formats": {
        "default": FORMAT["dimensions"],
        "values": {"Department": ["022", "R-D"], "CostCenter": ["007"]},
    },
    "records": {
        "CustomersV3": [
            customer("US-001", SiteId="1", WarehouseId="11"),
            customer("DE-001", "demf", SalesCurrencyCode="EUR"),
        ],
        "ReleasedProductCreationsV2": [
            {"dataAreaId": "usmf", "ItemNumber": "1000", "ProductName": "Speaker", "ProductType": "Item"},
        ],
        "ReleasedProductsV2": [{"dataAreaId": "usmf", "ItemNumber": "1000", "SalesPrice": 12.5}],
    },
}


@dataclass
class World:
    """A running sandbox; `admin` talks to its control API."""

    url: str
    authority_file: Path
    admin: httpx.AsyncClient
    opened: list[DynamicsFoConnection] = field(default_factory=list)

    def connect(self, name: str = "erp", around: Surroundings = ALONE, **changes: Any) -> DynamicsFoConnection:
        values = {
            "environment_url": self.url,
            "tenant_id": TENANT,
            "client_id": CLIENT_ID,
            "client_secret": "sandbox-secret",
            "authority": self.url,
            "instance_discovery": False,
            "verify": str(self.authority_file),
            "legal_entities": ["usmf", "demf"],
            "dimension_format": FORMAT,
            "webhook": {"codes": [CODE]},
            **changes,
        }
        config = checked(CONNECTOR.config, values, name)
        connection = open_connection(name, config, around)  # type: ignore[arg-type]
        self.opened.append(connection)
        return connection

    async def seed(self, **body: Any) -> None:
        (await self.admin.post("/_sandbox/seed", json=body)).raise_for_status()

    async def settings(self, **changes: Any) -> None:
        (await self.admin.post("/_sandbox/settings", json=changes)).raise_for_status()

    async def fault(self, kind: str, method: str = "POST", path: str = "/data/", **more: Any) -> None:
        rule = {"match": {"method": method, "path": path}, "kind": kind, **more}
        (await self.admin.post("/_sandbox/faults", json=rule)).raise_for_status()

    async def ledger(self, obj: str, action: str = "create") -> list[dict[str, Any]]:
        entries = (await self.admin.get("/_sandbox/ledger", params={"object": obj})).json()["entries"]
        return [e for e in entries if e["action"] == action and e["request"]["method"] != "SEED"]

    async def records(self, obj: str) -> list[dict[str, Any]]:
        return [each["data"] for each in (await self.admin.get(f"/_sandbox/records/{obj}")).json()["records"]]


@asynccontextmanager
async def world(data_dir: Path) -> AsyncIterator[World]:
    async with serve(create_app(data_dir), data_dir / "tls") as served:
        assert served.authority_file is not None
        trust = ssl.create_default_context(cafile=served.authority_file)
        async with httpx.AsyncClient(base_url=served.url, verify=trust, trust_env=False, timeout=10) as admin:
            found = World(served.url, served.authority_file, admin)
            await found.seed(**SEED)
            try:
                yield found
            finally:
                for connection in found.opened:
                    await connection.close()


def operation(obj: str, fields: dict[str, Any], *, key: tuple[str, ...] = (), **more: Any) -> Operation:
    names = key or ENTITY_SETS[obj].key
    return Operation(
        op_id="0" * 32,
        connection="erp",
        entity="any",
        canonical_id="c1",
        step="main",
        action=more.pop("action", Action.CREATE),
        object=obj,
        fields=fields,
        key={name: fields[name] for name in names if name in fields},
        **more,
    )


def order(reference: str, company: str = "usmf", **fields: Any) -> Operation:
    return operation(
        "SalesOrderHeadersV2",
        {
            "dataAreaId": company,
            "OrderingCustomerAccountNumber": "US-001",
            "CustomersOrderReference": reference,
            **fields,
        },
        key=("dataAreaId", "CustomersOrderReference"),
    )


def line(number: str, reference: str, **fields: Any) -> Operation:
    return operation(
        "SalesOrderLines",
        {
            "dataAreaId": "usmf",
            "SalesOrderNumber": number,
            "ItemNumber": "1000",
            "OrderLineReference": reference,
            **fields,
        },
        key=("dataAreaId", "SalesOrderNumber", "OrderLineReference"),
    )
