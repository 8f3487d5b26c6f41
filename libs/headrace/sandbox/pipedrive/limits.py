"""Pipedrive's two limits: a daily budget of tokens per company and a burst of requests per token in two seconds.

Source: https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting; header semantics as measured by others:
`x-ratelimit-reset` is a number of seconds, not a time.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque

from headrace.sandbox.common.clock import Clock
from headrace.sandbox.pipedrive.errors import ABUSE_PAGE, ERROR_INFO, ApiError
from headrace.sandbox.pipedrive.settings import Settings

WINDOW_SECONDS = 2.0


class RateLimiter:
    """Counts requests and tokens; what it knows is lost at a restart, as the window is short and the day is long."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget all requests."""
        self._bursts: dict[tuple[str, bool], deque[float]] = defaultdict(deque)
        self._refusals: dict[str, int] = defaultdict(int)
        self._day = ""
        self._spent = 0

    def spent_today(self) -> int:
        """Return the tokens spent on the clock's day."""
        today = self._clock.now().date().isoformat()
        if today != self._day:
            self._day, self._spent = today, 0
        return self._spent

    def admit(self, token: str, cost: int, *, is_search: bool) -> dict[str, str]:
        """Count a request and return the headers that every answer carries.

        Raises:
            ApiError: 429 over a limit; 403 with an HTML page for a client that does not stop.
        """
        left = self._settings.daily_token_budget - self.spent_today()
        refused = left < cost
        headers = self._daily_headers(max(left - (0 if refused else cost), 0))
        limit, remaining, reset = self._burst(token, is_search=False)
        if is_search and not refused and remaining >= 0:
            limit, remaining, reset = self._burst(token, is_search=True)
        headers |= {
            "x-ratelimit-limit": str(limit),
            "x-ratelimit-remaining": str(max(remaining, 0)),
            "x-ratelimit-reset": str(reset),
        }
        if refused or remaining < 0:
            raise self._refusal(token, headers, reset)
        self._refusals[token] = 0
        self._spent += cost
        return headers

    def _burst(self, token: str, *, is_search: bool) -> tuple[int, int, int]:
        limit = self._settings.search_burst_limit if is_search else self._settings.burst_limit
        now, window = time.monotonic(), self._bursts[(token, is_search)]
        while window and window[0] <= now - WINDOW_SECONDS:
            window.popleft()
        if len(window) < limit:
            window.append(now)
            remaining = limit - len(window)
        else:
            remaining = -1
        return limit, remaining, max(1, math.ceil(window[0] + WINDOW_SECONDS - now))

    def _daily_headers(self, left: int) -> dict[str, str]:
        if not self._settings.daily_headers:
            return {}
        return {
            "x-daily-ratelimit-token-limit": str(self._settings.daily_token_budget),
            "x-daily-ratelimit-token-remaining": str(left),
        }

    def _refusal(self, token: str, headers: dict[str, str], reset: int) -> ApiError:
        self._refusals[token] += 1
        limit = self._settings.block_after_refusals
        if limit is not None and self._refusals[token] > limit:
            return ApiError(403, ABUSE_PAGE, {"content-type": "text/html; charset=UTF-8"})
        if self._settings.retry_after_header:
            headers["retry-after"] = str(reset)
        body = {"success": False, "error": "Request over limit", "errorCode": 429, "error_info": ERROR_INFO}
        return ApiError(429, body, headers)
