"""Exchange rates, and documents in another currency."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.conversion import converted
from headrace.core.currencies import rounded
from headrace.core.documents import Arithmetic, totals
from headrace.core.errors import NeedsReview
from headrace.core.rates import ExchangeRate, Quote, RateBook, rate_id


def rate(
    value: str, units: int = 100, *, of: str = "EUR", to: str = "USD", day: int = 1, until: int = 0
) -> ExchangeRate:
    last = date(2026, 11, until) if until else None
    return ExchangeRate("Default", of, to, Decimal(value), Decimal(units), date(2026, 11, day), last)


class TestRates:
    def test_the_youngest_that_is_valid_on_the_day(self) -> None:
        book = RateBook()
        for key, each in {"a": rate("108"), "b": rate("109", day=10), "c": rate("110", day=20)}.items():
            book.put(key, each)
        assert [str(book.find("Default", "EUR", "USD", date(2026, 11, day))) for day in (1, 9, 10, 30)] == [
            "100 EUR = 108 USD (Default, from 2026-11-01)",
            "100 EUR = 108 USD (Default, from 2026-11-01)",
            "100 EUR = 109 USD (Default, from 2026-11-10)",
            "100 EUR = 110 USD (Default, from 2026-11-20)",
        ]

    def test_none_before_the_first_day_after_the_last_or_of_another_type(self) -> None:
        book = RateBook()
        book.put("a", rate("108", day=5, until=7))
        found = [book.find("Default", "EUR", "USD", date(2026, 11, day)) is not None for day in (4, 5, 7, 8)]
        assert found == [False, True, True, False]
        assert book.find("Budget", "EUR", "USD", date(2026, 11, 5)) is None

    def test_the_reciprocal_counts_where_the_pair_is_not_quoted(self) -> None:
        book = RateBook()
        book.put("a", rate("125", of="GBP"))
        quote = book.find("default", "usd", "gbp", date(2026, 11, 5))
        assert quote is not None
        assert quote.convert(Decimal(10)) == 8
        book.put("b", rate("81", of="USD", to="GBP"))
        direct = book.find("Default", "USD", "GBP", date(2026, 11, 5))
        assert direct is not None
        assert direct.convert(Decimal(10)) == Decimal("8.1")

    def test_a_rate_that_is_put_again_or_removed_is_gone(self) -> None:
        book, day = RateBook(), date(2026, 11, 5)
        book.put("a", rate("108"))
        book.put("a", rate("0.9", of="USD", to="GBP"))
        assert book.find("Default", "EUR", "USD", day) is None
        book.remove("a")
        book.remove("a")
        assert book.find("Default", "USD", "GBP", day) is None

    def test_both_directions_have_one_name(self) -> None:
        assert rate_id("Default", "EUR", "USD") == rate_id("default", "usd", "eur") != rate_id("Budget", "EUR", "USD")


def order(**more: Any) -> dict[str, Any]:
    lines = [
        {"line_id": "1", "quantity": Decimal(3), "unit_price": Decimal("19.99"), "discount_amount": Decimal("1.50")}
    ]
    total = {"amount": Decimal("58.47"), "currency": "EUR"}
    return {"currency": "eur", "lines": lines, "total": total, "reference": "crm/deal/7", **more}


class TestConversion:
    def test_every_amount_is_converted_and_nothing_else(self) -> None:
        data, about = converted(order(), Quote(rate("108.34")), "USD", Arithmetic())
        assert data == {
            "currency": "USD",
            "reference": "crm/deal/7",
            "lines": [
                {
                    "line_id": "1",
                    "quantity": 3,
                    "unit_price": Decimal("21.657166"),
                    "discount_amount": Decimal("1.63"),
                    "net_amount": None,
                }
            ],
            "total": {"amount": Decimal("63.35"), "currency": "USD"},
        }
        assert (about.currency_before, about.total_before, about.total) == ("EUR", Decimal("58.47"), Decimal("63.34"))
        assert str(about) == "58.47 EUR is 63.34 USD at 100 EUR = 108.34 USD (Default, from 2026-11-01)"

    def test_yen_have_no_decimals(self) -> None:
        data, _ = converted(order(), Quote(rate("0.61", 1, of="JPY", to="EUR"), reciprocal=True), "JPY", Arithmetic())
        assert data["lines"][0]["discount_amount"] == 2
        assert data["total"]["amount"] == 96

    def test_an_amount_in_a_third_currency_is_for_a_human(self) -> None:
        strange = {"amount": Decimal(1), "currency": "GBP"}
        with pytest.raises(NeedsReview, match="total is in GBP"):
            converted(order(total=strange), Quote(rate("108.34")), "USD", Arithmetic())

    def test_many_small_prices_are_not_converted_one_by_one(self) -> None:
        lines = [{"quantity": Decimal(10_000_000), "unit_price": Decimal("0.0000014")}]
        with pytest.raises(NeedsReview, match="conversion drifts"):
            converted(order(lines=lines, total=None), Quote(rate("108.34")), "USD", Arithmetic())

    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "quantity": st.integers(1, 500).map(Decimal),
                    "unit_price": st.decimals(0, 10_000, places=2),
                    "discount_percent": st.decimals(0, 100, places=2),
                }
            ),
            min_size=1,
            max_size=5,
        ),
        st.decimals("0.01", "500", places=4),
        st.sampled_from(["USD", "JPY", "KWD"]),
    )
    def test_the_total_is_the_converted_one_but_for_rounding(
        self, lines: list[dict[str, Any]], value: Decimal, to: str
    ) -> None:
        quote = Quote(ExchangeRate("Default", "EUR", to, value, Decimal(100), date(2026, 1, 1)))
        data, about = converted({"currency": "EUR", "lines": lines}, quote, to, Arithmetic())
        assert about.total == totals(data).total == rounded(about.total, {"JPY": 0, "KWD": 3}.get(to, 2))
