"""Checks of single values, and money: decimals with at least two places, never binary floats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

CENT = Decimal("0.01")


def money(value: object, place: str) -> Decimal:
    """Return an amount with two places.

    Raises:
        ValueError: no number, or a fraction of a cent; names the place.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"{place}: {value!r} is no amount")
    try:
        amount = Decimal(value).quantize(CENT)
    except InvalidOperation:
        raise ValueError(f"{place}: {value} is too large") from None
    if amount != value:
        raise ValueError(f"{place}: {value} has more than two decimals")
    return amount


def amounts_shown(value: Any, form: Literal["two_places", "three_places", "shortest"]) -> Any:
    """Return a value in which every amount has another form, and the same worth."""
    if isinstance(value, list):
        return [amounts_shown(each, form) for each in value]
    if isinstance(value, Mapping):
        return {name: amounts_shown(each, form) for name, each in value.items()}
    if not isinstance(value, Decimal):
        return value
    return value.quantize(Decimal("0.001")) if form == "three_places" else value.normalize()


def wrong_texts(values: Mapping[str, Any], names: Iterable[str], place: str = "") -> list[str]:
    """Return what is wrong with fields that hold a text or nothing."""
    wrong = [name for name in names if not isinstance(values.get(name), str | None)]
    return [f"{place}{name} must be a text" for name in wrong]


def wrong_flags(values: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """Return what is wrong with fields that hold true or false."""
    return [f"{name} must be true or false" for name in names if not isinstance(values.get(name), bool)]


def wrong_currency(values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with `CurrencyCode`, which may be missing."""
    code = values.get("CurrencyCode")
    fits = code is None or (isinstance(code, str) and len(code) == 3 and code.isalpha() and code.isupper())
    return [] if fits else [f"CurrencyCode {code!r} is no ISO 4217 code"]
