"""The webhook receiver: verify, make durable, answer 202 (design §2.1). Nothing else happens before the answer.

`POST /hooks/<connection>` answers 202 (durable; or what the sender takes for that, see `Notice.status`), 200 (a test
message that needs no work), 400, 401, 404, 408, 413, 415, or 503 when Kafka does not confirm or a stored secret is
missing: senders retry a 503, and none may be told 2xx for what could be lost (I1).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache

from aiokafka.errors import KafkaError
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.core.contracts import Source, WebhookRequest
from headrace.core.errors import DeliveryRefused, RejectRecord, StopConnection
from headrace.core.ids import fingerprint
from headrace.pipeline.inbox import WEBHOOK, Delivery, Inbox, new_traceparent
from headrace.platform import metrics
from headrace.platform.crashpoints import point

logger = logging.getLogger(__name__)

PATH = "/hooks/"

MAX_BODY = 1024 * 1024
"""Bytes of a webhook body. The largest sender that we know stays below 256 KiB."""

BODY_TIMEOUT = 10.0
"""Seconds in which a body must have come, however slowly; senders give up sooner."""

_LENGTH_DIGITS = 20
_REMEMBERED = 50_000
_LONGEST_ID = 200
"""Characters of a delivery's id; a longer one is known by its fingerprint: 50,000 of any length may need gigabytes."""
_UNREAD = frozenset({408, 413, 415})
"""Answers that are given while the body may still be coming; it is not waited for."""


