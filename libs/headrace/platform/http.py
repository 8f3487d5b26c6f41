"""HTTP out: one client per connection that knows which failures mean "not sent" and which "unknown" (I4).

Reads are repeated here, changes never are. The client is httpx, over a transport of ours (`http_transport.py`). Proxies
and netrc of the environment are ignored, redirects are not followed.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection
from headrace.platform import metrics
from headrace.platform.budget import Budget
from headrace.platform.http_address import PLAIN_PATH, origin_of, query_of
from headrace.platform.http_connection import Body
from headrace.platform.http_transport import Transport
from headrace.platform.json_text import dump_json, parse_json
from headrace.platform.retry_after import retry_after
from headrace.platform.tracing import traceparent

__all__ = ["Body", "HttpClient", "Timeouts", "dump_json", "parse_json", "traceparent"]

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of a decoded answer that are kept; a larger one is given up."""

LATER = frozenset({408, 429, 502, 503, 504})
"""Answers to a read after which the same read is tried again."""

NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures before the first byte of the request left. All others leave the fate of a change open."""

_THROTTLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `budget` is how long a change waits for its turn before it reports "not now"."""

    connect: float = 10.0
    read: float = 60.0
    write: float = 30.0
    pool: float = 10.0
    budget: float = 10.0


