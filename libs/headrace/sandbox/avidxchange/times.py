"""Times as the vendor writes them: naive, in a zone that only people know. Kept in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from headrace.sandbox.avidxchange.settings import AvidSettings


def kept(moment: datetime) -> str:
    """Return a moment as records keep it: UTC to the microsecond, so that texts sort as times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment_of(text: str) -> datetime:
    """Return the moment that `kept` wrote, UTC-aware."""
    return datetime.fromisoformat(text)


def after(now: datetime, previous: str | None, settings: AvidSettings) -> datetime:
    """Return the time of a change: now, moved on where the shown time would stay what it was before."""
    if not previous:
        return now
    step = timedelta(microseconds=10 ** (6 - settings.timestamp_fraction_digits))
    return max(now, moment_of(previous) + step)


def shown(text: str, settings: AvidSettings) -> str:
    """Return a kept moment in the vendor's form: without zone, in the zone of the settings."""
    moment = moment_of(text).astimezone(ZoneInfo(settings.timezone))
    digits = settings.timestamp_fraction_digits
    fraction = f".{moment.microsecond:06d}"[: digits + 1] if digits else ""
    return f"{moment:%Y-%m-%d}{settings.timestamp_separator}{moment:%H:%M:%S}{fraction}"


def midnight(day: date) -> str:
    """Return a calendar date as the vendor writes it."""
    return f"{day.isoformat()}T00:00:00"


def date_text(value: object, place: str) -> str | None:
    """Return a date, given with or without its midnight, as the vendor writes it; None stays None.

    Raises:
        ValueError: no date; names the place.
    """
    if value is None:
        return None
    day, _, rest = str(value).replace(" ", "T").partition("T")
    try:
        if rest.strip("0:."):
            raise ValueError
        return midnight(date.fromisoformat(day))
    except ValueError:
        raise ValueError(f"{place}: {value!r} is no date; write YYYY-MM-DD") from None
