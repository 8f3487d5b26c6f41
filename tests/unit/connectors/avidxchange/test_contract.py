"""The contract file: only what differs, all problems at once, the closest right name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.avidxchange.contract import find, load_contract
from headrace.connectors.avidxchange.objects import INVOICES, ORDERS, PAYMENTS, READABLE, WRITABLE
from headrace.core.errors import ConfigurationError
from headrace.platform.contract_files import ABSENT

DERIVED = {
    "LegalEntity", "VendorAccount", "VendorAddressId", "HasImage", "BatchGUID", "DateClosed", "Released",
    "State", "PostingDate", "MethodKind", "ErrorReasons",
}  # fmt: skip
"""Fields of records that are made of others."""


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_names_only_what_differs(tmp_path: Path) -> None:
    usual = load_contract()
    contract = load_contract(own(tmp_path, "paths: {vendors: /payees}\nlengths: {vendor: {Email: 80}}\n"))
    assert contract.path("vendors") == "/v1/payees"
    assert contract.paths.payments == usual.paths.payments
    assert contract.lengths["vendor"] == {**usual.lengths["vendor"], "Email": 80}
    assert load_contract(own(tmp_path, "")) == usual


def test_all_problems_are_told_at_once_with_the_closest_right_name(tmp_path: Path) -> None:
    text = """
timezone: America/Newyork
path: {}
paths: {vendor: /payees, closed_batches: /closed}
fields: {payment: {AchTrace: TraceNumber, Amount: 5}}
paging: /v2
"""
    path = own(tmp_path, text)
    with pytest.raises(ConfigurationError) as caught:
        load_contract(path)
    problems = "\n".join(caught.value.problems)
    assert all(problem.startswith(f"{path}: ") for problem in caught.value.problems)
    for part in (
        "path: unknown name path; did you mean paths?",
        "paths.vendor: unknown name vendor; did you mean vendors?",
        "fields.payment.AchTrace: unknown name AchTrace; did you mean AchTraceNumber?",
        "paging: names and values are needed",
        "'America/Newyork' is no time zone",
        "must hold {accounting_system}",
        "fields.payment.Amount",
    ):
        assert part in problems, part


@pytest.mark.parametrize(
    "text",
    [
        "required: {vendor: [VendorNam]}",
        "required_in: {vendor: {VendorNam: [US]}}",
        "lengths: {vendor: {VendorNam: 5}}",
    ],
)
def test_rules_name_fields_that_there_are(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="unknown name VendorNam; did you mean VendorName"):
        load_contract(own(tmp_path, text))


def test_what_a_country_needs_is_of_an_address(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"required_in\.vendor\.Terms: is no field of an address"):
        load_contract(own(tmp_path, "required_in: {vendor: {Terms: [US]}}"))


@pytest.mark.parametrize(
    ("text", "country", "is_new", "needed"),
    [
        ("", "US", True, True),
        ("", " ca ", False, True),
        ("", "NO", True, False),
        # AvidXchange is at home in the United States: there, an address without a country is one of its own.
        ("", None, True, True),
        # A change that leaves the country alone does not tell it: AvidXchange knows.
        ("", None, False, False),
        ("required_in: {vendor: {Address.State: [MX]}}", "US", True, False),
        ("required_in: {vendor: {Address.State: []}}", None, True, False),
        ("required: {vendor: [Address.State]}", "NO", True, True),
    ],
)
def test_some_fields_are_needed_in_some_countries(
    tmp_path: Path, text: str, country: str | None, is_new: bool, needed: bool
) -> None:
    fields = {"Address.Country": country} if country else {}
    found = load_contract(own(tmp_path, text)).required_of("vendor", fields, is_new=is_new)
    assert ("Address.State" in found) is needed


@pytest.mark.parametrize("text", ["[1]", "a: [", "\tx"])
def test_what_is_no_contract_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"contract\.yaml"):
        load_contract(own(tmp_path, text))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_contract(tmp_path / "absent.yaml")


@pytest.mark.parametrize("obj", [*READABLE.values(), ORDERS], ids=lambda obj: obj.name)
def test_every_field_of_a_record_has_its_place(obj: Any) -> None:
    """A field that the contract does not place would never be read."""
    places = set(load_contract().fields[obj.name])
    assert set(obj.fields) - DERIVED <= places
    assert set(obj.lists) - {"attachments"} <= places


def test_every_place_is_read() -> None:
    """A place that nothing reads would be corrected in vain."""
    used = {"Id", "AccountingSystemId", "LastChangedDate", "ImageUrl", "Vendor", "Errors"}
    for obj in (INVOICES, PAYMENTS, *WRITABLE.values()):
        assert set(load_contract().fields[obj.name]) <= {*obj.fields, *obj.lists} | used


@pytest.mark.parametrize(
    ("row", "place", "found"),
    [
        ({"A": {"B": 1}}, "A.B", 1),
        ({"a": {"b": 1}}, "A.B", 1),
        ({"A": None}, "A.B", None),
        ({"A": {}}, "A.B", ABSENT),
        ({}, "A.B", ABSENT),
        ({"A": [{"B": 1}, {"B": 2}]}, "A.0.B", 1),
        ({"A": []}, "A.0.B", None),
        ({"A": "text"}, "A.B", ABSENT),
    ],
)
def test_where_a_field_is_found(row: Any, place: str, found: Any) -> None:
    assert find(row, place) == found
