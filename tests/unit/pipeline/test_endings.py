"""How records ended, read from lines of the audit in whatever order targets and normaliser wrote them."""

from __future__ import annotations

import pytest

from headrace.pipeline.endings import Ending, Endings, tally


def line(connection, phase, outcome, detail="", **more):
    blank = dict.fromkeys(("source_object", "external_id", "entity", "event_id", "object", "target_id"), "")
    return {**blank, "connection": connection, "phase": phase, "outcome": outcome, "detail": detail, **more}


def normalised(outcome, detail="", number=1, **more):
    address = {"source_object": "organization", "external_id": str(number), "entity": "customer"}
    return line("crm", "normalise", outcome, detail, **{**address, "canonical_id": f"C{number}", **more})


def emitted(number=1, event="e1", detail="load"):
    return normalised("emitted", detail, number, event_id=event)


def processed(phase, outcome, detail="", number=1, event="e1", connection="erp", **more):
    return line(connection, phase, outcome, detail, canonical_id=f"C{number}", event_id=event, **more)


def results(*lines, targets=None, parked=()):
    endings = Endings("crm", "organization", ["organization"], targets or {"erp": ["customer"]})
    for each in lines:
        endings.read(each)
    for external_id, reason in parked:
        endings.parked(external_id, reason)
    return endings.results()


@pytest.mark.parametrize(
    ("told", "ending", "reason"),
    [
        (processed("settle", "created"), Ending.CREATE, ""),
        (processed("settle", "adopted"), Ending.MATCH, ""),
        (processed("settle", "updated"), Ending.UPDATE, ""),
        (processed("settle", "unchanged"), Ending.UNCHANGED, ""),
        (processed("settle", "skipped", "order-not-confirmed"), Ending.SKIP, "order-not-confirmed"),
        (processed("decide", "skipped", "seen"), Ending.UNCHANGED, "seen"),
        (processed("decide", "skipped", "not taken from crm"), Ending.SKIP, "not taken from crm"),
        (processed("park", "parked", "waiting: customer: x"), Ending.WAIT, "customer: x"),
        (processed("park", "parked", "review: two records"), Ending.CONFLICT, "two records"),
        (processed("park", "parked", "unknown: no answer"), Ending.CONFLICT, "no answer"),
        (processed("park", "parked", "rejected: too long"), Ending.REJECT, "too long"),
    ],
)
def test_what_a_target_told_last_is_the_ending(told, ending, reason):
    (result,) = results(emitted(), told)
    assert (result.target, result.ending, result.reason) == ("erp", ending, reason)


@pytest.mark.parametrize(
    ("told", "ending"),
    [
        (normalised("skipped", "deal-not-won"), Ending.SKIP),
        (normalised("repeated", "the same"), Ending.UNCHANGED),
        (normalised("ignored", "gone"), Ending.SKIP),
        (normalised("parked", "rubbish", entity=""), Ending.REJECT),
        (line("crm", "load", "held back", source_object="organization", external_id="1"), Ending.CONFLICT),
    ],
)
def test_what_becomes_no_event_ends_at_the_source(told, ending):
    told = {"canonical_id": "organization:1", **told}
    (result,) = results(told)
    assert (result.target, result.ending) == ("", ending)


def test_a_match_names_the_record_and_what_it_holds():
    match = processed("match", "found", "left as it is: name: A instead of B", object="Customers", target_id="T1")
    (result,) = results(emitted(), match, processed("settle", "adopted", target_id="T1"))
    assert (result.target_object, result.target_id) == ("Customers", "T1")
    assert result.differences == "left as it is: name: A instead of B"
    (result,) = results(emitted(), match, processed("settle", "updated", target_id="T1"))
    assert result.ending is Ending.MATCH, "it was there, whatever rules of ownership changed in it"


def test_why_the_normaliser_parked_is_known_from_the_parking():
    told = normalised("parked", "tax numbers of two", entity="")
    (result,) = results(told, parked=[("1", "review")])
    assert result.ending is Ending.CONFLICT


def test_a_parked_event_that_went_through_later_ended_well():
    parked = processed("park", "parked", "waiting: product")
    (result,) = results(emitted(), parked, processed("settle", "created"))
    assert result.ending is Ending.CREATE
    (result,) = results(emitted(), parked, processed("settle", "created", event="newer"))
    assert result.ending is Ending.CREATE, "a newer event took its place"
    (result,) = results(emitted(), processed("settle", "created"), processed("settle", "updated", event="newer"))
    assert result.ending is Ending.CREATE, "what live traffic changed afterwards is not the load's"


def test_live_traffic_is_not_the_load():
    assert results(emitted(detail="webhook"), processed("settle", "created")) == []


def test_what_was_not_worked_off_is_under_way():
    (result,) = results(emitted())
    assert (result.target, result.ending) == ("erp", Ending.OPEN)


def test_an_entity_that_no_target_takes_is_skipped():
    (result,) = results(emitted(), targets={"erp": ["product"]})
    assert (result.ending, result.reason) == (Ending.SKIP, "no target takes it")


def test_each_target_counts_on_its_own():
    lines = [emitted(), processed("settle", "created"), processed("settle", "adopted", connection="shop")]
    lines += [emitted(2, "e2"), processed("settle", "created", number=2, event="e2")]
    found = results(*lines, targets={"erp": ["customer"], "shop": ["customer"]})
    assert tally(found) == {
        ("customer", "erp"): {Ending.CREATE: 2},
        ("customer", "shop"): {Ending.MATCH: 1, Ending.OPEN: 1},
    }


def test_a_record_that_is_mended_and_read_again_counts_once():
    (result,) = results(normalised("parked", "rubbish", entity=""), emitted(), processed("settle", "created"))
    assert result.ending is Ending.CREATE
    (result,) = results(emitted(), normalised("repeated", "the same"), processed("settle", "created"))
    assert result.ending is Ending.CREATE
