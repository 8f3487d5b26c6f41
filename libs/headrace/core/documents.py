"""What a sales document comes to: amounts of its lines, discounts, tax, total. Pure.

A line's amount is quantity × unit price, less its percentage and then its amount, rounded to the currency. Discounts
on the document are taken off the sum of the lines: the percentage first, then the amount. Tax is inside of the prices
or comes on top. Two facts differ between systems and are told, never guessed:

- `Arithmetic`: at which amounts tax is rounded, and where a half goes.
- the document's `total_includes_tax`: whether its stated total, and the discount amount that is taken off it, contain
  a tax that comes on top of the prices.

Pipedrive: a line's sum is rounded once, with its tax (`line_total`); half away from zero
(https://developers.pipedrive.com/docs/api/v1/Deals#addDealProduct; rounding itself is not documented there).
Finance and Operations: a line's amount is rounded, then its tax by line or by document, as "Calculation method" of the
general ledger parameters says; half away from zero, which is its rounding rule "Normal".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any, Literal

from headrace.core.currencies import PRECISION, Half, currency_digits, rounded
from headrace.core.errors import RejectRecord

TaxRounding = Literal["line", "line_total", "document"]
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a system rounds.

    `tax`: tax is rounded for each line (`line`), once for each rate (`document`), or the line's amount with its tax is
    rounded as one (`line_total`). `half`: where a half goes.
    """

    tax: TaxRounding = "line"
    half: Half = "up"


@dataclass(frozen=True, slots=True)
class LineTotals:
    """What one line comes to, in the document's currency.

    `gross` is quantity × unit price, `discount` what the line's own discounts take off it, `amount` the rest; all with
    tax if prices include it. `tax` is the tax in the amount or on top of it, before discounts on the document.
    """

    gross: Decimal
    discount: Decimal
    amount: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """What a document comes to.

    `gross`, `line_discount`: sums of the lines'. `discount`: what discounts on the document take off. `amount`: the
    rest, with tax if prices include it. `tax`: the tax in `amount` or on top of it. `total`: what is to be paid.
    """

    currency: str
    lines: tuple[LineTotals, ...]
    gross: Decimal
    line_discount: Decimal
    discount: Decimal
    amount: Decimal
    tax: Decimal
    total: Decimal


def totals(data: Mapping[str, Any], arithmetic: Arithmetic = Arithmetic()) -> Totals:
    """Return what a canonical document comes to: an order, or an invoice.

    Args:
        data: the document's data, such as that of `schemas/canonical/sales_order.v1.avsc`. A line without price or
            quantity counts with its `net_amount`, an invoice's accounting line with its `amount`, else with nothing.
        arithmetic: how amounts are rounded.

    Raises:
        RejectRecord: the document has no currency, or an amount is no number.
    """
    currency = str(data.get("currency") or "").strip().upper()
    if not currency:
        raise RejectRecord("document without currency", "An order without a currency has no total; give it one.")
    with localcontext(prec=PRECISION):
        return _Sum(currency, data, arithmetic).totals()


class _Sum:
    """One computation, in the precision of its caller's context."""

    def __init__(self, currency: str, data: Mapping[str, Any], arithmetic: Arithmetic) -> None:
        self._currency = currency
        self._digits = currency_digits(currency)
        self._data = data
        self._tax_rounding = arithmetic.tax
        self._half: Half = arithmetic.half
        self._inclusive = data.get("prices_include_tax") is True

    def totals(self) -> Totals:
        rows: Sequence[Mapping[str, Any]] = self._data.get("lines") or ()
        rates = [number(row.get("tax_percent"), "tax_percent") / _HUNDRED for row in rows]
        lines = tuple(self._line(row, rate) for row, rate in zip(rows, rates, strict=True))
        gross = sum((line.gross for line in lines), Decimal())
        before = sum((line.amount for line in lines), Decimal())
        if self._inclusive:
            amount = self._less_discounts(before)
            tax = self._tax(lines, rates, _share(amount, before))
            total = amount
        elif self._data.get("total_includes_tax") is False:
            amount = self._less_discounts(before)
            tax = self._tax(lines, rates, _share(amount, before))
            total = amount + tax
        else:
            whole = before + self._tax(lines, rates, Decimal(1))
            total = self._less_discounts(whole)
            amount = self._less_discounts(before, _share(before, whole))
            tax = total - amount
        return Totals(self._currency, lines, gross, gross - before, before - amount, amount, tax, total)

    def _line(self, row: Mapping[str, Any], rate: Decimal) -> LineTotals:
        if row.get("quantity") is None or row.get("unit_price") is None:
            stated = next((name for name in ("net_amount", "amount") if row.get(name) is not None), "net_amount")
            whole = exact = number(row.get(stated), stated)
        else:
            whole = number(row["quantity"], "quantity") * number(row["unit_price"], "unit_price")
            percent = number(row.get("discount_percent"), "discount_percent")
            exact = whole * (1 - percent / _HUNDRED) - number(row.get("discount_amount"), "discount_amount")
        gross, amount = self._round(whole), self._round(exact)
        if self._inclusive:
            tax = amount - self._round(amount / (1 + rate))
        elif self._tax_rounding == "line_total":
            tax = self._round(exact * (1 + rate)) - amount
        else:
            tax = self._round(amount * rate)
        return LineTotals(gross, gross - amount, amount, tax)

    def _less_discounts(self, amount: Decimal, share: Decimal = Decimal(1)) -> Decimal:
        """Return what discounts on the document leave; `share` of their amount is off this one."""
        percent = number(self._data.get("discount_percent"), "discount_percent")
        money = self._data.get("discount_amount")
        off = number(money.get("amount") if isinstance(money, Mapping) else None, "discount_amount")
        return self._round(amount * (1 - percent / _HUNDRED) - off * share)

    def _tax(self, lines: Sequence[LineTotals], rates: Sequence[Decimal], share: Decimal) -> Decimal:
        """Return the tax on that share of each line which discounts on the document leave."""
        if share == 1 and self._tax_rounding != "document":
            return sum((line.tax for line in lines), Decimal())
        taxes: dict[Decimal, Decimal] = {}
        for line, rate in zip(lines, rates, strict=True):
            base = line.amount * share
            tax = base - base / (1 + rate) if self._inclusive else base * rate
            taxes[rate] = taxes.get(rate, Decimal()) + (tax if self._tax_rounding == "document" else self._round(tax))
        return sum((self._round(tax) for tax in taxes.values()), Decimal())

    def _round(self, amount: Decimal) -> Decimal:
        return rounded(amount, self._digits, self._half)


def _share(part: Decimal, whole: Decimal) -> Decimal:
    return part / whole if whole else Decimal(1)


def number(value: Any, name: str) -> Decimal:
    """Return a number of a document as Decimal; None is zero.

    Raises:
        RejectRecord: it is no finite number; the text names the field.
    """
    if value is None:
        return Decimal()
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise RejectRecord("not a number", f"{name}: {value!r} is not a number; correct it at its source")
    return Decimal(value)
