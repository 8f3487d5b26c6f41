"""A credential store of one process, in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from headrace.core.errors import StopConnection
from headrace.core.secrets import Stored


class MemorySecrets:
    """Keeps secrets (`headrace.core.secrets.Secrets`); one replacement at a time."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._stored = {name: Stored(value, 1) for name, value in (values or {}).items()}
        self._replacing = asyncio.Lock()

    def stored(self, name: str) -> Stored | None:
        """Return what is stored under a name."""
        return self._stored.get(name)

    def put(self, name: str, value: str) -> None:
        """Store a value."""
        found = self._stored.get(name)
        self._stored[name] = Stored(value, found.revision + 1 if found else 1)

    async def replace(
        self, name: str, revision: int, make: Callable[[str], Awaitable[str | None]], *, wait: bool = True
    ) -> Stored | None:
        """Replace one revision; nobody else can be replacing it for longer than `make` takes."""
        async with self._replacing:
            found = self._stored.get(name)
            if found is None:
                raise StopConnection(f"credential {name} is not stored any more")
            if found.revision == revision:
                value = await make(found.value)
                if value is None:
                    return None
                self.put(name, value)
            return self._stored[name]
