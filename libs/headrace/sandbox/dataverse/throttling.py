"""Service protection: three limits for each user in a sliding window; a throttled request was not processed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from headrace.sandbox.common.usage import Usage
from headrace.sandbox.dataverse.errors import ServiceError
from headrace.sandbox.dataverse.settings import DataverseSettings

Facet = Literal["requests", "time", "concurrency"]
_CODES = {"requests": "0x80072322", "time": "0x80072321", "concurrency": "0x80072326"}


class Throttle:
    """Decides before a request is handled."""

    def __init__(self, settings: DataverseSettings) -> None:
        self._settings = settings
        self._usage: dict[str, Usage] = {}

    def refusal(self, user: str) -> ServiceError | None:
        """Return the 429 that meets a request of this user, or None."""
        settings = self._settings
        if settings.throttle_next:
            facet = settings.throttle_next.pop(0)
            return self._too_many(facet, self._of(user))
        if not settings.throttling:
            return None
        usage = self._of(user)
        usage.forget_before(settings.limit_window_seconds)
        if usage.running >= settings.concurrency_limit:
            return self._too_many("concurrency", usage)
        if usage.requests >= settings.request_limit:
            return self._too_many("requests", usage)
        if usage.seconds >= settings.execution_limit_seconds:
            return self._too_many("time", usage)
        return None

    def headers(self, user: str) -> dict[str, str]:
        """Return what every answer tells of the limits."""
        settings, usage = self._settings, self._of(user)
        usage.forget_before(settings.limit_window_seconds)
        left = max(0.0, settings.execution_limit_seconds - usage.seconds)
        return {
            "x-ms-ratelimit-burst-remaining-xrm-requests": str(max(0, settings.request_limit - usage.requests)),
            "x-ms-ratelimit-time-remaining-xrm-requests": f"{left:,.2f}",
            "x-ms-dop-hint": str(settings.parallelism_hint),
        }

    @contextmanager
    def running(self, user: str) -> Iterator[None]:
        """Count a request while it is handled."""
        with self._of(user).counted():
            yield

    def reset(self) -> None:
        """Forget all usage."""
        self._usage.clear()

    def _of(self, user: str) -> Usage:
        return self._usage.setdefault(user, Usage())

    def _too_many(self, facet: Facet, usage: Usage) -> ServiceError:
        settings = self._settings
        window = settings.limit_window_seconds
        texts = {
            "requests": f"Number of requests exceeded the limit of {settings.request_limit} over time window of "
            f"{window:.0f} seconds.",
            "time": f"Combined execution time of incoming requests exceeded limit of "
            f"{settings.execution_limit_seconds * 1000:,.0f} milliseconds over time window of {window:.0f} seconds. "
            "Decrease number of concurrent requests or reduce the duration of requests and try again later.",
            "concurrency": f"Number of concurrent requests exceeded the limit of {settings.concurrency_limit}.",
        }
        wait = settings.retry_after_seconds or max(1, math.ceil(usage.free_in(window)))
        return ServiceError(429, _CODES[facet], texts[facet], headers={"Retry-After": str(wait)})
