"""The oracle finds what it is there to find."""

from typing import Any

import pytest

from headrace.testing.ledger import Verdict, judge


def row(seq: int, name: str, action: str, state: str = "") -> dict[str, Any]:
    return {"seq": seq, "key": f"k{seq}", "action": action, "after": {"name": name, "state": state}, "name": name}


def verdict(expected: dict[str, list[str]], *rows: dict[str, Any]) -> Verdict:
    return judge(expected, rows, identify=lambda entry: entry["name"], state=lambda entry: entry["after"]["state"])


@pytest.mark.parametrize(
    ("states", "rows"),
    [
        (["1"], [row(1, "a", "create", "1")]),
        (["1", "2", "3"], [row(1, "a", "create", "1"), row(2, "a", "update", "3")]),
        (["1", "2", "1"], [row(1, "a", "create", "1"), row(2, "a", "update", "2"), row(3, "a", "update", "1")]),
        (["1"], [row(1, "a", "create", "1"), row(2, "a", "delete"), row(3, "a", "create", "1")]),
        (["1"], [row(1, "a", "create", "1"), row(2, "a", "delete")]),
    ],
)
def test_what_is_right_is_clean(states: list[str], rows: list[dict[str, Any]]) -> None:
    assert verdict({"a": states}, *rows) == Verdict()
    assert verdict({"a": states}, *rows).clean


@pytest.mark.parametrize(
    ("fault", "states", "rows"),
    [
        ("lost", ["1"], []),
        ("duplicated", ["1"], [row(1, "a", "create", "1"), row(2, "a", "create", "1")]),
        ("reordered", ["1", "2"], [row(1, "a", "create", "2"), row(2, "a", "update", "1"), row(3, "a", "update", "2")]),
        ("stale", ["1", "2"], [row(1, "a", "create", "1")]),
        ("unexpected", ["1"], [row(1, "a", "create", "9"), row(2, "a", "update", "1")]),
        ("unexpected", ["1"], [row(1, "a", "create", "1"), row(2, "b", "create", "1")]),
    ],
)
def test_what_is_wrong_is_named(fault: str, states: list[str], rows: list[dict[str, Any]]) -> None:
    found = verdict({"a": states}, *rows)
    assert not found.clean
    named = {name for name in ("lost", "duplicated", "reordered", "stale", "unexpected") if getattr(found, name)}
    assert named == {fault}
    (sentence,) = getattr(found, fault)
    assert sentence.startswith(("a: ", "b: "))


def test_an_old_state_at_the_end_is_both_reordered_and_stale() -> None:
    found = verdict({"a": ["1", "2"]}, row(1, "a", "create", "2"), row(2, "a", "update", "1"))
    assert (len(found.reordered), len(found.stale)) == (1, 1)
