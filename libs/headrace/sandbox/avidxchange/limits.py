"""The gateway's quota, for each credential."""

from __future__ import annotations

from datetime import datetime

from headrace.sandbox.avidxchange.errors import Reply, throttled
from headrace.sandbox.avidxchange.settings import AvidSettings
from headrace.sandbox.common.quota import MinuteQuota


class Quota(MinuteQuota):
    """Counts requests of each company."""

    def __init__(self, settings: AvidSettings) -> None:
        super().__init__()
        self._settings = settings

    def refuse(self, company: str, now: datetime) -> Reply | None:
        """Count a request; return the 429 that meets it, or None."""
        settings = self._settings
        rest = self.take(company, settings.requests_per_minute, now)
        if not rest:
            return None
        seconds = rest if settings.retry_after_seconds is None else settings.retry_after_seconds
        return throttled(seconds, {"Retry-After": str(seconds)} if settings.retry_after_header else {})
