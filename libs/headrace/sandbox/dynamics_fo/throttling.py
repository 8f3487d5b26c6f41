"""Throttling as the service does or did it: by resources (today), or the user limits that were removed in 10.0.36."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from headrace.sandbox.common.usage import Usage
from headrace.sandbox.dynamics_fo.errors import Reply, odata_error
from headrace.sandbox.dynamics_fo.settings import FinanceSettings

WINDOW_SECONDS = 300.0
_RESOURCES = (
    "This request could not be processed at this time due to system experiencing high resource utilization. "
    "Retry the request after {} seconds"
)
_REQUESTS = "Number of requests exeeded the limit of {} over the time window of 300 seconds."
_TIME = (
    "Combined execution time of incoming requests exceeded limit of {:.0f} seconds over time window of 300 seconds. "
    "Decrease number of concurrent requests or reduce the duration of requests and try again later."
)
_CONCURRENCY = "Number of concurrent requests exceeded the limit of {}."


class Throttle:
    """Decides before a request is handled; a throttled request was not processed."""

    def __init__(self, settings: FinanceSettings) -> None:
        self._settings = settings
        self._usage: dict[str, Usage] = {}
        # Any irregular sequence serves; a fixed seed makes runs repeatable.
        self._random = random.Random(7)  # noqa: S311

    def refuse(self, user: str) -> Reply | None:
        """Return the 429 or gateway answer that meets a request of this user, or None."""
        settings = self._settings
        if settings.gateway_error_probability and self._random.random() < settings.gateway_error_probability:
            return gateway_error(self._random.choice((502, 503)))
        if settings.throttling == "resource" and self._random.random() < settings.throttle_probability:
            return self._too_many(_RESOURCES.format(settings.retry_after_seconds))
        return self._legacy(user) if settings.throttling == "legacy" else None

    def _legacy(self, user: str) -> Reply | None:
        settings, usage = self._settings, self._usage.setdefault(user, Usage())
        usage.forget_before(WINDOW_SECONDS)
        if usage.requests >= settings.legacy_requests:
            return self._too_many(_REQUESTS.format(settings.legacy_requests))
        if usage.seconds >= settings.legacy_seconds:
            return self._too_many(_TIME.format(settings.legacy_seconds))
        if usage.running >= settings.legacy_concurrency:
            return self._too_many(_CONCURRENCY.format(settings.legacy_concurrency))
        return None

    def _too_many(self, text: str) -> Reply:
        headers = {"Retry-After": str(self._settings.retry_after_seconds)} if self._settings.retry_after_header else {}
        return odata_error(429, text, stack=False, headers=headers).reply

    @contextmanager
    def running(self, user: str) -> Iterator[None]:
        """Count a request while it is handled."""
        if self._settings.throttling != "legacy":
            yield
            return
        with self._usage.setdefault(user, Usage()).counted():
            yield

    def reset(self) -> None:
        """Forget all usage."""
        self._usage.clear()


def gateway_error(status: int) -> Reply:
    """Return the HTML page that a gateway answers in the service's place."""
    name = {502: "Bad Gateway", 503: "Service Unavailable"}[status]
    page = f"<html><head><title>{status} {name}</title></head><body><h1>{name}</h1></body></html>"
    return Reply(status, page.encode(), "text/html")
