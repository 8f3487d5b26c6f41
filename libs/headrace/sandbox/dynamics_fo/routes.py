"""HTTP: sign-in check, throttling, then one operation or a batch; and the JSON metadata beside /data."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from urllib.parse import parse_qsl, unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.entra import Unauthorized, origin_of
from headrace.sandbox.common.requests import request_note
from headrace.sandbox.dynamics_fo import metadata
from headrace.sandbox.dynamics_fo.batch import operations_of, parse_batch, run_batch
from headrace.sandbox.dynamics_fo.drafts import Caller
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.errors import (
    WRITE_EXCEPTION,
    Reply,
    ServiceError,
    infolog,
    no_route,
    odata_error,
)
from headrace.sandbox.dynamics_fo.events import ENDPOINTS, BusinessEvents
from headrace.sandbox.dynamics_fo.service import Call, ODataService
from headrace.sandbox.dynamics_fo.settings import FinanceSettings
from headrace.sandbox.dynamics_fo.signin import FinanceDirectory
from headrace.sandbox.dynamics_fo.throttling import Throttle

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
_METADATA_PATH = re.compile(r"(?P<kind>DataEntities|PublicEntities)(?:\('(?P<name>\w+)'\))?")
_UNAUTHORIZED_PAGE = b"<html><head><title>401 - Unauthorized</title></head><body>Access is denied.</body></html>"

Answer = Callable[[Request, Caller], Awaitable[Reply]]


class FinanceRoutes:
    """The routes under /data and /metadata."""

    def __init__(
        self,
        sandbox: Sandbox,
        settings: FinanceSettings,
        service: ODataService,
        directory: FinanceDirectory,
        events: BusinessEvents,
        throttle: Throttle,
    ) -> None:
        self._sandbox = sandbox
        self._settings = settings
        self._service = service
        self._directory = directory
        self._events = events
        self._throttle = throttle
        self._warm = False

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/data", self._guarded(self._data), methods=_METHODS),
            Route("/data/{path:path}", self._guarded(self._data), methods=_METHODS),
            Route("/metadata/{path:path}", self._guarded(self._metadata), methods=["GET"]),
        ]

    def _guarded(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                caller = self._directory.caller(request.headers.get("authorization", ""), origin_of(request))
            except Unauthorized:
                return self._unauthorized(origin_of(request))
            refusal = self._throttle.refuse(caller.user_id)
            if refusal is not None:
                return _response(refusal)
            with self._throttle.running(caller.user_id):
                if not self._warm:
                    self._warm = True
                    await asyncio.sleep(self._settings.slow_first_call_seconds)
                return _response(await answer(request, caller))

        return endpoint

    def _unauthorized(self, origin: str) -> Response:
        body = _UNAUTHORIZED_PAGE if self._settings.unauthorized_body == "html" else b""
        headers = {"WWW-Authenticate": f'Bearer authorization_uri="{origin}"'}
        return Response(body, 401, headers, "text/html" if body else None)

    async def _data(self, request: Request, caller: Caller) -> Reply:
        raw_path = request.scope.get("raw_path") or request.url.path.encode()
        call = Call(
            method=request.method,
            path=unquote(raw_path.decode("latin-1").removeprefix("/data").removeprefix("/")),
            query=dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)),
            headers=request.headers,
            body=await request.body(),
            caller=caller,
            note=request_note(request),
            base_url=origin_of(request),
        )
        if call.path == "$batch" and call.method == "POST":
            return await self._batch(call, request.headers.get("content-type", ""))
        if call.path == ENDPOINTS and call.method == "POST":
            refusal = await self._test_endpoint(call)
            if refusal is not None:
                return refusal
        document = self._service.document_of(call)
        return await self._holding(call, {document}) if document else self._service.handle(call)

    async def _batch(self, call: Call, content_type: str) -> Reply:
        try:
            parts = parse_batch(call, content_type)
        except ServiceError as error:
            return error.reply
        documents = {self._service.document_of(each.call) for each in operations_of(parts)} - {""}

        def run(outer: Call) -> Reply:
            return run_batch(parts, outer.holds, self._service, self._sandbox.store, self._settings)

        return await self._holding(call, documents, run) if documents else run(call)

    async def _holding(
        self, call: Call, documents: AbstractSet[str], run: Callable[[Call], Reply] | None = None
    ) -> Reply:
        """Write lines while their documents are held: those that come meanwhile find them so, and collide."""
        held = self._service.contention.held
        run = run or self._service.handle
        free = frozenset(documents - held)
        held.update(free)
        try:
            if free == documents:
                await asyncio.sleep(self._settings.line_write_seconds)
            call.holds = free
            return run(call)
        finally:
            held.difference_update(free)

    async def _test_endpoint(self, call: Call) -> Reply | None:
        try:
            url = self._events.url_of(call.json())
        except ServiceError as error:
            return error.reply
        problem = await self._events.test_endpoint(url, self._sandbox.clock.now()) if url else "no address in key vault"
        if not problem or not self._settings.endpoint_test_must_succeed:
            return None
        text = infolog(ENTITIES[ENDPOINTS].aot, [f"Error: Unable to send a message to the endpoint: {problem}."])
        return odata_error(self._settings.validation_status, text, WRITE_EXCEPTION).reply

    async def _metadata(self, request: Request, caller: Caller) -> Reply:
        match = _METADATA_PATH.fullmatch(request.path_params["path"])
        origin = origin_of(request)
        if match is None:
            return no_route(str(request.url)).reply
        context = {"@odata.context": f"{origin}/metadata/$metadata#{match['kind']}"}
        if match["kind"] == "DataEntities":
            return _json({**context, "value": metadata.data_entities()})
        if match["name"] is None:
            return _json({**context, "value": metadata.public_entities()})
        found = metadata.public_entity(match["name"])
        return no_route(str(request.url)).reply if found is None else _json({**context, **found})


def _json(value: object) -> Reply:
    return Reply(200, dump_bytes(value))


def _response(reply: Reply) -> Response:
    headers = {"OData-Version": "4.0", **reply.headers}
    if reply.content_type:
        headers["content-type"] = reply.content_type
    return Response(reply.body, reply.status, headers)
