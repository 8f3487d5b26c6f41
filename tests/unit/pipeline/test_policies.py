"""What configuration decides about an event: where it goes, what keeps it back, what becomes of what is gone."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from headrace.core.errors import ConfigurationError
from headrace.core.event import Change
from headrace.core.outcome import Outcome
from headrace.pipeline.deciding import Accepts
from headrace.pipeline.links import Link, facts_of
from headrace.pipeline.policies import ownership, routes
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import Settings as Configured
from headrace.platform.settings import checked

from .bench import CUSTOMER, CUSTOMER_ID, ORDER, Bench, customer, event, order

HELD = """
holds:
  customer-on-hold: {{of: customer, object: Customers, fact: on_hold, in: [All], then: {then}}}
"""
LIMITED = """
holds:
  over-credit-limit:
    of: customer
    object: Customers
    fact: credit_limit
    below: {copy: total.amount}
    unit: {copy: currency}
    then: review
"""
NUMBER_BACK = """
direction: out
system: test
entity: sales_order
version: 1
steps:
  - step: deal
    object: Deals
    identity: deal-order
    create: never
    fields: {order_number: {copy: number}}
"""


def holding(rules):
    """Return a bench whose orders are held back by these rules."""
    return Bench(mappings=(CUSTOMER, ORDER.replace("\nsteps:", f"{rules}steps:", 1)))


async def fact(bench, **facts):
    link = Link("erp", facts_of("Customers"), "T1", CUSTOMER_ID, "customer", "adopted", facts=facts)
    await bench.links.put(link)
    await bench.settled()


def orders(bench):
    return [action for action, target_id in bench.target.ledger if target_id != "T1"]


async def test_an_order_of_a_customer_on_hold_waits_and_goes_on_by_itself():
    bench = holding(HELD.format(then="wait"))
    await bench.feed(customer())
    await fact(bench, on_hold="All")
    await bench.feed(order())
    parked = bench.state(order()).parked
    assert (parked.reason, parked.wait_canonical_id) == ("waiting", CUSTOMER_ID)
    assert "on_hold is All" in parked.detail
    assert orders(bench) == []
    await fact(bench, on_hold="No")
    assert orders(bench) == ["create", "create"]


async def test_a_hold_may_ask_a_human_who_may_send_it_all_the_same():
    bench = holding(HELD.format(then="review"))
    await bench.feed(customer())
    await fact(bench, on_hold="All")
    await bench.feed(order())
    assert bench.state(order()).parked.label == "customer on hold"
    await bench.command(order().key, "resolve", json.dumps({"take": "source"}))
    assert orders(bench) == ["create", "create"]


async def test_a_hold_may_skip_or_be_told_to_send():
    skipping, sending = holding(HELD.format(then="skip")), holding(HELD.format(then="send"))
    for bench in (skipping, sending):
        await bench.feed(customer())
        await fact(bench, on_hold="All")
        await bench.feed(order())
    assert skipping.state(order()).detail == "customer-on-hold"
    assert orders(skipping) == []
    assert orders(sending) == ["create", "create"]


async def test_an_order_that_is_there_is_not_held_back():
    bench = holding(HELD.format(then="review"))
    await bench.feed(customer(), order())
    await fact(bench, on_hold="All")
    await bench.feed(order(2))
    assert bench.state(order()).parked is None


@pytest.mark.parametrize(("limit", "held"), [("50 EUR", True), ("100 EUR", False), ("1000 USD", True), ("much", True)])
async def test_an_order_over_the_credit_limit_is_shown(limit, held):
    bench = holding(LIMITED)
    await bench.feed(customer())
    await fact(bench, credit_limit=limit)
    given = order()
    given.data.update(currency="EUR", total={"amount": Decimal(100), "currency": "EUR"})
    await bench.feed(given)
    assert (bench.state(order()).parked is not None) is held


@pytest.mark.parametrize(
    ("reason", "result"), [("deleted", "parked"), ("deal-is-lost", "deleted"), ("deal-is-open", "skipped")]
)
async def test_each_way_of_going_has_its_policy(reason, result):
    policies = "on_delete: {deal-is-lost: delete, deal-is-open: skip, otherwise: review}"
    bench = Bench(mappings=(CUSTOMER, ORDER.replace("on_change: review", f"on_change: review\n{policies}")))
    await bench.feed(customer(), order(1))
    gone = event("sales_order", "55", {}, number=2, obj="deal-order", change=Change.DELETE, reason=reason)
    await bench.feed(gone)
    state = bench.state(order())
    assert ("parked" if state.parked else state.outcome) == result
    assert ("delete" in orders(bench)) is (result == "deleted")


async def test_an_event_for_another_target_is_skipped_by_name():
    bench = Bench(routes={"customer": Accepts(frozenset({"crm"}), frozenset({"usmf"}))})
    await bench.feed(customer(1))
    assert bench.target.ledger == []
    assert bench.story() == [("decide", "skipped")]


def told_by(given, **meta):
    return replace(given, meta=replace(given.meta, **meta))


async def test_a_record_that_is_there_takes_nothing_from_elsewhere_either():
    bench = Bench(routes={"customer": Accepts(frozenset({"crm"}))})
    await bench.feed(customer(1))
    written = dict(bench.target.records)
    await bench.feed(told_by(customer(2, phone="2"), connection="crm-us", external_id="70"))
    assert bench.target.records == written
    assert bench.story()[-1] == ("decide", "skipped")
    await bench.feed(customer(3, phone="3"))
    assert bench.target.records["T1"]["phone"] == "3"


async def test_a_record_takes_only_what_its_accepted_company_says():
    bench = Bench(routes={"customer": Accepts(frozenset({"crm"}), frozenset({"usmf"}))})
    await bench.feed(told_by(customer(1), legal_entity="USMF", external_id="usmf/7"))
    await bench.feed(told_by(customer(2, phone="2"), legal_entity="demf", external_id="demf/7"))
    assert bench.target.records["T1"]["phone"] == "1"


@pytest.mark.parametrize("change", [Change.DELETE, Change.UPSERT])
async def test_a_record_that_leaves_its_company_is_heard_to_the_end(change):
    bench = Bench(routes={"customer": Accepts(frozenset(), frozenset({"usmf"}))})
    await bench.feed(told_by(customer(1), legal_entity="usmf"))
    await bench.feed(told_by(customer(2, phone="2"), legal_entity=None, change=change))
    if change is Change.DELETE:
        assert bench.state(customer()).parked is not None, "a deletion waits for a human, as the mapping says"
    else:
        assert bench.target.records["T1"]["phone"] == "2"


async def test_a_record_that_is_only_completed_is_never_created():
    bench = Bench(mappings=(NUMBER_BACK,))
    await bench.feed(event("sales_order", "55", {"number": "SO-1"}, obj="deal-order"))
    assert bench.target.ledger == []
    assert bench.state(order()).outcome == Outcome.SKIPPED


async def test_a_record_that_is_only_completed_is_written_at_once():
    bench = Bench(mappings=(NUMBER_BACK,))
    bench.target.records["55"] = {"title": "Pumps", "order_number": None}
    given = event("sales_order", "55", {"number": "SO-1"}, obj="deal-order")
    await bench.links.put(Link("erp", "deal-order", "55", given.key, "sales_order", "minted"))
    await bench.feed(given)
    assert bench.target.records["55"] == {"title": "Pumps", "order_number": "SO-1"}
    assert bench.links.get("erp", "deal-order", "55").written_fingerprint
    assert bench.links.get("erp", "Deals", "55") is None


@pytest.mark.parametrize(("take", "lines"), [("target", 0), ("source", 1)])
async def test_a_document_of_somebody_else_does_not_get_our_lines_unasked(take, lines):
    bench = Bench()
    await bench.feed(customer())
    bench.target.records["H1"] = {"reference": "by hand", "id": "H1"}
    await bench.links.put(Link("erp", "Orders", "H1", order().key, "sales_order", "operator"))
    await bench.feed(order())
    assert bench.state(order()).parked.label == "document is there already"
    assert orders(bench) == []
    await bench.command(order().key, "resolve", json.dumps({"take": take}))
    assert orders(bench).count("create") == lines


def settings(**more):
    connections = {"crm": {"system": "pipedrive"}, "erp": {"system": "dynamics_fo", **more.pop("erp", {})}}
    return checked(Configured, {"connections": connections, **more}, "headrace.yaml")


def test_wrong_names_are_told_all_at_once():
    given = settings(
        ownership={"custmer": {"*": "erp"}, "customer": {"emial": "erp", "name": ["erp", "cmr"], "phone": []}}
    )
    with pytest.raises(ConfigurationError) as caught:
        ownership(given, Schemas(schemas_dir()))
    text = str(caught.value)
    for part in ("no entity custmer", "no field emial", '"email"', "no connection cmr", "customer.phone"):
        assert part in text


def test_routes_name_connections_that_exist():
    given = settings(erp={"accepts": {"customer": {"connections": ["crn"], "legal_entities": ["USMF"]}}})
    with pytest.raises(ConfigurationError, match="no connection crn"):
        routes(given, "erp")
    given = settings(erp={"accepts": {"customer": {"connections": ["crm"], "legal_entities": ["USMF"]}}})
    assert routes(given, "erp") == {"customer": Accepts(frozenset({"crm"}), frozenset({"usmf"}))}


async def test_a_record_behind_a_stale_link_is_looked_for_by_its_mark_before_a_create():
    """The link's record is gone; ours is there under its mark, and no second one is made (I12)."""
    bench = Bench(mappings=(CUSTOMER.replace("marker: [alias]", "marker: [vat]"),))
    bench.target.records["X9"] = {"vat": "NO1", "name": "Berg AS", "phone": "1"}
    await bench.links.put(Link("erp", "Customers", "GONE", CUSTOMER_ID, "customer", "written"))
    await bench.feed(customer())
    assert "create" not in [action for action, _ in bench.target.ledger]
    assert bench.state(customer()).steps[0].target_id == "X9"
