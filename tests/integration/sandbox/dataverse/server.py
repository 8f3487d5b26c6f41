"""Runs a Dataverse sandbox behind a real socket, and helps to talk to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from headrace.sandbox.dataverse.app import create_app
from headrace.sandbox.dataverse.installation import CLIENT_ID, CLIENT_SECRET, TENANT_NAME
from headrace.testing.serving import Served, serve

API = "/api/data/v9.2/"
REPRESENTATION = {"Prefer": "return=representation"}
NOBODY = "11111111-2222-3333-4444-555555555555"


@asynccontextmanager
async def running(data_dir: Path, *, tls: bool = False, **options: Any) -> AsyncIterator[Served]:
    async with serve(create_app(data_dir, **options), data_dir / "tls" if tls else None) as served:
        yield served


async def token_for(client: httpx.AsyncClient, url: str, **changes: str) -> httpx.Response:
    form = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "scope": f"{url}/.default",
    }
    return await client.post(f"{url}/{TENANT_NAME}/oauth2/v2.0/token", data={**form, **changes})


async def sign_in(client: httpx.AsyncClient, **changes: str) -> None:
    origin = f"{client.base_url.scheme}://{client.base_url.netloc.decode()}"
    answer = await token_for(client, origin, **changes)
    client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"


def id_of(response: httpx.Response) -> str:
    assert response.status_code == 204, response.text
    address = response.headers["odata-entityid"]
    return str(address).rpartition("(")[2].removesuffix(")")


async def new(client: httpx.AsyncClient, set_name: str, **body: Any) -> str:
    return id_of(await client.post(API + set_name, json=body))


async def read(client: httpx.AsyncClient, path: str, **params: str) -> Any:
    response = await client.get(API + path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, str(response.json()["error"]["code"])


async def settings(client: httpx.AsyncClient, **switches: Any) -> None:
    answer = await client.post("/_sandbox/settings", json=switches)
    assert answer.status_code == 200, answer.text


async def control(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    answer = await client.request(method, f"/_sandbox/{path}", json={} if body is None else body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ledger_of(client: httpx.AsyncClient, table: str) -> list[dict[str, Any]]:
    entries = (await client.get("/_sandbox/ledger", params={"object": table})).json()["entries"]
    return [entry for entry in entries if entry["request"]["method"] != "SEED"]
