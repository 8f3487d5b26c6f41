"""HTTP: sign-in, limits, then one operation or a batch; first its rehearsal where synchronous webhooks must agree."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.entra import Unauthorized, origin_of
from headrace.sandbox.common.requests import request_note
from headrace.sandbox.dataverse.batch import Batches
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.contexts import Caller, Context
from headrace.sandbox.dataverse.errors import Reply, ServiceError
from headrace.sandbox.dataverse.service import Service
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.signin import DataverseDirectory
from headrace.sandbox.dataverse.throttling import Throttle
from headrace.sandbox.dataverse.webhooks.events import WebhookEvents

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
_VERSIONS = ("v9.0", "v9.1", "v9.2")

Run = Callable[[Call], Reply]


class _Rehearsed(Exception):
    """Ends a rehearsal: whatever it wrote is undone."""


class DataverseRoutes:
    """The routes under /api/data."""

    def __init__(
        self,
        sandbox: Sandbox,
        settings: DataverseSettings,
        service: Service,
        batches: Batches,
        directory: DataverseDirectory,
        events: WebhookEvents,
        throttle: Throttle,
    ) -> None:
        self._sandbox = sandbox
        self._settings = settings
        self._service = service
        self._batches = batches
        self._directory = directory
        self._events = events
        self._throttle = throttle

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/api/data/{version}", self._endpoint, methods=_METHODS),
            Route("/api/data/{version}/{path:path}", self._endpoint, methods=_METHODS),
        ]

    async def _endpoint(self, request: Request) -> Response:
        note = request_note(request)
        own = {"REQ_ID": note.id, "x-ms-service-request-id": note.id}
        try:
            caller = self._directory.caller(
                request.headers.get("authorization", ""), origin_of(request), request.headers.get("callerobjectid", "")
            )
        except Unauthorized:
            return _response(self._unauthorized(request), own)
        except ServiceError as error:
            return _response(error.reply(), own)
        refusal = self._throttle.refusal(caller.user_id)
        if refusal is not None:
            return _response(refusal.reply(), {**own, **self._throttle.headers(caller.user_id)})
        with self._throttle.running(caller.user_id):
            await asyncio.sleep(self._settings.latency_seconds)
            reply = await self._answer(request, caller)
        return _response(reply, {**own, **self._throttle.headers(caller.user_id)})

    def _unauthorized(self, request: Request) -> Reply:
        origin = origin_of(request)
        headers = {
            "WWW-Authenticate": f"Bearer authorization_uri={origin}/common/oauth2/authorize, resource_id={origin}/"
        }
        if self._settings.unauthorized_body == "empty":
            return Reply(401, content_type="", headers=headers)
        reply = ServiceError(401, "0x80048306", "The token is missing, expired or for another audience.").reply()
        reply.headers |= headers
        return reply

    async def _answer(self, request: Request, caller: Caller) -> Reply:
        version = request.path_params["version"]
        if version not in _VERSIONS:
            return ServiceError(404, "0x8006088a", f"There is no version {version} of the service.").reply()
        body = await request.body()
        if len(body) > self._settings.max_request_bytes:
            return ServiceError(413, "0x80048d19", "The request is too large.").reply()
        raw = request.scope.get("raw_path") or request.url.path.encode()
        context = Context(caller, request_note(request), self._sandbox.clock.now())
        context.detects_duplicates = request.headers.get("mscrm.suppressduplicatedetection", "").lower() == "false"
        call = Call(
            method=request.method,
            path=unquote(raw.decode("latin-1").removeprefix(f"/api/data/{version}").removeprefix("/")),
            query=dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=request.headers,
            body=body,
            context=context,
            base_url=f"{origin_of(request)}/api/data/{version}/",
        )
        if call.path == "$batch" and call.method == "POST":
            content_type = request.headers.get("content-type", "")
            return await self._perform(call, lambda each: self._batches.run(each, content_type))
        return await self._perform(call, self._service.handle)

    async def _perform(self, call: Call, run: Run) -> Reply:
        if call.method == "GET" or not self._events.has_synchronous_steps():
            return run(call)
        call.context.rehearsing = True
        reply = self._rehearse(call, run)
        if reply.status < 400 or call.path == "$batch":
            refusal = await self._events.agree(call.context)
            if refusal is not None:
                return refusal.reply()
            call.context.rehearsing, call.context.agreed = False, True
            call.context.ids.again()
            return run(call)
        return reply

    def _rehearse(self, call: Call, run: Run) -> Reply:
        reply = Reply(500)
        try:
            with self._sandbox.store.transaction():
                reply = run(call)
                raise _Rehearsed
        except _Rehearsed:
            self._service.undone()
            return reply


def _response(reply: Reply, more: dict[str, str]) -> Response:
    headers = {"OData-Version": "4.0", **more, **reply.headers}
    if reply.content_type:
        headers["content-type"] = reply.content_type
    return Response(reply.body, reply.status, headers)
