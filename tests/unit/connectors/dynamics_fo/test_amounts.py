"""Discounts in the form that F&O can hold, and what F&O makes of an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.dynamics_fo.amounts import (
    free_text_total,
    line_amount,
    line_discount,
    lines_total,
    order_total,
    purchase_total,
    total_discount,
)
from headrace.connectors.dynamics_fo.transforms import rate_units, transforms
from headrace.core.currencies import currency_digits, rounded
from headrace.core.documents import totals
from headrace.core.errors import NeedsReview, RejectRecord


def written(percent: str | None = None, amount: str | None = None, **line: str) -> tuple[Decimal, Decimal]:
    given = {"quantity": "1", "price": "100", "currency": "EUR", **line}
    return line_discount(
        Decimal(given["quantity"]),
        Decimal(given["price"]),
        None if percent is None else Decimal(percent),
        None if amount is None else Decimal(amount),
        given["currency"],
    )


class TestLineDiscount:
    @pytest.mark.parametrize(
        ("given", "percent", "per_unit"),
        [
            ({}, "0", "0"),
            ({"percent": "12.5"}, "12.5", "0"),
            ({"amount": "0"}, "0", "0"),
            ({"amount": "10", "quantity": "4"}, "0", "2.5"),
            ({"amount": "10", "quantity": "3"}, "0", "3.333333"),
            ({"amount": "20", "quantity": "2"}, "0", "10"),
            ({"amount": "10", "quantity": "-4"}, "0", "-2.5"),
            ({"amount": "9", "percent": "10"}, "10", "10"),
            ({"amount": "10.01", "quantity": "300000", "price": "1.07"}, "0.003118", "0"),
        ],
    )
    def test_form(self, given: dict[str, str], percent: str, per_unit: str) -> None:
        found = written(**given)
        assert found == (Decimal(percent), Decimal(per_unit))
        assert not any("E" in str(value) for value in found)

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            ({"amount": "10", "quantity": "0"}, "discount without quantity"),
            ({"amount": "10", "price": "0", "quantity": "300000000"}, "discount cannot be written"),
            ({"amount": "3333333.33", "quantity": "70000000"}, "discount cannot be written"),
        ],
    )
    def test_what_cannot_be_said_is_rejected(self, given: dict[str, str], reason: str) -> None:
        with pytest.raises(RejectRecord) as caught:
            written(**given)
        assert caught.value.reason == reason

    @given(
        st.integers(1, 5000).map(Decimal),
        st.decimals("0.01", "10000", places=4),
        st.decimals(0, 99, places=2),
        st.decimals("0.01", "500", places=2),
        st.sampled_from(["EUR", "JPY", "KWD"]),
    )
    def test_the_line_comes_to_the_same_to_the_cent(
        self, quantity: Decimal, price: Decimal, percent: Decimal, amount: Decimal, currency: str
    ) -> None:
        line = {"quantity": quantity, "unit_price": price, "discount_percent": percent, "discount_amount": amount}
        try:
            form = line_discount(quantity, price, percent, amount, currency)
        except RejectRecord:
            return  # no form with six decimals; such an order waits for a human
        digits = currency_digits(currency)
        assert all(rounded(value, 6) == value for value in form)
        assert line_amount(quantity, price, *form, digits) == totals({"currency": currency, "lines": [line]}).amount


def lines(*rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [
        {"quantity": Decimal(quantity), "unit_price": Decimal(price), "tax_percent": Decimal(tax)}
        for quantity, price, tax in rows
    ]


class TestTotalDiscount:
    @pytest.mark.parametrize(
        ("given", "percent", "amount"),
        [
            ({}, "0", "0"),
            ({"percent": Decimal(10)}, "10", "0"),
            ({"amount": Decimal("7.50")}, "0", "7.5"),
            ({"percent": Decimal("14.5"), "amount": Decimal("7.50")}, "0", "22"),
            ({"percent": Decimal("14.1234567")}, "0", "14.12"),
            ({"amount": Decimal("11.90"), "lines": lines(("1", "100", "19")), "total_includes_tax": True}, "0", "10"),
            ({"amount": Decimal("11.90"), "lines": lines(("1", "119", "19")), "prices_include_tax": True}, "0", "11.9"),
        ],
    )
    def test_form(self, given: dict[str, Any], percent: str, amount: str) -> None:
        found = total_discount(**{"lines": lines(("1", "100", "0")), "currency": "EUR", **given})
        assert found == (Decimal(percent), Decimal(amount))

    def test_a_half_cent_becomes_an_amount(self) -> None:
        """5 % of 7750 yen are 387.5: F&O would take 388 off and come to 7362, the source came to 7363."""
        assert total_discount(lines(("1", "7750", "0")), "JPY", Decimal(5)) == (0, 387)


HEADER = {"ArePricesIncludingSalesTax": False, "TotalDiscountPercentage": Decimal(10), "TotalDiscountAmount": 0}
LINES = [
    {"OrderedSalesQuantity": Decimal(3), "SalesPrice": Decimal("19.99"), "SalesTaxItemGroupCode": "FULL"},
    {
        "OrderedSalesQuantity": Decimal(2),
        "SalesPrice": Decimal("10"),
        "LineDiscountAmount": Decimal("0.5"),
        "LineDiscountPercentage": Decimal(50),
        "SalesTaxItemGroupCode": "RED",
    },
]
RATES = {"FULL": Decimal(19), "RED": Decimal(7)}


class TestOrderTotal:
    def test_before_tax(self) -> None:
        """59.97 + 2 × 9.50 × 50 % = 69.47, less 6.95."""
        assert order_total(HEADER, LINES, 2, {}) == (Decimal("62.52"), None)

    def test_with_tax_by_group(self) -> None:
        amount, tax = order_total(HEADER, LINES, 2, RATES)
        assert (amount, tax) == (Decimal("62.52"), Decimal("10.25") + Decimal("0.60"))

    def test_prices_with_tax(self) -> None:
        header = {"ArePricesIncludingSalesTax": True}
        assert order_total(header, [{**LINES[0], "SalesPrice": Decimal("119")}], 2, RATES) == (357, 57)

    def test_a_group_without_a_rate_is_for_a_human(self) -> None:
        with pytest.raises(NeedsReview, match="line 7 has no item sales tax group"):
            order_total({}, [{"OrderedSalesQuantity": 1, "SalesPrice": 1, "OrderLineReference": "7"}], 2, RATES)

    def test_prices_are_stored_with_six_decimals(self) -> None:
        line = {"OrderedSalesQuantity": Decimal(100_000), "SalesPrice": Decimal("0.0000004")}
        assert order_total({}, [line], 2, {}) == (0, None)


def test_units_of_a_rate() -> None:
    assert [rate_units(each) for each in ("One", "Hundred", "TenThousand", None)] == [1, 100, 10_000, None]
    with pytest.raises(RejectRecord, match="ConversionFactor is 'Dozen'"):
        rate_units("Dozen")


def test_the_functions_have_names_for_mappings() -> None:
    names = {"line_discount_percent", "line_discount_per_unit", "total_discount_percent", "total_discount_amount"}
    found = transforms()
    assert set(found) >= names
    line = {"quantity": Decimal(4), "price": Decimal(40), "percent": None, "amount": Decimal(10), "currency": "EUR"}
    assert found["line_discount_per_unit"](**line) == Decimal("2.5")
    assert found["line_discount_percent"](**line) == 0
    order = {"lines": lines(("1", "100", "0")), "currency": "EUR", "percent": Decimal(5), "amount": None}
    assert (found["total_discount_percent"](**order), found["total_discount_amount"](**order)) == (5, 0)


class TestPurchaseTotal:
    HEADER: ClassVar = {"TotalDiscountPercentage": 0}

    def line(self, quantity: str, price: str, percent: str = "0", each: str = "0") -> dict[str, Any]:
        names = ("OrderedPurchaseQuantity", "PurchasePrice", "LineDiscountPercentage", "LineDiscountAmount")
        return dict(zip(names, map(Decimal, (quantity, price, percent, each)), strict=True))

    def test_quantity_price_and_discounts(self) -> None:
        lines = [self.line("4", "12.5", "10"), self.line("2", "60", each="2.75"), self.line("-1", "0.005")]
        assert purchase_total(self.HEADER, lines, 2, {}) == (Decimal("159.49"), None)

    def test_a_discount_of_the_header_counts(self) -> None:
        header = {"TotalDiscountPercentage": Decimal("2.5")}
        assert purchase_total(header, [self.line("1", "99.99")], 2, {}) == (Decimal("97.49"), None)


class TestFreeTextTotal:
    def line(self, amount: str, group: str | None = None) -> dict[str, Any]:
        return {"TransactionCurrencyAmount": Decimal(amount), "SalesTaxItemGroupId": group}

    def test_tax_is_on_top_of_lines_with_a_group(self) -> None:
        lines = [self.line("100.10", "FULL"), self.line("-0.10", "FULL"), self.line("50")]
        assert free_text_total({}, lines, 2, {"FULL": Decimal("8.25")}) == (Decimal("150.00"), Decimal("8.25"))

    def test_without_groups_there_is_no_tax(self) -> None:
        assert free_text_total({}, [self.line("100")], 2, {}) == (Decimal(100), Decimal(0))


def test_what_lines_come_to_before_tax() -> None:
    bought = {"quantity": Decimal(3), "unit_price": Decimal("0.335"), "tax_percent": Decimal(19)}
    assert lines_total([bought, {"net_amount": Decimal("2.5")}], "EUR") == Decimal("3.51")
    assert lines_total([{"amount": Decimal("-7.25")}, {"amount": Decimal(7)}], "USD") == Decimal("-0.25")
    assert lines_total([], "USD") is None
    with pytest.raises(RejectRecord):
        lines_total([{"amount": Decimal(1)}], None)
