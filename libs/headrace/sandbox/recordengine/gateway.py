"""Every request to the API passes here: what is due, token, quota, endpoint, and the shape of errors."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from contextlib import nullcontext

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from headrace.sandbox.common.control import json_response
from headrace.sandbox.common.quota import MinuteQuota
from headrace.sandbox.common.requests import request_note
from headrace.sandbox.recordengine.access import Access
from headrace.sandbox.recordengine.calls import Answer, Call, Endpoint, choose
from headrace.sandbox.recordengine.errors import ApiError
from headrace.sandbox.recordengine.instance import Instance
from headrace.sandbox.recordengine.openapi import docs_page, openapi
from headrace.sandbox.recordengine.processing import Processing
from headrace.sandbox.recordengine.uploads import Uploads

DOCS, OPENAPI = "/api/docs", "/api/openapi.json"


class Gateway:
    """The ASGI application of the API."""

    def __init__(
        self,
        instance: Instance,
        access: Access,
        quota: MinuteQuota,
        processing: Processing,
        uploads: Uploads,
        endpoints: Sequence[Endpoint],
    ) -> None:
        self._instance = instance
        self._access = access
        self._quota = quota
        self._processing = processing
        self._uploads = uploads
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        self._instance.origin = f"{request.url.scheme}://{request.url.netloc}"
        self._processing.settle()
        try:
            response = await self._handle(request)
        except ApiError as error:
            response = json_response(error.body(), error.status, error.headers)
        await response(scope, receive, send)

    async def _handle(self, request: Request) -> Response:
        wire = self._instance.settings.wire
        path: str = request.scope["path"]
        if request.method == "GET" and path in (DOCS, OPENAPI):
            return HTMLResponse(docs_page(wire)) if path == DOCS else json_response(openapi(wire))
        self._access.check(request.headers.get("authorization", ""))
        self._refuse_too_many()
        if request.method == "POST" and wire.match("upload", path) is not None:
            status, answer = await self._uploads.take(request)
            return json_response(answer, status)
        handler, places, names = choose(self._endpoints, wire, request.method, path)
        call = Call(
            self._instance,
            request.method,
            places,
            names,
            dict(request.query_params),
            await request.body(),
            request_note(request),
        )
        with nullcontext() if request.method == "GET" else self._instance.store.transaction():
            found = handler(call)
        if isinstance(found, Answer):
            kind = mimetypes.guess_type(found.filename)[0] or "application/octet-stream"
            return FileResponse(found.path, media_type=kind, filename=found.filename)
        return json_response(found)

    def _refuse_too_many(self) -> None:
        settings = self._instance.settings
        seconds = self._quota.take("instance", settings.requests_per_minute, self._instance.now())
        if seconds:
            headers = {"Retry-After": str(seconds)} if settings.retry_after_header else {}
            raise ApiError(429, "Too many requests", headers)
