"""What a sales document comes to: worked examples, and what holds for any document."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.currencies import currency_digits, minor_unit, rounded
from headrace.core.documents import Arithmetic, TaxRounding, totals
from headrace.core.errors import RejectRecord

CURRENCIES = ("USD", "EUR", "GBP", "JPY", "KWD")
RULES: tuple[TaxRounding, ...] = ("line", "line_total", "document")


def line(quantity: str, price: str, **more: str) -> dict[str, Any]:
    named = {"percent": "discount_percent", "off": "discount_amount", "tax": "tax_percent"}
    return {
        "quantity": Decimal(quantity),
        "unit_price": Decimal(price),
        **{named[name]: Decimal(value) for name, value in more.items()},
    }


def order(*lines: dict[str, Any], currency: str = "EUR", **more: Any) -> dict[str, Any]:
    return {"currency": currency, "lines": list(lines), **more}


class TestExamples:
    def test_a_line_has_its_percentage_and_then_its_amount_taken_off(self) -> None:
        found = totals(order(line("2", "1200.50", percent="10", off="0.90")))
        assert (found.gross, found.line_discount, found.amount, found.tax) == (2401, Decimal("241"), 2160, 0)
        assert found.total == found.lines[0].amount == 2160

    def test_discounts_on_the_document_are_its_percentage_and_then_its_amount(self) -> None:
        found = totals(
            order(line("1", "100"), discount_percent=Decimal(10), discount_amount={"amount": 5, "currency": "EUR"})
        )
        assert (found.discount, found.total) == (15, 85)

    def test_tax_on_top(self) -> None:
        found = totals(order(line("3", "19.99", tax="19"), line("1", "5", tax="7")))
        assert (found.amount, found.tax, found.total) == (Decimal("64.97"), Decimal("11.74"), Decimal("76.71"))

    def test_tax_inside(self) -> None:
        found = totals(order(line("1", "119", tax="19"), prices_include_tax=True))
        assert (found.amount, found.tax, found.total) == (119, 19, 119)

    def test_a_discount_off_a_total_with_tax_takes_its_share_of_the_tax(self) -> None:
        off = {"amount": Decimal("11.90"), "currency": "EUR"}
        found = totals(order(line("1", "100", tax="19"), discount_amount=off, total_includes_tax=True))
        assert (found.amount, found.tax, found.total) == (90, Decimal("17.10"), Decimal("107.10"))

    def test_a_discount_off_a_total_before_tax(self) -> None:
        off = {"amount": Decimal("10"), "currency": "EUR"}
        found = totals(order(line("1", "100", tax="19"), discount_amount=off, total_includes_tax=False))
        assert (found.amount, found.tax, found.total) == (90, Decimal("17.10"), Decimal("107.10"))

    @pytest.mark.parametrize(
        ("currency", "amount"), [("EUR", "3.71"), ("JPY", "4"), ("KWD", "3.705"), ("kwd", "3.705"), ("CLF", "3.7050")]
    )
    def test_amounts_have_the_decimals_of_the_currency(self, currency: str, amount: str) -> None:
        assert totals(order(line("3", "1.235"), currency=currency)).total == Decimal(amount)

    @pytest.mark.parametrize(("rule", "tax"), [("line", "0.02"), ("document", "0.03"), ("line_total", "0.02")])
    def test_where_tax_is_rounded(self, rule: TaxRounding, tax: str) -> None:
        """Two lines of 0.07 at 20 %: 0.014 each."""
        assert totals(order(line("1", "0.07", tax="20"), line("1", "0.07", tax="20")), Arithmetic(rule)).tax == Decimal(
            tax
        )

    def test_a_line_rounded_with_its_tax_is_not_its_parts_rounded(self) -> None:
        """10.0049 at 50 %: 10.00 + 5.00 by parts, 15.00735 as one."""
        data = order(line("1", "10.0049", tax="50"))
        assert totals(data, Arithmetic("line")).total == 15
        assert totals(data, Arithmetic("line_total")).total == Decimal("15.01")

    def test_halves(self) -> None:
        data = order(line("1", "0.125"), line("-1", "0.125"))
        assert [each.amount for each in totals(data).lines] == [Decimal("0.13"), Decimal("-0.13")]
        assert [each.amount for each in totals(data, Arithmetic(half="even")).lines] == [
            Decimal("0.12"),
            Decimal("-0.12"),
        ]

    def test_a_line_that_tells_only_its_amount(self) -> None:
        assert totals(order({"net_amount": Decimal(7)}, {"description": "a remark"})).total == 7

    @pytest.mark.parametrize(
        ("data", "says"),
        [
            ({"lines": []}, "without a currency"),
            (order({"quantity": True, "unit_price": 1}), "quantity: True is not a number"),
            (order({"quantity": 1, "unit_price": 0.5}), "unit_price: 0.5 is not a number"),
            (order({"quantity": 1, "unit_price": Decimal("NaN")}), "unit_price"),
        ],
    )
    def test_what_has_no_total(self, data: dict[str, Any], says: str) -> None:
        with pytest.raises(RejectRecord, match=says):
            totals(data)


def decimals(low: int, high: int, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(low, high, places=places, allow_nan=False, allow_infinity=False)


PERCENT = decimals(0, 100, 2)
LINES = st.fixed_dictionaries(
    {"quantity": decimals(0, 10_000, 3), "unit_price": decimals(0, 100_000, 4), "tax_percent": decimals(0, 30, 2)},
    optional={"discount_percent": PERCENT, "discount_amount": decimals(0, 50, 2)},
)
ORDERS = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(CURRENCIES),
        "lines": st.lists(LINES, min_size=1, max_size=6),
        "prices_include_tax": st.sampled_from([True, False, None]),
        "total_includes_tax": st.sampled_from([True, False, None]),
    },
    optional={"discount_percent": PERCENT},
)
ARITHMETIC = st.builds(Arithmetic, st.sampled_from(RULES), st.sampled_from(["up", "even"]))


class TestAnyDocument:
    @given(ORDERS, ARITHMETIC)
    def test_its_parts_add_up_in_whole_minor_units(self, data: dict[str, Any], arithmetic: Arithmetic) -> None:
        found = totals(data, arithmetic)
        assert found.gross - found.line_discount - found.discount == found.amount
        assert found.gross == sum(each.gross for each in found.lines)
        assert found.total == found.amount + (0 if data["prices_include_tax"] else found.tax)
        digits = currency_digits(found.currency)
        amounts = [found.amount, found.tax, found.total, *(each.amount for each in found.lines)]
        assert all(rounded(amount, digits) == amount for amount in amounts)

    @given(ORDERS, ARITHMETIC)
    def test_it_stays_near_the_exact_total(self, data: dict[str, Any], arithmetic: Arithmetic) -> None:
        """Each amount that is rounded moves the total by a minor unit at most."""
        exact = Decimal()
        for each in data["lines"]:
            amount = each["quantity"] * each["unit_price"] * (1 - each.get("discount_percent", Decimal()) / 100)
            amount -= each.get("discount_amount", Decimal())
            exact += amount * (1 if data["prices_include_tax"] else 1 + each["tax_percent"] / 100)
        exact *= 1 - data.get("discount_percent", Decimal()) / 100
        most = minor_unit(data["currency"]) * (2 * len(data["lines"]) + 2)
        assert abs(totals(data, arithmetic).total - exact) <= most

    @given(ORDERS, ARITHMETIC)
    def test_the_order_of_its_lines_does_not_matter(self, data: dict[str, Any], arithmetic: Arithmetic) -> None:
        turned = {**data, "lines": data["lines"][::-1]}
        assert totals(turned, arithmetic).total == totals(data, arithmetic).total

    @given(ORDERS, ARITHMETIC)
    def test_a_return_of_all_of_it_comes_to_the_same_below_zero(
        self, data: dict[str, Any], arithmetic: Arithmetic
    ) -> None:
        back = [
            {**each, "quantity": -each["quantity"], "discount_amount": -each.get("discount_amount", Decimal())}
            for each in data["lines"]
        ]
        assert totals({**data, "lines": back}, arithmetic).total == -totals(data, arithmetic).total
