"""A form with a file as the body of a request: sent in parts, so that no file is ever whole in memory.

Source: RFC 7578 (multipart/form-data), RFC 2183 §2 (quoted file names, in UTF-8 as RFC 7578 §5.1 allows).
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import IO

PART = 64 * 1024
"""Bytes that are read of a file at once."""
IN_MEMORY = 1024 * 1024
"""Bytes from which a spooled file lies on disk."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """The file of a form: the form's name for it, and its own; `content` holds `size` bytes from its start."""

    name: str
    filename: str
    media_type: str
    content: IO[bytes]
    size: int


class Multipart:
    """A form, as a body that can be sent again from its start (`headrace.platform.http_connection.Body`).

    Args:
        fields: names and texts; they come before the file.
        file: the file.

    Raises:
        ValueError: a name that a header cannot hold; the text quotes nothing of it.
    """

    def __init__(self, fields: Mapping[str, str], file: FilePart) -> None:
        self._boundary = secrets.token_hex(16)
        self._file = file
        head = [
            f"--{self._boundary}\r\nContent-Disposition: form-data; name={_quoted(name)}\r\n\r\n{text}\r\n"
            for name, text in fields.items()
        ]
        head.append(
            f"--{self._boundary}\r\nContent-Disposition: form-data; name={_quoted(file.name)}; "
            f"filename={_quoted(file.filename)}\r\nContent-Type: {_value(file.media_type)}\r\n\r\n"
        )
        self._head = "".join(head).encode()
        self._tail = f"\r\n--{self._boundary}--\r\n".encode()

    @property
    def content_type(self) -> str:
        """Its media type, with the boundary."""
        return f"multipart/form-data; boundary={self._boundary}"

    @property
    def size(self) -> int:
        """Length in bytes."""
        return len(self._head) + self._file.size + len(self._tail)

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the body from its start."""
        yield self._head
        content = self._file.content
        await asyncio.to_thread(content.seek, 0)
        while part := await asyncio.to_thread(content.read, PART):
            yield part
        yield self._tail


@asynccontextmanager
async def spooled(content: AsyncIterator[bytes]) -> AsyncIterator[tuple[IO[bytes], int]]:
    """Hold a content in a temporary file, which goes with the block; a small one is held in memory.

    Args:
        content: its bytes, in parts. What it raises passes through: then nothing was sent of it.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        size = 0
        async for part in content:
            await asyncio.to_thread(file.write, part)
            size += len(part)
        yield file, size


def _quoted(text: str) -> str:
    escaped = _value(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _value(text: str) -> str:
    if any(character < " " or character == "\x7f" for character in text):
        raise ValueError("a control character cannot stand in a header")
    return text
