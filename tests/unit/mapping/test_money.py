"""Checks of totals before anything is sent, and documents that go out in another currency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headrace.core.errors import ConfigurationError, NeedsReview, RejectRecord
from headrace.core.event import Change
from headrace.core.rates import ExchangeRate, RateBook, rate_id
from headrace.mapping import OutMapping, Plan, map_out, parse
from tests.unit.mapping.cases_support import Out, event

TEXT = """
direction: out
system: dynamics_fo
entity: sales_order
version: 1
{parts}
steps:
  - step: header
    object: Orders
    marker: [Reference]
    fields:
      Reference: {{copy: reference}}
      Currency: {{copy: currency}}
      Note: {{conversion: words}}
      Was: {{conversion: total}}
      In: {{conversion: currency}}
  - step: line
    each: lines
    id: {{copy: line_id}}
    object: Lines
    marker: [Key]
    fields:
      Key: {{copy: line_id}}
      Price: {{copy: unit_price}}
      Quantity: {{copy: quantity}}
      Group: {{lookup: {{table: groups, key: {{copy: tax_percent}}}}}}
tables:
  groups: {{0: NONE, 19: FULL}}
"""
STATED = "checks: {stated_total: {}}"
TARGET = "checks: {target_total: {transform: order_total, header: header, lines: line}}"
CONVERT = "convert: {to: {const: USD}, rate_type: {const: Default}, on: {copy: ordered_on}}"


def document(*parts: str) -> OutMapping:
    found = parse(TEXT.format(parts="\n".join(parts)))
    assert isinstance(found, OutMapping)
    return found


def order(total: str | None = "11.90", **more: Any) -> dict[str, Any]:
    row = {"line_id": "1", "quantity": Decimal(2), "unit_price": Decimal(5), "tax_percent": Decimal(19)}
    stated = None if total is None else {"amount": Decimal(total), "currency": "EUR"}
    return {"reference": "r-1", "currency": "EUR", "total": stated, "lines": [row], "ordered_on": TODAY, **more}


TODAY = date(2026, 11, 21)


def planned(found: OutMapping, data: dict[str, Any], context: Out | None = None, **total: Any) -> Plan:
    def order_total(
        header: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], digits: int, rates: Mapping[str, Decimal]
    ) -> tuple[Decimal, Decimal | None]:
        assert header["Currency"] == data["currency"]
        amount = sum((each["Price"] * each["Quantity"] for each in lines), Decimal()) + total.get("more", 0)
        taxes = [each["Price"] * each["Quantity"] * rates[each["Group"]] / 100 for each in lines if rates]
        return round(amount, digits), round(sum(taxes, Decimal()), digits) if rates else None

    plan = map_out(found, event(data, asserted=tuple(data)), context or Out(), {"order_total": order_total})
    assert isinstance(plan, Plan)
    return plan


class TestStatedTotal:
    def test_a_total_that_the_lines_come_to_passes(self) -> None:
        assert len(planned(document(STATED), order()).steps) == 2
        assert planned(document(STATED), order("10", total_includes_tax=False)).steps

    def test_a_total_that_differs_by_a_cent_is_for_a_human(self) -> None:
        with pytest.raises(NeedsReview) as caught:
            planned(document(STATED), order("11.91"))
        assert caught.value.reason == "total differs"
        assert caught.value.differences == {"total": ("11.91 EUR", "11.90 EUR")}
        assert "checks.stated_total" in caught.value.detail
        assert "order r-1 states a total of 11.91 EUR with tax, its lines (1) come to 11.90 EUR" in caught.value.detail

    def test_the_tax_is_compared_where_it_is_stated(self) -> None:
        tax = {"amount": Decimal("1.91"), "currency": "EUR"}
        with pytest.raises(NeedsReview, match=r"total_tax of 1.91 EUR, its lines \(1\) come to 1.90 EUR"):
            planned(document(STATED), order(total_tax=tax))

    @pytest.mark.parametrize(
        ("stated", "passes"),
        [
            ({"total": "10.00"}, True),
            ({"total": "11.90"}, False),
            ({"total": None, "subtotal": "10.00"}, True),
            ({"total": None, "subtotal": "10.01"}, False),
        ],
    )
    def test_a_total_without_tax(self, stated: dict[str, str | None], passes: bool) -> None:
        money = {name: value and {"amount": Decimal(value), "currency": "EUR"} for name, value in stated.items()}
        found = document("checks: {stated_total: {includes_tax: false}}")
        if passes:
            assert planned(found, {**order(), **money}).steps
            return
        with pytest.raises(NeedsReview, match="total differs"):
            planned(found, {**order(), **money})

    @pytest.mark.parametrize(("tax", "total", "passes"), [("0.83", "10.83", True), ("0.83", "10.00", False)])
    def test_tax_of_the_whole_document_comes_on_top_of_lines_that_tell_none(
        self, tax: str, total: str, passes: bool
    ) -> None:
        row = {"line_id": "1", "amount": Decimal("10.00")}
        data = order(total, lines=[row], tax={"amount": Decimal(tax), "currency": "EUR"})
        if passes:
            assert planned(document(STATED), data).steps
            return
        with pytest.raises(NeedsReview, match=r"states a total of 10\.00 EUR with tax"):
            planned(document(STATED), data)

    def test_the_amount_of_a_line_is_compared_where_it_is_asked_for(self) -> None:
        data = order()
        data["lines"] = [{**data["lines"][0], "net_amount": Decimal("10.01")}]
        assert planned(document(STATED), data).steps
        with pytest.raises(NeedsReview, match=r"line 1 of sales order r-1 states an amount of 10\.01 EUR"):
            planned(document("checks: {stated_total: {net_amounts: true}}"), data)

    def test_a_total_in_another_currency_differs(self) -> None:
        with pytest.raises(NeedsReview, match=r"11.90 USD with tax, its lines \(1\) come to 11.90 EUR"):
            planned(document(STATED), {**order(), "total": {"amount": Decimal("11.90"), "currency": "USD"}})

    def test_a_value_without_lines_is_no_order(self) -> None:
        with pytest.raises(NeedsReview, match=r"its lines \(0\) come to 0.00 EUR"):
            planned(document(STATED), order(lines=[]))

    @pytest.mark.parametrize(
        "data", [order(None), {name: order()[name] for name in ("reference", "currency", "total")}]
    )
    def test_what_the_source_does_not_tell_is_not_compared(self, data: dict[str, Any]) -> None:
        assert planned(document(STATED), data).steps

    def test_a_deleted_order_is_not_compared(self) -> None:
        deleted = event(order("99"), asserted=tuple(order()), change=Change.DELETE)
        assert isinstance(map_out(document(STATED), deleted, Out()), Plan)

    @pytest.mark.parametrize(
        ("tolerance", "total", "passes"),
        [
            ("{tolerance: 0.05}", "11.95", True),
            ("{tolerance: 0.05}", "11.96", False),
            ("{tolerance_per_line: 1}", "11.89", True),
            ("{tolerance_per_line: 1}", "11.88", False),
        ],
    )
    def test_tolerance_is_configured(self, tolerance: str, total: str, passes: bool) -> None:
        found = document(f"checks: {{stated_total: {tolerance}}}")
        if passes:
            assert planned(found, order(total)).steps
            return
        with pytest.raises(NeedsReview, match="total differs"):
            planned(found, order(total))

    def test_how_the_source_rounds_is_configured(self) -> None:
        row = {"line_id": "1", "quantity": Decimal(1), "unit_price": Decimal("10.0049"), "tax_percent": Decimal(19)}
        data = order("11.91", lines=[row])
        assert planned(document("checks: {stated_total: {tax_rounding: line_total}}"), data).steps
        with pytest.raises(NeedsReview, match=r"11.90 EUR"):
            planned(document("checks: {stated_total: {tax_rounding: line}}"), data)


class TestTargetTotal:
    def test_what_the_target_makes_of_it_is_compared_before_tax(self) -> None:
        assert planned(document(TARGET), order(None)).steps
        with pytest.raises(NeedsReview, match=r"amount of 10.00 EUR, the target would make it 10.01 EUR") as caught:
            planned(document(TARGET), order(None), more=Decimal("0.01"))
        assert caught.value.differences == {"amount": ("10.00 EUR", "10.01 EUR")}

    def test_with_tax_groups_tax_is_compared_as_well(self) -> None:
        grouped = document(TARGET.replace("lines: line", "lines: line, tax_groups: groups"))
        assert planned(grouped, order(None)).steps
        wrong = order(None, lines=[{**order()["lines"][0], "tax_percent": Decimal(0), "net_amount": None}])
        assert planned(grouped, wrong).steps
        with pytest.raises(NeedsReview, match=r"total of 11.90 EUR, the target would make it 11.91 EUR"):
            planned(grouped, order(None), more=Decimal("0.01"))

    def test_nothing_is_compared_while_links_are_missing(self) -> None:
        found = document(TARGET, CONVERT)
        assert planned(found, order(None), more=Decimal(1)).missing

    def test_a_connector_without_the_function_rejects(self) -> None:
        with pytest.raises(RejectRecord, match="transform is unknown"):
            map_out(document(TARGET), event(order(None), asserted=("lines",)), Out(), {})

    @pytest.mark.parametrize(
        ("target", "says"),
        [
            ("{transform: t, header: head, lines: line}", 'there is no step "head"; did you mean "header"'),
            ("{transform: t, header: line, lines: line}", 'step "line" writes several records'),
            ("{transform: t, header: header, lines: header}", 'step "header" writes one record'),
            (
                "{transform: t, header: header, lines: line, tax_groups: group}",
                'no table "group"; did you mean "groups"',
            ),
            ("{header: header, lines: line}", "transform: missing"),
        ],
    )
    def test_wrong_names_are_found_when_it_is_loaded(self, target: str, says: str) -> None:
        with pytest.raises(ConfigurationError, match=says):
            document(f"checks: {{target_total: {target}}}")


def book(value: str = "108", day: date = date(2026, 11, 1)) -> RateBook:
    found = RateBook()
    found.put("1", ExchangeRate("Default", "EUR", "USD", Decimal(value), Decimal(100), day))
    return found


class TestConvert:
    def test_without_a_rule_amounts_stay(self) -> None:
        plan = planned(document(), order())
        assert plan.conversion is None
        assert plan.steps[0].fields == {"Reference": "r-1", "Currency": "EUR"}

    def test_every_amount_is_converted_and_the_order_says_from_what(self) -> None:
        context = Out(rates=book())
        plan = map_out(document(STATED, CONVERT), event(order(), asserted=tuple(order())), context)
        assert isinstance(plan, Plan)
        assert plan.steps[0].fields == {
            "Reference": "r-1",
            "Currency": "USD",
            "Note": "11.90 EUR is 12.85 USD at 100 EUR = 108 USD (Default, from 2026-11-01)",
            "Was": Decimal("11.90"),
            "In": "EUR",
        }
        assert plan.steps[1].fields["Price"] == Decimal("5.4")
        assert str(plan.conversion) == plan.steps[0].fields["Note"]

    def test_an_order_in_that_currency_already_stays(self) -> None:
        plan = planned(document(CONVERT), {**order(None), "currency": "usd"})
        assert (plan.conversion, plan.missing) == (None, ())

    @pytest.mark.parametrize("rates", [RateBook(), book(day=date(2026, 11, 22))])
    def test_a_rate_that_nobody_told_is_waited_for_by_name(self, rates: RateBook) -> None:
        plan = planned(document(CONVERT), order(), Out(rates=rates))
        (missing,) = plan.missing
        assert (missing.entity, missing.canonical_id) == ("exchange_rate", rate_id("Default", "USD", "EUR"))
        assert missing.detail == "exchange rate Default EUR/USD of 2026-11-21 is not known"

    def test_the_stated_total_is_compared_before_the_conversion(self) -> None:
        with pytest.raises(NeedsReview, match=r"11.91 EUR"):
            planned(document(STATED, CONVERT), order("11.91"), Out(rates=book()))

    def test_without_a_day_there_is_no_rate(self) -> None:
        with pytest.raises(RejectRecord, match="copied from ordered_on"):
            planned(document(CONVERT), order(ordered_on=None), Out(rates=book()))

    def test_the_target_is_held_to_the_converted_lines(self) -> None:
        found = document(TARGET, CONVERT)

        def wrong(digits: int, **rest: Any) -> tuple[Decimal, None]:
            return Decimal("10.79"), None

        with pytest.raises(NeedsReview, match=r"10.80 USD, the target would make it 10.79 USD"):
            map_out(found, event(order(), asserted=("lines",)), Out(rates=book()), {"order_total": wrong})

    def test_a_conversion_is_nothing_for_the_way_in(self) -> None:
        text = "direction: in\nsystem: s\nobject: o\nentity: e\nversion: 1\nfields: {x: {conversion: words}}"
        with pytest.raises(ConfigurationError, match="conversion is a verb of the other direction"):
            parse(text)
