"""One HTTP/1.1 connection: a request goes out, its answer comes in, and how the connection died is told exactly.

llhttp (through httptools) parses; no byte is taken for an answer that nobody asked for. Which error of httpx is raised
tells whether a change may have been made (I4, see `platform/http.py`): everything here happens after the first byte.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import AsyncIterator
from typing import Protocol, cast

import httptools
import httpx

LARGEST_HEAD = 128 * 1024
"""Bytes in which the head of an answer must end."""

_READ_AHEAD = 256 * 1024
_FRAMES = frozenset({b"content-length", b"transfer-encoding"})


class Body(Protocol):
    """A body that is too large to be held: it comes in parts, and again from its start whenever it is sent again."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def parts(self) -> AsyncIterator[bytes]:
        """Yield all of it from its start."""


class Connection(asyncio.Protocol):
    """A connection and at most one exchange on it.

    `status` is 0 until the head of the answer is there, `complete` says that its body has ended.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._parser = httptools.HttpResponseParser(self)
        self._poll = select.poll()
        self._idle = True
        self._writable: asyncio.Future[None] | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._begin("")

    def _begin(self, method: str) -> None:
        self._method = method
        self._parts: list[bytes] = []
        self._held = 0
        self._read_paused = False
        self._is_streaming = False
        self._head_bytes = 0
        self._error: Exception | None = None
        self._keep = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False

    # --- the exchange ---

    @property
    def reusable(self) -> bool:
        """Whether another request may go out: the last answer ended as it should and the other side has not closed.

        The socket is asked too: a close that has arrived but was not read yet would make a change's fate unknown.
        """
        is_free = self._idle and self._keep and not self._is_streaming
        return is_free and not self._transport.is_closing() and not self._poll.poll(0)

    async def exchange(
        self, method: str, head: bytes, body: bytes | Body, write_seconds: float, read_seconds: float
    ) -> None:
        """Send a request and wait for the head of its answer; an answer that comes before a long body ends cuts it.

        Raises:
            httpx.WriteTimeout, httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError: bytes may have left.
        """
        self._begin(method)
        self._idle = False
        if self._transport.is_closing():
            raise httpx.ReadError("the connection was closed")
        if isinstance(body, bytes):
            self._transport.write(head + body if body else head)
            await self._taking(write_seconds)
        else:
            await self._stream(head, body, write_seconds)
        while not self.status:
            await self._progress(read_seconds)
        if self.complete:
            self._idle = True

    def taken(self) -> bytes:
        """Return what has come of the body since the last time."""
        parts, self._parts, self._held = self._parts, [], 0
        if self._read_paused:
            self._read_paused = False
            self._transport.resume_reading()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def body(self, read_seconds: float) -> AsyncIterator[bytes]:
        """Yield the body as it comes; `read_seconds` bounds each wait.

        Raises:
            httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError: it did not end as announced.
        """
        while True:
            if self._parts:
                yield self.taken()
            elif self.complete:
                self._idle = True
                return
            else:
                await self._progress(read_seconds)

    def close(self) -> None:
        """Close what is idle, in order."""
        self._transport.close()

    def abort(self) -> None:
        """Close at once; what is under way stays unknown."""
        self._transport.abort()

    async def _stream(self, head: bytes, body: Body, seconds: float) -> None:
        """Send a body part by part, until it ends or nobody listens any more; what was cut ends the connection."""
        self._is_streaming = True
        left = body.size
        self._transport.write(head)
        async for part in body.parts():
            if self.status or self._error is not None or self._transport.is_closing():
                break
            self._transport.write(part)
            left -= len(part)
            await self._taking(seconds)
        if not left:
            self._is_streaming = False
        elif not self.status and self._error is None:
            self._fail(httpx.WriteError(f"the body is not of the {body.size} bytes that it said"))

    async def _taking(self, seconds: float) -> None:
        """Wait until the other side takes more."""
        if self._writable is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._writable
        except TimeoutError:
            raise httpx.WriteTimeout(f"not taken within {seconds:g} s") from None

    async def _progress(self, seconds: float) -> None:
        if self._error is not None:
            raise self._error
        self._waiting = self._loop.create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._waiting
        except TimeoutError:
            raise httpx.ReadTimeout(f"silent for {seconds:g} s") from None
        finally:
            self._waiting = None

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self._keep = False
        self._transport.abort()
        self._wake()

    # --- called by asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Parse; bytes that nobody asked for end the connection."""
        if self._idle:
            self._keep = False
            self._transport.abort()
            return
        if not self.status:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx.RemoteProtocolError(f"no HTTP answer: {type(error).__name__}"))
            return
        if not self.status and self._head_bytes > LARGEST_HEAD:
            self._fail(httpx.RemoteProtocolError(f"the head of the answer is larger than {LARGEST_HEAD} bytes"))
        if self._held > _READ_AHEAD and not self.complete and not self._read_paused:
            self._read_paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note how it ended: as the end of a body that has no other end, or in the middle of something."""
        self._keep = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if not self._idle and not self.complete:
            framed = any(name.lower() in _FRAMES for name, _ in self.headers)
            if self.status and not framed and exc is None and self._error is None:
                self.complete = True
            elif exc is not None:
                self._error = self._error or httpx.ReadError(str(exc))
            else:
                self._error = self._error or httpx.RemoteProtocolError("closed without a whole answer")
        self._wake()

    def pause_writing(self) -> None:
        """Note that the other side takes its time."""
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """Note that all has been taken."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # --- called by the parser ---

    def on_message_begin(self) -> None:
        """Refuse a second answer to one request."""
        if self.complete:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; the parser leaves spaces at the end of a value, which are no part of it (RFC 9110, §5.5)."""
        if not self.status:
            self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Note the status; 1xx comes before the answer, and trailers after it tell nothing."""
        if self.status:
            return
        status = self._parser.get_status_code()
        if status < httpx.codes.OK:  # informational
            self.headers.clear()
            return
        self.status = status
        if self._is_streaming and self._writable is not None and not self._writable.done():
            self._writable.set_result(None)  # the rest of the body is of no use any more
        if self._method == "HEAD":
            self.complete = True  # while the parser waits for a body, so that the connection is of no more use

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body."""
        if not self.complete:
            self._parts.append(data)
            self._held += len(data)

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        if self.status and not self.complete:
            self.complete = True
            self._keep = self._parser.should_keep_alive()
