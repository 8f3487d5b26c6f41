"""What a user did within a sliding window: how vendors with limits for each user count."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Usage:
    """Requests of one user: how many run, how many ended within the window, and how long those took."""

    def __init__(self) -> None:
        self.running = 0
        self._finished: deque[tuple[float, float]] = deque()
        self._seconds = 0.0

    @property
    def requests(self) -> int:
        """Return how many requests count."""
        return len(self._finished) + self.running

    @property
    def seconds(self) -> float:
        """Return how long the finished ones took together."""
        return self._seconds

    def forget_before(self, window: float) -> None:
        """Forget what ended more than so many seconds ago."""
        horizon = time.monotonic() - window
        while self._finished and self._finished[0][0] < horizon:
            self._seconds -= self._finished.popleft()[1]

    def free_in(self, window: float) -> float:
        """Return after how many seconds the oldest request leaves the window."""
        return max(0.0, self._finished[0][0] + window - time.monotonic()) if self._finished else 0.0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a request while it is handled, and afterwards."""
        started = time.monotonic()
        self.running += 1
        try:
            yield
        finally:
            ended = time.monotonic()
            self.running -= 1
            self._finished.append((ended, ended - started))
            self._seconds += ended - started
