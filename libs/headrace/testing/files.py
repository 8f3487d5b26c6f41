"""Stored contents of files in memory, for tests of targets that write them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from headrace.core.errors import RejectRecord

_PART = 64 * 1024


class StoredFiles:
    """Contents by their key (`headrace.core.attachments.Attachments`)."""

    def __init__(self, **contents: bytes) -> None:
        self._contents = contents

    async def read(self, reference: Mapping[str, Any]) -> bytes:
        """Return a content, or reject what is not there."""
        try:
            return self._contents[str(reference["key"])]
        except KeyError:
            raise RejectRecord("content expired", "it is no longer there; read the record anew") from None

    async def parts(self, reference: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """Yield a content in parts, or reject what is not there."""
        content = await self.read(reference)
        for start in range(0, len(content), _PART):
            yield content[start : start + _PART]
