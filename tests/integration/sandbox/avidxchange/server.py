"""Runs an AvidXchange sandbox behind a real socket, and helps to talk to it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from headrace.sandbox.avidxchange.app import CREDENTIALS, create_app
from headrace.sandbox.common.encoding import load
from headrace.testing.serving import serve

USMF, DEMF = 4811, 4812
HEADERS = {
    "X-Avid-Company-Token": CREDENTIALS["company_token"],
    "X-Avid-User-Token": CREDENTIALS["user_token"],
}
ADDRESS = {"Line1": "14 Dock St", "City": "Charlotte", "State": "NC", "PostalCode": "28202", "Country": "US"}


def vendor(number: str, **fields: Any) -> dict[str, Any]:
    return {"VendorExternalSystemID": number, "VendorName": f"Vendor {number}", "Address": ADDRESS, **fields}


def code(group: str, value: str, **fields: Any) -> dict[str, Any]:
    return {"GroupName": group, "CodeValue": value, "Description": f"{value} : {group}", **fields}


CODES = [code("GL Account", "601500"), code("GL Account", "605100"), code("CostCenter", "014")]
SEED = {
    "vendors": [{"accounting_system": USMF, **vendor(number)} for number in ("V1", "V2", "V3")],
    "codes": [{"accounting_system": USMF, **each} for each in CODES],
}


@asynccontextmanager
async def running(data_dir: Path, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client without credentials; the quota is off unless the options say otherwise, and it is noon, UTC."""
    application = create_app(data_dir, **{"requests_per_minute": 0, **options})
    async with serve(application) as served, httpx.AsyncClient(base_url=served.url, timeout=10) as client:
        now = datetime.fromisoformat((await client.post("/_sandbox/clock", json={})).json()["now"])
        await advance(client, (now.replace(hour=12, minute=0, second=0) - now).total_seconds())
        yield client


async def switch(client: httpx.AsyncClient, **settings: Any) -> None:
    (await client.post("/_sandbox/settings", json=settings)).raise_for_status()


async def advance(client: httpx.AsyncClient, seconds: float) -> None:
    (await client.post("/_sandbox/clock", json={"advance_seconds": seconds})).raise_for_status()


async def control(client: httpx.AsyncClient, path: str, body: Mapping[str, Any]) -> Any:
    response = await client.post(f"/_sandbox/{path}", json=body)
    assert response.status_code == 200, response.text
    return load(response.content)


async def get(client: httpx.AsyncClient, path: str, **parameters: Any) -> Any:
    response = await client.get(path, params=parameters or None)
    assert response.status_code == 200, response.text
    return load(response.content)


async def today(client: httpx.AsyncClient) -> str:
    """Return the sandbox's day, UTC."""
    return str((await control(client, "clock", {"advance_seconds": 0}))["now"])[:10]


async def ledger(client: httpx.AsyncClient, object_: str) -> list[dict[str, Any]]:
    """Return ledger rows that are not of a seed."""
    entries = (await get(client, "/_sandbox/ledger", object=object_))["entries"]
    return [entry for entry in entries if entry["request"]["method"] != "SEED"]


def invoice(number: str, *amounts: str, **fields: Any) -> dict[str, Any]:
    codes = {"GL Account": "601500", "CostCenter": "014"}
    return {
        "accounting_system": USMF,
        "Number": number,
        "VendorExternalSystemID": "V1",
        "Distributions": [{"Amount": amount, "Description": "Repair", "codes": codes} for amount in amounts],
        **fields,
    }


async def enter(client: httpx.AsyncClient, *invoices: Mapping[str, Any]) -> list[int]:
    """Enter invoices and return their ids."""
    return [each["Id"] for each in (await control(client, "invoices", {"invoices": [*invoices]}))["invoices"]]


async def close(client: httpx.AsyncClient, *numbers: int) -> str:
    """Close a batch and return its GUID."""
    body = {"accounting_system": USMF, "invoices": [*numbers]}
    return str((await control(client, "batches", body))["BatchGUID"])


async def pay(client: httpx.AsyncClient, method: str = "Check", **fields: Any) -> int:
    """Enter a payment of one invoice that AvidXchange does not know, and return its id."""
    remittance = {"Number": "INV-1", "Date": "2026-02-25", "Gross": "100.00"}
    body = {"accounting_system": USMF, "method": method, "VendorExternalSystemID": "V1", "Remittances": [remittance]}
    return int((await control(client, "payments", {"payments": [{**body, **fields}]}))["payments"][0]["PaymentId"])


async def payment(client: httpx.AsyncClient, number: int) -> dict[str, Any]:
    """Return a payment as the API gives it."""
    (found,) = (await get(client, "/v1/payments", paymentIds=number))["Items"]
    return dict(found)
