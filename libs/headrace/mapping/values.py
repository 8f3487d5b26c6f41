"""Values as mappings see them: what is absent, what is empty, and the conversions that `as:` names.

A value is str, int, bool, Decimal, date, UTC-aware datetime, None, or a list or dict of them; never a float.
Conversions raise ValueError in words; the compiled expression turns that into `RejectRecord` with field and source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from enum import Enum
from typing import Any, Final

from headrace.core.currencies import currency_digits


class Absent(Enum):
    """Markers that are values of no field."""

    ABSENT = "absent"
    """The source does not tell: neither asserted nor cleared."""
    UNLINKED = "unlinked"
    """A linked record is missing; it is reported with the plan, so that nothing else rejects the record first."""


ABSENT: Final = Absent.ABSENT
UNLINKED: Final = Absent.UNLINKED

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_MAX_ADJUSTED = 60  # 10^60: far above any amount, and printing it stays cheap
_CONTAINERS = (list, dict, tuple)
_TRUE, _FALSE = {"true", "yes", "1"}, {"false", "no", "0"}


def is_empty(value: Any) -> bool:
    """Return whether a value is absent, null, blank text, or a list or record without content."""
    if value is None or value is ABSENT:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    return value.__class__ in _CONTAINERS and not value


def to_text(value: Any) -> str:
    """Return a single value as text: decimals without exponent, times as ISO 8601 in UTC with "Z".

    Raises:
        ValueError: a list, a record or a number beyond reason.
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return format(_finite(value), "f")
    if isinstance(value, datetime):
        return to_datetime(value).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise ValueError("not a single value")


def to_decimal(value: Any) -> Decimal:
    """Return a number, or a text that is one ("1234.50": point, no grouping), as Decimal.

    Raises:
        ValueError: anything else, and numbers that are not finite.
    """
    if isinstance(value, bool):
        raise ValueError("not a number")
    if isinstance(value, Decimal | int):
        return _finite(Decimal(value))
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return _finite(Decimal(value.strip()))
    raise ValueError("not a number")


def to_integer(value: Any) -> int:
    """Return a whole number as int.

    Raises:
        ValueError: not a number, or one with a fraction; nothing is rounded.
    """
    if type(value) is int:
        return value
    number = to_decimal(value)
    if number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def to_boolean(value: Any) -> bool:
    """Return true/false, yes/no, 1/0 (texts in any case) as bool.

    Raises:
        ValueError: anything else.
    """
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("neither true nor false")


def to_datetime(value: Any) -> datetime:
    """Return a time, or an ISO 8601 text with zone, as UTC.

    Raises:
        ValueError: not a time, or one without a zone.
    """
    if isinstance(value, str):
        if len(value.strip()) <= len("2026-11-21"):
            raise ValueError("not a time")
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError("not a time") from None
    if not isinstance(value, datetime):
        raise ValueError("not a time")
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a time outside the calendar") from None


def to_date(value: Any, zone: tzinfo = UTC) -> date:
    """Return a calendar date as it is; of a time (or ISO 8601 text) the day that it falls on in `zone`.

    Raises:
        ValueError: neither date nor time, or a time without a zone.
    """
    if isinstance(value, str):
        word = value.strip()
        if len(word) == len("2026-11-21") and word[4] == "-":
            try:
                return date.fromisoformat(word)
            except ValueError:
                raise ValueError("not a day of the calendar") from None
    elif isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return to_datetime(value).astimezone(zone).date()
    except OverflowError:
        raise ValueError("a time outside the calendar") from None


CONVERSIONS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "string": ("string", to_text),
    "integer": ("integer", to_integer),
    "decimal": ("decimal", to_decimal),
    "boolean": ("boolean", to_boolean),
    "date": ("date", to_date),
    "datetime": ("datetime", to_datetime),
    "upper": ("string", lambda value: to_text(value).upper()),
    "lower": ("string", lambda value: to_text(value).lower()),
}
"""Words of `as:`: the type word of the result, and the function."""


def to_money(amount: Any, currency: Any, digits: int | None) -> dict[str, Any]:
    """Return `{amount, currency}`.

    Args:
        amount: a number.
        currency: an ISO 4217 code, any case.
        digits: decimals to round to, half to even; None accepts what the currency has and rounds nothing.

    Raises:
        ValueError: no number, no currency code, or more decimals than the currency has.
    """
    number = to_decimal(amount)
    code = currency.strip().upper() if isinstance(currency, str) else ""
    if len(code) != 3 or not (code.isascii() and code.isalpha()):
        raise ValueError(f"the currency is {shown(currency)}, not a code of three letters")
    allowed = currency_digits(code) if digits is None else digits
    if _decimals(number) > allowed:
        if digits is None:
            raise ValueError(f"{to_text(number)} has more decimals than {code} ({allowed}); say `digits` to round")
        with localcontext(prec=2 * _MAX_ADJUSTED):
            number = number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_EVEN)
    return {"amount": number, "currency": code}


def shown(value: Any) -> str:
    """Return a value for an operator's eye, at most 80 characters."""
    if value is None or value is ABSENT:
        return "empty"
    try:
        text = f'"{value}"' if isinstance(value, str) else to_text(value)
    except ValueError:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "…"


def _finite(number: Decimal) -> Decimal:
    if not number.is_finite():
        raise ValueError("not a finite number")
    exponent = number.as_tuple().exponent
    if number.adjusted() > _MAX_ADJUSTED or (isinstance(exponent, int) and exponent < -_MAX_ADJUSTED):
        raise ValueError("a number beyond reason")
    return number


def _decimals(number: Decimal) -> int:
    """Return the decimals that say something: trailing zeros do not."""
    _, digits, exponent = number.as_tuple()
    decimals = -exponent if isinstance(exponent, int) and exponent < 0 else 0
    for digit in reversed(digits):
        if digit or not decimals:
            return decimals
        decimals -= 1
    return 0
