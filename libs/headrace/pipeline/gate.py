"""The gate of a connection: closed while its credential or permission does not work (I11), probed now and then."""

from __future__ import annotations

import asyncio
import logging
import random

from headrace.core.errors import StopConnection
from headrace.platform import metrics

logger = logging.getLogger(__name__)


class Gate:
    """Holds back all calls of a connection while it is stopped, except one probe every `probe_seconds`."""

    def __init__(self, connection: str, probe_seconds: float = 15.0) -> None:
        self._connection = connection
        self._probe_seconds = probe_seconds
        self._probing = asyncio.Lock()
        self.stopped: StopConnection | None = None
        metrics.CONNECTION_STOPPED.labels(connection).set(0)

    async def closed(self, error: StopConnection) -> None:
        """Note that a call found the connection unusable; returns when this caller may probe it again."""
        if self.stopped is None:
            logger.error("connection stopped", extra={"connection": self._connection, "reason": str(error)})
        self.stopped = error
        metrics.CONNECTION_STOPPED.labels(self._connection).set(1)
        async with self._probing:
            if self.stopped is not None:
                await asyncio.sleep(self._probe_seconds)

    def opened(self) -> None:
        """Note that a call went through: everybody goes on."""
        if self.stopped is not None:
            logger.warning("connection works again", extra={"connection": self._connection})
            self.stopped = None
            metrics.CONNECTION_STOPPED.labels(self._connection).set(0)


def back_off(attempt: int, after: float | None, longest: float = 60.0) -> float:
    """Return seconds until the next try: what the target asked for, else exponential with jitter.

    Args:
        attempt: number of the failed attempt, from 1.
        after: what the target asked for (`Retry-After`), kept as it is.
        longest: cap in seconds when the target asked for nothing.
    """
    if after is not None:
        return after
    return float(min(longest, 0.25 * 2 ** min(attempt, 10)) * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
