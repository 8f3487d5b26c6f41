"""Named functions that mappings call where no verb says it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

_HUNDRED = Decimal(100)
_SCALE = Decimal("0.000001")


def transforms(config: Any = None) -> Mapping[str, Callable[..., Any]]:
    """Return the functions by name; they need nothing of the configuration."""
    del config
    return {
        "deal_discount_percent": deal_discount_percent,
        "deal_discount_amount": deal_discount_amount,
        "address_street": address_street,
    }


def deal_discount_percent(discounts: Any = None) -> Decimal | None:
    """Return the percentage discounts of a deal as one, each taken off what the ones before leave; None if none.

    10 % and then 5 % are 14.5 %.
    """
    left = Decimal(1)
    for amount in _amounts(discounts, "percentage"):
        left *= 1 - amount / _HUNDRED
    percent = ((1 - left) * _HUNDRED).quantize(_SCALE)
    return percent.normalize() + 0 if percent else None  # + 0: 10 instead of 1E+1


def deal_discount_amount(discounts: Any = None) -> Decimal | None:
    """Return the sum of a deal's discounts that are amounts, in the deal's currency; None if there are none."""
    total = sum(_amounts(discounts, "amount"), Decimal())
    return total or None


def address_street(address: Any = None) -> str | None:
    """Return street and number of an address, else the first part as typed; Pipedrive splits later or never."""
    if not isinstance(address, Mapping):
        return None
    parts = [str(address[name]) for name in ("route", "street_number") if address.get(name)]
    if not address.get("route"):
        return str(address.get("value") or "").partition(",")[0].strip() or None
    floor = address.get("subpremise")
    return " ".join(parts) + (f"\n{floor}" if floor else "")


def _amounts(discounts: Any, kind: str) -> Iterable[Decimal]:
    return [Decimal(item["amount"]) for item in discounts or () if item.get("type") == kind and item.get("amount")]
