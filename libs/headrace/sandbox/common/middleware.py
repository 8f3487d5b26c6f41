"""ASGI middleware around the vendor's routes: notes each request, then lets the fault rules have their way with it.

Dropping is real. Under uvicorn `receive` is a method of the request cycle, which holds the socket's transport; the
middleware closes that, so that the client sees a connection that ended without an answer.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.faults import FaultBook, FaultRule
from headrace.sandbox.common.requests import STATE_NAME, RequestNote, RequestRing, note_for, target_of

CONTROL_PREFIX = "/_sandbox"


class ConnectionDropped(Exception):
    """The connection was to be dropped, but the server gives no access to it; run the sandbox under uvicorn."""


class SandboxMiddleware:
    """Outermost layer of a sandbox; requests below `/_sandbox` pass untouched.

    Every answer has a `Date` of the sandbox's own clock, unless a fault rule gives another one. The body of a form with
    files is not held, but goes through as it comes: fault rules meet it by method and path, not by what it holds.
    """

    def __init__(self, app: ASGIApp, faults: FaultBook, requests: RequestRing, now: Callable[[], datetime]) -> None:
        self.app = app
        self.faults = faults
        self.requests = requests
        self.now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ())]
                if not any(name == b"date" for name, _ in headers):
                    headers.append((b"date", format_datetime(self.now(), usegmt=True).encode()))
                message = {**message, "headers": headers}
            await send(message)

        await self._serve(scope, receive, dated)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self.app(scope, receive, send)
            return
        streamed = _is_streamed(scope)
        body = b"" if streamed else await _read(receive)
        note = note_for(scope, body)
        handed = _hashing(receive, note) if streamed else _replay(body, receive)
        scope.setdefault("state", {})[STATE_NAME] = note
        wait, rule = self.faults.decide(scope["method"], target_of(scope), body)
        if wait:
            await asyncio.sleep(wait)
        if rule is None:
            answer = _Answer(send)
            try:
                await self.app(scope, handed, answer)
            finally:
                self.requests.add(note, answer.status, None)
            return
        status = await self._fail(rule, note, handed, scope, receive, send)
        self.requests.add(note, status, rule.kind)

    async def _fail(
        self, rule: FaultRule, note: RequestNote, handed: Receive, scope: Scope, receive: Receive, send: Send
    ) -> int | None:
        if rule.kind == "status" and not rule.handle:
            await _answer_status(rule, send)
            return rule.status
        if rule.kind == "drop_request":
            await _drop(receive)
            return None
        note.reply = "dropped"
        held = _Held()
        await self.app(scope, handed, held)
        if rule.kind == "status":
            await _answer_status(rule, send)
            return rule.status
        if rule.kind == "hang":
            await _until_disconnect(receive)
            return None
        if rule.kind == "drop_reply":
            await _drop(receive)
            return None
        await send(held.start)
        await send({"type": "http.response.body", "body": held.body[: len(held.body) // 2], "more_body": True})
        await _drop(receive, flush=True)
        return int(held.start["status"])


class _Answer:
    """Passes an answer on and remembers its status."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.send(message)


class _Held:
    """Keeps an answer instead of sending it."""

    def __init__(self) -> None:
        self.start: Message = {"type": "http.response.start", "status": 500, "headers": []}
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")


def _is_streamed(scope: Scope) -> bool:
    content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
    return bool(content_type.lower().startswith(b"multipart/form-data"))


def _hashing(receive: Receive, note: RequestNote) -> Receive:
    """Hand a body on as it comes, and write its hash on the note with its last part."""
    digest = hashlib.sha256()

    async def hand() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            digest.update(message.get("body", b""))
            note.body_sha256 = "" if message.get("more_body", False) else digest.hexdigest()
        return message

    return hand


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay


async def _answer_status(rule: FaultRule, send: Send) -> None:
    text = isinstance(rule.body, str)
    body = rule.body.encode() if text else dump_bytes(rule.body)
    headers = {"content-type": "text/html; charset=utf-8" if text else "application/json"}
    headers |= {name.lower(): value for name, value in rule.headers.items()}
    headers["content-length"] = str(len(body))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": rule.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _drop(receive: Receive, *, flush: bool = False) -> None:
    transport: Any = getattr(getattr(receive, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.Transport):
        raise ConnectionDropped("no transport behind this request; run the sandbox under uvicorn to drop connections")
    if flush:
        transport.close()
    else:
        transport.abort()
    await _until_disconnect(receive)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
