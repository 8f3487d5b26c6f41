"""Runs a Pipedrive sandbox behind a real socket, and a receiver for its webhooks."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.sandbox.pipedrive.access import DEFAULT_API_TOKEN
from headrace.sandbox.pipedrive.app import create_app
from headrace.testing.serving import serve
from headrace.testing.waiting import eventually

TOKEN = {"x-api-token": DEFAULT_API_TOKEN}


@asynccontextmanager
async def running(data_dir: Path, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve(create_app(data_dir, **options)) as served,
        httpx.AsyncClient(base_url=served.url, headers=TOKEN, timeout=10) as client,
    ):
        yield client


class Receiver:
    """Takes webhooks in; answers with the next of `statuses`, then with 200."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], Any]] = []
        self.statuses: list[int] = []
        self.app = Starlette(routes=[Route("/hook", self._take, methods=["POST"])])
        self.url = ""

    async def _take(self, request: Request) -> Response:
        self.received.append((dict(request.headers), await request.json()))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 200)

    @property
    def bodies(self) -> list[Any]:
        return [body for _, body in self.received]

    async def wait_for(self, count: int) -> list[Any]:
        await eventually(lambda: len(self.received) >= count)
        assert len(self.received) == count
        return self.bodies


async def subscribe(client: httpx.AsyncClient, url: str, **changes: Any) -> dict[str, Any]:
    body = {"subscription_url": url, "event_action": "*", "event_object": "*", "name": "test", **changes}
    reply = await client.post("/api/v1/webhooks", json=body)
    assert reply.status_code == 201, reply.text
    return dict(reply.json()["data"])


async def ledger(client: httpx.AsyncClient, object_: str | None = None) -> list[Any]:
    params = {} if object_ is None else {"object": object_}
    return list((await client.get("/_sandbox/ledger", params=params)).json()["entries"])


async def settings(client: httpx.AsyncClient, **switches: Any) -> None:
    (await client.post("/_sandbox/settings", json=switches)).raise_for_status()


async def data(reply: Awaitable[httpx.Response], status: int = 200) -> Any:
    answer = await reply
    assert answer.status_code == status, answer.text
    return answer.json()["data"]
