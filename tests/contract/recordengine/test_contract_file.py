"""The contract file: only what differs, all problems at once, the closest right name; and no code for another API."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from headrace.connectors.recordengine.contract import Body, load_contract
from headrace.core.errors import ConfigurationError
from headrace.sandbox.recordengine.wire import USUAL
from headrace.testing.serving import receiver
from tests.integration.sandbox.recordengine.server import (
    PDF,
    REFS,
    SEED,
    advance,
    bodies,
    control,
    listen,
    running,
)

DOCUMENT = {"contact_id": 31, "folder_id": 77, "filename": "INV-8841.pdf"}


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


# --- the same file on both sides ---

RENAMED = {
    "paths": {
        "upload": "/v9/files",
        "documents": "/v9/docs",
        "document": "/v9/docs/{id}",
        "status": "/v9/docs/{id}/state",
        "refs": "/v9/docs/{id}/links",
        "file": "/v9/docs/{id}/content",
    },
    "upload": {"ok": [201], "parts": {"contact_id": "owner", "external_refs": "links"}, "extensions": [".pdf", ".tif"]},
    "lists": {
        "params": {"status": "state", "date_from": "since", "date_to": "until"},
        "page_param": "offset_page",
        "first_page": 0,
        "size_param": "rows",
        "items": "results",
        "total": "count",
    },
    "status": {"method": "PUT", "field": "state", "words": {"needs_review": "To Review", "export": "Released"}},
    "refs": {"method": "POST", "field": "links", "form": "text"},
    "webhook": {"version": "v", "event": "kind", "events": {"documents": "doc.released"}},
    "extraction": {
        "places": {"document": ["data.values.{name}", "custom.{label}"], "v2": ["custom.{label}"]},
        "names": {"total_amount": "amount_due", "line_items": "positions"},
        "labels": {"tax": "Sales Tax"},
        "lines": {"amount": "line_total"},
    },
    "fields": {
        "upload": {"id": "doc.id"},
        "row": {"id": "doc.id", "updated_at": "changed"},
        "document": {"id": "doc.id", "status": "state", "external_refs": "links", "updated_at": "meta.changed"},
        "v2": {"id": "doc.id", "doc_url": "link"},
    },
}


@pytest.fixture
async def renamed(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An instance with other names."""
    async with running(tmp_path / "sandbox", contract=RENAMED) as client:
        await control(client, "seed", **SEED)
        yield client


def test_the_sandbox_begins_with_the_same_names() -> None:
    text = resources.files("headrace.connectors.recordengine").joinpath("contract.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text) == USUAL


async def test_a_renamed_instance_is_understood_by_a_file_alone(renamed: httpx.AsyncClient, tmp_path: Path) -> None:
    contract = load_contract(own(tmp_path, yaml.safe_dump(RENAMED)))
    parts = contract.upload.parts
    answer = await renamed.post(
        contract.path("upload"),
        data={parts.contact_id: "31", parts.folder_id: "77", parts.external_refs: json.dumps(REFS)},
        files={parts.file: ("INV-8841.pdf", PDF)},
    )
    assert contract.upload.succeeded(answer.status_code)
    number = contract.value("upload", "id", answer.json())
    await advance(renamed, 60)

    path = contract.path("document", id=number)
    read = (await renamed.get(path)).json()
    assert contract.status.name_of(contract.value("document", "status", read)) == ("needs_review", True)
    assert contract.value("document", "external_refs", read) == REFS
    assert contract.tells("document", "updated_at", read)
    assert contract.extracted("document", "total_amount", read) == ("1280.25", "data.values.amount_due")
    lines = contract.extracted("document", "line_items", read)
    assert lines is not None
    assert [line[contract.extraction.lines["amount"]] for line in lines.value] == ["1200.00"]

    refs = {contract.refs.field: json.dumps({"connector": {"key": "k"}})}
    changed = await renamed.request(contract.refs.method, contract.path("refs", id=number), json=refs)
    assert contract.value("document", "external_refs", changed.json()) == {"connector": {"key": "k"}}
    for name in ("approved", "export"):
        body = {contract.status.field: getattr(contract.status.words, name)}
        answer = await renamed.request(contract.status.method, contract.path("status", id=number), json=body)
        assert answer.status_code == 200, answer.text

    lists = contract.lists
    parameters = {lists.params.status: contract.status.words.export, lists.page_param: lists.first_page}
    page = (await renamed.get(contract.path("documents"), params=parameters)).json()
    assert [contract.value("row", "id", row) for row in page[lists.items]] == [number]
    assert page[lists.total] == 1
    assert (await renamed.get(contract.path("file", id=number))).content == PDF


async def test_the_usual_names_are_unknown_there(renamed: httpx.AsyncClient) -> None:
    usual = load_contract()
    assert (await renamed.get(usual.path("documents"))).status_code == 404
    assert (await renamed.patch("/v9/docs/1201", json={"status": "Export"})).status_code == 405
    data = {"contact_id": "31", "folder_id": "77"}
    answer = await renamed.post("/v9/files", data=data, files={"file": ("INV-8841.pdf", PDF)})
    assert answer.json()["detail"][0]["loc"] == ["body", "owner"]


async def test_webhooks_of_a_renamed_instance(renamed: httpx.AsyncClient, tmp_path: Path) -> None:
    contract = load_contract(own(tmp_path, yaml.safe_dump(RENAMED)))
    async with receiver([200]) as receiving:
        await listen(renamed, receiving)
        await control(renamed, "seed", documents=[{**DOCUMENT, "status": "Export"}])
        await receiving.received(1)
    (body,) = bodies(receiving)
    assert contract.webhook.version in body
    assert body[contract.webhook.event] == contract.webhook.events.documents
    assert contract.value("v2", "id", body) == 1201
    assert str(contract.value("v2", "doc_url", body)).endswith("/documents/1201")
    assert contract.extracted("v2", "tax", body) == ("80.25", "custom.Sales Tax")
    assert contract.extracted("v1", "tax", body) is None


@pytest.mark.parametrize(
    ("generation", "placement", "place"),
    [
        ("v1", "extracted", "extracted_fields.total_amount"),
        ("v1", "top", "total_amount"),
        ("v1", "custom", "custom_fields.Total Amount"),
        ("v2", "extracted", "extracted_fields.total_amount"),
        ("v2", "mixed", "total_amount"),
        ("v2", "custom", "custom_fields.Total Amount"),
    ],
)
async def test_extracted_fields_are_found_wherever_an_instance_puts_them(
    tmp_path: Path, generation: Any, placement: str, place: str
) -> None:
    options = {"webhook_generation": generation, f"{generation}_placement": placement, "document_placement": placement}
    async with running(tmp_path, **options) as client, receiver([200]) as receiving:
        await listen(client, receiving)
        await control(client, "seed", **SEED, documents=[{**DOCUMENT, "status": "Export"}])
        await receiving.received(1)
        read = (await client.get("/api/documents/1201")).json()
    contract, (body,) = load_contract(), bodies(receiving)
    assert contract.extracted(generation, "total_amount", body) == ("1280.25", place)
    assert contract.extracted("document", "total_amount", read) == ("1280.25", place)
    for name in contract.extraction.names:
        assert contract.extracted(generation, name, body) is not None, name
