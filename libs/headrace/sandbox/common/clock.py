"""The sandbox's clock: real time plus an offset that a test moves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Tells UTC time; `advance` moves it, so that tokens expire and watermarks pass without waiting."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._watchers: list[Callable[[], None]] = []

    def watch(self, moved: Callable[[], None]) -> None:
        """Call `moved` after each time that the clock is moved."""
        self._watchers.append(moved)

    def now(self) -> datetime:
        """Return the current time of the sandbox, UTC-aware."""
        return datetime.now(UTC) + self._offset

    def advance(self, seconds: float) -> datetime:
        """Move the clock by so many seconds (backwards when negative) and return the new time."""
        self._offset += timedelta(seconds=seconds)
        for moved in self._watchers:
            moved()
        return self.now()

    def reset(self) -> None:
        """Return to real time."""
        self._offset = timedelta()