class Receiver:
    """Takes in webhooks of several connections.

    Args:
        sources: connection name to its source.
        inboxes: connection name to its inbox.
        produce_timeout: seconds that Kafka has to confirm before the sender is told 503; below any sender's time-out.
        body_timeout: seconds in which the sender has to send its body.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        inboxes: Mapping[str, Inbox],
        produce_timeout: float = 8.0,
        body_timeout: float = BODY_TIMEOUT,
    ) -> None:
        self._sources = sources
        self._inboxes = inboxes
        for connection in sources:
            metrics.show_source(connection)
        self._produce_timeout = produce_timeout
        self._body_timeout = body_timeout
        self._durable: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.draining = False

    async def hook(self, connection: str, scope: Scope, receive: Receive) -> Response:
        """Answer one webhook, given as ASGI gives it."""
        source = self._sources.get(connection)
        if source is None:
            metrics.REFUSED.labels("", "404").inc()
            return _answer(404, "unknown connection")
        if self.draining:
            metrics.REFUSED.labels(connection, "503").inc()
            return _answer(503, "stopping", {"Retry-After": "2", "Connection": "close"})
        self._in_flight += 1
        self._idle.clear()
        started = time.monotonic()
        try:
            return await self._take_in(connection, source, scope, receive)
        except DeliveryRefused as refused:
            metrics.REFUSED.labels(connection, str(refused.status)).inc()
            headers = {"WWW-Authenticate": f'Basic realm="{connection}"'} if refused.status == 401 else {}
            if refused.status in _UNREAD:
                headers["Connection"] = "close"
            return _answer(refused.status, refused.reason, headers)
        except StopConnection as stop:
            # A stored secret is missing or cannot be decrypted: nobody can be told from a stranger.
            logger.error("webhook cannot be checked", extra={"connection": connection, "reason": str(stop)})
            metrics.REFUSED.labels(connection, "503").inc()
            return _answer(503, "not ready, send again", {"Retry-After": "60"})
        except (KafkaError, TimeoutError):
            metrics.REFUSED.labels(connection, "503").inc()
            return _answer(503, "not durable, send again", {"Retry-After": "5"})
        except ClientDisconnect:
            return Response(status_code=400)
        finally:
            metrics.RECEIVE_SECONDS.labels(connection).observe(time.monotonic() - started)
            self._in_flight -= 1
            if self._in_flight == 0:
                self._idle.set()

    async def drain(self, seconds: float) -> None:
        """Refuse new webhooks with 503 and let the begun ones finish, `seconds` at most."""
        self.draining = True
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return

    async def _take_in(self, connection: str, source: Source, scope: Scope, receive: Receive) -> Response:
        headers = {name.decode("latin-1"): text.decode("latin-1") for name, text in scope["headers"]}
        try:
            async with asyncio.timeout(self._body_timeout):
                body = await _body(headers, receive)
        except TimeoutError:
            raise DeliveryRefused(408, "the body took too long") from None
        query = scope["query_string"]
        hook = WebhookRequest(headers=headers, body=body, query=dict(QueryParams(query)) if query else {})
        source.verify(hook)
        notice = source.notice(hook)
        if notice.ref is None:
            return _NOTHING_TO_DO
        delivery_id = _short(notice.delivery_id)
        repeat = (connection, delivery_id)
        if delivery_id and repeat in self._durable:
            metrics.DELIVERIES_REPEATED.labels(connection).inc()
            return _taken(notice.status, "already taken in")
        point("receive.before-produce")
        delivery = Delivery(
            connection=connection,
            ref=notice.ref,
            arrival=WEBHOOK,
            body=body,
            content_type=headers.get("content-type", ""),
            delivery_id=delivery_id,
            headers=headers,
            traceparent=_traceparent(headers.get("traceparent", "")),
        )
        try:
            async with asyncio.timeout(self._produce_timeout):
                await self._inboxes[connection].put(delivery)
        except RejectRecord:
            # Half a surrogate pair in an id: JSON can say it, a topic cannot hold it, and it would be no better later.
            raise DeliveryRefused(400, "names no record") from None
        point("receive.after-produce")
        metrics.DELIVERIES.labels(connection, "webhook").inc()
        if delivery_id:
            # Only after it is durable: a repeat of a delivery that failed must be taken in (I6).
            self._durable[repeat] = None
            if len(self._durable) > _REMEMBERED:
                self._durable.popitem(last=False)
        return _taken(notice.status, "accepted")


class Application:
    """The receiver's ASGI application.

    Webhooks go straight to the receiver: Starlette's layers cost as much CPU as verifying one. All else is Starlette's.

    Args:
        receiver: answers `POST /hooks/<connection>`.
        extra: health and metrics routes.
    """

    def __init__(self, receiver: Receiver, extra: list[Route]) -> None:
        self._receiver = receiver
        self._rest: ASGIApp = Starlette(routes=extra)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path = scope.get("path", "")
        connection = path[len(PATH) :]
        if scope["type"] != "http" or not path.startswith(PATH) or not connection or "/" in connection:
            await self._rest(scope, receive, send)
        elif scope["method"] != "POST":
            await _answer(405, "only POST", {"Allow": "POST"})(scope, receive, send)
        else:
            await (await self._receiver.hook(connection, scope, receive))(scope, receive, send)


async def _body(headers: Mapping[str, str], receive: Receive) -> bytes:
    """Read the body, refusing it as soon as it is too long, whatever its length header says."""
    if headers.get("content-encoding", "identity") != "identity":
        raise DeliveryRefused(415, "compressed bodies are not taken")
    declared = headers.get("content-length", "0")
    if len(declared) > _LENGTH_DIGITS or not (declared.isascii() and declared.isdigit()) or int(declared) > MAX_BODY:
        raise DeliveryRefused(413, "body too large")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise DeliveryRefused(413, "body too large")
        if part:
            parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def _short(delivery_id: str) -> str:
    if len(delivery_id) <= _LONGEST_ID:
        return delivery_id
    return fingerprint(delivery_id.encode("utf-8", "surrogatepass"))


def _traceparent(given: str) -> str:
    """Return the sender's traceparent if it has the W3C form, else a new one: headers are not believed."""
    parts = given.split("-")
    lengths = [2, 32, 16, 2]
    sound = len(parts) == 4 and all(
        len(part) == length and set(part) <= set("0123456789abcdef")
        for part, length in zip(parts, lengths, strict=True)
    )
    return given if sound else new_traceparent()


def _answer(status: int, word: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"status": word}, status_code=status, headers=dict(headers or {}))


@cache
def _taken(status: int, word: str) -> Response:
    """Return an answer of which there are few: building one for each webhook would cost as much as verifying it."""
    return _answer(status, word)


_NOTHING_TO_DO = _answer(200, "nothing to do")
