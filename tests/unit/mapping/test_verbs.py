"""Every verb and condition, as data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from headrace.core.errors import RejectRecord
from headrace.mapping import Mapped, Skipped, map_in
from headrace.mapping.compiling import COMPILERS
from headrace.mapping.expressions import VERBS
from headrace.mapping.values import to_text
from headrace.mapping.words import WORDS
from tests.unit.mapping.cases_support import TRANSFORMS, In, cases, in_mapping, record

TABLES = {"terms": {"30": "NET30", "NO": "none"}}


def _plain(value: Any) -> Any:
    return to_text(value) if isinstance(value, datetime) else value


@pytest.mark.parametrize("case", cases("verbs"), ids=lambda case: case["name"])
def test_verb(case: dict[str, Any]) -> None:
    fields = {"result": case["expression"]}
    document = in_mapping(fields=fields, tables=TABLES)
    if "rejects" in case:
        with pytest.raises(RejectRecord) as caught:
            map_in(document, record(case["data"]), In(), TRANSFORMS)
        assert caught.value.reason == case["rejects"]
        assert case["says"] in caught.value.detail
        return
    mapped = map_in(document, record(case["data"]), In(), TRANSFORMS)
    assert isinstance(mapped, Mapped)
    if case.get("absent"):
        assert mapped.data == {}
        assert mapped.asserted == ()
        return
    result, wanted = _plain(mapped.data["result"]), case["gives"]
    assert result == wanted
    assert type(result) is type(wanted)
    assert to_text_or_same(result) == to_text_or_same(wanted)
    assert mapped.asserted == ("result",)


def to_text_or_same(value: Any) -> Any:
    """Decimals compare equal across exponents; their digits must not change either."""
    return value if value is None or isinstance(value, list | dict) else to_text(value)


@pytest.mark.parametrize("case", cases("conditions"), ids=lambda case: f"{case['condition']} of {case['data']}")
def test_condition(case: dict[str, Any]) -> None:
    document = in_mapping(when={"the-rule": case["condition"]})
    if "rejects" in case:
        with pytest.raises(RejectRecord, match=case["rejects"]):
            map_in(document, record(case["data"]), In())
        return
    result = map_in(document, record(case["data"]), In())
    assert isinstance(result, Mapped) is case["holds"]
    if not case["holds"]:
        assert result == Skipped("the-rule")


def test_every_verb_runs_has_words_and_a_case() -> None:
    models = set(VERBS.values())
    assert set(COMPILERS) == models
    assert set(WORDS) == models
    tried = {next(name for name in case["expression"] if name in VERBS) for case in cases("verbs")}
    assert set(VERBS) - tried == {"link", "from_step", "marker", "conversion"}  # in test_outward and test_money


def test_a_float_of_the_source_is_refused() -> None:
    for path in ("a", "/a", "b.a"):
        with pytest.raises(RejectRecord, match="binary float"):
            map_in(in_mapping(fields={"x": {"copy": path}}), record({"a": 0.1, "b": {"a": 0.1}}), In())
