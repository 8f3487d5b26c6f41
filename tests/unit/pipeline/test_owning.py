"""Two systems that both change a record: what a target writes, waits for, puts back, or asks a human (I7, I8)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from headrace.core import values
from headrace.core.errors import LeaseLost, OutcomeUnknown, RejectRecord, RetryLater
from headrace.core.event import Change
from headrace.core.outcome import Outcome
from headrace.pipeline.links import Link

from .bench import CUSTOMER_ID, Bench, customer, told_by_the_target


async def started(rules):
    """Return a bench whose record was written by us, and whose target has told of it since."""
    bench = Bench(ownership={"customer": rules})
    await bench.feed(customer(1))
    await bench.feed(told_by_the_target("T1", customer(2), event_id="own", echoed=("name", "tax_number", "phone")))
    bench.target.ledger.clear()
    return bench


async def edited(bench, number, **data):
    """Let a person change the target, and the target tell of it."""
    bench.target.records["T1"].update(data)
    await bench.feed(told_by_the_target("T1", customer(number, **data), event_id=f"edit{number}"))


async def woken(bench, times):
    """Let the time of what is parked come, again and again."""
    for _ in range(times):
        bench.processor.wake(CUSTOMER_ID)
        await bench.settled()


def throttled():
    """Return the answers that make an effect give up for now."""
    return [RetryLater("throttled", 0.001) for _ in range(8)]


def without_phone(given):
    """Return an event of a source that says nothing of the telephone number."""
    data = {name: value for name, value in given.data.items() if name != "phone"}
    return replace(given, data=data, meta=replace(given.meta, asserted=tuple(data)))


def conflicts(bench):
    records = [bench.codec.decode(value)[1] for value in bench.producer.on("audit")]
    return [(each["outcome"], each["detail"]) for each in records if each.get("phase") == "conflict"]


async def test_only_an_owners_fields_are_written():
    bench = await started({"name": "erp", "*": "crm"})
    await bench.feed(customer(3, name="New name", phone="2"))
    assert (bench.target.records["T1"]["name"], bench.target.records["T1"]["phone"]) == ("Berg AS", "2")


async def test_the_targets_later_word_stays_and_the_conflict_is_told():
    bench = await started({"*": "latest"})
    await edited(bench, 9, phone="99")
    await bench.feed(customer(5, phone="2"))
    assert bench.target.records["T1"]["phone"] == "99"
    ((outcome, detail),) = conflicts(bench)
    assert outcome == "target"
    assert "crm says 2 since 2026-11-21 09:05:00" in detail
    assert "erp says 99 since 2026-11-21 09:09:00" in detail
    assert "latest" in detail


async def test_the_sources_later_word_is_written_over_an_earlier_one_of_the_target():
    bench = await started({"*": "latest"})
    await edited(bench, 5, phone="99")
    await bench.feed(customer(9, phone="2"))
    assert bench.target.records["T1"]["phone"] == "2"
    assert [outcome for outcome, _ in conflicts(bench)] == ["source"]


async def test_an_edit_that_nobody_has_told_of_is_read_before_anything_is_written():
    """A person edits the target; before its webhook comes, the source's change is to be written over it."""
    bench = await started({"*": "latest"})
    bench.target.records["T1"]["phone"] = "99"
    await bench.feed(customer(5, phone="2"))
    assert bench.asked == [("Customers", "T1")]
    assert bench.target.ledger == []
    assert bench.state(customer()).parked.reason == "waiting"
    await edited(bench, 9, phone="99")
    assert bench.target.records["T1"]["phone"] == "99"
    assert bench.state(customer()).parked is None


async def test_an_edit_whose_word_never_comes_is_shown_to_a_human():
    bench = await started({"*": "latest"})
    bench.target.records["T1"]["phone"] = "99"
    await bench.feed(customer(5, phone="2"))
    await woken(bench, 3)
    parked = bench.state(customer()).parked
    assert (parked.reason, parked.label) == ("review", "edited in the target")
    assert parked.differences == {"phone": ("2", "99")}


async def test_an_edit_of_another_field_does_not_disturb():
    bench = await started({"*": "latest"})
    bench.target.records["T1"]["name"] = "By hand"
    await bench.feed(customer(5, phone="2"))
    assert bench.target.ledger == [("update", "T1")]
    assert bench.target.records["T1"]["name"] == "By hand"


