"""Amounts of orders as Finance and Operations computes them, and discounts in the form that it can hold.

A line's amount is quantity × (price − discount amount per unit) × (1 − discount percentage), rounded; the order's
total discount is rounded and taken off their sum; tax is rounded by line. Halves go away from zero, the rounding rule
"Normal". Source: Microsoft, "Discounts" of Supply Chain Management and the classic behaviour of sales totals; that the
OData entities compute alike is not documented, so a total is compared before an order is sent (`checks:`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Any

from headrace.core.currencies import PRECISION, currency_digits, rounded
from headrace.core.documents import Arithmetic, TaxRounding, number, totals
from headrace.core.errors import NeedsReview, RejectRecord

DIGITS = 6
"""Decimals in which amounts and percentages are stored."""
_HUNDRED = Decimal(100)
_ZERO = Decimal()


def line_discount(
    quantity: Any = None, price: Any = None, percent: Any = None, amount: Any = None, currency: Any = None
) -> tuple[Decimal, Decimal]:
    """Return a line's discount as (percentage, amount per unit), so that its amount comes out to the cent.

    A percentage stays one. An amount for the whole line becomes one per unit, else a percentage.

    Args:
        quantity: quantity of the line; None counts as one.
        price: price of one unit before discounts.
        percent: discount in percent, taken off first.
        amount: discount for the whole line, taken off then.
        currency: the document's, for its decimals.

    Raises:
        RejectRecord: the quantity or price is zero, or no form gives the line's amount in six decimals.
    """
    share, whole = number(percent, "discount_percent"), number(amount, "discount_amount")
    if not whole:
        return share, _ZERO
    units, each = Decimal(1) if quantity is None else number(quantity, "quantity"), number(price, "unit_price")
    digits = currency_digits(str(currency or ""))
    if not units:
        detail = f"A discount of {whole} on a quantity of zero cannot be written."
        raise RejectRecord("discount without quantity", detail)
    with localcontext(prec=PRECISION):
        gross = units * each
        wanted = rounded(gross * (1 - share / _HUNDRED) - whole, digits)
        forms = []
        if share != _HUNDRED:
            # F&O takes the amount off before the percentage: it must be larger by what the percentage takes of it.
            forms.append((share, rounded(whole / (1 - share / _HUNDRED) / units, DIGITS)))
        if gross:
            forms.append((rounded(share + whole / gross * _HUNDRED, DIGITS), _ZERO))
        for form in forms:
            if line_amount(units, each, *form, digits) == wanted:
                return plain(form[0]), plain(form[1])
    raise RejectRecord(
        "discount cannot be written",
        f"A discount of {whole} on {units} units is neither an amount per unit nor a percentage with six decimals. "
        "Give it as a percentage, or change the quantity.",
    )


def line_amount(quantity: Decimal, price: Decimal, percent: Decimal, per_unit: Decimal, digits: int) -> Decimal:
    """Return a line's amount as F&O computes it, for a price quantity of one."""
    with localcontext(prec=PRECISION):
        return rounded(quantity * (price - per_unit) * (1 - percent / _HUNDRED), digits)


def total_discount(
    lines: Any = None,
    currency: Any = None,
    percent: Any = None,
    amount: Any = None,
    prices_include_tax: Any = None,
    total_includes_tax: Any = None,
    tax_rounding: TaxRounding = "line",
) -> tuple[Decimal, Decimal]:
    """Return the discount on a canonical order as (percentage, amount); one of both is zero.

    A percentage stays one if F&O comes to the same amount with it; everything else becomes the amount that it takes
    off the lines. All but the last are the order's fields, `percent` and `amount` its discount. `tax_rounding` is how
    its source rounds tax (`headrace.core.documents`): that counts where the discount is off a total with tax.

    Raises:
        RejectRecord: the order has no currency, or an amount is no number.
    """
    share, off = number(percent, "discount_percent"), number(amount, "discount_amount")
    if not share and not off:
        return _ZERO, _ZERO
    order = {
        "lines": lines,
        "currency": currency,
        "discount_percent": share,
        "discount_amount": {"amount": off},
        "prices_include_tax": prices_include_tax,
        "total_includes_tax": total_includes_tax,
    }
    found = totals(order, Arithmetic(tax_rounding))
    with localcontext(prec=PRECISION):
        taken = rounded((found.amount + found.discount) * share / _HUNDRED, currency_digits(found.currency))
        if not off and rounded(share, DIGITS) == share and taken == found.discount:
            return plain(share), _ZERO
    return _ZERO, plain(found.discount)


