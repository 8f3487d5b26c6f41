"""What a connection may ask of its system: requests per second, calls in flight, pauses that hold for all callers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiolimiter import AsyncLimiter

from headrace.core.errors import RetryLater
from headrace.platform import metrics

Heed = Callable[["Budget", int, Mapping[str, str]], None]
"""A connector's reading of its vendor's headers: it calls `pause` and `left` before a limit is hit."""


class Budget:
    """Rate, concurrency and pauses of one connection, shared by its reads and changes.

    Args:
        connection: name of the connection, for metrics and messages.
        requests_per_second: sustained rate; None leaves the rate to the vendor's answers.
        concurrency: calls in flight.
        burst: requests that may follow each other at once; in any window of `w` seconds at most
            `burst + w × requests_per_second` requests start. Default: one second's worth.
        heed: reads vendor headers of every answer.
    """

    def __init__(
        self,
        connection: str,
        requests_per_second: float | None = None,
        concurrency: int = 8,
        *,
        burst: float | None = None,
        heed: Heed | None = None,
    ) -> None:
        self.connection = connection
        self.concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._heed = heed
        self._limiter: AsyncLimiter | None = None
        if requests_per_second is not None:
            self.set_rate(requests_per_second, burst)
        self._paused_until = 0.0
        self._why = ""

    @asynccontextmanager
    async def spend(self, cost: float = 1, patience: float = 60.0) -> AsyncIterator[None]:
        """Wait for a slot, then hold it while the call runs.

        Args:
            cost: how many requests the call counts for.
            patience: seconds to wait at most.

        Raises:
            RetryLater: no slot within `patience`; nothing was called.
        """
        try:
            async with asyncio.timeout(patience):
                await self._enter(cost, patience)
        except TimeoutError:
            raise RetryLater(f"the request budget of {self.connection} is in use", self.pause_left() or None) from None
        try:
            yield
        finally:
            self._slots.release()

    def set_rate(self, requests_per_second: float, burst: float | None = None) -> None:
        """Change the sustained rate, as when the vendor's answers tell the plan's limit."""
        capacity = max(1.0, burst if burst is not None else requests_per_second)
        self._limiter = AsyncLimiter(capacity, capacity / requests_per_second)

    def pause(self, seconds: float, why: str) -> None:
        """Let all callers wait, because the system said so. The longest of several pauses counts."""
        until = time.monotonic() + seconds
        if until > self._paused_until:
            self._paused_until, self._why = until, why
        metrics.PAUSE_LEFT_SECONDS.labels(self.connection).set_function(self.pause_left)

    def pause_left(self) -> float:
        """Return the seconds until calls go on; 0 if there is no pause."""
        return max(0.0, self._paused_until - time.monotonic())

    def left(self, name: str, value: float) -> None:
        """Show what is left of a named budget as a metric."""
        metrics.BUDGET_LEFT.labels(self.connection, name).set(value)

    def observe(self, status: int, headers: Mapping[str, str]) -> None:
        """Give the vendor's headers of an answer to the connector's `heed`."""
        if self._heed is not None:
            self._heed(self, status, headers)

    async def _enter(self, cost: float, patience: float) -> None:
        self._refuse_long_pause(patience)
        await self._slots.acquire()
        try:
            if self._limiter is not None:
                await self._limiter.acquire(min(cost, self._limiter.max_rate))
            # A pause may begin while we wait, and be lengthened while we sleep.
            while (left := self.pause_left()) > 0:
                self._refuse_long_pause(patience)
                await asyncio.sleep(left)
        except BaseException:
            self._slots.release()
            raise

    def _refuse_long_pause(self, patience: float) -> None:
        if (left := self.pause_left()) > patience:
            raise RetryLater(f"{self.connection} is paused: {self._why}", left)
