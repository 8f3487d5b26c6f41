"""Servers inside a test's own event loop: a sandbox behind a real socket, and a receiver that keeps what it is sent."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.core.contracts import WebhookRequest
from headrace.sandbox.common.tls import local_certificate
from headrace.testing.waiting import eventually


@dataclass(frozen=True, slots=True)
class Served:
    """Where an application listens, and the PEM file of the authority to trust (None: plain HTTP)."""

    url: str
    authority_file: Path | None = None


@asynccontextmanager
async def serve(application: Starlette, tls_directory: Path | None = None) -> AsyncIterator[Served]:
    """Serve an application on a free port of localhost until the block ends.

    Args:
        application: for example what a sandbox's `create_app` returns.
        tls_directory: folder for certificates; given, the application is served over TLS.
    """
    # asyncio turns Nagle's delay off only for a socket that says it is TCP; with it each answer takes 40 ms more.
    listener = socket.socket(proto=socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    own_date = hasattr(application.state, "sandbox")
    options: dict[str, Any] = {"log_level": "error", "access_log": False, "date_header": not own_date}
    served = Served(f"http://127.0.0.1:{port}")
    if tls_directory is not None:
        files = local_certificate(tls_directory)
        options |= {"ssl_certfile": str(files.certificate_file), "ssl_keyfile": str(files.key_file)}
        served = Served(f"https://localhost:{port}", files.authority_file)
    config = uvicorn.Config(application, **options)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    ticking = asyncio.create_task(server.main_loop())  # keeps the Date header
    try:
        yield served
    finally:
        ticking.cancel()
        await _stop(server)


async def _stop(server: uvicorn.Server) -> None:
    """Close at once what clients left open; uvicorn's own way waits a tenth of a second for each server."""
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()
    if server.server_state.tasks:
        _, unfinished = await asyncio.wait(server.server_state.tasks, timeout=1)
        for task in unfinished:
            task.cancel()
    await server.lifespan.shutdown()


@dataclass
class Receiver:
    """Keeps every request to any path of it, and answers with the next of `statuses`, then with 202."""

    statuses: list[int] = field(default_factory=list)
    requests: list[WebhookRequest] = field(default_factory=list)
    url: str = ""

    async def take(self, request: Request) -> Response:
        """Keep a request."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(WebhookRequest(headers, await request.body(), dict(request.query_params)))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 202)

    async def received(self, count: int) -> Sequence[WebhookRequest]:
        """Wait for so many requests and return all that came."""
        await eventually(lambda: len(self.requests) >= count, f"{count} requests", seen=lambda: len(self.requests))
        return self.requests


@asynccontextmanager
async def receiver(statuses: Sequence[int] = ()) -> AsyncIterator[Receiver]:
    """Run a receiver; its `url` is that of a webhook, or of a host that nobody should call."""
    found = Receiver(list(statuses))
    methods = ["GET", "POST", "PATCH", "PUT", "DELETE"]
    async with serve(Starlette(routes=[Route("/{path:path}", found.take, methods=methods)])) as served:
        found.url = f"{served.url}/hooks/under-test"
        yield found


def closed_address() -> str:
    """Return an address on this machine at which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
