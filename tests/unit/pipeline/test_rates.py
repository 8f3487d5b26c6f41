"""Orders that go out in another currency: they wait for the rate by its name, and resume when it is told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from headrace.core.event import Change
from headrace.core.outcome import Outcome, Status
from headrace.core.rates import rate_id

from .bench import Bench, event

ORDER = """
direction: out
system: test
entity: sales_order
version: 1
convert: {to: {const: USD}, rate_type: {const: Default}, on: {copy: ordered_on}}
steps:
  - step: header
    object: Orders
    marker: [reference]
    fields:
      reference: {copy: reference}
      currency: {copy: currency}
  - step: line
    each: lines
    id: {copy: line_id}
    object: Lines
    marker: [order, line]
    fields:
      order: {from_step: header, field: id}
      line: {copy: line_id}
      price: {copy: unit_price}
"""


@pytest.fixture
async def bench():
    return Bench((ORDER,))


def order(number=1, price="10.00"):
    lines = [{"line_id": "1", "quantity": Decimal(2), "unit_price": Decimal(price)}]
    data = {"reference": "r-1", "currency": "EUR", "ordered_on": date(2026, 11, 21), "lines": lines}
    return event("sales_order", "55", data, number=number, obj="deal-order")


def rate(value, external_id="rate-1", change=Change.UPSERT, **more):
    data = {
        "rate_type": "Default",
        "from_currency": "EUR",
        "to_currency": "USD",
        "rate": Decimal(value),
        "units": Decimal(100),
        "valid_from": date(2026, 11, 1),
        "valid_to": None,
        **more,
    }
    return event("exchange_rate", external_id, data, change=change, connection="erp", obj="ExchangeRates")


async def test_an_order_waits_for_its_rate_and_resumes_when_it_is_told(bench):
    await bench.feed(order())
    parked = bench.state(order()).parked
    assert (parked.reason, parked.label) == ("waiting", "waiting for exchange_rate")
    assert parked.detail == "exchange rate Default EUR/USD of 2026-11-21 is not known"
    assert parked.wait_canonical_id == rate_id("Default", "EUR", "USD")
    assert bench.target.ledger == []
    bench.rates.apply(rate("108"))
    await bench.settled()
    state = bench.state(order())
    assert (state.status, state.parked, state.outcome) == (Status.SETTLED, None, Outcome.CREATED)
    assert bench.target.records["T1"]["currency"] == "USD"
    assert bench.target.records["T2"]["price"] == Decimal("10.8")


async def test_a_rate_of_another_time_or_pair_wakes_nothing_for_good(bench):
    await bench.feed(order())
    bench.rates.apply(rate("108", valid_from=date(2026, 12, 1)))
    bench.rates.apply(rate("88", "rate-2", from_currency="GBP"))
    await bench.settled()
    assert bench.state(order()).parked.reason == "waiting"
    assert bench.target.ledger == []
    bench.rates.apply(rate("90", "rate-3", from_currency="USD", to_currency="EUR"))
    await bench.settled()
    assert bench.target.records["T2"]["price"] == Decimal("11.111111")


async def test_the_audit_tells_what_it_was_and_at_which_rate(bench):
    bench.rates.apply(rate("108"))
    await bench.feed(order())
    records = [bench.codec.decode(value)[1] for value in bench.producer.on("audit")]
    (told,) = [record["detail"] for record in records if record["phase"] == "convert"]
    assert told == "20.00 EUR is 21.60 USD at 100 EUR = 108 USD (Default, from 2026-11-01)"


async def test_a_rate_that_is_gone_or_incomplete_is_not_used(bench):
    bench.rates.apply(rate("108"))
    bench.rates.apply(rate("108", change=Change.DELETE))
    bench.rates.apply(rate("0", "rate-2"))
    bench.rates.apply(rate("108", "rate-3", to_currency=None))
    await bench.feed(order())
    assert bench.state(order()).parked.label == "waiting for exchange_rate"
