"""Named functions that mappings call where no verb says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from headrace.core.errors import RejectRecord

_HUNDRED = Decimal(100)
_SCALE = Decimal("0.00000001")


def transforms(config: Any = None) -> Mapping[str, Callable[..., Any]]:
    """Return the functions by name; they need nothing of the configuration."""
    del config
    return {
        "deal_discount_percent": deal_discount_percent,
        "deal_discount_amount": deal_discount_amount,
        "one_time_quantity": one_time_quantity,
        "address_street": address_street,
    }


def deal_discount_percent(discounts: Any = None) -> Decimal | None:
    """Return the percentage discounts of a deal as one, each taken off what the ones before leave; None if none.

    10 % and then 5 % are 14.5 %.
    """
    percent = _discount(discounts)[0]
    return percent.normalize() + 0 if percent else None  # + 0: 10 instead of 1E+1


def deal_discount_amount(discounts: Any = None) -> Decimal | None:
    """Return what a deal's discounts take off beside their percentages, in the deal's currency; None if nothing.

    An amount that stands before a percentage is reduced by it, since canonical orders take the percentage off first.
    """
    amount = _discount(discounts)[1]
    return amount.normalize() + 0 if amount else None


def one_time_quantity(quantity: Any = None, frequency: Any = None, name: Any = None) -> Any:
    """Return the quantity of a line that is billed once.

    Args:
        quantity: quantity of the line.
        frequency: its `billing_frequency`; None is "one-time".
        name: the product's name, for people.

    Raises:
        RejectRecord: the line is billed again and again, which an order does not say.
    """
    if frequency in (None, "one-time"):
        return quantity
    raise RejectRecord(
        "recurring line",
        f'"{name}" is billed {frequency}; an order bills once. Make it a one-time product, or bill it by hand.',
    )


def address_street(address: Any = None) -> str | None:
    """Return street and number of an address, else the first part as typed; Pipedrive splits later or never."""
    if not isinstance(address, Mapping):
        return None
    parts = [str(address[name]) for name in ("route", "street_number") if address.get(name)]
    if not address.get("route"):
        return str(address.get("value") or "").partition(",")[0].strip() or None
    floor = address.get("subpremise")
    return " ".join(parts) + (f"\n{floor}" if floor else "")


def _discount(discounts: Any) -> tuple[Decimal, Decimal]:
    """Return all discounts as one percentage and one amount, taken off in this order; exact to eight decimals."""
    left, off = Decimal(1), Decimal()
    for item in discounts or ():
        value = Decimal(item.get("amount") or 0)
        if item.get("type") == "percentage":
            left *= 1 - value / _HUNDRED
            off *= 1 - value / _HUNDRED
        elif item.get("type") == "amount":
            off += value
        else:
            raise RejectRecord(
                "unknown discount", f"a discount of the deal is {item.get('type')!r}, not an amount or percentage"
            )
    return ((1 - left) * _HUNDRED).quantize(_SCALE), off.quantize(_SCALE)
