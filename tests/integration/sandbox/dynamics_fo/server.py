"""Runs an F&O sandbox behind a real socket, and helps to talk to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from headrace.sandbox.dynamics_fo.app import create_app
from headrace.testing.serving import Served, serve

TENANT = "contoso"
CLIENT_ID = "00000000-0000-0000-0000-00000000f0f0"
SECRET = "sandbox-secret"


@asynccontextmanager
async def running(data_dir: Path, *, tls: bool = False) -> AsyncIterator[Served]:
    async with serve(create_app(data_dir), data_dir / "tls" if tls else None) as served:
        yield served


async def token_for(client: httpx.AsyncClient, url: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "scope": f"{url}/.default",
    }
    return await client.post(f"{url}/{TENANT}/oauth2/v2.0/token", data={**form, **changes})


SEED = {
    "companies": {"usmf": {}, "demf": {"currency": "EUR", "sites": [{"SiteId": "1"}]}},
    "records": {
        "CustomersV3": [
            {
                "dataAreaId": "usmf",
                "CustomerAccount": "US-001",
                "OrganizationName": "Contoso Retail",
                "CustomerGroupId": "10",
                "SalesCurrencyCode": "USD",
                "PaymentTerms": "Net30",
                "SiteId": "1",
                "WarehouseId": "11",
            },
            {
                "dataAreaId": "demf",
                "CustomerAccount": "DE-001",
                "OrganizationName": "Contoso Europe",
                "CustomerGroupId": "10",
                "SalesCurrencyCode": "EUR",
            },
        ],
        "ReleasedProductCreationsV2": [
            {"dataAreaId": "usmf", "ItemNumber": "1000", "ProductName": "Speaker", "ProductType": "Item"},
            {"dataAreaId": "usmf", "ItemNumber": "S100", "ProductName": "Repair", "ProductType": "Service"},
        ],
        "ReleasedProductsV2": [{"dataAreaId": "usmf", "ItemNumber": "1000", "SalesPrice": 12.5}],
    },
}


def infolog_of(response: httpx.Response) -> str:
    error = response.json()["error"]
    assert (error["code"], error["message"]) == ("", "An error has occurred.")
    return str(error["innererror"]["message"])


async def new_order(client: httpx.AsyncClient, **fields: object) -> dict[str, object]:
    body = {"dataAreaId": "usmf", "OrderingCustomerAccountNumber": "US-001", **fields}
    response = await client.post("/data/SalesOrderHeadersV2", json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def ledger_of(client: httpx.AsyncClient, object_: str) -> list[dict[str, object]]:
    entries = (await client.get("/_sandbox/ledger", params={"object": object_})).json()["entries"]
    return [entry for entry in entries if entry["request"]["method"] != "SEED"]
