"""The processor with a target in memory: what becomes of each event, and what it leaves behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from headrace.core import values
from headrace.core.contracts import Action
from headrace.core.errors import RejectRecord, RetryLater
from headrace.core.event import Change
from headrace.core.ids import mint_canonical_id
from headrace.core.outcome import Outcome, Status
from headrace.pipeline.links import Link, facts_of
from headrace.platform.kafka import Message

from .bench import CUSTOMER_ID, Bench, customer, event, order, told_by_the_target


@pytest.fixture
async def bench():
    return Bench()


async def test_a_new_record_is_created_linked_settled_and_acked(bench):
    await bench.feed(customer())
    state = bench.state(customer())
    assert (state.status, state.outcome) == (Status.SETTLED, Outcome.CREATED)
    assert bench.target.ledger == [("create", "T1")]
    assert bench.links.external(CUSTOMER_ID, "erp", "Customers") == "T1"
    assert len(bench.acked) == 1
    assert bench.story() == [("call", "done"), ("settle", "created")]


async def test_the_same_content_again_makes_no_call(bench):
    await bench.feed(customer(1), customer(2))
    assert bench.target.ledger == [("create", "T1")]
    assert bench.state(customer()).outcome == Outcome.UNCHANGED
    assert len(bench.acked) == 2


async def test_only_what_differs_is_written(bench):
    await bench.feed(customer(1), customer(2, phone="2"))
    assert bench.target.ledger == [("create", "T1"), ("update", "T1")]
    assert bench.target.records["T1"]["phone"] == "2"
    assert bench.state(customer()).outcome == Outcome.UPDATED


async def test_an_event_that_comes_again_is_seen(bench):
    message = bench.message(customer())
    await bench.feed(message, customer(2, phone="2"), message)
    assert bench.target.records["T1"]["phone"] == "2"
    assert bench.story()[-1] == ("decide", "skipped")
    assert len(bench.acked) == 3


async def test_an_older_version_does_not_overwrite_a_newer(bench):
    await bench.feed(customer(5, phone="5"), customer(3, phone="3"))
    assert bench.target.records["T1"]["phone"] == "5"


async def test_a_record_that_is_there_is_matched_not_doubled(bench):
    bench.target.records["X9"] = {"vat": "NO1", "name": "BERG", "phone": "1"}
    await bench.feed(customer())
    assert bench.target.ledger == []
    assert bench.state(customer()).outcome == Outcome.ADOPTED
    assert bench.links.external(CUSTOMER_ID, "erp", "Customers") == "X9"


async def test_a_natural_key_of_two_records_goes_to_a_human(bench):
    bench.target.records = {"X1": {"vat": "NO1"}, "X2": {"vat": "NO1"}}
    await bench.feed(customer())
    parked = bench.state(customer()).parked
    assert (parked.reason, parked.label) == ("review", "natural key not unique")
    assert bench.target.ledger == []
    assert len(bench.acked) == 1


async def test_a_match_that_belongs_to_another_record_goes_to_a_human(bench):
    bench.target.records["X9"] = {"vat": "NO1"}
    await bench.links.put(Link("erp", "Customers", "X9", "somebody-else", "customer", "written"))
    await bench.feed(customer())
    assert bench.state(customer()).parked.label == "matched record belongs to another"


async def test_an_order_waits_for_its_customer_and_resumes_by_itself(bench):
    await bench.feed(order())
    parked = bench.state(order()).parked
    assert (parked.reason, parked.wait_canonical_id) == ("waiting", CUSTOMER_ID)
    assert bench.target.ledger == []
    assert len(bench.acked) == 1
    await bench.feed(customer())
    await bench.settled()
    state = bench.state(order())
    assert (state.status, state.parked, state.outcome) == (Status.SETTLED, None, Outcome.CREATED)
    assert [step.step for step in state.steps] == ["header", "line:1"]
    assert bench.target.records["T2"]["customer"] == "T1"


async def test_a_reference_that_turns_out_to_be_another_identity_wakes_the_waiting(bench):
    await bench.feed(order())
    await bench.links.put(Link("erp", "Customers", "C-OLD", "matched-id", "customer", "matched"))
    await bench.links.put(Link("crm", "organization", "7", "matched-id", "customer", "matched"))
    await bench.settled()
    assert bench.target.records["T1"]["customer"] == "C-OLD"


async def test_a_rejected_line_parks_and_the_rest_is_not_doubled_on_retry(bench):
    await bench.feed(customer())
    real = bench.target.apply
    refused = {"on": True}

    async def refuse_second_line(given):
        if given.step == "line:2" and refused["on"]:
            raise RejectRecord("unknown product", "line 2: no such product")
        return await real(given)

    bench.target.apply = refuse_second_line
    await bench.feed(order(lines=3))
    state = bench.state(order())
    assert (state.parked.reason, state.parked.detail) == ("rejected", "line 2: no such product")
    assert [step.step for step in state.steps] == ["header", "line:1"]
    assert state.intent is None
    refused["on"] = False
    await bench.command(order().key, "retry")
    created = [entry for entry in bench.target.ledger if entry[0] == "create"]
    assert len(created) == 1 + 1 + 3
    assert bench.state(order()).outcome == Outcome.CREATED


async def test_a_newer_snapshot_takes_the_place_of_a_parked_one(bench):
    await bench.feed(order(1, quantity=2))
    await bench.feed(order(2, quantity=5))
    assert bench.state(order()).parked.event_id == "e2-55"
    assert ("park", "superseded") in bench.story()
    await bench.feed(customer())
    await bench.settled()
    quantities = [record["quantity"] for record in bench.target.records.values() if "quantity" in record]
    assert quantities == [5]


async def test_a_settled_order_that_changes_goes_to_review_with_both_values(bench):
    await bench.feed(customer(), order(1, quantity=2))
    ledger = list(bench.target.ledger)
    await bench.feed(order(2, quantity=3, lines=2))
    parked = bench.state(order()).parked
    assert parked.reason == "review"
    assert parked.differences == {"line:1.quantity": (3, 2), "line:2": ("added", None)}
    assert bench.target.ledger == ledger


async def test_resolve_with_the_sources_values_writes_them(bench):
    await bench.feed(customer(), order(1, quantity=2), order(2, quantity=3))
    await bench.command(order().key, "resolve", '{"take": "source"}')
    assert bench.state(order()).outcome == Outcome.UPDATED
    assert [record["quantity"] for record in bench.target.records.values() if "quantity" in record] == [3]


async def test_resolve_with_the_targets_values_leaves_them(bench):
    await bench.feed(customer(), order(1, quantity=2), order(2, quantity=3))
    ledger = list(bench.target.ledger)
    await bench.command(order().key, "resolve", '{"take": "target"}')
    state = bench.state(order())
    assert (state.status, state.outcome, state.parked) == (Status.SETTLED, Outcome.SKIPPED, None)
    assert bench.target.ledger == ledger


async def test_skip_settles_without_writing(bench):
    await bench.feed(order())
    await bench.command(order().key, "skip")
    assert bench.state(order()).outcome == Outcome.SKIPPED
    await bench.feed(customer())
    await bench.settled()
    assert bench.target.ledger == [("create", "T1")]


async def test_edit_corrects_the_parked_event_and_tries_again(bench):
    await bench.feed(event("customer", "8", {"name": None, "phone": "1"}))
    key = mint_canonical_id("crm", "organization", "8")
    assert bench.store.get(key).parked.label == "required field is empty"
    await bench.command(key, "edit", '{"name": "Named now"}')
    assert bench.target.records["T1"]["name"] == "Named now"


async def test_a_command_that_makes_no_sense_is_refused_and_audited(bench):
    await bench.feed(order())
    await bench.command(order().key, "resolve", '{"take": "nothing"}')
    await bench.command("unknown", "retry")
    results = [
        record["result"] for value in bench.producer.on("audit") if "result" in (record := bench.codec.decode(value)[1])
    ]
    assert results[0].startswith("refused: resolve takes")
    assert results[1] == "nothing is parked for this id"
    assert len(bench.acked) == 3


async def test_own_news_of_the_target_is_not_written_back(bench):
    await bench.feed(customer())
    own = told_by_the_target("T1", customer(2, phone="9"))
    await bench.feed(own)
    assert bench.target.ledger == [("create", "T1")]
    assert bench.state(customer()).step("record").shadow["phone"] == "9"


async def test_a_skipped_rule_is_named(bench):
    await bench.feed(order(status="draft"))
    state = bench.state(order())
    assert (state.outcome, state.detail) == (Outcome.SKIPPED, "order-not-confirmed")


async def test_a_deletion_at_the_source_goes_to_review_where_the_mapping_says_so(bench):
    await bench.feed(customer(), event("customer", "7", {}, number=2, change=Change.DELETE))
    assert bench.state(customer()).parked.label == "deleted at the source"
    await bench.command(CUSTOMER_ID, "skip")
    assert bench.target.ledger == [("create", "T1")]


async def test_bytes_that_nobody_can_read_are_kept_and_the_next_record_goes_on(bench):
    await bench.feed(Message("canonical.customer.v1", 0, 1, "k", b"\xffgarbage"), customer())
    (feed,) = bench.producer.on("parked")
    record = bench.codec.decode(feed)[1]
    assert (record["reason"], record["event"]) == ("undecodable", b"\xffgarbage")
    assert bench.target.ledger == [("create", "T1")]
    assert len(bench.acked) == 2


async def test_a_crash_between_call_and_done_is_found_by_the_next_owner(bench):
    await bench.feed(customer())
    intent = next(state for state in bench.store.written if state.intent)
    bench.store.states[CUSTOMER_ID] = intent  # as if the process had died before DONE
    bench.links._by_address.clear()
    bench.links._by_canonical.clear()
    await bench.feed(bench.message(customer()))
    state = bench.state(customer())
    assert (state.outcome, state.intent) == (Outcome.ADOPTED, None)
    assert bench.target.ledger == [("create", "T1")]
    assert bench.links.external(CUSTOMER_ID, "erp", "Customers") == "T1"


async def test_parked_work_is_taken_up_after_a_restart(bench):
    await bench.feed(order())
    restarted = Bench()
    restarted.store.states = bench.store.states
    await restarted.links.put(Link("erp", "Customers", "C1", CUSTOMER_ID, "customer", "written"))
    await restarted.processor.on_assigned(frozenset({0}))
    await restarted.settled()
    assert restarted.state(order()).outcome == Outcome.CREATED


async def test_updates_carry_only_changed_fields_and_the_target_id(bench):
    operations = []
    real = bench.target.apply

    async def remember(given):
        operations.append(given)
        return await real(given)

    bench.target.apply = remember
    await bench.feed(customer(1), customer(2, phone="2"))
    update = operations[-1]
    assert (update.action, update.target_id, update.fields) == (Action.UPDATE, "T1", {"phone": "2"})


async def test_news_of_the_target_leaves_parked_work_and_reviews_alone(bench):
    await bench.feed(customer(), order(1, quantity=2), order(2, quantity=3))
    assert bench.state(order()).parked.reason == "review"
    news = order(3)
    await bench.feed(replace(news, meta=replace(news.meta, connection="erp", external_id="T2")))
    assert bench.state(order()).parked.event_id == "e2-55"
    await bench.command(order().key, "resolve", '{"take": "source"}')
    assert [record["quantity"] for record in bench.target.records.values() if "quantity" in record] == [3]


async def test_news_of_another_record_of_the_same_identity_is_not_this_ones(bench):
    await bench.feed(customer())
    await bench.feed(told_by_the_target("in-another-company", customer(2, phone="9")))
    assert bench.state(customer()).step("record").shadow["phone"] == "1"


async def test_a_matched_record_is_left_as_it_is_and_later_changes_are_written(bench):
    bench.target.records["X9"] = {"vat": "NO1", "name": "BERG", "phone": "1"}
    await bench.feed(customer())
    assert bench.links.get("erp", "Customers", "X9").written_fingerprint is None
    await bench.feed(customer(2, phone="2"))
    assert bench.target.ledger == [("update", "X9")]
    assert bench.target.records["X9"] == {"vat": "NO1", "name": "BERG", "phone": "2"}


async def test_a_renamed_or_wrong_step_never_deletes_a_document(bench):
    await bench.feed(customer())
    state = bench.state(customer())
    odd = replace(state.steps[0], step="was-called-this-before", target_id="T1")
    bench.store.states[CUSTOMER_ID] = replace(state, steps=(odd, *state.steps))
    await bench.feed(customer(2, phone="2"))
    assert ("delete", "T1") not in bench.target.ledger


async def test_resolve_with_a_target_id_finds_its_step_or_asks_for_it(bench):
    bench.target.records = {"X1": {"vat": "NO1"}, "X2": {"vat": "NO1"}}
    await bench.feed(customer())
    await bench.command(CUSTOMER_ID, "resolve", '{"target_id": "X2", "object": "Customers", "step": "nonsense"}')
    assert bench.state(customer()).parked is not None
    await bench.command(CUSTOMER_ID, "resolve", '{"target_id": "X2", "object": "Customers"}')
    state = bench.state(customer())
    assert [step.step for step in state.steps] == ["record"]
    assert bench.links.external(CUSTOMER_ID, "erp", "Customers") == "X2"
    assert not [entry for entry in bench.target.ledger if entry[0] != "update"]


async def test_a_command_about_an_event_that_is_no_longer_parked_is_refused(bench):
    await bench.feed(order(1))
    await bench.feed(order(2, quantity=5))
    await bench.command(order().key, "skip", event_id="e1-55")
    assert bench.state(order()).parked.event_id == "e2-55"
    await bench.command(order().key, "skip", event_id="e2-55")
    assert bench.state(order()).parked is None


async def test_nothing_that_is_woken_while_draining_runs_any_more(bench):
    await bench.feed(order())
    bench.target.records["C1"] = {"vat": "NO1"}
    gate = asyncio.Event()
    real = bench.target.find

    async def slow(given):
        await gate.wait()
        return await real(given)

    bench.target.find = slow
    bench.processor.on_message(bench.message(customer()))
    await asyncio.sleep(0)
    draining = asyncio.create_task(bench.processor.on_revoked(5))
    await asyncio.sleep(0)
    gate.set()
    await draining
    assert bench.links.external(CUSTOMER_ID, "erp", "Customers") == "C1"
    for _ in range(10):
        await asyncio.sleep(0)
    assert bench.target.ledger == []
    assert bench.processor.pending == 0


async def test_reads_that_fail_for_one_record_park_it_for_later(bench):
    real = bench.target.find

    async def busy(given):
        if given.canonical_id == CUSTOMER_ID:
            raise RetryLater("busy", 0.001)
        return await real(given)

    bench.target.find = busy
    await bench.feed(customer())
    parked = bench.state(customer()).parked
    assert (parked.reason, parked.next_attempt_at is not None) == ("waiting", True)
    assert len(bench.acked) == 1


async def test_a_record_cannot_move_to_another_company_by_an_update(bench):
    await bench.feed(customer())
    state = bench.state(customer())
    moved = replace(state.steps[0], target_id="vat=NO1")
    bench.store.states[CUSTOMER_ID] = replace(state, steps=(moved,))
    await bench.feed(customer(2, tax_number="NO2"))
    assert bench.state(customer()).parked.label == "record would have to move"
    assert bench.target.ledger == [("create", "T1")]


async def test_an_update_is_marked_as_ours_before_the_target_can_tell_of_it(bench):
    await bench.feed(customer())
    marked = []
    real = bench.target.apply

    async def webhook_is_quicker(given):
        link = bench.links.get("erp", "Customers", "T1")
        written = await real(given)
        marked.append(values.matches(link.written_fingerprint, bench.target.records["T1"]))
        return written

    bench.target.apply = webhook_is_quicker
    await bench.feed(customer(2, phone="2"))
    assert marked == [True]


async def test_what_our_own_processor_wrote_at_the_source_is_not_written(bench):
    """The source cut a name that we wrote there: the cut name is no news (I7)."""
    await bench.feed(customer(1))
    cut = customer(2, name="Berg")
    meta = replace(cut.meta, connection="fo", external_id="F1", event_id="fo", echoed=("name", "tax_number", "phone"))
    await bench.feed(replace(cut, meta=meta))
    assert bench.target.records["T1"]["name"] == "Berg AS"


async def test_a_record_of_another_identity_cannot_be_taken(bench):
    bench.target.records["X9"] = {"vat": "NO1", "name": "BERG", "phone": "99"}
    await bench.links.put(Link("erp", "Customers", "X9", "C-OTHER", "customer", "adopted"))
    await bench.feed(customer(1))
    before = bench.state(customer())
    assert before.parked.label == "matched record belongs to another"
    await bench.command(CUSTOMER_ID, "resolve", '{"target_id": "X9", "object": "Customers", "step": "record"}')
    told = [bench.codec.decode(value)[1] for value in bench.producer.on("audit")]
    (result,) = [record["result"] for record in told if "result" in record]
    assert result.startswith("refused: ")
    assert "C-OTHER" in result
    assert bench.state(customer()) == before
    assert bench.links.get("erp", "Customers", "X9").canonical_id == "C-OTHER"


async def test_what_took_the_place_of_a_deleted_record_is_what_others_name(bench):
    def facts(target_id, **said):
        return Link("erp", facts_of("Customers"), target_id, CUSTOMER_ID, "customer", "adopted", facts=said)

    await bench.links.put(Link("erp", "Customers", "T1", CUSTOMER_ID, "customer", "written"))
    await bench.links.put(facts("T1", gone="deleted"))
    await bench.links.put(Link("erp", "Customers", "T2", CUSTOMER_ID, "customer", "matched"))
    await bench.links.put(facts("T2", on_hold="All"))
    assert bench.links.external(CUSTOMER_ID, "erp", "Customers") == "T2"
    assert bench.links.fact(CUSTOMER_ID, "erp", "Customers", None, "on_hold") == "All"
