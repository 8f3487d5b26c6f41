"""Exchange rates: what one currency costs in another, from which day on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from headrace.core.currencies import PRECISION
from headrace.core.ids import mint_canonical_id

ENTITY = "exchange_rate"


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """`units` of `from_currency` cost `rate` of `to_currency`, from `valid_from` to `valid_to` (both included).

    `rate_type` tells rates for different ends apart ("Default", "Budget"); None in `valid_to` means open.
    """

    rate_type: str
    from_currency: str
    to_currency: str
    rate: Decimal
    units: Decimal
    valid_from: date
    valid_to: date | None = None


@dataclass(frozen=True, slots=True)
class Quote:
    """A rate that was found for a conversion; `reciprocal` if it is quoted the other way round."""

    rate: ExchangeRate
    reciprocal: bool = False

    def convert(self, amount: Decimal) -> Decimal:
        """Return an amount in the other currency, not rounded."""
        with localcontext(prec=PRECISION):
            if self.reciprocal:
                return amount * self.rate.units / self.rate.rate
            return amount * self.rate.rate / self.rate.units

    def __str__(self) -> str:
        rate = self.rate
        return (
            f"{_plain(rate.units)} {rate.from_currency} = {_plain(rate.rate)} {rate.to_currency} "
            f"({rate.rate_type}, from {rate.valid_from.isoformat()})"
        )


class RateBook:
    """Every rate that is known, each under a key of its own, such as its canonical id."""

    def __init__(self) -> None:
        self._rates: dict[str, ExchangeRate] = {}
        self._by_pair: dict[tuple[str, str, str], dict[str, ExchangeRate]] = {}

    def put(self, key: str, rate: ExchangeRate) -> None:
        """Add a rate, or replace the one under this key."""
        self.remove(key)
        self._rates[key] = rate
        self._by_pair.setdefault(_pair(rate.rate_type, rate.from_currency, rate.to_currency), {})[key] = rate

    def remove(self, key: str) -> None:
        """Forget the rate under this key, if there is one."""
        rate = self._rates.pop(key, None)
        if rate is not None:
            del self._by_pair[_pair(rate.rate_type, rate.from_currency, rate.to_currency)][key]

    def find(self, rate_type: str, from_currency: str, to_currency: str, on: date) -> Quote | None:
        """Return the rate of a day: the pair as it is quoted, else the reciprocal of the pair the other way round.

        The youngest of several counts. F&O needs a pair in one direction only and takes the reciprocal for the other:
        https://learn.microsoft.com/dynamics365/finance/general-ledger/currency-exchange-rates
        """
        for pair, reciprocal in (((from_currency, to_currency), False), ((to_currency, from_currency), True)):
            valid = [
                rate
                for rate in self._by_pair.get(_pair(rate_type, *pair), {}).values()
                if rate.valid_from <= on and (rate.valid_to is None or on <= rate.valid_to) and rate.rate and rate.units
            ]
            if valid:
                return Quote(max(valid, key=lambda rate: rate.valid_from), reciprocal)
        return None


def rate_id(rate_type: str, currency: str, other: str) -> str:
    """Return the id under which work waits for a rate between two currencies, whichever way it is quoted."""
    first, second = sorted((currency.upper(), other.upper()))
    return mint_canonical_id("*", ENTITY, f"{rate_type.casefold()}:{first}/{second}")


def _pair(rate_type: str, from_currency: str, to_currency: str) -> tuple[str, str, str]:
    return rate_type.casefold(), from_currency.upper(), to_currency.upper()


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
