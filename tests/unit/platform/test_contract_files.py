"""Contract files: what is found where, and what a customer's file may name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.core.errors import ConfigurationError
from headrace.platform.contract_files import ABSENT, find, load, merged, unknown_name
from headrace.platform.settings import Strict

DEFAULT = "paths: {vendors: /vendors}\nlengths: {vendor: {Name: 50}}\n"


class Example(Strict):
    paths: dict[str, str]
    lengths: dict[str, dict[str, int]]


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("row", "place", "found"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a": None}, "a.b", None),
        ({"a": {}}, "a.b", ABSENT),
        ({"A": 1}, "a", ABSENT),
        ({"a": [{"b": 1}, {"b": 2}]}, "a.1.b", 2),
        ({"a": []}, "a.0.b", None),
        ({"a": "text"}, "a.b", ABSENT),
        ([], "a", None),
    ],
)
def test_where_a_field_is_found(row: Any, place: str, found: Any) -> None:
    assert find(row, place) == found


def test_a_system_may_look_for_names_in_its_own_way() -> None:
    assert find({"A": {"B": 1}}, "a.b", lambda row, name: row.get(name.upper(), ABSENT)) == 1


def test_only_open_ends_take_new_names(tmp_path: Path) -> None:
    text = "lengths: {vendor: {Email: 80}}"
    found = load(Example, DEFAULT, own(tmp_path, text), lambda place: place == "lengths.vendor")
    assert found.lengths == {"vendor": {"Name": 50, "Email": 80}}
    with pytest.raises(ConfigurationError, match=r"own\.yaml: lengths\.vendor\.Email: unknown name Email"):
        load(Example, DEFAULT, own(tmp_path, text))
    assert load(Example, DEFAULT, None) == load(Example, DEFAULT, own(tmp_path, ""))


def test_names_and_values_are_told_together(tmp_path: Path) -> None:
    text = "path: {}\npaths: {vendors: 5}\nlengths: [1]"
    with pytest.raises(ConfigurationError) as caught:
        load(Example, DEFAULT, own(tmp_path, text))
    assert [problem.rpartition("own.yaml: ")[2] for problem in caught.value.problems] == [
        "path: unknown name path; did you mean paths?",
        "lengths: names and values are needed, such as in contract.yaml",
        "paths.vendors: Input should be a valid string",
    ]


def test_nothing_of_the_default_changes() -> None:
    default = {"a": {"b": 1}}
    assert merged(default, {"a": {"b": 2}}) == ({"a": {"b": 2}}, [])
    assert default == {"a": {"b": 1}}
    assert unknown_name("x", ["alpha", "beta"]) == "unknown name x; known are alpha, beta"
