"""Named functions that mappings call where no verb says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

from headrace.connectors.dynamics_fo.config import DimensionFormat, DynamicsFoConfig
from headrace.connectors.dynamics_fo.dimensions import display_value
from headrace.core.errors import RejectRecord

SCALE = Decimal("0.000001")
"""Amounts are stored with six decimals."""
CENT = Decimal("0.01")


def transforms(config: DynamicsFoConfig | None = None) -> Mapping[str, Callable[..., Any]]:
    """Return the functions by name, bound to a connection's configuration.

    Args:
        config: None gives the same names for checking mappings; dimensions then have no format.
    """
    return {
        "dimension_display_value": partial(dimension_display_value, layout=config.dimension_format if config else None),
        "unit_discount": unit_discount,
    }


def dimension_display_value(values: Any = None, *, layout: DimensionFormat | None) -> str | None:
    """Return the display value of canonical dimensions (a list of {name, value}); see `dimensions.display_value`."""
    return display_value(values, layout)


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
    return each.normalize() if each != each.to_integral() else each.quantize(Decimal(1))
