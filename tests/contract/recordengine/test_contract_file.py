"""The contract file: only what differs, all problems at once, the closest right name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.recordengine.contract import Body, load_contract
from headrace.core.errors import ConfigurationError


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_names_only_what_differs(tmp_path: Path) -> None:
    usual = load_contract()
    text = (
        "paths: {document: '/api/v2/docs/{id}'}\nstatus: {words: {export: Released}}\nlists: {params: {status: state}}"
    )
    contract = load_contract(own(tmp_path, text))
    assert contract.path("document", id=1204) == "/api/v2/docs/1204"
    assert contract.path("file", id=1204) == usual.path("file", id=1204) == "/api/documents/1204/file"
    assert contract.lists.params.status == "state"
    assert contract.lists.params.date_from == usual.lists.params.date_from
    assert contract.status.name_of("Released") == ("export", True)
    assert contract.status.name_of("Export") is None
    assert load_contract(own(tmp_path, "")) == usual


def test_all_problems_are_told_at_once_with_the_closest_right_name(tmp_path: Path) -> None:
    text = """
path: {}
paths: {documnts: /docs, document: /api/documents, file: "files/{id}"}
upload: {extensions: [pdf], same_name: overwrite, max_mb: 0}
lists: 50
status: {method: GET, transitions: {ready: [aproved]}}
fields: {document: {ai_sumary: summary, notes: 5}}
extraction: {places: {v2: [custom_fields]}, names: {total_amout: sum}}
"""
    path = own(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_contract(path)
    problems = "\n".join(caught.value.problems)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    for part in (
        "path: unknown name path; did you mean paths?",
        "paths.documnts: unknown name documnts; did you mean documents?",
        "paths.document: Value error, must hold {id}",
        "paths.file: Value error, 'files/{id}' must begin with /",
        "upload.extensions: Value error, pdf: write them with a dot and in small letters, such as .pdf",
        "upload.same_name",
        "upload.max_mb",
        "lists: names and values are needed",
        "status.method",
        "fields.document.ai_sumary: unknown name ai_sumary; did you mean ai_summary?",
        "fields.document.notes",
        "extraction.places.v2: Value error, custom_fields must hold {name} or {label}",
        "extraction.names.total_amout: unknown name total_amout; did you mean total_amount?",
    ):
        assert part in problems, part


def test_transitions_name_statuses_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown name aproved; did you mean approved"):
        load_contract(own(tmp_path, "status: {transitions: {ready: [aproved]}}"))


@pytest.mark.parametrize("text", ["[1]", "a: [", "\tx"])
def test_what_is_no_contract_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"contract\.yaml"):
        load_contract(own(tmp_path, text))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_contract(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("body", "row", "found"),
    [
        ("v1", {"extracted_fields": {"tax": "80.25"}, "tax": "1.00"}, ("80.25", "extracted_fields.tax")),
        ("v2", {"tax": "80.25", "custom_fields": {"Tax": "1.00"}}, ("80.25", "tax")),
        ("v2", {"custom_fields": {"Tax": "80.25"}}, ("80.25", "custom_fields.Tax")),
        ("v2", {"custom_fields": {"TAX": "80.25"}}, ("80.25", "custom_fields.Tax")),
        ("document", {"extracted_fields": {"tax": None}, "tax": 80.25}, (80.25, "tax")),
        (
            "v1",
            {"extracted_fields": {"tax": " n/a "}, "tax": "-", "custom_fields": {"Tax": 0}},
            (0, "custom_fields.Tax"),
        ),
        ("document", {"extracted_fields": {"tax": 0}}, (0, "extracted_fields.tax")),
        ("document", {"extracted_fields": "broken", "custom_fields": []}, None),
        ("v1", {"extracted_fields": {"tax": "Not found"}, "tax": ""}, None),
        ("v1", {}, None),
    ],
)
def test_the_first_place_with_a_value_wins(body: Body, row: Any, found: tuple[Any, str] | None) -> None:
    assert load_contract().extracted(body, "tax", row) == found


def test_a_label_may_hold_a_dot(tmp_path: Path) -> None:
    contract = load_contract(own(tmp_path, "extraction: {labels: {po_number: P.O. Number}}"))
    found = contract.extracted("v2", "po_number", {"custom_fields": {"P.O. Number": "PO-000412"}})
    assert found == ("PO-000412", "custom_fields.P.O. Number")


def test_other_places_and_words_for_nothing(tmp_path: Path) -> None:
    text = "extraction: {places: {v2: ['data.{name}.value']}, no_value: [none], names: {tax: vat}}"
    contract = load_contract(own(tmp_path, text))
    assert contract.extracted("v2", "tax", {"data": {"vat": {"value": "-"}}}) == ("-", "data.vat.value")
    assert contract.extracted("v2", "tax", {"data": {"vat": {"value": "None"}}}) is None
    assert contract.extracted("v1", "tax", {"vat": ""}) is None


@pytest.mark.parametrize(
    ("ok", "taken", "refused"), [("[]", (200, 201, 202, 204), (199, 300, 409)), ("[201]", (201,), (200, 202))]
)
def test_which_codes_mean_that_an_upload_is_there(
    tmp_path: Path, ok: str, taken: tuple[int, ...], refused: tuple[int, ...]
) -> None:
    upload = load_contract(own(tmp_path, f"upload: {{ok: {ok}}}")).upload
    assert all(upload.succeeded(status) for status in taken)
    assert not any(upload.succeeded(status) for status in refused)


def test_which_files_are_taken() -> None:
    upload = load_contract().upload
    assert upload.takes("INV-8841.PDF")
    assert not upload.takes("INV-8841.pdf.exe")
    assert not upload.takes("pdf")
    assert upload.max_bytes == 50 * 1024 * 1024


def test_words_of_statuses_and_what_may_follow() -> None:
    status = load_contract().status
    assert status.name_of("Needs Review") == ("needs_review", True)
    assert status.name_of(" needs review") == ("needs_review", False)
    assert status.name_of("Reviewed") is None
    assert status.may_follow("export", "approved")
    assert not status.may_follow("export", "new")


def test_every_field_has_one_place_and_every_name_a_label() -> None:
    contract = load_contract()
    assert {*contract.extraction.labels} == {*contract.extraction.names}
    for kind, fields in contract.fields.items():
        assert len({*fields.values()}) == len(fields), kind
    document = {"id": 7, "exported_at": None}
    assert contract.tells("document", "exported_at", document)
    assert not contract.tells("document", "updated_at", document)
    assert contract.value("document", "id", document) == 7
