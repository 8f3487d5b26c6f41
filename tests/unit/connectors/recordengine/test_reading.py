"""What answers become: our names, text as it was extracted, references that are believed as far as they go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.connectors.recordengine.reading import Reader
from headrace.core.contracts import Record
from headrace.platform.json_text import parse_json
from headrace.platform.record_json import dump_record, load_record

ROW: dict[str, Any] = {
    "id": 1204,
    "filename": "INV-8841.pdf",
    "status": "Export",
    "doc_type": "Invoice",
    "contact_id": 31,
    "folder_id": 77,
    "confidence_score": 91,
    "extracted_fields": {"vendor": "Lakeside", "total_amount": "1280.25", "payment_reference": "RF18"},
    "custom_fields": {"PO Number": "PO-000412", "Cost Center": "014"},
    "external_refs": {},
    "doc_url": "https://re.contoso.example/documents/1204",
    "created_at": "2026-03-02T08:23:41Z",
    "updated_at": "2026-03-02T09:40:12Z",
    "exported_at": "2026-03-02T09:40:12Z",
}


def config(**changes: Any) -> RecordengineConfig:
    given = {"base_url": "https://re.contoso.example", "api_token": "re_token", **changes}
    return RecordengineConfig.model_validate(given)


def read(row: dict[str, Any] | None = None, config: RecordengineConfig = config(), **changes: Any) -> Record:  # noqa: B008
    body = parse_json(json.dumps({**(row or ROW), **changes}).encode())
    return Reader(config).document(body, {"contact_name": "Lakeside", "folder_name": "Q1"})


def extracted(record: Record) -> dict[str, str]:
    return {name: each["value"] for name, each in record.data["extracted"].items()}


def test_a_document() -> None:
    record = read()
    assert record.ref.external_id == "1204"
    assert (record.version, record.complete) == ("2026-03-02T09:40:12.000Z", True)
    assert record.data["status"] == "export"
    assert extracted(record) == {
        "vendor": "Lakeside",
        "total_amount": "1280.25",
        "po_number": "PO-000412",
        "payment_reference": "RF18",
        "cost_center": "014",
    }
    assert record.data["extracted"]["po_number"]["place"] == "custom_fields.PO Number"
    assert load_record(dump_record(record)) == record


def test_the_first_place_with_a_value_wins() -> None:
    row = {**ROW, "extracted_fields": {"vendor": "N/A"}, "vendor": "Top", "custom_fields": {"Vendor": "Label"}}
    assert extracted(read(row))["vendor"] == "Top"
    assert extracted(read(row, vendor=" - "))["vendor"] == "Label"


@pytest.mark.parametrize("empty", ["", None, "N/A", "n/a", "-", "Not found", [], {}])
def test_words_for_nothing_are_no_value(empty: Any) -> None:
    record = read(extracted_fields={"vendor": empty, "payment_reference": empty}, custom_fields={"Cost Center": empty})
    assert record.data["extracted"] == {}


def test_lines_keep_what_mappings_may_want() -> None:
    lines = [
        {"description": "Pump", "Quantity": 2, "unit_price": 600.0, "amount": "1200.00", "Item Number": "1000"},
        {"description": "-", "amount": 5},
    ]
    found = read(extracted_fields={"line_items": lines}).data["line_items"]
    first, second = found
    assert (first["line_id"], first["position"], first["item_number"]) == ("1", 1, "1000")
    assert (str(first["unit_price"]), first["quantity"], first["amount"]) == ("600.0", 2, "1200.00")
    assert second == {"line_id": "2", "position": 2, "amount": 5}
    assert read(extracted_fields={"line_items": "Pump 1200"}).data["line_items"] == "Pump 1200"
    assert "line_items" not in read(extracted_fields={"line_items": []}).data


REF = {"record_type": "invoice", "record_id": "3F0F", "record_url": "https://evil.example/x", "secret": "x"}
FOUND = {"record_type": "invoice", "record_id": "3F0F", "company": None, "url": "https://evil.example/x"}


@pytest.mark.parametrize(
    ("refs", "found"),
    [
        ({"dynamics": REF}, {"dynamics": FOUND}),
        (json.dumps({"dynamics": REF}), {"dynamics": FOUND}),
        (json.dumps(json.dumps({"dynamics": REF})), {"dynamics": FOUND}),
        ({"dynamics": json.dumps(REF)}, {"dynamics": FOUND}),
        ({"dynamics": {"record_type": "invoice"}, "other": "text", "list": [1]}, {}),
        ({"connector": {"key": "k", "record_id": "1"}}, {}),
        ("{not json", {}),
        (None, {}),
        ([], {}),
    ],
)
def test_references(refs: Any, found: dict[str, Any]) -> None:
    assert read(external_refs=refs).data["external_refs"] == found


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        ("https://re.contoso.example/documents/1204", True),
        ("https://RE.contoso.example/x", True),
        ("https://evil.example/re.contoso.example", False),
        ("https://re.contoso.example.evil.example/", False),
        ("https://user:pw@re.contoso.example/", False),
        ("javascript:alert(1)", False),
        ("https://[", False),
        (None, False),
    ],
)
def test_only_addresses_of_the_instance_are_shown(url: Any, is_shown: bool) -> None:
    assert ("doc_url" in read(doc_url=url).data) is is_shown


@pytest.mark.parametrize(
    ("score", "doc_type", "uncertain"),
    [
        (80, "Receipt", False),
        (79, "Receipt", True),
        (89, "invoice", True),
        (90, "Invoice", False),
        (None, "Receipt", True),
        ("x", "Receipt", True),
        (0.91, "Receipt", True),
        ("91", "Receipt", False),
    ],
)
def test_confidence(score: Any, doc_type: str, uncertain: bool) -> None:
    strict = config(confidence={"minimum": 80, "by_type": {"Invoice": 90}})
    assert read(config=strict, confidence_score=score, doc_type=doc_type).data["uncertain"] is uncertain


@pytest.mark.parametrize(
    ("changes", "company"),
    [
        ({}, "usmf"),
        ({"contact_id": 44}, "demf"),
        ({"contact_id": 44, "folder_id": 5}, "gbsi"),
        ({"folder_id": 5, "external_refs": {"dynamics_fo": {"record_id": "x", "company": "USRT"}}}, "usrt"),
        ({"external_refs": {"dynamics_fo": {"record_id": "x", "company": "../usmf"}}}, "usmf"),
    ],
)
def test_legal_entity(changes: dict[str, Any], company: str) -> None:
    known = {"default": "USMF", "contacts": {"44": "demf"}, "folders": {"5": "gbsi"}}
    assert read(config=config(legal_entities=known), **changes).data["legal_entity"] == company


def test_statuses_in_other_letters_and_unknown_ones(caplog: pytest.LogCaptureFixture) -> None:
    reader = Reader(config())
    assert [reader.status("document", {"status": each}) for each in ("export", "Needs Review", "Parked", None)] == [
        "export",
        "needs_review",
        "Parked",
        None,
    ]
    assert len(caplog.records) == 2, "one for other letters, one for a word that nobody knows"
    reader.status("document", {"status": "Parked"})
    assert len(caplog.records) == 2


def test_versions_are_told_by_the_last_change_alone() -> None:
    row = {name: value for name, value in ROW.items() if name != "updated_at"}
    assert read(row).version == "", "what was taken back has no exported_at any more, and is no older state"
    assert read(exported_at=None).version == read().version


def test_a_row_without_an_id_is_none(tmp_path: Path) -> None:
    assert Reader(config()).listed({"filename": "x"}) is None
    own = tmp_path / "contract.yaml"
    own.write_text("fields: {row: {id: document_id}}", encoding="utf-8")
    found = Reader(config(contract=own)).listed({"document_id": 7, "status": "Export"})
    assert found is not None
    assert (found.ref.external_id, found.complete) == ("7", False)
