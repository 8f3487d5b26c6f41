"""Nothing financial is ever written to Pipedrive: sellers see numbers and states of the ERP, never its accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.connectors.pipedrive.objects import CUSTOM_PREFIX
from headrace.mapping import paths
from headrace.mapping.documents import OutMapping
from headrace.mapping.loading import load, mapping_files, parse
from headrace.mapping.walking import walk
from headrace.platform.schemas import Schemas
from headrace.platform.topics import ENTITIES

ROOT = Path(__file__).parents[3]
SCHEMAS = Schemas(ROOT / "schemas")
FINANCIAL = {
    "contact": set(),
    "customer": {"credit_limit", "on_hold", "payment_terms", "payment_method", "tax_group", "customer_group"}
    | {"dimensions"},
    "exchange_rate": {"rate"},
    "opportunity": {"value", "lines[].unit_price", "lines[].discount_percent", "lines[].discount_amount"},
    "product": {"cost", "item_tax_group"},
    "sales_order": {"total", "total_tax", "discount_percent", "discount_amount", "payment_terms", "dimensions"}
    | {"lines[].unit_price", "lines[].discount_percent", "lines[].discount_amount", "lines[].tax_percent"},
}
"""Canonical fields that stay out of the CRM, by entity. List prices of products go there: sellers quote them."""
PAYABLES = (
    *("dimension_value", "ledger_account", "payment_batch", "purchase_order", "vendor", "vendor_invoice"),
    *("vendor_payment", "customer_invoice", "document", "note"),
)
FINANCIAL |= {entity: set(SCHEMAS.entity_fields(entity)) for entity in PAYABLES}  # nothing of these goes there
ACCOUNTING = re.compile(r"balance|bank|iban|swift|credit|debit|cost|margin|overdue|payment|amount_due|ledger")
"""Words of names that schemas may get one day; whatever is named so belongs into the list."""
OF_A_DEAL = {"value", "currency", "products", "discounts", "arr", "mrr", "acv", "probability"}
OF_OTHERS = {"annual_revenue", "tax"}
OUT = [
    document
    for path in mapping_files(ROOT / "services")
    if "mappings" in path.parts and isinstance(document := load(path), OutMapping) and document.system == "pipedrive"
]


def financial_reads(document: OutMapping) -> Iterator[str]:
    """Yield the financial canonical fields that any step reads, for a value, a condition, a key or an item."""
    financial = FINANCIAL[document.entity]
    for place in walk(document.steps):
        if not isinstance(place.part, paths.Path) or place.part.segments[:1] == ("meta",):
            continue
        name = place.part.below(place.scope)
        if "each" in place.location and any(each.startswith(f"{name}[]") for each in financial):
            continue  # items are gone through; what is read of each shows by itself
        if any(_holds(name, each) for each in financial):
            yield name


def financial_writes(document: OutMapping) -> Iterator[str]:
    """Yield the financial fields of Pipedrive's own that any step writes; of a deal, whatever is no custom field."""
    for step in document.steps:
        for name in step.fields:
            own = not name.startswith(CUSTOM_PREFIX)
            if (step.object == "deal" and own) or name in OF_OTHERS:
                yield f"{step.object}.{name}"


def _holds(name: str, financial: str) -> bool:
    """Say whether a path is a financial field, a part of it, or a whole that has it inside."""
    inner, outer = f"{name}.", f"{financial}."
    return not name or inner.startswith(outer) or outer.startswith((inner, f"{name}[]."))


def test_there_are_mappings_to_hold_to_it() -> None:
    assert {document.entity for document in OUT} >= {"customer", "product", "sales_order"}


@pytest.mark.parametrize("document", OUT, ids=lambda each: each.entity)
def test_no_step_reads_or_writes_anything_financial(document: OutMapping) -> None:
    assert list(financial_reads(document)) == []
    assert list(financial_writes(document)) == []


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_list_names_fields_that_exist_and_misses_none(entity: str) -> None:
    fields = set(SCHEMAS.entity_fields(entity))
    assert FINANCIAL[entity] <= fields
    accounting = {name for name in fields if ACCOUNTING.search(name.rpartition(".")[2])}
    assert {name for name in accounting if not any(_holds(name, each) for each in FINANCIAL[entity])} == set()


DOCUMENT = """
direction: out
system: pipedrive
entity: {entity}
version: 1
steps:
  - step: record
    object: {object}
    create: never
    {more}
    fields: {{custom.Field: {{const: x}}, {fields}}}
"""


@pytest.mark.parametrize(
    ("entity", "fields", "more"),
    [
        ("customer", "custom.Limit: {copy: credit_limit.amount}", ""),
        ("customer", "custom.Limit: {join: [{copy: name}, {copy: payment_terms}], with: x}", ""),
        ("customer", "custom.Terms: {cases: [{when: {field: on_hold, equals: true}, then: {const: x}}]}", ""),
        ("customer", "name: {copy: name}", "where: {field: payment_method, present: true}"),
        ("product", "custom.Cost: {transform: t, with: {all: {copy: .}}}", ""),
        ("sales_order", "custom.Total: {copy: total.amount}", ""),
        ("sales_order", "custom.Price: {copy: lines.0.unit_price}", ""),
        ("sales_order", "custom.Price: {copy: unit_price}", "each: lines\n    id: {copy: line_id}"),
    ],
)
def test_a_read_is_found_wherever_it_stands(entity: str, fields: str, more: str) -> None:
    document = parse(DOCUMENT.format(entity=entity, object="organization", fields=fields, more=more))
    assert isinstance(document, OutMapping)
    assert len(list(financial_reads(document))) == 1


@pytest.mark.parametrize(
    ("obj", "field"),
    [*(("deal", name) for name in sorted(OF_A_DEAL)), ("organization", "annual_revenue"), ("product", "tax")],
)
def test_a_write_is_found(obj: str, field: str) -> None:
    document = parse(DOCUMENT.format(entity="sales_order", object=obj, fields=f"{field}: {{const: 1}}", more=""))
    assert isinstance(document, OutMapping)
    assert list(financial_writes(document)) == [f"{obj}.{field}"]