class HttpClient:
    """Calls one origin for one connection.

    Args:
        connection: name of the connection, for metrics and messages.
        base_url: scheme, host, port and perhaps a path that relative paths are put after.
        budget: rate, concurrency and pauses.
        headers: gives the headers of a call, credentials included; awaited before every call.
        reauthenticate: called after a 401; None if nothing can be renewed.
        remedy: what an operator does about a 401 that stays.
        timeouts: seconds per phase.
        verify: True for the system's certificate authorities, or a PEM file.
        concurrency: how many connections there are at most.
        attempts: how often a read is tried.
        patience: seconds that a read with its repeats may take before RetryLater.
    """

    def __init__(
        self,
        connection: str,
        base_url: str,
        *,
        budget: Budget,
        headers: Callable[[], Awaitable[Mapping[str, str]]],
        reauthenticate: Callable[[], Awaitable[None]] | None = None,
        remedy: str = "Check the connection's credential and that it was not revoked.",
        timeouts: Timeouts | None = None,
        verify: str | bool = True,
        concurrency: int = 8,
        attempts: int = 5,
        patience: float = 60.0,
    ) -> None:
        self.connection = connection
        self.base_url = httpx.URL(base_url.rstrip("/"))
        self.budget = budget
        self._headers = headers
        self._reauthenticate = reauthenticate
        self._remedy = remedy
        self._timeouts = timeouts or Timeouts()
        self._attempts = attempts
        self._patience = patience
        timeout = httpx.Timeout(
            connect=self._timeouts.connect,
            read=self._timeouts.read,
            write=self._timeouts.write,
            pool=self._timeouts.pool,
        )
        if isinstance(verify, str):
            context = ssl.create_default_context(cafile=verify)
        else:
            context = httpx.create_ssl_context(verify=verify, trust_env=False)
        self._client = httpx.AsyncClient(
            transport=Transport(context, concurrency), timeout=timeout, trust_env=False, follow_redirects=False
        )

    async def read(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        cost: float = 1,
        trace: str = "",
    ) -> httpx.Response:
        """Make a call that changes nothing, again while the system says "not now".

        Args:
            method: HTTP method.
            path: path below `base_url`, or an absolute address on its origin (a `nextLink`).
            operation: bounded name for metrics ("deals.list").
            params: query; None leaves a query in `path` alone.
            json: body; Decimal is written as a plain number.
            content: body as it is, instead of `json`; name its type in `headers`.
            headers: further headers.
            cost: what the call counts for in the budget.
            trace: trace id or traceparent to pass on.

        Returns:
            The answer, of any status but 401 and those of `LATER`.

        Raises:
            RetryLater: still "not now". StopConnection: 401 twice. RejectRecord: foreign address or too large answer.
        """
        body = content if json is None else dump_json(json)
        started = time.monotonic()
        attempt = 1
        while True:
            left = max(0.0, self._patience - (time.monotonic() - started))
            try:
                answer = await self._call(
                    method, path, operation, params, body, headers, cost=cost, patience=left, trace=trace
                )
            except httpx.TransportError as error:
                reason, after = f"{operation}: {_words(error)}", None
            except httpx.DecodingError:
                reason, after = f"{operation}: the answer cannot be decompressed", None
            else:
                if answer.status_code not in LATER:
                    return answer
                reason, after = f"{operation}: answered with {answer.status_code}", retry_after(answer.headers)
            wait = max(_back_off(attempt) if after is None else after, self.budget.pause_left())
            if attempt >= self._attempts or time.monotonic() - started + wait > self._patience:
                raise RetryLater(reason, after if after is not None else self.budget.pause_left() or None)
            await asyncio.sleep(wait)
            attempt += 1

    async def change(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        content: bytes | Body | None = None,
        headers: Mapping[str, str] | None = None,
        cost: float = 1,
        trace: str = "",
    ) -> httpx.Response:
        """Make a changing call once; only a 401, which was not processed, is followed by a second try (I4).

        Args:
            content: body as it is, instead of `json`; name its type in `headers`. A `Body` is sent part by part.
            method: as in `read`, and so are the others.
            path: see `read`.
            operation: see `read`.
            params: see `read`.
            json: see `read`.
            headers: see `read`.
            cost: see `read`.
            trace: see `read`.

        Returns:
            The answer, of any status but 401; the connector's table says what it means.

        Raises:
            RetryLater: not sent. OutcomeUnknown: bytes may have left and no whole answer came.
            StopConnection: 401 twice.
        """
        body = dump_json(json) if json is not None else content
        try:
            return await self._call(
                method, path, operation, params, body, headers,
                cost=cost, patience=self._timeouts.budget, trace=trace, changing=True,
            )  # fmt: skip
        except NOT_SENT as error:
            raise RetryLater(f"{operation}: not sent, {_words(error)}") from None
        except (httpx.TransportError, httpx.DecodingError, httpx.StreamError) as error:
            raise OutcomeUnknown(f"{operation}: sent, then {_words(error)}") from None
        except _TooLarge:
            raise OutcomeUnknown(f"{operation}: the answer is larger than {LARGEST_ANSWER} bytes") from None

    @asynccontextmanager
    async def streamed(self, path: str, *, operation: str) -> AsyncIterator[httpx.Response]:
        """Open a read whose body the caller takes in parts (`aiter_bytes`), for content that no memory should hold.

        It is made once: parts that were handed on cannot be taken back, so the caller begins anew.

        Raises:
            RetryLater: not reached, throttled, or cut off while parts are taken. StopConnection: 401 twice.
        """
        started, status = time.perf_counter(), "cancelled"
        try:
            async with self.budget.spend(1, self._patience):
                answer = await self._open(path)
                if answer.status_code == httpx.codes.UNAUTHORIZED and self._reauthenticate is not None:
                    await answer.aclose()
                    await self._reauthenticate()
                    answer = await self._open(path)
                try:
                    status = str(answer.status_code)
                    self._observe(answer)
                    if answer.status_code == httpx.codes.UNAUTHORIZED:
                        raise self._unauthorized(operation)
                    if answer.status_code in LATER:
                        raise RetryLater(
                            f"{operation}: answered with {answer.status_code}", retry_after(answer.headers)
                        )
                    yield answer
                finally:
                    await answer.aclose()
        except (httpx.TransportError, httpx.DecodingError, httpx.StreamError) as error:
            status = type(error).__name__
            raise RetryLater(f"{operation}: {_words(error)}") from None
        finally:
            elapsed = time.perf_counter() - started
            metrics.CALL_SECONDS.labels(self.connection, operation, status).observe(elapsed)

    async def _open(self, path: str) -> httpx.Response:
        extensions = {"target": self._target(path, None)}
        request = self._client.build_request("GET", self.base_url, headers=await self._headers(), extensions=extensions)
        return await self._client.send(request, stream=True)

    async def close(self) -> None:
        """Close all connections; no call may follow."""
        await self._client.aclose()

    def address(self, path: str) -> httpx.URL:
        """Return the address of a path or of an absolute link.

        Raises:
            RejectRecord: the link leaves the connection's origin; credentials are never sent elsewhere.
        """
        if path.startswith(("http:", "https:", "//")):
            url = self.base_url.join(path)
        else:
            url = httpx.URL(f"{self.base_url}/{path.lstrip('/')}")
        if origin_of(url) != origin_of(self.base_url):
            raise RejectRecord(
                "address outside the connection",
                f"{self.connection} answered with a link to {url.scheme}://{url.host}, which is not {self.base_url}; "
                "if the system has moved, correct the connection's address",
            )
        return url

    def _target(self, path: str, params: Mapping[str, Any] | None) -> bytes:
        """Return what the request line names; a plain path as it is, because parsing a long address costs 0.1 ms.

        Raises:
            RejectRecord: see `address`.
        """
        if PLAIN_PATH.fullmatch(path) and "/." not in path:
            target = self.base_url.raw_path.rstrip(b"/") + b"/" + path.lstrip("/").encode("ascii")
        else:
            target = self.address(path).raw_path
        if params is None:
            return target
        plain = all(type(value) is str for value in params.values())
        query = query_of(tuple(params.items())) if plain else str(httpx.QueryParams(params)).encode("ascii")
        return target.partition(b"?")[0] + (b"?" + query if query else b"")

    # --- one call ---

    async def _call(
        self,
        method: str,
        path: str,
        operation: str,
        params: Mapping[str, Any] | None,
        content: bytes | Body | None,
        headers: Mapping[str, str] | None,
        *,
        cost: float,
        patience: float,
        trace: str,
        changing: bool = False,
    ) -> httpx.Response:
        self._target(path, None)  # refuses what leaves the connection before anything is spent on it
        extra = dict(headers or {})
        more: dict[str, Any] = {}
        if content is not None:
            extra.setdefault("content-type", "application/json")
        if content is not None and not isinstance(content, bytes):
            extra["content-length"], more, content = str(content.size), {"body": content}, None
        if trace:
            extra["traceparent"] = traceparent(trace)
        for renewed in (False, True):
            async with self.budget.spend(cost, patience):
                credentials = await self._headers()
                target = self._target(path, params)  # now, since credentials may have moved base_url
                request = self._client.build_request(
                    method,
                    self.base_url,
                    content=content,
                    headers={**credentials, **extra},
                    extensions={"target": target, **more},
                )
                answer = await self._send(request, operation, changing)
            self._observe(answer)
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return answer
            if renewed or self._reauthenticate is None:
                break
            await self._reauthenticate()
        raise self._unauthorized(operation)

    def _observe(self, answer: httpx.Response) -> None:
        self.budget.observe(answer.status_code, answer.headers)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            self.budget.pause(retry_after(answer.headers) or _THROTTLE_SECONDS, "answered with 429")

    def _unauthorized(self, operation: str) -> StopConnection:
        return StopConnection(f"{self.connection}: {operation} is answered with 401 Unauthorized", self._remedy)

    async def _send(self, request: httpx.Request, operation: str, changing: bool) -> httpx.Response:
        started = time.perf_counter()
        status = "cancelled"
        try:
            answer = await self._client.send(request, stream=True)
            try:
                body = await _whole(answer)
            finally:
                await answer.aclose()
            status = str(answer.status_code)
        except _TooLarge:
            status = "too large"
            if changing:
                raise
            raise RejectRecord(
                "answer too large",
                f"{operation} of {self.connection} answers with more than {LARGEST_ANSWER} bytes; lower the page size",
            ) from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            status = type(error).__name__
            raise
        finally:
            elapsed = time.perf_counter() - started
            metrics.CALL_SECONDS.labels(self.connection, operation, status).observe(elapsed)
        # As bytes: a header that is not ASCII must not fail after a change was made.
        kept = [(name, value) for name, value in answer.headers.raw if name.lower() not in _OF_THE_WIRE]
        return httpx.Response(answer.status_code, headers=kept, content=body, request=request)


class _TooLarge(Exception):
    """The answer's body passed the cap."""


_OF_THE_WIRE = frozenset({b"content-encoding", b"transfer-encoding", b"content-length"})


async def _whole(answer: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_bytes():
        size += len(part)
        if size > LARGEST_ANSWER:
            raise _TooLarge
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _back_off(attempt: int) -> float:
    return min(10.0, 0.25 * 2.0**attempt / 2) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret


def _words(error: Exception) -> str:
    """Return what failed without the address, whose query may hold more than a log should (I10)."""
    if isinstance(error, httpx.LocalProtocolError):
        return "LocalProtocolError: the request is malformed"  # its text quotes headers, credentials among them
    return f"{type(error).__name__} {error}".strip()
