"""Single values as documents show them: amounts, dates and currencies that a machine read, and nothing is guessed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from headrace.connectors.recordengine.config import Decimals

MOST_DIGITS = 20
"""Digits of an amount that are believed."""
_POINTS = {"point": ".", "comma": ","}
_MINUS = re.compile("[-\u2010-\u2015\u2212]")
_CODE = re.compile(r"^[A-Za-z]{3}(?=[\d.,(+-])|(?<=[\d.,)-])[A-Za-z]{3}$")
_GROUP = 3
_APOSTROPHE = re.compile("(?<=\\d)['\u2019](?=\\d)")
_RUN = re.compile(r"\d+(?: \d+)+")
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+")
_ISO_DAY = re.compile(r"(\d{4}-\d{2}-\d{2})(?:T00:00:00(?:\.0+)?Z?)?", re.ASCII)
_OTHER_DAY = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})", re.ASCII)
_NO_LETTER = re.compile(r"[\W_]+")


def text(value: Any) -> str | None:
    """Return a text; None for an empty one, and for what is no single value."""
    if value is None or isinstance(value, bool | list | Mapping):
        return None
    return plain(value) or None


def plain(value: Any) -> str:
    """Return a value as text: numbers without exponent."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def whole(value: Any) -> int | None:
    """Return a whole number, which also comes as text; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    return value if isinstance(value, int) else None


def moment(value: Any) -> datetime | None:
    """Return a time in UTC, which the API's times are in; None if it is none."""
    try:
        found = datetime.fromisoformat(str(value))
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def version_of(found: datetime | None) -> str:
    """Return a time as text that sorts: UTC, always with milliseconds; "" for none."""
    return "" if found is None else found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def amount(value: Any, decimal: Decimals = "auto") -> Decimal | None:
    """Return an exact amount of text such as "1,280.25 USD", "(1.280,25)", "1 280,25-" or "€ 80"; None for nothing.

    Of a point and a comma the last one parts the fraction. One alone does if it cannot part thousands: "12,5" is twelve
    and a half. What can be read in two ways, such as "1,280", is read as `decimal` says.

    Raises:
        ValueError: it is no amount, or `decimal` is "auto" and it can be read in two ways.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise ValueError("it is no amount")
    found = Decimal(value) if not isinstance(value, str) else _amount(value, decimal)
    if not found.is_finite():
        raise ValueError("it is no amount")
    return found or Decimal(0)


def day(value: Any, order: Literal["dmy", "mdy"] | None = None) -> date | None:
    """Return the calendar date of "2026-02-25", or of "25.02.2026" if the order is known; None for nothing.

    Raises:
        ValueError: it is no date, or is written in another form while no order is known.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, date):
        return value.date() if isinstance(value, datetime) else value
    written = str(value).strip()
    iso = _ISO_DAY.fullmatch(written)
    if iso:
        return _calendar(*map(int, iso[1].split("-")))
    other = _OTHER_DAY.fullmatch(written)
    if other is None:
        raise ValueError("it is no date such as 2026-02-25")
    if order is None:
        raise ValueError("day and month cannot be told apart while dates.order is not set")
    first, second, year = int(other[1]), int(other[3]), int(other[4])
    return _calendar(year, second, first) if order == "dmy" else _calendar(year, first, second)


def letters(value: Any) -> str:
    """Return a name by which it is known again whatever its case, spaces and punctuation."""
    folded = unicodedata.normalize("NFKC", plain(value)).casefold()
    return " ".join(_NO_LETTER.sub(" ", folded).split())


def snake(label: str) -> str:
    """Return a label as a name: "PO Number" is po_number."""
    return letters(label).replace(" ", "_")


# --- parts of an amount ---


def _amount(written: str, decimal: Decimals) -> Decimal:
    spaced = " ".join(_APOSTROPHE.sub(" ", unicodedata.normalize("NFKC", written)).split())
    if not all(_SPACED.fullmatch(each) for each in _RUN.findall(spaced)):
        raise ValueError("it is no amount")
    rest = _MINUS.sub("-", spaced.replace(" ", ""))
    rest = "".join(each for each in rest if unicodedata.category(each) != "Sc")
    rest = _CODE.sub("", rest, count=1)
    is_negative = False
    if rest.startswith("(") and rest.endswith(")"):
        rest, is_negative = rest[1:-1], True
    elif rest.startswith(("-", "+")):
        rest, is_negative = rest[1:], rest[0] == "-"
    elif rest.endswith("-"):
        rest, is_negative = rest[:-1], True
    digits = _digits(_CODE.sub("", rest, count=1), decimal)
    return -digits if is_negative else digits


def _digits(written: str, decimal: Decimals) -> Decimal:
    """Return what digits with points and commas say."""
    if not re.fullmatch(r"\d+([.,]\d+)*|[.,]\d+", written, re.ASCII) or sum(map(str.isdigit, written)) > MOST_DIGITS:
        raise ValueError("it is no amount")
    points, commas = written.count("."), written.count(",")
    if not points and not commas:
        return Decimal(written)
    last = max(".", ",", key=written.rfind)
    whole_part, _, fraction = written.rpartition(last)
    if points and commas:
        group = "." if last == "," else ","
        if written.count(last) > 1 or not _is_grouped(whole_part, group):
            raise ValueError("it is no amount")
        return Decimal(f"{whole_part.replace(group, '')}.{fraction}")
    if points + commas > 1:
        if not _is_grouped(written, last):
            raise ValueError("it is no amount")
        return Decimal(written.replace(last, ""))
    if not _is_grouped(written, last):
        return Decimal(f"{whole_part or '0'}.{fraction}")
    if decimal == "auto":
        raise ValueError(f"{last} may part thousands or the fraction while amounts.decimal is auto")
    return Decimal(f"{whole_part}.{fraction}") if _POINTS[decimal] == last else Decimal(written.replace(last, ""))


def _is_grouped(written: str, group: str) -> bool:
    """Say whether a separator can part thousands here; a number without one is grouped as well."""
    first, *others = written.split(group)
    if not others:
        return True
    return 1 <= len(first) <= _GROUP and first[0] != "0" and all(len(each) == _GROUP for each in others)


def _calendar(year: int, month: int, day_of_month: int) -> date:
    try:
        return date(year, month, day_of_month)
    except ValueError:
        raise ValueError("it is no day of the calendar") from None
