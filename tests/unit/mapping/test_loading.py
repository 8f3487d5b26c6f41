"""Documents that must not load say why, where, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.core.errors import ConfigurationError
from headrace.mapping import InMapping, OutMapping, load, load_directory, parse
from headrace.mapping.loading import mapping_files
from headrace.mapping.yaml_reading import MAX_ALIASES, MAX_BYTES, MAX_DEPTH
from tests.unit.mapping.cases_support import DOCUMENTS, cases


@pytest.mark.parametrize("case", cases("refused"), ids=lambda case: case["name"])
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(case["document"], "m.yaml")
    for words in case["says"]:
        assert any(words in problem for problem in caught.value.problems), f"{words!r} not in {caught.value.problems}"
    assert len(caught.value.problems) == len(case["says"]), caught.value.problems


def test_load_gives_lines_and_a_fingerprint_of_the_content() -> None:
    path = DOCUMENTS / "deal_order.in.yaml"
    document = load(path)
    assert isinstance(document, InMapping)
    assert document.identity == "deal-order"
    assert document.file == str(path)
    line = document.line(("fields", "lines", "fields", "quantity", "copy"))
    assert "quantity" in path.read_text().splitlines()[line - 1]
    assert document.line(("fields", "nothing of the kind")) == document.line(("fields",))
    text = path.read_text()
    assert parse(text).fingerprint == document.fingerprint
    assert parse(text + "# a remark\n").fingerprint != document.fingerprint
    assert len(document.fingerprint) == 12


def test_load_directory_reports_every_file(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.yaml").write_text("direction: in\n")
    (tmp_path / "b" / "c.yml").write_text("direction: sideways\n")
    with pytest.raises(ConfigurationError) as caught:
        load_directory(tmp_path)
    assert any("a.yaml:1: system: missing" in problem for problem in caught.value.problems)
    assert any("c.yml:1: direction" in problem for problem in caught.value.problems)
    with pytest.raises(ConfigurationError, match="no such directory"):
        load_directory(tmp_path / "none")
    documents = load_directory(DOCUMENTS)
    assert [type(document) for document in documents] == [InMapping, OutMapping]


def test_files_of_a_mounted_config_map_are_found_once(tmp_path: Path) -> None:
    """A kubelet keeps them in a hidden folder and links to them; an event would be told twice otherwise."""
    hidden = tmp_path / "..2026_11_21_10_00_00.1"
    hidden.mkdir()
    (hidden / "customer.yaml").write_bytes((DOCUMENTS / "sales_order.out.yaml").read_bytes())
    (tmp_path / "..data").symlink_to(hidden.name)
    (tmp_path / "customer.yaml").symlink_to("..data/customer.yaml")

    assert [path.name for path in mapping_files(tmp_path)] == ["customer.yaml"]
    assert len(load_directory(tmp_path)) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yaml: cannot be read"):
        load(tmp_path / "none.yaml")


HEAD = "direction: in\nsystem: s\nobject: o\nentity: e\nversion: 1\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"x" * (MAX_BYTES + 1), "larger than"),
        (b"direction: in\nsystem: \xff\n", ":2: not UTF-8"),
        (b"a: " + b"[" * (MAX_DEPTH + 1), "nested deeper"),
        (b"a: " + b"[" * 200_000, "nested deeper"),
        (b"a: &a [x]\nb: [" + b"*a, " * (MAX_ALIASES + 1) + b"]\n", "aliases"),
        (b"a: &a [*a]\n", "m.yaml:"),
        (b"? [a]\n: 1\n", "a name is text"),
        (b"a: 2026-13-01\n", "not a day of the calendar"),
        (b"a: \x00\n", "m.yaml:1"),
    ],
)
def test_hostile_yaml(content: bytes, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        parse(content, "m.yaml")


def test_a_bomb_within_the_alias_limit_is_stopped() -> None:
    levels = ["a0: &a0 [" + "x, " * 3000 + "]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 5)}]" for n in range(1, 4)]
    with pytest.raises(ConfigurationError, match="once its aliases are followed"):
        parse("\n".join(levels), "m.yaml")


def test_an_anchor_may_be_used_a_few_times() -> None:
    document = parse(HEAD + "fields:\n  a: &a {copy: x}\n  b: *a\n")
    assert isinstance(document, InMapping)
    assert document.fields["a"] == document.fields["b"]
