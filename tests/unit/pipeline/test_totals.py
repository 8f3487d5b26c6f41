"""Orders whose total differs: they wait for a human with both figures, and nothing is sent before that."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from headrace.core.outcome import Outcome, Status

from .bench import Bench, event
from .test_rates import ORDER

CHECKED = ORDER.replace("convert: {to: {const: USD}, rate_type: {const: Default}, on: {copy: ordered_on}}", "").replace(
    "steps:", "checks: {stated_total: {}}\nsteps:"
)


@pytest.fixture
async def bench():
    return Bench((CHECKED,))


def order(total, number=1):
    lines = [{"line_id": "1", "quantity": Decimal(2), "unit_price": Decimal(10)}]
    stated = {"amount": Decimal(total), "currency": "EUR"}
    data = {"reference": "r-1", "currency": "EUR", "total": stated, "lines": lines}
    return event("sales_order", "55", data, number=number, obj="deal-order")


async def test_both_figures_are_shown_and_nothing_is_sent(bench):
    await bench.feed(order("20.01"))
    parked = bench.state(order("20.01")).parked
    assert (parked.reason, parked.label) == ("review", "total differs")
    assert parked.differences == {"total": ("20.01 EUR", "20.00 EUR")}
    assert bench.target.ledger == []
    assert len(bench.acked) == 1


async def test_a_correction_at_the_source_takes_its_place(bench):
    await bench.feed(order("20.01"), order("20.00", number=2))
    assert bench.state(order("20")).outcome == Outcome.CREATED
    assert [action for action, _ in bench.target.ledger] == ["create", "create"]


async def test_an_operator_lets_the_lines_count(bench):
    await bench.feed(order("20.01"))
    await bench.command(order("20.01").key, "edit", json.dumps({"total": None}))
    await bench.settled()
    state = bench.state(order("20.01"))
    assert (state.status, state.outcome) == (Status.SETTLED, Outcome.CREATED)
