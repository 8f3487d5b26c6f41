"""The gateway's quota: so many requests in a minute that begins with the first of them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from headrace.sandbox.avidxchange.errors import Reply, throttled
from headrace.sandbox.avidxchange.settings import AvidSettings

_MINUTE = timedelta(minutes=1)


class Quota:
    """Counts requests of each company."""

    def __init__(self, settings: AvidSettings) -> None:
        self._settings = settings
        self._minutes: dict[str, tuple[datetime, int]] = {}

    def refuse(self, company: str, now: datetime) -> Reply | None:
        """Count a request; return the 429 that meets it, or None."""
        settings = self._settings
        if not settings.requests_per_minute:
            return None
        began, count = self._minutes.get(company, (now, 0))
        if not began <= now < began + _MINUTE:
            began, count = now, 0
        if count < settings.requests_per_minute:
            self._minutes[company] = (began, count + 1)
            return None
        rest = math.ceil((began + _MINUTE - now).total_seconds())
        seconds = rest if settings.retry_after_seconds is None else settings.retry_after_seconds
        return throttled(seconds, {"Retry-After": str(seconds)} if settings.retry_after_header else {})

    def reset(self) -> None:
        """Forget all requests."""
        self._minutes.clear()
