"""Mappings against the schema and the system's objects, as data; the lines that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.core.contracts import ObjectDescription
from headrace.mapping import parse
from headrace.mapping.checking import check
from tests.unit.mapping.cases_support import cases, in_mapping, out_mapping

REFERENCE = {"entity": "string", "canonical_id": "string", "name": "string", "number": "string"}
CANONICAL = {
    **dict.fromkeys(("title", "notes", "status", "payment_terms", "delivery_terms"), "string"),
    "ordered_on": "date",
    "discount_percent": "decimal",
    "customer": "object",
    **{f"customer.{name}": word for name, word in REFERENCE.items()},
    "total": "object",
    "total.amount": "decimal",
    "total.currency": "string",
    "delivery_address": "object",
    "delivery_address.city": "string",
    "dimensions": "list",
    "dimensions[].name": "string",
    "dimensions[].value": "string",
    "lines": "list",
    "lines[].line_id": "string",
    "lines[].quantity": "decimal",
    "lines[].product": "object",
    **{f"lines[].product.{name}": word for name, word in REFERENCE.items()},
}
DEAL = ObjectDescription(
    "deal",
    {
        **dict.fromkeys(("title", "status", "currency", "org_name"), "string"),
        **dict.fromkeys(("id", "org_id", "probability"), "integer"),
        "value": "decimal",
        "won_time": "datetime",
        "expected_close_date": "date",
        "address.city": "string",
        "whole": "object",
        "products": "list",
        "products[].id": "integer",
        "products[].product_id": "integer",
        "products[].quantity": "decimal",
    },
    open_prefixes=("custom.",),
)
HEADER = ObjectDescription(
    "Header",
    {"OrderDate": "date", **dict.fromkeys(("Company", "Reference", "Number", "Account"), "string")},
    writable=frozenset({"OrderDate", "Company", "Reference", "Account"}),
)
LINE = ObjectDescription("Line", {"Quantity": "decimal", **dict.fromkeys(("Company", "Number", "Reference"), "string")})
CUSTOMER = ObjectDescription("Customer", {"Account": "string", "Name": "string"})
OBJECTS = {
    each.name: each
    for each in (
        DEAL,
        HEADER,
        LINE,
        CUSTOMER,
        ObjectDescription("organization", {"id": "integer"}),
        ObjectDescription("product", {"id": "integer"}),
    )
}


@pytest.mark.parametrize("case", cases("checks"), ids=lambda case: case["name"])
def test_check(case: dict[str, Any]) -> None:
    if "steps" in case:
        problems = check(out_mapping(case["steps"], system="system"), CANONICAL, OBJECTS, {"shout"})
    else:
        problems = check(in_mapping(fields=case["fields"], system="system"), CANONICAL, OBJECTS, {"shout"})
    told = [f"{problem.field}: {problem.message}" for problem in problems]
    for words in case["says"]:
        assert any(line.startswith(words) for line in told), f"{words!r} not in {told}"
    assert len(told) == len(case["says"]), told


def test_an_unknown_object_is_told_once() -> None:
    problems = check(in_mapping(object="deel"), CANONICAL, OBJECTS, ())
    assert [str(problem) for problem in problems] == [
        '<mapping>: object: pipedrive has no object "deel"; did you mean "deal"?'
    ]


def test_problems_name_file_and_line(tmp_path: Path) -> None:
    text = (
        "direction: in\nsystem: system\nobject: deal\nentity: sales_order\nversion: 1\n"
        "fields:\n  title:\n    copy: titel\n  notes: {copy: title}\n  state: {copy: status}\n"
    )
    problems = check(parse(text, "deal.yaml"), CANONICAL, OBJECTS, ())
    assert [(problem.file, problem.line, problem.field) for problem in problems] == [
        ("deal.yaml", 8, "fields.title.copy"),
        ("deal.yaml", 10, "fields.state"),
    ]
    assert str(problems[0]) == 'deal.yaml:8: fields.title.copy: deal has no "titel"; did you mean "title"?'


def test_rules_and_identity_are_checked_too() -> None:
    document = in_mapping(
        when={"won": {"all": [{"field": "statuss", "in": ["won"]}]}},
        marker={"copy": "markr"},
        natural_keys={"tax": {"copy": "org_nam"}},
        occurred_at={"copy": "value"},
        legal_entity={"copy": "curency"},
    )
    fields = {problem.field for problem in check(document, CANONICAL, OBJECTS, ())}
    assert fields == {
        "when.won.all[0].field",
        "marker.copy",
        "natural_keys.tax.copy",
        "occurred_at",
        "legal_entity.copy",
    }
