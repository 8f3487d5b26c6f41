"""Changes that must come one after the other although they concern different canonical ids (`Serial` targets)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from headrace.core.contracts import Operation, Serial, Target
from headrace.pipeline.lanes import aside


class Alone:
    """Lets one operation of a group at a time through, in the order in which they came.

    The wait is before the INTENT, so it takes nothing from the deadline of the call; and others work meanwhile (I11).
    """

    def __init__(self, target: Target) -> None:
        self._target = target if isinstance(target, Serial) else None
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}

    def waiting(self, group: str) -> int:
        """Return how many wait for their turn in a group."""
        return max(0, self._waiting.get(group, 0) - 1)

    @asynccontextmanager
    async def inside(self, operation: Operation) -> AsyncIterator[None]:
        """Wait for the group's turn, and hold it."""
        group = self._target.serial(operation) if self._target is not None else ""
        if not group:
            yield
            return
        lock = self._locks.setdefault(group, asyncio.Lock())
        self._waiting[group] = self._waiting.get(group, 0) + 1
        held = False
        try:
            # Whoever waits does so aside, and a lock that is free may have others in line for it: with all places taken
            # by those in line, the first of them would never get one to go on with.
            if self.waiting(group):
                async with aside():
                    held = await lock.acquire()
            else:
                held = await lock.acquire()
            yield
        finally:
            if held:
                lock.release()
            self._waiting[group] -= 1
            if not self._waiting[group]:
                del self._waiting[group], self._locks[group]