async def test_what_is_not_the_targets_to_change_is_put_back():
    bench = await started({"*": "crm"})
    await edited(bench, 9, phone="99")
    assert bench.target.records["T1"]["phone"] == "1"
    assert [outcome for outcome, _ in conflicts(bench)] == ["put back"]
    mark = bench.links.get("erp", "Customers", "T1").written_fingerprint
    assert "phone" in values.matching(mark, {"phone": "1"})


@pytest.mark.parametrize(("take", "phone"), [("source", "2"), ("target", "99")])
async def test_a_human_decides_what_rules_cannot(take, phone):
    bench = await started({"*": "review"})
    await edited(bench, 4, phone="99")
    await bench.feed(customer(5, phone="2"))
    parked = bench.state(customer()).parked
    assert (parked.reason, parked.label) == ("review", "changed on both sides")
    assert parked.differences == {"phone": ("2", "99")}
    await bench.command(CUSTOMER_ID, "resolve", json.dumps({"take": take}))
    assert bench.target.records["T1"]["phone"] == phone
    await bench.feed(customer(6, phone="2", name="Other"))
    assert bench.state(customer()).parked is None
    assert (bench.target.records["T1"]["name"], bench.target.records["T1"]["phone"]) == ("Other", phone)


async def test_a_cut_value_is_neither_written_again_nor_a_difference():
    bench = Bench(ownership={"customer": {"*": "latest"}})
    bench.target.longest = {"name": 4}
    await bench.feed(customer(1))
    assert bench.target.records["T1"]["name"] == "Berg"
    await bench.feed(told_by_the_target("T1", customer(2, name="Berg"), event_id="own", echoed=("name",)))
    await bench.feed(customer(3, phone="2"))
    assert bench.target.ledger == [("create", "T1"), ("update", "T1")]
    step = bench.state(customer()).steps[0]
    assert (step.shadow["name"], step.held) == ("Berg AS", {"name": "Berg"})


async def test_what_the_target_made_of_our_value_is_not_put_back():
    """Its own word comes late: from before our write, and by chance what our write became."""
    bench = Bench(ownership={"customer": {"*": "crm"}})
    bench.target.longest = {"name": 4}
    await bench.feed(customer(1))
    await bench.feed(told_by_the_target("T1", customer(0, name="Berg"), event_id="before"))
    assert bench.target.ledger == [("create", "T1")]
    assert bench.state(customer()).steps[0].shadow["name"] == "Berg AS"


async def test_the_mark_is_of_what_the_target_made_of_our_values():
    bench = Bench()
    bench.target.longest = {"name": 4}
    await bench.feed(customer(1))
    mark = bench.links.get("erp", "Customers", "T1").written_fingerprint
    assert values.matching(mark, {"name": "Berg", "phone": "1"}) == {"name", "phone"}


async def test_a_record_that_was_there_gets_what_the_rules_give():
    bench = Bench(ownership={"customer": {"name": "crm", "phone": "erp"}})
    bench.target.records["X9"] = {"vat": "NO1", "name": "BERG", "phone": "99"}
    await bench.feed(told_by_the_target("X9", customer(1, name="BERG", phone="99"), event_id="own"))
    await bench.feed(customer(2))
    assert bench.target.records["X9"] == {"vat": "NO1", "name": "Berg AS", "phone": "99"}
    assert bench.state(customer()).outcome == Outcome.UPDATED


async def test_the_own_word_of_a_record_that_was_there_is_heard_first():
    bench = Bench(ownership={"customer": {"*": "latest"}})
    bench.target.records["X9"] = {"vat": "NO1", "name": "BERG", "phone": "1"}
    await bench.feed(customer(2))
    assert bench.asked == [("Customers", "X9")]
    assert bench.target.ledger == []
    await bench.feed(told_by_the_target("X9", customer(7, name="BERG"), event_id="own"))
    assert bench.target.records["X9"]["name"] == "BERG"
    assert bench.links.external(CUSTOMER_ID, "erp", "Customers") == "X9"


async def test_what_no_rule_concerns_is_left_at_first_contact_and_written_later():
    bench = Bench(ownership={"customer": {"phone": "crm"}})
    bench.target.records["X9"] = {"vat": "NO1", "name": "BERG", "phone": "99"}
    await bench.feed(customer(1))
    assert bench.target.records["X9"] == {"vat": "NO1", "name": "BERG", "phone": "1"}
    await bench.feed(customer(2, name="Berg and Son"))
    assert bench.target.records["X9"]["name"] == "Berg and Son"


