"""Health and metrics of a process, over HTTP, for Kubernetes and Prometheus."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from headrace.platform.http_server import HEAD_TIMEOUT, patient_for

Check = Callable[[], dict[str, str]]
"""Returns what is wrong, name to words; empty if all is well."""


def routes(live: Check, ready: Check) -> list[Route]:
    """Return `/health/live`, `/health/ready` and `/metrics`.

    Args:
        live: problems that a restart would mend; 503 makes Kubernetes restart the process.
        ready: what keeps the process from working just now; 503 takes it out of service.
    """

    def endpoint(check: Check) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            problems = check()
            return JSONResponse(
                {"status": "failing" if problems else "ok", "problems": problems},
                status_code=503 if problems else 200,
            )

        return answer

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/health/live", endpoint(live)),
        Route("/health/ready", endpoint(ready)),
        Route("/metrics", metrics),
    ]


class HttpServer:
    """uvicorn inside our own event loop, without its signal handlers: the service stops it when it has drained."""

    def __init__(self, application: ASGIApp, host: str, port: int, head_timeout: float = HEAD_TIMEOUT) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # With protocol 0 asyncio would leave Nagle's algorithm on: 40 ms more for each answer.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            http=patient_for(head_timeout),
            ws="none",
            lifespan="off",
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._socket.getsockname()[1])

    async def start(self) -> None:
        """Listen. Returns once requests are answered."""
        self._task = asyncio.create_task(self._server._serve([self._socket]))
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Finish the requests under way and close."""
        self._server.should_exit = True
        if self._task:
            await self._task
