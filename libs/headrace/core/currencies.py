"""How many decimals a currency has, and how amounts are rounded to them."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from typing import Literal

Half = Literal["up", "even"]
"""Where a half goes: `up` is away from zero, as people and both systems round; `even` to the even neighbour."""

PRECISION = 120
"""Digits that arithmetic with amounts keeps: products of amounts, rates and quantities are exact."""

_ROUNDING = {"up": ROUND_HALF_UP, "even": ROUND_HALF_EVEN}
_EXCEPTIONS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_MINOR_UNITS = {code: digits for digits, codes in _EXCEPTIONS.items() for code in codes.split()}


def currency_digits(code: str) -> int:
    """Return the number of decimals of a currency (ISO 4217, list one, "minor unit"); 2 if it is not an exception."""
    return _MINOR_UNITS.get(code.upper(), 2)


def minor_unit(code: str) -> Decimal:
    """Return the smallest amount of a currency: 0.01 for EUR, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-currency_digits(code))


def rounded(amount: Decimal, digits: int, half: Half = "up") -> Decimal:
    """Return an amount with so many decimals."""
    with localcontext(prec=PRECISION):
        return amount.quantize(Decimal(1).scaleb(-digits), rounding=_ROUNDING[half])
