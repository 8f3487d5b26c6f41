"""Times as Pipedrive writes them: RFC 3339 with whole seconds in v2, without zone (and meaning UTC) in v1."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

_V2 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)\Z")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\Z")


def to_v2(moment: datetime) -> str:
    """Return `2026-01-31T08:15:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_v1(text: str | None) -> str | None:
    """Turn a v2 time into `2026-01-31 08:15:00`."""
    return None if text is None else text.replace("T", " ").removesuffix("Z")


def from_v2(text: str) -> datetime:
    """Parse a v2 time.

    Raises:
        ValueError: not RFC 3339 with whole seconds and a zone.
    """
    if not _V2.match(text):
        raise ValueError(f"'{text}' is not a valid datetime")
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def from_v1(text: str) -> datetime:
    """Parse a v1 time or date, UTC; RFC 3339 is taken as well.

    Raises:
        ValueError: none of these.
    """
    moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def is_date(text: object) -> bool:
    """Whether the value is a calendar date `YYYY-MM-DD`."""
    if not isinstance(text, str) or len(text) != 10:
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def clock_time(text: object) -> str | None:
    """Return a time of day as `HH:MM:SS`, or None when it is none; `HH:MM` is taken as well."""
    found = _CLOCK.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    return f"{hour:02}:{minute:02}:{second:02}" if hour < 24 and minute < 60 and second < 60 else None


def later(text: str, seconds: float) -> str:
    """Return a v2 time moved by so many seconds."""
    return to_v2(from_v2(text) + timedelta(seconds=seconds))
