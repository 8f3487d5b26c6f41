"""Parts of what Pipedrive replaces as a whole: the others stay, and doing it twice changes nothing more."""

from decimal import Decimal
from typing import Any

import pytest

from headrace.connectors.pipedrive.merging import whole
from headrace.core.errors import RejectRecord

OLD, NEW = {"value": "old@b.no", "primary": True, "label": "home"}, {"value": "new@b.no", "primary": True}
SECOND = {"value": "second@b.no", "primary": False, "label": "work"}


def second(**changes: Any) -> dict[str, Any]:
    return {**SECOND, **changes}


@pytest.mark.parametrize(
    ("rows", "value", "expected"),
    [
        ([], "new@b.no", [{**NEW, "label": "work"}]),
        ([OLD, SECOND], "new@b.no", [{**NEW, "label": "home"}, SECOND]),
        ([OLD, SECOND], "second@b.no", [{**OLD, "primary": False}, second(primary=True)]),
        ([OLD, SECOND], "old@b.no", [OLD, SECOND]),
        ([{"value": "old@b.no"}, SECOND], "new@b.no", [NEW, SECOND]),  # the first is primary where none says so
        ([{"value": ""}], "new@b.no", [{**NEW, "label": "work"}]),
        ([OLD], None, []),
        ([], None, []),
    ],
)
def test_the_primary_address_in_place_of_the_former_one(
    rows: list[dict[str, Any]], value: str | None, expected: list[dict[str, Any]]
) -> None:
    body = whole("person 1", {"email": value, "name": "x"}, {"emails": rows})
    assert body == {"emails": expected}
    assert whole("person 1", {"email": value}, body) == body


def test_clearing_the_primary_address_does_not_make_another_one_primary() -> None:
    with pytest.raises(RejectRecord, match=r"second@b\.no"):
        whole("person 1", {"email": None}, {"emails": [OLD, SECOND]})


ADDRESS = {"value": "Storgata 1, Oslo", "locality": "Oslo", "country": "Norway", "subpremise": None}
KEPT_ADDRESS = {"value": "Storgata 1, Oslo", "locality": "Oslo", "country": "Norway"}
FORMATTED = {"formatted_address": "Oslo, Norway"}


@pytest.mark.parametrize(
    ("before", "parts", "expected"),
    [
        (ADDRESS, {"locality": "Bergen"}, {"value": "Storgata 1, Oslo", "locality": "Bergen", "country": "Norway"}),
        (ADDRESS, {"country": None}, {"value": "Storgata 1, Oslo", "locality": "Oslo"}),
        (None, {"value": "Torget 2", "country": "Norway"}, {"value": "Torget 2", "country": "Norway"}),
        ({"value": "x"}, {"value": None}, None),
        (None, {"locality": None}, None),
        (ADDRESS, {"value": None, "locality": None}, None),  # the country was of the address that is gone
        ({**ADDRESS, **FORMATTED}, {"locality": "Oslo"}, {**KEPT_ADDRESS, **FORMATTED}),
        ({**ADDRESS, **FORMATTED}, {"country": "Norge"}, {**KEPT_ADDRESS, "country": "Norge"}),
    ],
)
def test_parts_of_an_address(before: Any, parts: dict[str, Any], expected: Any) -> None:
    fields = {f"address.{name}": value for name, value in parts.items()}
    body = whole("organization 1", fields, {"address": before})
    assert body == {"address": expected}
    assert whole("organization 1", fields, body) == body


@pytest.mark.parametrize(
    ("before", "parts"), [(None, {"locality": "Oslo"}), (ADDRESS, {"value": None, "locality": "x"})]
)
def test_an_address_needs_its_text(before: Any, parts: dict[str, Any]) -> None:
    with pytest.raises(RejectRecord, match=r"address\.value"):
        whole("organization 1", {f"address.{name}": value for name, value in parts.items()}, {"address": before})


EUR = {"product_id": 1, "currency": "EUR", "price": Decimal(5), "cost": Decimal(2), "direct_cost": None, "notes": "n"}
KEPT = {"currency": "EUR", "price": Decimal(5), "cost": Decimal(2), "notes": "n"}
USD = {"currency": "USD", "price": Decimal(7)}


@pytest.mark.parametrize(
    ("before", "prices", "expected"),
    [
        ([EUR], {"USD": Decimal(7)}, [KEPT, USD]),
        ([EUR, USD], {"EUR": Decimal(6)}, [{**KEPT, "price": Decimal(6)}, USD]),
        ([EUR, USD], {"EUR": None}, [USD]),
        ([EUR], {"EUR": None}, []),
        ([], {"EUR": None, "USD": Decimal(7)}, [USD]),
        ([EUR], {"EUR": Decimal(0)}, [{**KEPT, "price": Decimal(0)}]),
    ],
)
def test_a_price_beside_those_in_other_currencies(before: Any, prices: dict[str, Any], expected: Any) -> None:
    fields = {f"prices.{currency}": price for currency, price in prices.items()}
    body = whole("product 1", fields, {"prices": before})
    assert body == {"prices": expected}
    assert whole("product 1", fields, body) == body
