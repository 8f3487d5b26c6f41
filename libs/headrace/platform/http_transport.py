"""A transport for httpx that costs a tenth of its own: connections of ours, kept alive, the last used first.

httpx's pool looks through all its connections and requests at each request, and h11 parses in Python: half a
millisecond of CPU per call, more with each call in flight (`make bench`). Errors are those of httpx, with one meaning:
ConnectError, ConnectTimeout, PoolTimeout and LocalProtocolError come before the first byte, all others after it (I4).
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable

import httpx

from headrace.platform.http_connection import Connection

Origin = tuple[bytes, bytes, int]
"""Scheme, host, port."""

_PORTS = {b"http": 80, b"https": 443}
_SECOND_ADDRESS_SECONDS = 0.25
_TARGET = re.compile(rb"[\x21-\x7e]+")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[^\x00\r\n]*")


class Transport(httpx.AsyncBaseTransport):
    """Sends requests of one httpx client.

    Args:
        tls: for https addresses; "http/1.1" is offered alone.
        connections: how many are open at once; a request waits for its turn.
        keepalive: seconds for which an idle connection is used again; below what load balancers allow.
    """

    def __init__(self, tls: ssl.SSLContext, connections: int, keepalive: float = 15.0) -> None:
        tls.set_alpn_protocols(["http/1.1"])
        self._tls = tls
        self._keepalive = keepalive
        self._turns = asyncio.Semaphore(connections)
        self._idle: dict[Origin, list[tuple[float, Connection]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; see `httpx.AsyncBaseTransport`.

        `extensions["target"]` is its target, `extensions["body"]` a `Body` in place of bytes, whose length is among the
        headers.
        """
        seconds = request.extensions["timeout"]
        head = _head(request)
        if self._turns.locked():
            try:
                async with asyncio.timeout(seconds["pool"]):
                    await self._turns.acquire()
            except TimeoutError:
                raise httpx.PoolTimeout(f"no connection was free within {seconds['pool']:g} s") from None
        else:
            await self._turns.acquire()
        connection = None
        try:
            origin = _origin(request.url)
            connection = self._kept(origin) or await self._connected(origin, seconds["connect"])
            body = request.extensions.get("body", request.content)
            await connection.exchange(request.method, head, body, seconds["write"], seconds["read"])
        except BaseException:
            if connection is not None:
                connection.abort()
            self._turns.release()
            raise
        stream: httpx.AsyncByteStream
        if connection.complete:
            stream = httpx.ByteStream(connection.taken())
            self._release(origin, connection)
        else:
            stream = _Body(connection, seconds["read"], lambda: self._release(origin, connection))
        return httpx.Response(connection.status, headers=connection.headers, stream=stream)

    async def aclose(self) -> None:
        """Close what is idle; no request may follow."""
        for kept in self._idle.values():
            for _, connection in kept:
                connection.close()
        self._idle.clear()

    def _kept(self, origin: Origin) -> Connection | None:
        """Return the connection that was used last, None if there is none that can be used; close what expired."""
        kept = self._idle.get(origin, [])
        oldest = asyncio.get_running_loop().time() - self._keepalive
        while kept and kept[0][0] < oldest:
            kept.pop(0)[1].close()
        while kept:
            _, connection = kept.pop()
            if connection.reusable:
                return connection
            connection.abort()
        return None

    async def _connected(self, origin: Origin, seconds: float) -> Connection:
        scheme, host, port = origin
        secure = scheme == b"https"
        try:
            async with asyncio.timeout(seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    Connection,
                    host.decode(),
                    port,
                    ssl=self._tls if secure else None,
                    server_hostname=host.decode() if secure else None,
                    happy_eyeballs_delay=_SECOND_ADDRESS_SECONDS,
                )
        except TimeoutError:
            raise httpx.ConnectTimeout(f"not connected within {seconds:g} s") from None
        except OSError as error:  # refused, unknown host, or TLS that cannot be trusted
            raise httpx.ConnectError(str(error)) from error
        return connection

    def _release(self, origin: Origin, connection: Connection) -> None:
        self._turns.release()
        if connection.reusable:
            self._idle.setdefault(origin, []).append((asyncio.get_running_loop().time(), connection))
        else:
            connection.abort()


class _Body(httpx.AsyncByteStream):
    """The body of an answer that is still coming. Its connection is free once it has ended, and dead if it was left."""

    def __init__(self, connection: Connection, read_seconds: float, release: Callable[[], None]) -> None:
        self._connection = connection
        self._read_seconds = read_seconds
        self._release: Callable[[], None] | None = release

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._connection.body(self._read_seconds):
            yield part

    async def aclose(self) -> None:
        """Give the connection back."""
        release, self._release = self._release, None
        if release is not None:
            release()


def _origin(url: httpx.URL) -> Origin:
    scheme = url.raw_scheme
    if scheme not in _PORTS:
        raise httpx.UnsupportedProtocol(f"{url.scheme} is not spoken here")
    return scheme, url.raw_host, url.port or _PORTS[scheme]


def _head(request: httpx.Request) -> bytes:
    """Return request line and headers.

    Raises:
        httpx.LocalProtocolError: they would be read as something else; the text quotes nothing (I10).
    """
    target = request.extensions.get("target") or request.url.raw_path
    if not _TARGET.fullmatch(target):
        raise httpx.LocalProtocolError("the address cannot be sent")
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), target)]
    for name, value in request.headers.raw:
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise httpx.LocalProtocolError("a header cannot be sent")
        lines.append(b"%s: %s" % (name, value))
    return b"\r\n".join(lines) + b"\r\n\r\n"
