"""The offline checker against a table of changes; the integration test holds the same table to a real registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.platform.compatibility import differences, full_compatibility
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas

CASES = yaml.safe_load(Path(__file__).with_name("compatibility.yaml").read_text(encoding="utf-8"))
SCHEMAS = Schemas(schemas_dir())


def schema(case: dict[str, Any]) -> str:
    record = {"type": "record", "name": "R", "namespace": "com.x", "fields": case.get("fields")}
    return json.dumps(case.get("schema", record))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_table(case: dict[str, Any]) -> None:
    found = full_compatibility(schema(case["old"]), schema(case["new"]))
    if "problem" in case:
        assert case["problem"] in found
    else:
        assert found == []


def test_a_problem_below_a_union_names_the_field_not_the_union() -> None:
    old = schema({"fields": [{"name": "a", "type": ["null", {"type": "record", "name": "I", "fields": []}]}]})
    inner = {"type": "record", "name": "I", "fields": [{"name": "b", "type": "int"}]}
    new = schema({"fields": [{"name": "a", "type": ["null", inner]}]})
    assert [found.path for found in differences(reader=new, writer=old)] == ["a.b"]


def test_both_directions_are_told_apart() -> None:
    old = schema({"fields": [{"name": "a", "type": "int"}]})
    new = schema({"fields": [{"name": "a", "type": "string"}]})
    assert [line.rpartition("(")[2] for line in full_compatibility(old, new)] == [
        "new cannot read old)",
        "old cannot read new)",
    ]


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(SCHEMAS.names()), st.data())
def test_dropping_one_field_is_allowed_exactly_if_it_has_a_default(name: str, data: st.DataObject) -> None:
    text = SCHEMAS.flattened(name)
    changed = json.loads(text)
    records = [changed] + [
        f["type"] for f in changed["fields"] if isinstance(f["type"], dict) and "fields" in f["type"]
    ]
    fields = data.draw(st.sampled_from(records))["fields"]
    # a field whose removal takes a definition along that later fields use makes another schema, not a smaller one
    plain = [f for f in fields if '"name"' not in json.dumps(f["type"])]
    if not plain:
        return
    dropped = data.draw(st.sampled_from(plain))
    fields.remove(dropped)
    found = full_compatibility(text, json.dumps(changed))
    assert bool(found) == ("default" not in dropped)
    assert all(dropped["name"] in line and "old cannot read new" in line for line in found)
