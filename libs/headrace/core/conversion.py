"""A document in another currency: every amount in it is converted, at one rate. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from headrace.core.currencies import PRECISION, currency_digits, minor_unit, rounded
from headrace.core.documents import Arithmetic, number, totals
from headrace.core.errors import NeedsReview
from headrace.core.rates import Quote

PRICE_DIGITS = 6
"""Decimals of a converted unit price: finer than any currency, and what ERPs keep of a price."""

_MONEY = ("discount_amount", "total", "total_tax")
"""Amounts of a sales order with a currency of their own; those of its lines are in the document's."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion came from: the currency and total of the document before, and the rate.

    `total_before` and `total` are what the document's lines come to before and after, with tax.
    """

    quote: Quote
    currency_before: str
    currency: str
    total_before: Decimal
    total: Decimal

    def __str__(self) -> str:
        return f"{self.total_before} {self.currency_before} is {self.total} {self.currency} at {self.quote}"


def converted(
    data: Mapping[str, Any], quote: Quote, currency: str, arithmetic: Arithmetic
) -> tuple[dict[str, Any], Conversion]:
    """Return a canonical sales order in another currency, and what it was.

    Unit prices get six decimals, all other amounts those of the currency.

    Args:
        data: the order's data, in one currency.
        quote: the rate from its currency to the other one.
        currency: the other one.
        arithmetic: how the totals of both are rounded.

    Raises:
        NeedsReview: rounding moved the total by more than a minor unit for each amount; such a document must not be
            converted line by line.
        RejectRecord: an amount is in a third currency, or is no number.
    """
    before = totals(data, arithmetic)

    def money(value: Any, name: str) -> Any:
        if not isinstance(value, Mapping):
            return value
        own = str(value.get("currency") or before.currency).upper()
        if own != before.currency:
            raise NeedsReview("several currencies", f"{name} is in {own}, the order in {before.currency}: one of both")
        return {"amount": amount(value.get("amount"), name), "currency": currency}

    def amount(value: Any, name: str, digits: int = currency_digits(currency)) -> Any:
        return None if value is None else rounded(quote.convert(number(value, name)), digits)

    def line(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **row,
            "unit_price": amount(row.get("unit_price"), "unit_price", PRICE_DIGITS),
            "discount_amount": amount(row.get("discount_amount"), "discount_amount"),
            "net_amount": amount(row.get("net_amount"), "net_amount"),
        }

    after = {
        **data,
        **{name: money(data[name], name) for name in _MONEY if name in data},
        "currency": currency,
        "lines": [line(row) for row in data.get("lines") or ()],
    }
    conversion = Conversion(quote, before.currency, currency, before.total, totals(after, arithmetic).total)
    with localcontext(prec=PRECISION):
        drift = abs(quote.convert(before.total) - conversion.total)
        unit = minor_unit(currency) + quote.convert(minor_unit(before.currency))
        most = unit * (len(before.lines) + 1)
    if drift > most:
        detail = f"converted line by line, {conversion}; that is {drift:f} off the converted total, {most:f} is allowed"
        raise NeedsReview("conversion drifts", detail)
    return after, conversion
