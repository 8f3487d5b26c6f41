"""A receiver of the sandbox's webhooks that keeps raw requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.core.contracts import WebhookRequest
from tests.contract.pipedrive.world import World, eventually, serving


class Hook:
    """Answers with the next of `statuses`, then with 202."""

    user, password = "hook", "hook-password-1"

    def __init__(self, statuses: list[int]) -> None:
        self.requests: list[WebhookRequest] = []
        self.statuses = statuses
        self.url = ""

    async def take(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(WebhookRequest(headers, await request.body()))
        return Response(status_code=self.statuses.pop(0) if self.statuses else 202)

    async def subscribe(self, sandbox: World, version: str) -> None:
        body = {"subscription_url": self.url, "event_action": "*", "event_object": "*", "name": f"v{version}"}
        body |= {"version": version, "http_auth_user": self.user, "http_auth_password": self.password}
        await sandbox.call("POST", "/api/v1/webhooks", **body)

    async def wait(self, holds: Callable[[], bool]) -> None:
        await eventually(holds)


@asynccontextmanager
async def receiving(statuses: list[int] | None = None) -> AsyncIterator[Hook]:
    hook = Hook(list(statuses or ()))
    async with serving(Starlette(routes=[Route("/hook", hook.take, methods=["POST"])])) as url:
        hook.url = f"{url}/hook"
        yield hook