async def test_a_fact_does_not_disturb_a_link():
    bench = await started({"*": "latest"})
    facts = Link("erp", "facts/Customers", "T1", CUSTOMER_ID, "customer", "adopted", facts={"on_hold": "All"})
    await bench.links.put(facts)
    assert bench.links.external(CUSTOMER_ID, "erp", "Customers") == "T1"
    assert bench.links.fact(CUSTOMER_ID, "erp", "Customers", None, "on_hold") == "All"
    assert [link.object for link in bench.links.of(CUSTOMER_ID)] == ["Customers"]


async def test_a_decision_for_the_source_writes_only_what_was_asked():
    bench = await started({"name": "review", "phone": "erp"})
    await edited(bench, 4, name="ERP name", phone="99")
    await bench.feed(customer(5, name="CRM name", phone="1"))
    assert set(bench.state(customer()).parked.differences) == {"name"}
    await bench.command(CUSTOMER_ID, "resolve", json.dumps({"take": "source"}))
    assert (bench.target.records["T1"]["name"], bench.target.records["T1"]["phone"]) == ("CRM name", "99")


async def test_a_decision_holds_until_the_target_is_ready():
    bench = await started({"*": "review"})
    await edited(bench, 4, phone="99")
    await bench.feed(customer(5, phone="2"))
    bench.target.script = throttled()
    await bench.command(CUSTOMER_ID, "resolve", json.dumps({"take": "source"}))
    assert bench.target.records["T1"]["phone"] == "99"
    await woken(bench, 1)
    assert bench.target.records["T1"]["phone"] == "2"
    assert bench.state(customer()).parked is None


@pytest.mark.parametrize("rule", [["erp", "crm"], "latest"])
async def test_a_record_that_was_there_is_not_overwritten_however_late_its_own_word_is(rule):
    bench = Bench(ownership={"customer": {"*": rule}})
    bench.target.records["X9"] = {"vat": "NO1", "name": "BERG", "phone": "99"}
    await bench.feed(customer(2))
    await woken(bench, 4)
    assert bench.target.records["X9"] == {"vat": "NO1", "name": "BERG", "phone": "99"}
    assert bench.state(customer()).parked is not None


async def test_a_put_back_that_a_crash_interrupts_is_made_by_the_next_owner():
    bench = await started({"*": "crm"})
    bench.target.records["T1"].update(phone="99")
    message = bench.message(told_by_the_target("T1", customer(9, phone="99"), event_id="edit9"))
    bench.store.lease = 0.0  # dies between INTENT and call
    bench.processor.on_message(message)
    async with asyncio.timeout(5):
        while not bench.failures:
            await asyncio.sleep(0.005)
    assert isinstance(bench.failures.pop(), LeaseLost)
    assert bench.state(customer()).intent is not None
    assert bench.target.ledger == []
    await bench.processor.on_revoked(0.1)
    bench.store.lease = 10.0
    await bench.processor.on_assigned(frozenset({0}))
    await bench.feed(message)  # it was not acked
    assert bench.target.records["T1"]["phone"] == "1"
    assert bench.state(customer()).intent is None


async def test_a_put_back_that_the_target_does_not_take_now_is_made_later():
    bench = await started({"*": "crm"})
    bench.target.script = throttled()
    await edited(bench, 9, phone="99")
    assert bench.state(customer()).parked is not None
    await woken(bench, 3)
    assert bench.target.records["T1"]["phone"] == "1"
    assert bench.state(customer()).parked is None


async def test_a_put_back_whose_outcome_cannot_be_found_out_is_shown_to_a_human():
    bench = await started({"*": "crm"})

    async def blind(operation):
        raise RejectRecord("no key to look up", "cannot be asked")

    bench.target.script = ["lost request"]
    bench.target.find = blind
    await edited(bench, 9, phone="99")
    state = bench.state(customer())
    assert (state.parked.reason, state.intent is not None) == ("unknown", True)


