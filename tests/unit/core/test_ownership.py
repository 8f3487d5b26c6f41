"""Whose word counts for a field: each rule, what is contested, and that both sides of a conflict come to one end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.event import CanonicalEvent, Change, Meta
from headrace.core.ownership import Ownership, Rule, Verdict

START = datetime(2026, 11, 21, tzinfo=UTC)


def says(connection, at, company=None, echoed=(), renewed=(), **data):
    moment = START + timedelta(minutes=at)
    external_id = f"dataAreaId={company},CustomerAccount=1" if company else "1"
    meta = Meta(
        f"{connection}-{at}",
        "customer",
        "C1",
        connection,
        "x",
        external_id,
        "",
        moment,
        moment,
        Change.UPSERT,
        company,
        tuple(data),
        "",
        tuple(echoed),
        tuple(renewed),
    )
    return CanonicalEvent(meta, data)


def verdict(rule, *events, target):
    """Return the ruling on `name` for the last event on a target that has heard the ones before."""
    ownership = Ownership({"*": Rule.parse(rule)})
    claims = {}
    for event in events[:-1]:
        claims, _ = ownership.heard(claims, event)
    last = events[-1]
    after, changed = ownership.heard(claims, last)
    return ownership.decide("name", ownership.origin(last.meta), target, claims, after, changed)


def test_an_owner_writes_and_others_do_not():
    assert verdict("erp", says("erp", 1, name="a"), target="crm").verdict is Verdict.WRITE
    assert verdict("erp", says("crm", 1, name="a"), target="erp").verdict is Verdict.KEEP


def test_an_owner_may_clear_a_field():
    told = [says("erp", 1, name="a"), says("crm", 2, name="b"), says("erp", 3, name=None)]
    assert verdict("erp", *told, target="crm").verdict is Verdict.WRITE


def test_the_first_of_the_list_that_has_a_value_counts():
    rule = ["erp", "crm"]
    assert verdict(rule, says("crm", 1, name="a"), target="erp").verdict is Verdict.WRITE
    assert verdict(rule, says("erp", 1, name="b"), says("crm", 2, name="a"), target="erp").verdict is Verdict.KEEP
    assert verdict(rule, says("crm", 2, name="a"), says("erp", 1, name="b"), target="crm").verdict is Verdict.WRITE
    assert verdict(rule, says("erp", 1, name=""), says("crm", 2, name="a"), target="erp").verdict is Verdict.WRITE
    cleared = [says("crm", 1, name="a"), says("erp", 2, name="b"), says("erp", 3, name=None)]
    assert verdict(rule, *cleared, target="crm").verdict is Verdict.WRITE


def test_what_we_wrote_there_is_nobodys_word():
    ours = says("erp", 2, name="A", echoed=["name"])
    assert verdict(["erp", "crm"], says("crm", 1, name="a"), ours, target="crm").verdict is Verdict.KEEP
    again = says("crm", 3, name="b")
    assert verdict(["erp", "crm"], says("crm", 1, name="a"), ours, again, target="erp").verdict is Verdict.WRITE


def test_the_latest_counts_whoever_speaks_first():
    early, late = says("crm", 1, name="a"), says("erp", 2, name="b")
    assert verdict("latest", early, late, target="crm").verdict is Verdict.WRITE
    assert verdict("latest", late, early, target="erp").verdict is Verdict.KEEP


def test_a_later_snapshot_with_the_same_value_is_no_later_word():
    told = [says("crm", 1, name="a"), says("erp", 2, name="b"), says("crm", 3, name="a", phone="1")]
    assert verdict("latest", *told, target="erp").verdict is Verdict.KEEP


def test_review_asks_only_when_both_changed_since_they_agreed():
    agreed = [says("crm", 1, name="a"), says("erp", 2, name="a", echoed=["name"])]
    one = says("crm", 3, name="b")
    assert verdict("review", *agreed, one, target="erp").verdict is Verdict.WRITE
    both = verdict("review", *agreed, says("erp", 3, name="c"), says("crm", 4, name="b"), target="erp")
    assert (both.verdict, both.contested) == (Verdict.REVIEW, True)


def test_review_leaves_records_that_were_there_before_as_they_are():
    assert verdict("review", says("erp", 1, name="b"), says("crm", 2, name="a"), target="erp").verdict is Verdict.KEEP


def test_a_legal_entity_may_own():
    other = says("erp", 1, company="demf", name="a")
    assert verdict("erp/usmf", other, target="crm").verdict is Verdict.KEEP
    assert verdict("erp/usmf", says("erp", 1, company="usmf", name="a"), target="crm").verdict is Verdict.WRITE


def test_two_companies_of_one_system_are_two_voices():
    old = says("erp", 1, company="demf", phone="77")
    later = [says("crm", 5, phone="5"), says("erp", 9, company="demf", phone="77", name="x")]
    ownership = Ownership({"*": Rule.parse("latest")})
    claims, _ = ownership.heard({}, old)
    claims, _ = ownership.heard(claims, says("erp", 2, company="usmf", phone="1"))
    for event in later:
        before, (claims, changed) = claims, ownership.heard(claims, event)
    assert ownership.decide("phone", "erp/demf", "crm", before, claims, changed).verdict is Verdict.KEEP


def test_a_value_that_is_set_back_is_a_new_word():
    told = [says("erp", 1, name="0"), says("crm", 2, name="1"), says("erp", 3, name="0", renewed=["name"])]
    assert verdict("latest", *told, target="crm").verdict is Verdict.WRITE


def test_what_is_gone_says_nothing_any_more():
    ownership = Ownership({"*": Rule.parse(["erp", "crm"])})
    claims, _ = ownership.heard({}, says("erp", 1, name="a"))
    gone = says("erp", 2)
    gone = CanonicalEvent(replace(gone.meta, change=Change.DELETE), {})
    assert ownership.heard(claims, gone) == ({}, frozenset())


def test_a_field_without_rule_is_not_decided():
    ownership = Ownership({"phone": Rule.parse("erp")})
    after, changed = ownership.heard({}, says("crm", 1, name="a"))
    assert ownership.decide("name", "crm", "erp", {}, after, changed) is None


@pytest.mark.parametrize(
    ("rule", "lost"), [("erp", True), ("latest", False), ("review", False), (["crm", "erp"], False)]
)
def test_the_target_loses_what_is_not_its_to_change(rule, lost):
    ownership = Ownership({"*": Rule.parse(rule)})
    claims, _ = ownership.heard({}, says("erp", 1, name="a"))
    claims, _ = ownership.heard(claims, says("crm", 2, name="b"))
    assert ownership.loses("name", "crm", claims) is lost


EDITS = st.lists(
    st.tuples(st.sampled_from(["crm", "erp"]), st.integers(0, 30), st.sampled_from(["a", "b", "c", ""])), max_size=8
)


@given(EDITS, st.sampled_from(["erp", "crm", "latest", ["erp", "crm"], ["crm", "erp"]]))
def test_both_sides_end_the_same(edits, rule):
    """Two targets read one log of people's edits. What each holds in the end is the same, whatever the order was.

    Each edit is made to a system that holds the one before; the log has them in any order of time. A target writes what
    it may, and puts back what the target changed and may not; each write comes back as an echo.
    """
    ownership = Ownership({"*": Rule.parse(rule)})
    systems = {"crm": "", "erp": ""}
    claims = {"crm": {}, "erp": {}}
    spoken = set()

    def heard(event):
        source = event.meta.connection
        for target, other in (("crm", "erp"), ("erp", "crm")):
            before = claims[target]
            claims[target], changed = ownership.heard(before, event)
            if source == target:
                if changed and ownership.loses("name", target, claims[target]):
                    write(target, systems[other])
            elif systems[target] != event.data["name"]:
                ruling = ownership.decide("name", source, target, before, claims[target], changed)
                if ruling is not None and ruling.verdict is Verdict.WRITE:
                    write(target, event.data["name"])

    def write(target, value):
        systems[target] = value
        echoes.append(target)

    for number, (source, at, value) in enumerate(edits):
        if systems[source] == value or (source, at) in spoken:
            continue
        spoken.add((source, at))
        systems[source] = value
        echoes = []
        heard(says(source, at * 100 + number, name=value))
        while echoes:
            target = echoes.pop()
            heard(says(target, 5000, name=systems[target], echoed=["name"]))
    if rule == "latest" or (isinstance(rule, str) and any(source == rule for source, _ in spoken)):
        assert systems["crm"] == systems["erp"]
    if isinstance(rule, list):
        assert systems["crm"] == systems["erp"]
