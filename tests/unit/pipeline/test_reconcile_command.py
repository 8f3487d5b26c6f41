"""The command `repair` on a processor: what the target holds is known again, and the last event goes on from there."""

from __future__ import annotations

import json

from headrace.core.outcome import ParkReason

from .bench import Bench, customer, order


async def repair(bench, given, *, fields=None, gone=(), event_id=None, offset=None):
    message = next(each for each in bench.store.messages.values() if each.key == given.key)
    place = {"topic": message.topic, "partition": 0, "offset": message.offset if offset is None else offset}
    argument = json.dumps({"fields": fields or {}, "gone": list(gone), **place})
    await bench.command(given.key, "repair", argument, given.meta.event_id if event_id is None else event_id)
    actions = [bench.codec.decode(value)[1] for value in bench.producer.on("audit")]
    return [each["result"] for each in actions if "operator" in each][-1]


async def sold():
    """Return a bench on which an order of a customer was written."""
    bench = Bench()
    await bench.feed(customer(), order())
    assert len(bench.target.ledger) == 3
    return bench


def held(bench, **fields):
    (found,) = [name for name, record in bench.target.records.items() if fields.items() <= record.items()]
    return found


async def test_a_field_that_was_changed_in_the_target_is_written_once_more():
    bench, given = Bench(), customer()
    await bench.feed(given)
    target_id = held(bench, vat="NO1")
    bench.target.records[target_id] |= {"phone": "9", "name": "Somebody else"}

    words = await repair(bench, given, fields={"record": ["phone"]})

    assert "goes on from there" in words
    assert bench.target.records[target_id]["phone"] == "1"
    assert bench.target.records[target_id]["name"] == "Somebody else", "only what was asked for"
    assert bench.target.ledger == [("create", target_id), ("update", target_id)]
    state = bench.state(given)
    assert (state.parked, state.intent, state.event_id) == (None, None, given.meta.event_id)
    assert state.step("record").shadow["phone"] == "1"


async def test_the_rules_of_ownership_decide_about_it():
    bench, given = Bench(ownership={"customer": {"phone": "erp"}}), customer()
    await bench.feed(given)
    target_id = held(bench, vat="NO1")
    bench.target.records[target_id]["phone"] = "9"

    await repair(bench, given, fields={"record": ["phone"]})

    assert bench.target.records[target_id]["phone"] == "9"
    assert bench.state(given).step("record").holds("phone") == "9"


async def test_a_record_that_is_gone_is_created_again_and_only_once():
    bench, given = Bench(), customer()
    await bench.feed(given)
    bench.target.records.clear()

    await repair(bench, given, gone=["record"])
    await repair(bench, given, gone=["record"])

    assert [action for action, _ in bench.target.ledger] == ["create", "create"]
    assert bench.state(given).step("record").target_id == held(bench, vat="NO1")


async def test_a_document_that_is_gone_is_never_created_again():
    bench = await sold()
    bench.target.records.pop(held(bench, reference="crm/deal/55"))
    before = list(bench.target.ledger)

    words = await repair(bench, order(), gone=["header"])

    assert words.startswith("refused")
    assert "never created a second time" in words
    assert bench.target.ledger == before
    assert bench.state(order()).parked is None


async def test_a_document_that_was_changed_goes_to_review_with_both_values():
    bench = await sold()
    bench.target.records[held(bench, line="1")]["quantity"] = 7
    before = list(bench.target.ledger)

    await repair(bench, order(), fields={"line:1": ["quantity"]})

    parked = bench.state(order()).parked
    assert parked.reason == ParkReason.REVIEW
    assert [(name, int(ours), theirs) for name, (ours, theirs) in parked.differences.items()] == [
        ("line:1.quantity", 2, 7)
    ]
    assert bench.target.ledger == before


async def test_it_is_refused_where_it_makes_no_sense_any_more():
    bench, given = Bench(), customer()
    assert "nothing was ever written" in await _refused(bench, given)
    await bench.feed(given)
    target_id = held(bench, vat="NO1")
    bench.target.records[target_id]["phone"] = "9"

    fields = {"record": ["phone"]}
    assert "a newer event" in await repair(bench, given, fields=fields, event_id="another")
    assert "is not kept any more" in await repair(bench, given, fields=fields, offset=99)
    assert "no step header" in await repair(bench, given, fields={"header": ["x"]})
    bench.target.records.clear()
    assert "is gone by now" in await repair(bench, given, fields=fields)
    assert bench.state(given).step("record").shadow["phone"] == "1"
    assert len(bench.target.ledger) == 1


async def test_what_is_parked_is_settled_first():
    bench = await sold()
    await bench.feed(order(number=2, quantity=9))
    assert bench.state(order()).parked is not None
    words = await repair(bench, order(), fields={"line:1": ["quantity"]})
    assert "parked or under way" in words


async def _refused(bench, given):
    bench.message(given)
    return await repair(bench, given)
