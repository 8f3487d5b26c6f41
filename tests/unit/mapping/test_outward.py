"""Events out: steps, links, markers, what is left out, what is missing."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headrace.core.errors import RejectRecord
from headrace.core.event import Change
from headrace.core.ids import marker
from headrace.core.refs import encode_key
from headrace.mapping import Missing, Plan, PlannedStep, Skipped, StepValue, fill, load, map_out
from headrace.mapping.documents import OutMapping
from headrace.mapping.loading import parse
from tests.unit.mapping.cases_support import DOCUMENTS, Out, event, out_mapping

CUSTOMER = {"entity": "customer", "canonical_id": "c-1", "name": "Acme", "external_id": "7"}
PRODUCT = {"entity": "product", "canonical_id": "p-1", "number": "BK-1", "name": "Bike", "external_id": "4"}
LINKS: dict[tuple[str, str, str | None], str] = {
    ("c-1", "CustomersV3", "usmf"): encode_key({"dataAreaId": "usmf", "CustomerAccount": "US,1=x"}),
    ("p-1", "ReleasedProductsV2", "usmf"): encode_key({"dataAreaId": "usmf", "ItemNumber": "D0001"}),
}
TRANSFORMS = {"dimension_display_value": lambda values: "-".join(each["value"] for each in values) or None}


def order(**changes: Any) -> dict[str, Any]:
    line = {
        "line_id": "901",
        "product": PRODUCT,
        "quantity": Decimal("5"),
        "unit_price": Decimal("22.50"),
        "discount_percent": None,
        "description": None,
        "requested_delivery_on": None,
    }
    whole = {
        "reference": "PD-55",
        "title": "Pump station",
        "status": "confirmed",
        "customer": CUSTOMER,
        "currency": "EUR",
        "requested_delivery_on": date(2026, 12, 1),
        "requested_shipping_on": None,
        "payment_terms": None,
        "dimensions": [{"name": "Department", "value": "Sales"}],
        "lines": [line],
    }
    return {**whole, **changes}


@pytest.fixture(scope="module")
def document() -> OutMapping:
    loaded = load(DOCUMENTS / "sales_order.out.yaml")
    assert isinstance(loaded, OutMapping)
    return loaded


def planned(result: Plan | Skipped) -> Plan:
    assert isinstance(result, Plan)
    return result


def test_an_order_becomes_a_header_and_lines(document: OutMapping) -> None:
    plan = planned(map_out(document, event(order()), Out(LINKS), TRANSFORMS))
    number = StepValue("header", "SalesOrderNumber")
    assert plan.missing == ()
    assert plan.steps == (
        PlannedStep(
            "header",
            "SalesOrderHeadersV2",
            {
                "dataAreaId": "usmf",
                "OrderingCustomerAccountNumber": "US,1=x",
                "CustomersOrderReference": "PD-55",
                "CurrencyCode": "EUR",
                "SalesOrderName": "Pump station",
                "RequestedReceiptDate": date(2026, 12, 1),
                "SalesOrderOriginCode": marker("cid-1", 18),
                "DefaultLedgerDimensionDisplayValue": "Sales",
            },
            {"dataAreaId": "usmf", "CustomersOrderReference": "PD-55"},
        ),
        PlannedStep(
            "line:901",
            "SalesOrderLines",
            {
                "dataAreaId": "usmf",
                "SalesOrderNumber": number,
                "OrderLineReference": "901",
                "ItemNumber": "D0001",
                "OrderedSalesQuantity": Decimal("5"),
                "SalesPrice": Decimal("22.50"),
                "LineDiscountPercentage": Decimal("0"),
            },
            {"dataAreaId": "usmf", "SalesOrderNumber": number, "OrderLineReference": "901"},
        ),
    )


def test_fill_puts_answers_in(document: OutMapping) -> None:
    header, line = planned(map_out(document, event(order()), Out(LINKS), TRANSFORMS)).steps
    assert fill(header, {}) is header
    filled = fill(line, {"header": {"SalesOrderNumber": "SO-1"}})
    assert filled.fields["SalesOrderNumber"] == filled.marker["SalesOrderNumber"] == "SO-1"
    assert line.waits
    assert not filled.waits
    for outputs, says in (({}, "was not run"), ({"header": {"SalesOrderNumber": None}}, "answered without")):
        with pytest.raises(RejectRecord, match=says):
            fill(line, outputs)


def test_everything_missing_is_told_at_once(document: OutMapping) -> None:
    lines = [{**order()["lines"][0], "line_id": str(n)} for n in range(2)]
    plan = planned(map_out(document, event(order(lines=lines)), Out(), TRANSFORMS))
    by = {"dataAreaId": "usmf", "ItemNumber": "BK-1"}
    assert plan.missing == (
        Missing(
            "customer", "c-1", "CustomersV3", "usmf", (), "customer", 'customer "Acme" is not in CustomersV3 of usmf'
        ),
        *(
            Missing(
                "product",
                "p-1",
                "ReleasedProductsV2",
                "usmf",
                (by,),
                f"lines[{n}].product",
                f'line {n + 1}: product "BK-1" is not in ReleasedProductsV2 of usmf',
            )
            for n in range(2)
        ),
    )
    assert "ItemNumber" not in plan.steps[1].fields


def test_half_a_natural_key_finds_strangers_and_is_not_offered(document: OutMapping) -> None:
    line = {**order()["lines"][0], "product": {**PRODUCT, "number": None}}
    plan = planned(map_out(document, event(order(lines=[line])), Out(LINKS), TRANSFORMS))
    assert plan.missing == ()
    plan = planned(map_out(document, event(order(lines=[line])), Out(), TRANSFORMS))
    assert plan.missing[1].by == ()
    assert plan.missing[1].detail == 'line 1: product "Bike" is not in ReleasedProductsV2 of usmf'


def test_empty_is_left_out_and_cleared_is_kept(document: OutMapping) -> None:
    data = order(title=None, payment_terms=None)
    plan = planned(map_out(document, event(data, asserted=("title",)), Out(LINKS), TRANSFORMS))
    assert plan.steps[0].fields["SalesOrderName"] is None
    assert "PaymentTermsName" not in plan.steps[0].fields


def test_an_item_cannot_tell_cleared_from_unknown(document: OutMapping) -> None:
    plan = planned(map_out(document, event(order(), asserted=("lines",)), Out(LINKS), TRANSFORMS))
    assert "LineDescription" not in plan.steps[1].fields


def test_cleared_needs_every_field_that_the_value_is_made_of() -> None:
    fields = {
        "Key": {"copy": "reference"},
        "A": {"first": [{"copy": "x"}, {"copy": "y"}]},
        "B": {"copy": "address.city"},
    }
    document = out_mapping([{"step": "s", "object": "O", "marker": ["Key"], "fields": fields}])
    data = {"reference": "r", "x": None, "y": None, "address": None}
    partly = planned(map_out(document, event(data, asserted=("x",)), Out()))
    assert partly.steps[0].fields == {"Key": "r"}
    wholly = planned(map_out(document, event(data, asserted=("x", "y", "address")), Out()))
    assert wholly.steps[0].fields == {"Key": "r", "A": None, "B": None}


def test_no_case_says_nothing_even_if_asserted() -> None:
    cases = {"cases": [{"when": {"field": "x", "equals": 1}, "then": {"const": "a"}}]}
    fields = {"Key": {"copy": "reference"}, "A": cases}
    document = out_mapping([{"step": "s", "object": "O", "marker": ["Key"], "fields": fields}])
    plan = planned(map_out(document, event({"reference": "r", "x": None}, asserted=("x", "reference")), Out()))
    assert plan.steps[0].fields == {"Key": "r"}


def test_required_and_markers_must_have_a_value(document: OutMapping) -> None:
    with pytest.raises(RejectRecord) as caught:
        map_out(document, event(order(customer=None)), Out(LINKS), TRANSFORMS)
    assert caught.value.reason == "required field is empty"
    assert "header.OrderingCustomerAccountNumber" in caught.value.detail
    assert "linked to customer" in caught.value.detail
    fields = {"Key": {"copy": "reference"}}
    bare = out_mapping([{"step": "s", "object": "O", "marker": ["Key"], "fields": fields}])
    with pytest.raises(RejectRecord, match="marker is empty"):
        map_out(bare, event({"reference": " "}), Out())


def test_match_keys_with_an_empty_part_are_left_out() -> None:
    fields = {"Key": {"copy": "r"}, "Tax": {"copy": "tax"}, "Number": {"copy": "number"}}
    step = {
        "step": "s",
        "object": "O",
        "marker": ["Key"],
        "match": [["Key", "Tax"], ["Key", "Number"]],
        "fields": fields,
    }
    plan = planned(map_out(out_mapping([step]), event({"r": "k", "tax": None, "number": "9"}), Out()))
    assert plan.steps[0].match == ({"Key": "k", "Number": "9"},)


def test_a_marker_may_lie_in_a_nested_record() -> None:
    fields = {"custom": {"object": {"fields": {"Headrace id": {"marker": 18}}}}}
    document = out_mapping([{"step": "s", "object": "O", "marker": ["custom.Headrace id"], "fields": fields}])
    plan = planned(map_out(document, event({}), Out()))
    assert plan.steps[0].marker == {"custom.Headrace id": marker("cid-1", 18)}


@pytest.mark.parametrize(
    ("ids", "reason"), [(["1", "1"], "item id is not unique"), ([None], "item has no id"), ([" "], "item has no id")]
)
def test_items_are_told_apart_by_their_id(document: OutMapping, ids: list[str | None], reason: str) -> None:
    lines = [{**order()["lines"][0], "line_id": each} for each in ids]
    with pytest.raises(RejectRecord) as caught:
        map_out(document, event(order(lines=lines)), Out(LINKS), TRANSFORMS)
    assert caught.value.reason == reason


def test_where_leaves_steps_and_items_out() -> None:
    single = {
        "step": "note",
        "object": "N",
        "where": {"field": "notes", "present": True},
        "marker": ["K"],
        "fields": {"K": {"copy": "r"}},
    }
    items = {
        "step": "line",
        "object": "L",
        "each": "lines",
        "id": {"copy": "id"},
        "where": {"field": "quantity", "greater": 0},
        "marker": ["K"],
        "fields": {"K": {"copy": "id"}},
    }
    data = {
        "r": "r",
        "notes": None,
        "lines": [{"id": "1", "quantity": Decimal(0)}, {"id": "2", "quantity": Decimal(1)}],
    }
    plan = planned(map_out(out_mapping([single, items]), event(data), Out()))
    assert [step.step for step in plan.steps] == ["line:2"]


def test_rules_and_deletes(document: OutMapping) -> None:
    assert map_out(document, event(order(status="open")), Out(), TRANSFORMS) == Skipped("order-not-confirmed")
    plan = planned(map_out(document, event({"reference": "PD-55"}, change=Change.DELETE), Out(), TRANSFORMS))
    assert [step.marker for step in plan.steps] == [{"dataAreaId": "usmf", "CustomersOrderReference": "PD-55"}]


def link_document(**more: Any) -> OutMapping:
    fields = {"Key": {"copy": "r"}, "C": {"link": {"to": "customer", "object": "CustomersV3", **more}}}
    return out_mapping([{"step": "s", "object": "O", "marker": ["Key"], "fields": fields}])


def test_a_link_without_part_is_the_whole_id() -> None:
    context = Out({("c-1", "CustomersV3", None): "4711"})
    plan = planned(map_out(link_document(), event({"r": "r", "customer": CUSTOMER}), context))
    assert plan.steps[0].fields["C"] == "4711"


def test_a_part_that_the_id_does_not_have() -> None:
    context = Out({("c-1", "CustomersV3", None): "dataAreaId=usmf"})
    with pytest.raises(RejectRecord, match="link has no such part"):
        map_out(link_document(part="CustomerAccount"), event({"r": "r", "customer": CUSTOMER}), context)


def test_a_reference_without_canonical_id_is_rejected() -> None:
    with pytest.raises(RejectRecord, match="no reference with a canonical id"):
        map_out(link_document(), event({"r": "r", "customer": {"name": "Acme"}}), Out())


def test_the_plan_explains_itself(document: OutMapping) -> None:
    plan = planned(map_out(document, event(order()), Out(LINKS), TRANSFORMS))
    why = {(each.step, each.field): (each.value, each.why) for each in plan.explanation}
    assert why["header", "CurrencyCode"] == ("EUR", "copied from currency")
    assert why["line:901", "ItemNumber"] == ("D0001", "ItemNumber of the ReleasedProductsV2 that is linked to product")
    assert all(text for _, text in why.values())
    assert len(why) == sum(len(step.fields) for step in plan.steps)


def test_a_marker_may_be_a_field_with_dots_in_its_name() -> None:
    document = parse(
        "direction: out\nsystem: crm\nentity: customer\nversion: 1\nsteps:\n"
        "  - step: record\n    object: organization\n    marker: [custom.Our id]\n    match: [[custom.VAT number]]\n"
        "    fields:\n      custom.Our id: {copy: meta.canonical_id}\n      custom.VAT number: {copy: tax_number}\n"
    )
    assert isinstance(document, OutMapping)
    plan = map_out(document, event({"tax_number": "NO1"}), Out())
    assert isinstance(plan, Plan)
    assert plan.steps[0].marker == {"custom.Our id": "cid-1"}
    assert plan.steps[0].match == ({"custom.VAT number": "NO1"},)
