"""A quota: so many requests in a minute that begins with the first of them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

_MINUTE = timedelta(minutes=1)


class MinuteQuota:
    """Counts requests of each caller."""

    def __init__(self) -> None:
        self._minutes: dict[str, tuple[datetime, int]] = {}

    def take(self, caller: str, limit: int, now: datetime) -> int:
        """Count a request; return 0, or for one too many the seconds until the next minute begins.

        Args:
            caller: whose minute it is.
            limit: requests in a minute; 0 for no limit.
            now: the sandbox's time.
        """
        if not limit:
            return 0
        began, count = self._minutes.get(caller, (now, 0))
        if not began <= now < began + _MINUTE:
            began, count = now, 0
        if count < limit:
            self._minutes[caller] = (began, count + 1)
            return 0
        return math.ceil((began + _MINUTE - now).total_seconds())

    def reset(self) -> None:
        """Forget all requests."""
        self._minutes.clear()
