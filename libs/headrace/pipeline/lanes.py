"""Key lanes: one piece of work at a time per key, in order; different keys in parallel (I5)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

Work = Callable[[], Awaitable[None]]


_SLOTS: ContextVar[asyncio.Semaphore | None] = ContextVar("slots", default=None)


@asynccontextmanager
async def aside() -> AsyncIterator[None]:
    """Give the place of the running work to others while it waits for its turn at something that they do not need."""
    slots = _SLOTS.get()
    if slots is None:
        yield
        return
    slots.release()
    try:
        yield
    finally:
        await slots.acquire()


class Lanes:
    """Runs work per key in the order it was submitted.

    Args:
        concurrency: how many keys are worked on at once.
        capacity: how much work may be waiting or running while `has_room` is true.
        failed: called with the error when a piece of work raises; the lane of its key stops until `drain`, because
            what the next piece would build on is not there. The others go on (I11).
    """

    def __init__(self, concurrency: int, capacity: int, failed: Callable[[str, BaseException], None]) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._capacity = capacity
        self._failed = failed
        self._lanes: dict[str, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._count = 0
        self._draining = False

    @property
    def pending(self) -> int:
        """Work waiting or running."""
        return self._count

    @property
    def has_room(self) -> bool:
        """Whether more work should be submitted."""
        return self._count < self._capacity

    def submit(self, key: str, work: Work) -> None:
        """Queue work behind what the key already has. The submitter heeds `has_room`; resumed work need not."""
        if self._draining:
            return  # its partition goes to another worker, which gets it from state or topic
        self._count += 1
        lane = self._lanes.get(key)
        if lane is not None:
            lane.append(work)
            return
        self._lanes[key] = deque([work])
        task = asyncio.create_task(self._run(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float) -> None:
        """Start nothing new, let running work finish for `seconds`, then cancel it; queued work is forgotten.

        What is forgotten or cancelled was never acked: its next owner gets it again (I2).
        """
        self._draining = True
        try:
            for lane in self._lanes.values():
                while len(lane) > 1:
                    lane.pop()
            if self._tasks:
                _, running = await asyncio.wait(self._tasks, timeout=seconds)
                for task in running:
                    task.cancel()
                if running:
                    await asyncio.wait(running)
        finally:
            self._lanes.clear()
            self._count = 0
            self._draining = False

    async def _run(self, key: str) -> None:
        _SLOTS.set(self._slots)
        lane = self._lanes[key]
        while lane:
            async with self._slots:
                try:
                    await lane[0]()
                except asyncio.CancelledError:
                    raise
                except Exception as error:
                    self._failed(key, error)
                    return
            lane.popleft()
            self._count -= 1
        self._lanes.pop(key, None)
