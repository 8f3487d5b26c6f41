"""Records in: what is asserted, skipped, referred to; identity and time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.core.errors import RejectRecord, RetryLater
from headrace.mapping import Mapped, Reference, Skipped, load, map_in
from headrace.mapping.documents import InMapping
from tests.unit.mapping.cases_support import DOCUMENTS, NOON, In, in_mapping, record


def deal(**changes: Any) -> dict[str, Any]:
    line = {
        "id": 901,
        "product_id": 4,
        "product_code": "BK-1",
        "name": "Bike",
        "item_price": Decimal("22.50"),
        "quantity": Decimal("5"),
        "discount": Decimal("10"),
        "discount_type": "percentage",
        "tax": Decimal("20"),
        "is_enabled": True,
    }
    whole = {
        "id": 55,
        "title": "Pump station",
        "value": Decimal("112.50"),
        "currency": "EUR",
        "status": "won",
        "org_id": 7,
        "org_name": "Acme",
        "won_time": datetime(2026, 11, 2, 23, 30, tzinfo=UTC),
        "update_time": "2026-11-03T08:00:00Z",
        "expected_close_date": date(2026, 12, 1),
        "custom": {"VAT number": " DE 123 ", "Department": "Sales", "Cost center": None, "Payment days": 30},
        "products": [line, {**line, "id": 902, "is_enabled": False}],
    }
    return {**whole, **changes}


@pytest.fixture(scope="module")
def document() -> InMapping:
    loaded = load(DOCUMENTS / "deal_order.in.yaml")
    assert isinstance(loaded, InMapping)
    return loaded


def test_a_won_deal_becomes_an_order(document: InMapping) -> None:
    mapped = map_in(document, record(deal()), In())
    assert isinstance(mapped, Mapped)
    lines = mapped.data.pop("lines")
    assert mapped.data == {
        "reference": "PD-55",
        "title": "Pump station",
        "status": "confirmed",
        "customer": Reference("customer", "crm", "organization", "7", "customer/organization/7", "Acme").as_data(),
        "currency": "EUR",
        "ordered_on": date(2026, 11, 3),
        "requested_delivery_on": date(2026, 12, 1),
        "total": {"amount": Decimal("112.50"), "currency": "EUR"},
        "payment_terms": "NET30",
        "dimensions": [{"name": "Department", "value": "Sales"}],
    }
    product = Reference("product", "crm", "product", "4", "product/product/4", "Bike", "BK-1")
    assert lines == [
        {
            "line_id": "901",
            "quantity": Decimal("5"),
            "unit_price": Decimal("22.50"),
            "discount_percent": Decimal("10"),
            "tax_percent": Decimal("20"),
            "description": "Bike",
            "requested_delivery_on": date(2026, 12, 1),
            "product": product.as_data(),
        }
    ]
    assert mapped.references[1:] == (product,)
    assert mapped.legal_entity == "demf"
    assert mapped.occurred_at == datetime(2026, 11, 3, 8, tzinfo=UTC)
    assert mapped.natural_keys == {"tax_number": "de 123"}
    assert mapped.marker is None


def test_an_open_deal_is_skipped_by_name(document: InMapping) -> None:
    assert map_in(document, record(deal(status="open")), In()) == Skipped("deal-not-won")


def test_cleared_and_unknown_differ() -> None:
    document = in_mapping(fields={"title": {"copy": "title"}, "notes": {"copy": "notes"}, "x": {"copy": "x"}})
    mapped = map_in(document, record({"title": None, "notes": "n"}), In())
    assert isinstance(mapped, Mapped)
    assert mapped.asserted == ("title", "notes")
    assert mapped.data == {"title": None, "notes": "n"}


def test_the_first_rule_that_fails_is_named() -> None:
    rules = {name: {"field": name, "equals": 1} for name in ("a", "b", "c")}
    document = in_mapping(when=rules)
    assert map_in(document, record({"a": 1, "b": 2, "c": 2}), In()) == Skipped("b")


def test_natural_keys_are_folded_and_blank_ones_left_out() -> None:
    keys = {"tax": {"copy": "vat"}, "mail": {"copy": "mail"}, "number": {"copy": "number"}}
    mapped = map_in(in_mapping(natural_keys=keys), record({"vat": " DE12ß ", "mail": " ", "number": 12}), In())
    assert isinstance(mapped, Mapped)
    assert mapped.natural_keys == {"tax": "de12ss", "number": "12"}


def test_occurred_at_is_the_records_time_unless_said() -> None:
    mapped = map_in(in_mapping(), record({}), In())
    assert isinstance(mapped, Mapped)
    assert mapped.occurred_at == NOON
    with pytest.raises(RejectRecord, match="occurred_at"):
        map_in(in_mapping(occurred_at={"copy": "t"}), record({"t": "yesterday"}), In())


def test_the_marker_is_trimmed() -> None:
    mapped = map_in(in_mapping(marker={"copy": "m"}), record({"m": " id-1 "}), In())
    assert isinstance(mapped, Mapped)
    assert mapped.marker == "id-1"


def test_a_deleted_record_is_not_judged_by_what_it_no_longer_tells(document: InMapping) -> None:
    mapped = map_in(document, record({"id": 55}, deleted=True), In())
    assert isinstance(mapped, Mapped)
    assert mapped.data == {"reference": "PD-55"}
    assert map_in(document, record({"id": 55, "status": "lost"}, deleted=True), In()) == Skipped("deal-not-won")
    assert map_in(document, record({"id": 55}), In()) == Skipped("deal-not-won")


def test_errors_of_the_pipeline_pass_through() -> None:
    class Busy(In):
        def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
            raise RetryLater("links are not loaded", 1.0)

    reference = {"reference": {"entity": "customer", "object": "organization", "id": {"copy": "org_id"}}}
    with pytest.raises(RetryLater):
        map_in(in_mapping(fields={"customer": reference}), record({"org_id": 7}), Busy())
