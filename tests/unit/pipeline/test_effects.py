import asyncio

import pytest

from headrace.core.contracts import Action, AlreadyThere
from headrace.core.errors import NeedsReview, RejectRecord, RetryLater, StopConnection
from headrace.core.outcome import Status
from headrace.pipeline.effects import Effects, LeaseLost
from headrace.pipeline.gate import Gate
from headrace.pipeline.state import EffectState

from .doubles import LedgerTarget, MemoryStore, no_note, operation


@pytest.fixture
def target():
    return LedgerTarget()


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def effects(target, store):
    return Effects(target, store, Gate("erp", probe_seconds=0.01), "worker-1")


EMPTY = EffectState(entity="customer")


async def test_a_change_has_a_durable_intent_before_the_call(effects, target, store):
    done = await effects.run(EMPTY, operation(), no_note)
    intent = store.written[0].intent
    assert store.written[0].status is Status.INTENT
    assert (intent.op_id, intent.key, intent.fields) == ("op1", {"marker": "M1"}, {"marker": "M1", "name": "Ada"})
    assert done.state.step("record").target_id == "T1"
    assert done.state.intent is None
    assert target.ledger == [("create", "T1")]


async def test_a_lost_reply_is_looked_up_not_repeated(effects, target):
    target.script = ["lost reply"]
    done = await effects.run(EMPTY, operation(), no_note)
    assert done.adopted
    assert target.ledger == [("create", "T1")]


async def test_a_lost_request_is_repeated_only_after_its_deadline(effects, target, store):
    target.script = ["lost request"]
    done = await effects.run(EMPTY, operation(), no_note)
    assert not done.adopted
    assert target.ledger == [("create", "T1")]
    first, second = [state.intent for state in store.written]
    assert second.started_at >= first.deadline
    assert second.attempt == 2


async def test_no_answer_in_time_is_an_unknown_outcome(effects, target):
    target.script = ["late"]
    done = await effects.run(EMPTY, operation(), no_note)
    assert done.adopted
    assert target.ledger == [("create", "T1")]


async def test_not_now_is_repeated_without_a_look(effects, target):
    target.script = [RetryLater("busy", 0.01), RetryLater("busy", 0.01)]
    await effects.run(EMPTY, operation(), no_note)
    assert target.ledger == [("create", "T1")]
    assert target.finds == 1  # the look before the create


async def test_not_now_for_ever_ends_so_that_the_event_can_park(effects, target):
    target.script = [RetryLater("busy", 0.001)] * 20
    with pytest.raises(RetryLater):
        await effects.run(EMPTY, operation(), no_note)
    assert target.ledger == []


async def test_refused_is_refused(effects, target):
    target.script = [RejectRecord("bad value", "no such group")]
    with pytest.raises(RejectRecord, match="no such group"):
        await effects.run(EMPTY, operation(), no_note)
    assert target.ledger == []


async def test_a_stopped_connection_is_probed_until_it_works(effects, target):
    target.script = [StopConnection("bad secret"), StopConnection("bad secret")]
    await effects.run(EMPTY, operation(), no_note)
    assert target.ledger == [("create", "T1")]


async def test_a_natural_key_that_exists_is_adopted_with_what_it_holds(effects, target):
    target.script = [AlreadyThere("exists")]
    done = await effects.run(EMPTY, operation(), no_note)
    assert done.adopted
    assert done.state.step("record").target_id == "X1"
    assert done.state.step("record").shadow["name"] == "Ada L."
    assert target.ledger == []


async def test_already_there_but_not_found_goes_to_a_human(effects, target):
    target.script = [AlreadyThere("exists")]
    with pytest.raises(NeedsReview, match="not found by marker = M9"):
        await effects.run(EMPTY, operation(key={"marker": "M9"}), no_note)


async def test_two_records_with_one_marker_are_never_guessed_between(effects, target):
    target.records = {"A": {"marker": "M1"}, "B": {"marker": "M1"}}
    with pytest.raises(NeedsReview, match="2 records"):
        await effects.run(EMPTY, operation(), no_note)
    assert target.ledger == []


async def test_no_call_without_a_lease(target):
    effects = Effects(target, MemoryStore(lease=0.1), Gate("erp"), "worker-1")
    with pytest.raises(LeaseLost):
        await effects.run(EMPTY, operation(), no_note)
    assert target.ledger == []


async def test_a_new_owner_adopts_what_the_former_one_did(effects, target, store):
    target.script = ["late"]
    crashed = asyncio.create_task(effects.run(EMPTY, operation(), no_note))
    while not target.ledger:
        await asyncio.sleep(0)
    crashed.cancel()
    successor = Effects(target, store, Gate("erp"), "worker-2")
    state = await successor.recover(store.get("C1"), operation(), no_note)
    assert state.step("record").target_id == "T1"
    assert state.intent is None
    assert target.ledger == [("create", "T1")]


async def test_a_new_owner_waits_for_the_deadline_before_it_believes_not_found(effects, target, store):
    target.script = ["hang"]
    crashed = asyncio.create_task(effects.run(EMPTY, operation(), no_note))
    while not store.written:
        await asyncio.sleep(0)
    crashed.cancel()
    intent = store.get("C1").intent
    state = await Effects(target, store, Gate("erp"), "worker-2").recover(store.get("C1"), operation(), no_note)
    assert state.intent is None
    assert state.steps == ()
    done = await effects.run(state, operation(), no_note)
    assert store.written[-1].intent.started_at >= intent.deadline
    assert not done.adopted


async def test_an_update_whose_reply_is_lost_is_verified_by_its_values(effects, target):
    await effects.run(EMPTY, operation(), no_note)
    target.script = ["lost reply"]
    update = operation(Action.UPDATE, {"name": "Eve"}, target_id="T1")
    done = await effects.run(EMPTY, update, no_note)
    assert done.adopted
    assert target.ledger == [("create", "T1"), ("update", "T1")]


async def test_a_delete_whose_reply_is_lost_is_verified_by_absence(effects, target):
    state = (await effects.run(EMPTY, operation(), no_note)).state
    target.script = ["lost reply"]
    done = await effects.run(state, operation(Action.DELETE, {"x": 1}, target_id="T1"), no_note)
    assert done.state.steps == ()
    assert target.ledger == [("create", "T1"), ("delete", "T1")]


async def test_what_was_cleared_and_reads_back_as_nothing_is_no_difference(effects, target):
    target.records["X1"] = {"marker": "M1", "discount": 0, "note": "", "price": 5}
    create = operation(fields={"marker": "M1", "discount": None, "note": None, "price": None})
    done = await effects.run(EMPTY, create, no_note)
    assert done.state.step("record").shadow == {"marker": "M1", "discount": None, "note": None, "price": 5}
