"""How long a server asks its client to wait.

Source: RFC 9110 §10.2.3 (`Retry-After` is a number of seconds or an HTTP date) and §6.6.1 (`Date`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 3600.0
"""Cap in seconds: a mistaken header must not silence a connection for a day."""


def retry_after(
    headers: Mapping[str, str], *, longest: float = LONGEST_WAIT, now: datetime | None = None
) -> float | None:
    """Return the seconds to wait, from 0 to `longest`; None if there is no usable `Retry-After`.

    Args:
        headers: answer headers; lower-case names, or a mapping that ignores case.
        longest: cap in seconds.
        now: our clock (UTC), used for the date form only if the answer has no `Date` of its own.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    seconds = _seconds(value)
    if seconds is None:
        moment = _moment(value)
        if moment is None:
            return None
        # The server's own clock is the reference, so that a skew between the two does not shift the wait.
        reference = _moment(headers.get("date", "")) or now or datetime.now(UTC)
        seconds = (moment - reference).total_seconds()
    return min(max(seconds, 0.0), longest)


def clock_skew(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Return how many seconds the server's `Date` is ahead of our clock; None without a usable `Date`."""
    moment = _moment(headers.get("date", ""))
    return None if moment is None else (moment - (now or datetime.now(UTC))).total_seconds()


def _seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