def order_total(
    header: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], digits: int, rates: Mapping[str, Decimal]
) -> tuple[Decimal, Decimal | None]:
    """Return what F&O will make of an order: the amount after discounts, and its tax.

    Args:
        header: fields of `SalesOrderHeadersV2`.
        lines: fields of `SalesOrderLines`.
        digits: decimals of the currency.
        rates: tax in percent by item sales tax group; empty leaves tax uncomputed.

    Returns:
        The amount, with tax if prices include it; and the tax in it or on top of it, None without `rates`.

    Raises:
        NeedsReview: a line has an item sales tax group whose rate is not given.
    """
    inclusive = header.get("ArePricesIncludingSalesTax") is True
    with localcontext(prec=PRECISION):
        amounts = [_stated(line, digits) for line in lines]
        before = sum(amounts, _ZERO)
        percent = number(header.get("TotalDiscountPercentage"), "TotalDiscountPercentage")
        off = rounded(before * percent / _HUNDRED, digits)
        off += number(header.get("TotalDiscountAmount"), "TotalDiscountAmount")
        amount = before - off
        if not rates:
            return amount, None
        share = amount / before if before else Decimal(1)
        tax = _ZERO
        for line, own in zip(lines, amounts, strict=True):
            rate, base = _rate(line, rates), own * share
            tax += rounded(base - base / (1 + rate) if inclusive else base * rate, digits)
    return amount, tax


def purchase_total(
    header: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], digits: int, rates: Mapping[str, Decimal]
) -> tuple[Decimal, None]:
    """Return what F&O will make of a purchase order before tax; its tax is not computed.

    Args:
        header: fields of `PurchaseOrderHeadersV2`.
        lines: fields of `PurchaseOrderLinesV2`, priced for a quantity of one.
        digits: decimals of the currency.
        rates: not used.
    """
    names = {"SalesPrice": "PurchasePrice", "OrderedSalesQuantity": "OrderedPurchaseQuantity"}
    renamed = [{**line, **{ours: line.get(theirs) for ours, theirs in names.items()}} for line in lines]
    return order_total({**header, "ArePricesIncludingSalesTax": False}, renamed, digits, {})[0], None


def free_text_total(
    header: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], digits: int, rates: Mapping[str, Decimal]
) -> tuple[Decimal, Decimal]:
    """Return what F&O will make of a free text invoice: the amount of its lines, and the tax on top of them.

    Args:
        header: fields of `CDSFreeTextInvoiceHeaders`.
        lines: fields of `CDSFreeTextInvoiceLines`; one without an item sales tax group bears no tax.
        digits: decimals of the currency.
        rates: tax in percent by item sales tax group.
    """
    amount = tax = _ZERO
    with localcontext(prec=PRECISION):
        for line in lines:
            own = number(line.get("TransactionCurrencyAmount"), "TransactionCurrencyAmount")
            rate = rates.get(str(line.get("SalesTaxItemGroupId") or ""), _ZERO) / _HUNDRED
            amount, tax = amount + own, tax + rounded(own * rate, digits)
    return amount, tax


def lines_total(lines: Any = None, currency: Any = None) -> Decimal | None:
    """Return what the lines of a canonical document come to before tax, None if it has none.

    Raises:
        RejectRecord: the document has no currency, or an amount is no number.
    """
    return plain(totals({"lines": lines, "currency": currency}).amount) if lines else None


def _stated(line: Mapping[str, Any], digits: int) -> Decimal:
    def stored(name: str) -> Decimal:
        return rounded(number(line.get(name), name), DIGITS)

    return line_amount(
        stored("OrderedSalesQuantity"),
        stored("SalesPrice"),
        stored("LineDiscountPercentage"),
        stored("LineDiscountAmount"),
        digits,
    )


def _rate(line: Mapping[str, Any], rates: Mapping[str, Decimal]) -> Decimal:
    group = str(line.get("SalesTaxItemGroupCode") or "")
    if group not in rates:
        named = f"item sales tax group {group}" if group else "no item sales tax group"
        detail = (
            f"line {line.get('OrderLineReference')} has {named}, whose rate the mapping does not tell; add it there"
        )
        raise NeedsReview("tax not known", detail)
    return rates[group] / _HUNDRED


def plain(value: Decimal) -> Decimal:
    """Return a number without zeros at its end and without an exponent."""
    return value.quantize(Decimal(1)) if value == value.to_integral() else value.normalize()
