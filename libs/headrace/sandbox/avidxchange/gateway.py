"""Every request to the vendor passes here: edge, sign-in, quota, endpoint, and the shape of errors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headrace.sandbox.avidxchange.access import Access
from headrace.sandbox.avidxchange.calls import Call, Endpoint, choose
from headrace.sandbox.avidxchange.edge import Edge
from headrace.sandbox.avidxchange.errors import ApiError, Reply, Unauthorized, gateway_fault, gateway_flat
from headrace.sandbox.avidxchange.images import IMAGES
from headrace.sandbox.avidxchange.limits import Quota
from headrace.sandbox.avidxchange.suite import Suite
from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.requests import request_note


class Gateway:
    """The ASGI application of the API."""

    def __init__(self, suite: Suite, access: Access, quota: Quota, endpoints: Sequence[Endpoint]) -> None:
        self._suite = suite
        self._access = access
        self._quota = quota
        self._endpoints = endpoints
        self._edge = Edge(suite.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        body = await request.body()
        path = self._edge.path_in(scope["path"])
        try:
            if path is None:
                raise ApiError(404, "The resource does not exist")
            reply = self._handle(request, path, body)
        except ApiError as error:
            reply = self._refusal(error)
        await self._response(reply, path or "")(scope, receive, send)

    def _handle(self, request: Request, path: str, body: bytes) -> Reply:
        suite, edge = self._suite, self._edge

        def header(name: str) -> str:
            return edge.header(request.headers, name)

        if request.method == "POST":
            signed_in = self._access.sign_in(path, header, body)
            if signed_in is not None:
                return signed_in
        is_open = path.startswith(IMAGES) and not suite.settings.image_requires_auth
        company = "" if is_open else self._access.company(header)
        refused = None if is_open else self._quota.refuse(company, suite.now())
        if refused is not None:
            return refused
        endpoint, names = choose(self._endpoints, request.method, path)
        call = Call(
            suite,
            edge,
            company,
            request.method,
            path,
            names,
            edge.parameters_in(request.scope["query_string"]),
            body,
            request_note(request),
            f"{request.url.scheme}://{request.url.netloc}",
            suite.now(),
        )
        with nullcontext() if request.method == "GET" else suite.store.transaction():
            answer = endpoint.handler(call)
        return answer if isinstance(answer, Reply) else Reply(answer)

    def _refusal(self, error: ApiError) -> Reply:
        settings = self._suite.settings
        if isinstance(error, Unauthorized) and settings.unauthorized_body != "same":
            shape = gateway_fault if settings.unauthorized_body == "gateway_fault" else gateway_flat
            return Reply(shape(error), 401)
        return Reply(error.body(settings.error_shape), error.status)

    def _response(self, reply: Reply, path: str) -> Response:
        content = reply.body if isinstance(reply.body, bytes) else dump_bytes(self._edge.body_out(reply.body, path))
        return Response(content, reply.status, reply.headers, reply.content_type)
