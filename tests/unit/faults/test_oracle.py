"""The oracle of the fault matrix finds every violation that is put before it, and nothing in what is right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.oracle import FAULTS, Said, Verdict, Wish, Written, judge, merged, recovery

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
KIND = "order"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def wish(name: str, *contents: str, document: str = "", excuse: str = "", words: tuple[str, ...] = ()) -> Wish:
    said = tuple(Said(content, at(place)) for place, content in enumerate(contents))
    return Wish(KIND, name, said, document, words, excuse)


def row(number: int, name: str, content: str = "", action: str = "create") -> Written:
    return Written(KIND, name, action, content, at(10 + number), number)


RIGHT = {
    "created": ([wish("a", "1")], [row(1, "a", "1")]),
    "a state in between is left out": ([wish("a", "1", "2", "3")], [row(1, "a", "1"), row(2, "a", "3", "update")]),
    "created with its newest state": ([wish("a", "1", "2")], [row(1, "a", "2")]),
    "back to an earlier content": (
        [wish("a", "1", "2", "1")],
        [row(1, "a", "1"), row(2, "a", "2", "update"), row(3, "a", "1", "update")],
    ),
    "the same update twice": (
        [wish("a", "1", "2")],
        [row(1, "a", "1"), row(2, "a", "2", "update"), row(3, "a", "2", "update")],
    ),
    "made again after it was deleted": (
        [wish("a", "1")],
        [row(1, "a", "1"), row(2, "a", action="delete"), row(3, "a", "1")],
    ),
    "a document and its line": (
        [wish("a", "1"), wish("a/1", "x", document="a")],
        [row(1, "a", "1"), row(2, "a/1", "x")],
    ),
    "missing by a rule": ([wish("a", "1", excuse="its item is not released")], []),
}

WRONG = {
    "never came": ("lost", [wish("a", "1")], []),
    "one of two documents never came": ("lost", [wish("a", "1"), wish("b", "1")], [row(1, "b", "1")]),
    "created twice": ("duplicated", [wish("a", "1")], [row(1, "a", "1"), row(2, "a", "1")]),
    "a line twice": (
        "duplicated",
        [wish("a", "1"), wish("a/1", "x", document="a")],
        [row(1, "a", "1"), row(2, "a/1", "x"), row(3, "a/1", "x")],
    ),
    "an older state in between": (
        "reordered",
        [wish("a", "1", "2", "3")],
        [row(1, "a", "2"), row(2, "a", "1", "update"), row(3, "a", "3", "update")],
    ),
    "another content at first": ("wrong", [wish("a", "1")], [row(1, "a", "9"), row(2, "a", "1", "update")]),
    "another content at the end": ("wrong", [wish("a", "1")], [row(1, "a", "1"), row(2, "a", "9", "update")]),
    "nobody asked": ("wrong", [wish("a", "1")], [row(1, "a", "1"), row(2, "b", "1")]),
    "a line of no document": (
        "wrong",
        [wish("a", "1"), wish("a/1", "x", document="a")],
        [row(1, "a", "1"), row(2, "a/1", "x"), row(3, "a/2", "x")],
    ),
    "there against a rule": ("wrong", [wish("a", "1", excuse="its item is not released")], [row(1, "a", "1")]),
    "a line that does not follow its header": (
        "parked",
        [wish("a", "1"), wish("a/1", "x", document="a")],
        [row(1, "a", "1")],
    ),
    "an update that does not come": ("parked", [wish("a", "1", "2")], [row(1, "a", "1")]),
}


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_right_is_clean(case: str) -> None:
    verdict = judge(*RIGHT[case])[KIND]
    assert verdict.clean, verdict.as_json()
    assert verdict.complete


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case: str) -> None:
    fault, wishes, rows = WRONG[case]
    verdict = judge(wishes, rows)[KIND]
    assert {name for name in FAULTS if getattr(verdict, name)} == {fault}
    assert len(getattr(verdict, fault)) == 1
    assert not verdict.clean


def test_an_old_state_that_stays_is_stale_and_reordered() -> None:
    verdict = judge([wish("a", "1", "2")], [row(1, "a", "2"), row(2, "a", "1", "update")])[KIND]
    assert {name for name in FAULTS if getattr(verdict, name)} == {"reordered", "stale"}


def test_what_was_tried_is_not_lost_but_parked() -> None:
    """A request that names the record tells that somebody got as far as the target."""
    wishes = [wish("crm/deal/7", "1"), wish("VAT-1", "1", words=("eq 'VAT-1'",)), wish("crm/deal/8", "1")]
    requests = ["GET /data/Orders?$filter=Reference eq 'crm/deal/7'", "GET /data/Customers?$filter=Tax eq 'VAT-1'"]
    verdict = judge(wishes, [], requests)[KIND]
    assert [case.partition(":")[0] for case in verdict.parked] == ["crm/deal/7", "VAT-1"]
    assert [case.partition(":")[0] for case in verdict.lost] == ["crm/deal/8"]


def test_kinds_are_judged_apart() -> None:
    other = Wish("batch", "v", (Said("1", START),))
    found = judge([wish("a", "1"), other], [row(1, "a", "1")])
    assert found[KIND].clean
    assert found["batch"].lost


def test_judgements_add_up() -> None:
    first, second = judge([wish("a", "1")], []), judge([wish("b", "1")], [row(1, "b", "1"), row(2, "b", "1", "update")])
    total = merged([first, second])[KIND]
    assert (total.records, total.rows, total.repeated, len(total.lost)) == (2, 2, 1, 1)


@pytest.mark.parametrize(
    ("rows", "seconds"),
    [
        ([row(1, "a", "1"), row(2, "a", "2", "update")], 10.0),
        ([row(1, "a", "3")], 9.0),  # the newer one will do
        ([row(1, "a", "1")], None),
        ([], None),
    ],
)
def test_time_to_recover_is_that_of_the_slowest(rows: list[Written], seconds: float | None) -> None:
    """The source said 1 and 2 before the fault was lifted, at second 2, and 3 just after."""
    versions = (Said("1", at(0)), Said("2", at(2)), Said("3", at(5)))
    assert recovery([Wish(KIND, "a", versions)], rows, at(2)) == seconds


def test_what_came_before_the_end_of_the_fault_took_no_time() -> None:
    assert recovery([wish("a", "1")], [row(1, "a", "1")], at(60)) == 0.0


def test_a_verdict_shows_its_first_cases() -> None:
    shown = Verdict(records=2, lost=["a", "b"]).as_json()
    assert (shown["lost"], shown["wrong"], shown["cases"]) == (2, 0, ["a", "b"])
