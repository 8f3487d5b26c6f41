"""Events that name a record of the target which is not theirs: it is completed, and never made, linked or deleted."""

from __future__ import annotations

import pytest

from headrace.core import values
from headrace.core.contracts import Action
from headrace.core.errors import RejectRecord
from headrace.core.event import Change
from headrace.pipeline.links import Link

from .bench import Bench, event
from .doubles import LedgerTarget

DOCUMENT = """
direction: out
system: test
entity: document
version: 1
on_delete: delete
review: {low-confidence: {field: uncertain, equals: true}}
steps:
  - step: deal
    object: Deals
    record: {copy: external_references.dynamics.record_id}
    where: {field: external_references.dynamics.record_type, equals: deal}
    open: {closed: false}
    fields:
      total: {copy: total.amount}
      number: {copy: number}
  - step: note
    id: {copy: revision}
    object: Notes
    marker: [title]
    fields:
      title: {join: [{copy: number}, {copy: revision}], with: "/"}
      text: {copy: summary}
"""


class Clerk(LedgerTarget):
    """Deals that people keep, and notes of ours."""

    def __init__(self):
        super().__init__()
        self.records["D1"] = {"closed": False, "total": None, "number": None, "owner": "Ada"}

    def refuse_changes(self):
        self.script.append(RejectRecord("locked", "deal D1 is locked"))


@pytest.fixture
def bench():
    return Bench((DOCUMENT,), target=Clerk())


def document(version=1, name="1204", *, record="D1", kind="deal", change=Change.UPSERT, reason="", **data):
    reference = {"record_type": kind, "record_id": record, "company": None, "url": None}
    whole = {"number": "INV-1", "revision": 1, "summary": "A pump.", "external_references": {"dynamics": reference}}
    return event("document", name, {**whole, **data}, number=version, obj="document", change=change, reason=reason)


def parked(bench, given):
    return bench.state(given).parked


async def test_the_named_record_is_completed_and_the_note_is_ours(bench):
    given = document()
    await bench.feed(given)
    assert bench.target.records["D1"] == {"closed": False, "total": None, "number": "INV-1", "owner": "Ada"}
    assert bench.target.ledger == [("update", "D1"), ("create", "T2")]
    assert bench.links.get("erp", "Deals", "D1") is None
    assert bench.links.get("erp", "Notes", "T2").canonical_id == given.key


async def test_nothing_is_written_that_the_record_holds_already(bench):
    bench.target.records["D1"]["number"] = "INV-1"
    await bench.feed(document())
    assert bench.target.ledger == [("create", "T1")]


async def test_two_documents_may_name_one_record_whoever_it_is_linked_to(bench):
    await bench.links.put(Link("erp", "Deals", "D1", "somebody", "opportunity", "minted"))
    first, second = document(), document(2, "1205", number="INV-2")
    await bench.feed(first, second)
    assert bench.target.records["D1"]["number"] == "INV-2"
    assert (parked(bench, first), parked(bench, second)) == (None, None)
    link = bench.links.get("erp", "Deals", "D1")
    assert (link.canonical_id, link.writing) == ("somebody", False)
    assert link.written_fingerprint  # by it the record's own source knows our writing again (I7)


async def test_a_change_of_the_document_is_written_to_the_same_record(bench):
    await bench.feed(document(), document(2, summary="Two pumps.", number="INV-1b"))
    assert bench.target.records["D1"]["number"] == "INV-1b"
    assert [change for change in bench.target.ledger if change[0] == "create"] == [("create", "T2")]


async def test_the_records_own_link_is_marked_with_what_it_holds_and_no_longer_with_what_it_held(bench):
    await bench.links.put(Link("erp", "Deals", "D1", "somebody", "opportunity", "minted"))
    await bench.feed(document(), document(2, number="INV-1b"))
    link = bench.links.get("erp", "Deals", "D1")
    assert values.matches(link.written_fingerprint, {"number": "INV-1b"})
    assert not values.matches(link.written_fingerprint, {"number": "INV-1"})
    assert not link.writing


async def test_a_record_that_is_not_there_parks_with_the_remedy_and_is_not_made(bench):
    given = document(record="D9")
    await bench.feed(given)
    assert bench.target.ledger == []
    assert "D9" in parked(bench, given).detail
    assert "is not in erp" in parked(bench, given).detail


async def test_a_record_that_takes_no_more_parks_with_the_remedy(bench):
    bench.target.records["D1"]["closed"] = True
    given = document()
    await bench.feed(given)
    assert bench.target.ledger == []
    assert "closed" in parked(bench, given).detail
    bench.target.records["D1"]["closed"] = False
    await bench.command(given.key, "retry")
    assert bench.target.records["D1"]["number"] == "INV-1"
    assert parked(bench, given) is None


async def test_a_record_that_closed_since_is_not_changed_either(bench):
    given = document()
    await bench.feed(given)
    bench.target.records["D1"]["closed"] = True
    await bench.feed(document(2, number="INV-7"))
    assert bench.target.records["D1"]["number"] == "INV-1"
    assert "closed" in parked(bench, given).detail


async def test_a_document_that_names_another_record_now_is_a_humans_matter(bench):
    bench.target.records["D2"] = {"closed": False, "number": None}
    given = document()
    await bench.feed(given, document(2, record="D2"))
    assert bench.target.records["D2"]["number"] is None
    assert "D1" in parked(bench, given).detail
    assert "D2" in parked(bench, given).detail
    await bench.command(given.key, "resolve", '{"take": "source"}')
    assert bench.target.records["D2"]["number"] == "INV-1"


async def test_what_names_no_record_parks(bench):
    given = document(record=None)
    await bench.feed(given)
    assert bench.target.ledger == []
    assert "names no record" in parked(bench, given).detail


async def test_a_crash_after_the_change_is_found_and_the_rest_follows(bench):
    bench.target.script = ["lost reply"]
    given = document()
    await bench.feed(given)
    assert bench.target.ledger == [("update", "D1"), ("create", "T2")]
    assert parked(bench, given) is None


async def test_deleting_the_document_leaves_the_record_that_it_named(bench):
    given = document()
    await bench.feed(given, document(2, change=Change.DELETE, reason="deleted"))
    assert bench.target.ledger[-1] == ("delete", "T2")
    assert "D1" in bench.target.records


async def test_a_new_revision_gets_a_note_of_its_own_and_the_old_one_stays(bench):
    given = document()
    await bench.feed(given, document(2, summary="Corrected."), document(3, revision=2, summary="New."))
    notes = {name: record["text"] for name, record in bench.target.records.items() if "text" in record}
    assert sorted(notes.values()) == ["Corrected.", "New."]
    assert {step.step for step in bench.state(given).steps} == {"deal", "note:1", "note:2"}
    assert (Action.DELETE.value, "T2") not in bench.target.ledger


async def test_low_confidence_is_a_humans_matter_before_anything_is_written(bench):
    given = document(uncertain=True)
    await bench.feed(given)
    assert bench.target.ledger == []
    assert parked(bench, given).reason == "review"
    assert "low confidence" in parked(bench, given).label
    await bench.command(given.key, "resolve", '{"take": "source"}')
    assert bench.target.records["D1"]["number"] == "INV-1"
