"""Every API request passes here: token, account, limits, route, scope, transaction.

The order is the vendor's: its gateway refuses a bad token before it looks at the path.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.requests import request_note
from headrace.sandbox.pipedrive.access import Identity, identify, is_allowed
from headrace.sandbox.pipedrive.account import Account, Caller
from headrace.sandbox.pipedrive.calls import Call, Reply, Routes
from headrace.sandbox.pipedrive.errors import ApiError, documented, forbidden
from headrace.sandbox.pipedrive.limits import RateLimiter

# v2 lives under /api/v2 only; v1 under both of its prefixes.
_PREFIXES = (("/api/v2/", "v2"), ("/api/v1/", "v1"), ("/v1/", "v1"))


class Gateway:
    """The ASGI application of the API."""

    def __init__(self, account: Account, routes: Routes, limiter: RateLimiter) -> None:
        self._account = account
        self._routes = routes
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        body = await request.body()
        headers = {"x-correlation-id": str(uuid.uuid4())}
        try:
            reply = self._handle(request, body, headers)
        except ApiError as error:
            self._account.fields.forget()
            reply = Reply(error.body, error.status, error.headers)
        await _response(reply, headers)(scope, receive, send)

    def _handle(self, request: Request, body: bytes, headers: dict[str, str]) -> Reply:
        account = self._account
        query = _query(request.scope["query_string"])
        identity = identify(account, request.headers, query)
        if not account.settings.account_open:
            raise documented(402, "Company account is not open")
        path: str = request.scope["path"]
        version, rest = next(((v, path[len(p) :]) for p, v in _PREFIXES if path.startswith(p)), ("", path))
        try:
            endpoint, names = self._routes.find(version, request.method, rest)
        except ApiError:
            headers.update(self._limiter.admit(identity.token, 0, is_search=False))
            raise
        headers.update(self._limiter.admit(identity.token, endpoint.cost, is_search=endpoint.is_search))
        if not is_allowed(identity.scopes, endpoint.scopes, request.method):
            raise forbidden("Scope and URL mismatch")
        call = Call(
            account,
            Caller(identity.user_id, request_note(request)),
            endpoint.version,
            names,
            query,
            request.headers.get("content-type", ""),
            body,
            identity.client_id,
            _may_administer(identity),
        )
        with nullcontext() if request.method == "GET" else account.store.transaction():
            return endpoint.handler(call)


def _may_administer(identity: Identity) -> bool:
    return identity.is_admin and (identity.scopes is None or "admin" in identity.scopes)


def _query(raw: bytes) -> Mapping[str, str]:
    """Return query parameters; repeated keys are joined by commas, as the vendor's client sends arrays."""
    if not raw:
        return {}
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    return query


def _response(reply: Reply, headers: dict[str, str]) -> Response:
    merged = {"content-type": "application/json; charset=utf-8", **headers, **reply.headers}
    content = reply.body if isinstance(reply.body, str | bytes) else dump_bytes(reply.body)
    return Response(content, reply.status, merged)