async def test_a_field_that_the_target_filled_first_is_changed_by_a_later_word():
    """Created without a number; a person adds one in the target; it reaches the source, and is changed there."""
    bench = Bench(ownership={"customer": {"*": "latest"}})
    await bench.feed(without_phone(customer(1)))
    await edited(bench, 3, phone="99")
    echo = customer(4, phone="99")
    await bench.feed(replace(echo, meta=replace(echo.meta, echoed=("phone",))))
    await bench.feed(customer(9, phone="2"))
    assert bench.state(customer()).parked is None
    assert bench.target.records["T1"]["phone"] == "2"


async def test_a_field_that_the_target_filled_first_needs_no_word_that_was_heard_already():
    bench = Bench(ownership={"customer": {"*": "latest"}})
    await bench.feed(without_phone(customer(1)))
    await edited(bench, 3, phone="99")
    await bench.feed(customer(9, phone="2"))
    await woken(bench, 4)
    assert bench.state(customer()).parked is None
    assert bench.target.records["T1"]["phone"] == "2"


async def test_what_an_owner_said_counts_no_more_after_its_record_is_gone():
    bench = await started({"*": "crm"})
    gone = customer(4)
    meta = replace(gone.meta, change=Change.DELETE, asserted=(), reason="deleted")
    await bench.feed(replace(gone, data={}, meta=meta))
    await bench.command(CUSTOMER_ID, "skip")
    await edited(bench, 9, phone="99")
    assert bench.target.records["T1"]["phone"] == "99"


async def test_to_clear_a_field_is_a_word_of_its_owner():
    bench = await started({"*": ["erp", "crm"]})
    await edited(bench, 9, phone=None)
    assert bench.target.records["T1"]["phone"] is None
    await bench.feed(customer(10, phone="2"))
    assert bench.target.records["T1"]["phone"] is None
    other_side = Bench(ownership={"customer": {"*": ["crm", "erp"]}})
    await other_side.feed(customer(1), customer(2, phone=None))
    assert other_side.target.records["T1"]["phone"] is None


async def test_a_write_that_was_refused_leaves_the_mark_of_what_is_there():
    bench = await started({"*": "latest"})
    bench.target.script = [RejectRecord("bad", "phone does not fit")]
    await bench.feed(customer(5, phone="2"))
    assert bench.state(customer()).parked.reason == "rejected"
    mark = bench.links.get("erp", "Customers", "T1").written_fingerprint
    assert "phone" not in values.differing(mark, {"phone": "1"})


async def test_while_a_write_waits_what_was_written_before_is_still_known_as_ours():
    """Read meanwhile by the target's own source, it would travel back as the target's word (I7)."""
    bench = await started({"*": "latest"})
    await bench.feed(customer(3, phone="1"))
    marks = []

    async def refuse(operation):
        marks.append(bench.links.get("erp", "Customers", "T1").written_fingerprint)
        raise OutcomeUnknown("connection reset") if len(marks) == 1 else RejectRecord("refused", "no")

    bench.target.apply = refuse
    await bench.feed(customer(4, phone="2"))
    assert values.matching(marks[0], {"phone": "1"}) == values.matching(marks[0], {"phone": "2"}) == {"phone"}
    after = bench.links.get("erp", "Customers", "T1")
    assert (values.matching(after.written_fingerprint, {"phone": "1"}), after.writing) == ({"phone"}, False)
    assert values.differing(after.written_fingerprint, {"phone": "2"}) == {"phone"}


async def test_an_announcement_that_a_crash_left_behind_leaves_what_was_written_before():
    bench = await started({"*": "latest"})
    await bench.feed(customer(3, phone="1"))

    async def lost(operation):
        raise LeaseLost("the worker died before the call")

    made, bench.target.apply = bench.target.apply, lost
    bench.processor.on_message(bench.message(customer(4, phone="2")))
    async with asyncio.timeout(5):
        while not bench.failures:
            await asyncio.sleep(0.005)
    left = bench.links.get("erp", "Customers", "T1")
    assert left.writing
    assert values.matching(left.written_fingerprint, {"phone": "1"}) == {"phone"}
    bench.failures.clear()
    bench.target.apply = made
    await bench.processor.on_revoked(1.0)
    await bench.feed(customer(5, phone="3"))
    after = bench.links.get("erp", "Customers", "T1")
    assert (values.matching(after.written_fingerprint, {"phone": "3"}), after.writing) == ({"phone"}, False)
    assert values.differing(after.written_fingerprint, {"phone": "1"}) == {"phone"}
