"""Named functions that mappings call where no verb says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

from headrace.connectors.dynamics_fo.config import DimensionFormat, DynamicsFoConfig
from headrace.connectors.dynamics_fo.dimensions import display_value, segments
from headrace.connectors.dynamics_fo.objects import COMPANY
from headrace.core.errors import RejectRecord
from headrace.core.refs import encode_key

SCALE = Decimal("0.000001")
"""Amounts are stored with six decimals."""
CENT = Decimal("0.01")


def transforms(config: DynamicsFoConfig | None = None) -> Mapping[str, Callable[..., Any]]:
    """Return the functions by name, bound to a connection's configuration.

    Args:
        config: None gives the same names for checking mappings; dimensions then have no format.
    """
    layout = config.dimension_format if config else None
    return {
        "abbreviated": abbreviated,
        "dimension_display_value": partial(dimension_display_value, layout=layout),
        "dimensions": partial(dimensions, layout=layout),
        "record_id": record_id,
        "unit_discount": unit_discount,
        "unit_price": unit_price,
    }


def dimension_display_value(values: Any = None, *, layout: DimensionFormat | None) -> str | None:
    """Return the display value of canonical dimensions (a list of {name, value}); see `dimensions.display_value`."""
    return display_value(values, layout)


def dimensions(text: Any = None, *, layout: DimensionFormat | None) -> list[dict[str, str]]:
    """Return the canonical dimensions of a display value; none without a configured format, which alone names them."""
    if not text or layout is None:
        return []
    values = segments(str(text), layout.delimiter)
    return [{"name": name, "value": value} for name, value in zip(layout.dimensions, values, strict=False) if value]


def record_id(**key: Any) -> str | None:
    """Return the id under which links know a record, from its key fields in order; None if one is empty."""
    if not key or any(value in (None, "") for value in key.values()):
        return None
    return encode_key({name: str(value).lower() if name == COMPANY else value for name, value in key.items()})


def abbreviated(text: Any = None, length: Any = None) -> str | None:
    """Return a text for people in at most `length` characters; one that is longer visibly ends in an ellipsis.

    Never for anything that is compared or looked up: there a text that is too long rejects the record.
    """
    if text is None:
        return None
    words, most = " ".join(str(text).split()), int(length)
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def unit_price(price: Any = None, quantity: Any = None) -> Decimal | None:
    """Return the price of one unit: F&O's prices are for a price quantity, such as 12.50 for 100.

    Args:
        price: price for `quantity` units; None or zero (no base price is set) gives None.
        quantity: price quantity; None and zero count as one.
    """
    if not price:
        return None
    return _plain((Decimal(price) / (Decimal(quantity) if quantity else Decimal(1))).quantize(SCALE, ROUND_HALF_UP))


def unit_discount(amount: Any = None, quantity: Any = None) -> Decimal | None:
    """Return the discount of one unit: `LineDiscountAmount` is per unit, a canonical discount is for the whole line.

    Args:
        amount: discount of the line; None or zero gives None, so that nothing is written.
        quantity: quantity of the line; None counts as one.

    Raises:
        RejectRecord: the quantity is zero, or six decimals per unit do not give the line's amount to the cent.
    """
    if amount is None or not Decimal(amount):
        return None
    units = Decimal(1) if quantity is None else Decimal(quantity)
    if not units:
        raise RejectRecord(
            "discount without quantity", f"A discount of {amount} on a quantity of zero cannot be written."
        )
    each = (Decimal(amount) / abs(units)).quantize(SCALE, ROUND_HALF_UP)
    if (each * abs(units)).quantize(CENT, ROUND_HALF_UP) != Decimal(amount).quantize(CENT, ROUND_HALF_UP):
        raise RejectRecord(
            "discount cannot be written",
            f"A discount of {amount} on {units} units is not an amount per unit with six decimals. "
            "Give it as a percentage, or change the quantity.",
        )
    return _plain(each)


def _plain(number: Decimal) -> Decimal:
    """Return a number without zeros at its end and without an exponent."""
    return number.quantize(Decimal(1)) if number == number.to_integral() else number.normalize()
