"""What uvicorn's HTTP protocol leaves open: how long, and how large, the head of a request may be.

llhttp keeps no count of a head's bytes, and no timer runs until a request is answered: one sender could fill the memory
with a head that never ends, or hold every socket with heads that never come.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_TIMEOUT = 10.0
"""Seconds in which the head of a request must have come, from the connection or the request's first byte on."""

LARGEST_HEAD = 64 * 1024
"""Bytes of a request's line and headers, besides those that came with its first one."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Protocol(HttpToolsProtocol):
    """One connection to a server of ours."""

    head_timeout = HEAD_TIMEOUT

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse; give up a head that has become too large."""
        was_in_head = self._in_head
        super().data_received(data)
        if was_in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        """Wait for the head whose first byte has come."""
        super().on_message_begin()
        if not self._in_head:
            self._await_head()

    def on_headers_complete(self) -> None:
        """Go on to the body, whose length and time the application bounds."""
        self._head_came()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._head = self.loop.call_later(self.head_timeout, self.transport.abort)

    def _head_came(self) -> None:
        self._in_head = False
        if self._head is not None:
            self._head.cancel()
            self._head = None


def patient_for(seconds: float) -> type[Protocol]:
    """Return the protocol that waits so long for a head."""
    return type("Protocol", (Protocol,), {"head_timeout": seconds})
