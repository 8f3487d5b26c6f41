"""What an order comes to, as the "Totals" of a sales order show it: lines, total discount, sales tax.

Where the documentation is silent this is the classic behaviour: the total discount is the percentage of the sum of the
lines, rounded, and the amount; tax is computed for each line on what the total discount leaves, and rounded. Rates are
a setting of the sandbox, by item sales tax group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from headrace.core.currencies import currency_digits
from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo.values import to_decimal

_HUNDRED = Decimal(100)


def to_currency(amount: Decimal, currency: str) -> Decimal:
    """Return an amount rounded as the currency's rounding rule says: half away from zero."""
    return amount.quantize(Decimal(1).scaleb(-currency_digits(currency)), ROUND_HALF_UP)


def order_totals(order: Record, lines: Sequence[Record], rates: Mapping[str, Decimal]) -> dict[str, Any]:
    """Return the total fields of an order's header."""
    currency = str(order.data.get("CurrencyCode", ""))
    inclusive = order.data.get("ArePricesIncludingSalesTax") == "Yes"
    amounts = [_field(line, "LineAmount") for line in lines]
    before = sum(amounts, Decimal())
    percent = _field(order, "TotalDiscountPercentage") / _HUNDRED
    discount = to_currency(before * percent, currency) + _field(order, "TotalDiscountAmount")
    tax = Decimal()
    for line, amount in zip(lines, amounts, strict=True):
        rate = rates.get(str(line.data.get("SalesTaxItemGroupCode", "")), Decimal()) / _HUNDRED
        base = amount - (amount * discount / before if before else Decimal())
        tax += to_currency(base * rate / (1 + rate) if inclusive else base * rate, currency)
    return {
        "OrderTotalAmount": before - discount + (Decimal() if inclusive else tax),
        "OrderTotalTaxAmount": tax,
        "OrderTotalDiscountAmount": discount,
        "AreTotalsCalculated": "Yes",
    }


def _field(record: Record, name: str) -> Decimal:
    return to_decimal(record.data.get(name, 0))
