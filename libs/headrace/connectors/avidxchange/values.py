"""Single values as the system writes them: exact amounts, calendar dates that no zone shifts, times in UTC."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from headrace.core.values import decimal_of


def text(value: Any) -> str | None:
    """Return a text; numbers of invoices and orders also come as JSON numbers. None for an empty one."""
    if value is None or isinstance(value, bool | list | Mapping):
        return None
    return str(value) or None


def money(value: Any) -> Decimal | None:
    """Return an exact amount; "1280.250" and -0.00 were seen.

    Raises:
        ValueError: it is none.
    """
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError(f"{value!r} is no amount")
    try:
        found = decimal_of(str(value).strip())
    except ValueError:
        raise ValueError(f"{value!r:.60} is no amount") from None
    return found if found else Decimal(0)


def day(value: Any) -> date | None:
    """Return the calendar date of "2026-02-25T00:00:00": the first ten characters, whatever zone there may be.

    Raises:
        ValueError: it is none.
    """
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        raise ValueError(f"{value!r} is no date") from None


def moment(value: Any, zone: ZoneInfo) -> datetime | None:
    """Return a time in UTC; one without a zone is in `zone`.

    Raises:
        ValueError: it is none.
    """
    if value in (None, ""):
        return None
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{value!r} is no time") from None
    return (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)


def flag(value: Any) -> bool | None:
    """Return true or false, which also comes as text.

    Raises:
        ValueError: it is neither.
    """
    if value in (None, ""):
        return None
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def whole(value: Any) -> int | None:
    """Return a whole number.

    Raises:
        ValueError: it is none.
    """
    if value in (None, ""):
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError(f"{value!r} is no whole number")
    try:
        found = decimal_of(str(value).strip())
    except ValueError:
        raise ValueError(f"{value!r:.60} is no whole number") from None
    if found != int(found):
        raise ValueError(f"{value!r:.60} is no whole number")
    return int(found)


CONVERTERS: Mapping[str, Callable[[Any], Any]] = {
    "string": text,
    "decimal": money,
    "date": day,
    "boolean": flag,
    "integer": whole,
}
"""By type word; times need a zone besides."""


def version_of(found: datetime | None) -> str:
    """Return a time as text that sorts: UTC, always with milliseconds; "" for none."""
    return "" if found is None else found.isoformat(timespec="milliseconds").replace("+00:00", "Z")
