"""What is drawn by a seed number, ways between statuses, names on the wire, conditions of rules."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.store import Store
from headrace.sandbox.recordengine.extraction import Extraction
from headrace.sandbox.recordengine.instance import Instance
from headrace.sandbox.recordengine.rules import Condition
from headrace.sandbox.recordengine.settings import RecordEngineSettings
from headrace.sandbox.recordengine.statuses import APPROVED, EXPORT, MISSING_INFO, NEEDS_REVIEW, NEW, READY, way
from headrace.sandbox.recordengine.wire import Wire, put


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    settings = RecordEngineSettings()
    sandbox = Sandbox("recordengine", Store(tmp_path / "s.sqlite"), settings, seed=lambda body: {})
    yield Instance(sandbox, settings)
    sandbox.store.close()


def drawn(instance: Instance, sha256: str, filename: str = "a.pdf", profile: str = "Default") -> Any:
    return Extraction(instance).read({"sha256": sha256, "filename": filename}, profile)


def test_a_file_is_read_the_same_again(instance: Instance) -> None:
    first = drawn(instance, "a")
    assert first == drawn(instance, "a") != drawn(instance, "b")
    instance.settings.change({"seed": 2})
    assert drawn(instance, "a") != first


def test_drawn_invoices_add_up(instance: Instance) -> None:
    found = [drawn(instance, str(number)) for number in range(100)]
    for each in found:
        fields = each["extracted_fields"]
        amounts = [Decimal(line["quantity"]) * Decimal(line["unit_price"]) for line in fields["line_items"]]
        assert amounts == [Decimal(line["amount"]) for line in fields["line_items"]]
        assert Decimal(fields["subtotal"]) == sum(amounts)
        assert Decimal(fields["total_amount"]) == Decimal(fields["subtotal"]) + Decimal(fields["tax"])
        assert fields["invoice_date"] < fields["due_date"]
    assert len({each["extracted_fields"]["vendor"] for each in found}) == 5
    assert {each["confidence_score"] >= 80 for each in found} == {True, False}


@pytest.mark.parametrize(
    ("filename", "profile", "doc_type"),
    [
        ("mail.txt", "Default", "Text"),
        ("call.MP3", "Default", "Transcript"),
        ("a.pdf", "Meeting Notes", "Meeting Notes"),
        ("a.pdf", "Chinese Fapiao", "Invoice"),
    ],
)
def test_what_is_no_invoice_has_no_fields(instance: Instance, filename: str, profile: str, doc_type: str) -> None:
    found = drawn(instance, "a", filename, profile)
    assert found["doc_type"] == doc_type
    assert bool(found["extracted_fields"]) == (doc_type == "Invoice")


def test_the_shortest_way_between_statuses() -> None:
    transitions = Wire({}).transitions
    assert way(transitions, NEEDS_REVIEW, EXPORT) == (APPROVED, EXPORT)
    assert way(transitions, NEEDS_REVIEW, READY) == (MISSING_INFO, READY)
    assert way(transitions, EXPORT, NEW) == ()


def test_names_on_the_wire() -> None:
    wire = Wire({"paths": {"document": "/d/{id}.json"}, "status": {"words": {"export": "Released"}}})
    assert wire.match("document", "/d/12.json") == {"id": "12"}
    assert wire.match("document", "/d/12xjson") is None
    assert (wire.word(EXPORT), wire.usual_word("Released"), wire.usual_word("Export")) == ("Released", EXPORT, None)
    assert wire.place_of("v2", 2, "po_number") == ["custom_fields", "PO Number"]
    out: dict[str, Any] = {}
    put(out, ["a", "b"], 1)
    put(out, ["a", "c"], 2)
    assert out == {"a": {"b": 1, "c": 2}}
    with pytest.raises(ValueError, match=r"paths\.documnt: unknown name documnt; did you mean document"):
        Wire({"paths": {"documnt": "/"}})


def test_other_names_are_in_force_as_soon_as_they_are_set() -> None:
    settings = RecordEngineSettings()
    assert settings.wire.word(EXPORT) == "Export"
    settings.change({"contract": {"status": {"words": {"export": "Released"}}}})
    assert settings.wire.word(EXPORT) == "Released"
    settings.restore_defaults()
    assert settings.wire.word(EXPORT) == "Export"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"field": "confidence_score", "is": "at_least", "value": 80}, True),
        ({"field": "confidence_score", "is": "at_most", "value": 80}, False),
        ({"field": "total_amount", "is": "at_most", "value": "1280.25"}, True),
        ({"field": "vendor", "is": "containing", "value": "LAKE"}, True),
        ({"field": "vendor", "is": "at_least", "value": 5}, False),
        ({"field": "PO Number", "value": "PO-1"}, True),
        ({"field": "absent", "value": "x"}, False),
        ({"field": "absent", "is": "not_equal", "value": "x"}, True),
        ({"field": "absent", "is": "at_least", "value": 0}, False),
    ],
)
def test_conditions_of_rules(condition: dict[str, Any], holds: bool) -> None:
    document = {
        "confidence_score": 91,
        "extracted_fields": {"vendor": "Lakeside", "total_amount": "1280.25"},
        "custom_fields": {"PO Number": "PO-1"},
    }
    assert Condition.model_validate(condition).holds(document) is holds
