from decimal import Decimal
from typing import Any

import pytest

from headrace.connectors.pipedrive import CONNECTOR
from headrace.connectors.pipedrive.reading import convert, moment, primary, version_of
from headrace.connectors.pipedrive.transforms import (
    address_street,
    deal_discount_amount,
    deal_discount_percent,
    one_time_quantity,
)
from headrace.core.errors import RejectRecord


def percent(*amounts: str) -> list[dict[str, Any]]:
    return [{"type": "percentage", "amount": Decimal(amount)} for amount in amounts]


@pytest.mark.parametrize(
    ("discounts", "expected"),
    [
        (None, None),
        ([], None),
        (percent("10"), "10"),
        (percent("12.5"), "12.5"),
        (percent("10", "5"), "14.5"),
        (percent("33.333", "33.333", "33.333"), "70.36992592"),
        (percent("100"), "100"),
    ],
)
def test_percentages_compound(discounts: Any, expected: str | None) -> None:
    found = deal_discount_percent(discounts)
    assert (None if found is None else str(found)) == expected


def test_kinds_do_not_mix() -> None:
    discounts = [*percent("10"), {"type": "amount", "amount": Decimal("5.50")}, {"type": "amount", "amount": 2}]
    assert deal_discount_percent(discounts) == 10
    assert deal_discount_amount(discounts) == Decimal("7.50")
    assert deal_discount_amount(percent("10")) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, None),
        ({"value": None}, None),
        ({"value": "Storgata 1, 0155 Oslo"}, "Storgata 1"),
        ({"value": "x", "route": "Storgata", "street_number": "1"}, "Storgata 1"),
        ({"value": "x", "route": "Storgata"}, "Storgata"),
        ({"value": "Main St 5, Town", "street_number": "5"}, "Main St 5"),
        ({"value": "x", "route": "Storgata", "street_number": "1", "subpremise": "4b"}, "Storgata 1\n4b"),
    ],
)
def test_street(address: Any, expected: str | None) -> None:
    assert address_street(address) == expected


def test_a_percentage_reduces_the_amounts_before_it() -> None:
    """5 off and then 10 % is 10 % and then 4.50 off, which is how canonical orders say it."""
    discounts = [{"type": "amount", "amount": Decimal(5)}, *percent("10")]
    assert (deal_discount_percent(discounts), deal_discount_amount(discounts)) == (10, Decimal("4.5"))


def test_a_discount_of_another_kind_is_not_guessed() -> None:
    with pytest.raises(RejectRecord, match="'voucher'"):
        deal_discount_amount([{"type": "voucher", "amount": 1}])


def test_what_is_billed_again_and_again_is_no_line_of_an_order() -> None:
    assert one_time_quantity(Decimal(2), "one-time", "Service") == 2
    assert one_time_quantity(Decimal(2), None, "Service") == 2
    with pytest.raises(RejectRecord, match='"Service" is billed monthly'):
        one_time_quantity(Decimal(2), "monthly", "Service")


def test_the_connector_offers_them_by_name() -> None:
    names = {"deal_discount_percent", "deal_discount_amount", "one_time_quantity", "address_street"}
    assert set(CONNECTOR.transforms(None)) == names


def test_versions_sort_as_time_does() -> None:
    texts = ["2026-11-02T09:05:01Z", "2026-11-02T09:05:01.375Z", "2026-11-02T11:05:02+02:00", "2026-11-02 09:05:03"]
    versions = [version_of(moment(text)) for text in texts]
    assert versions == sorted(versions)
    assert len(set(versions)) == 4
    assert version_of(None) == ""


def test_primary_contact_point() -> None:
    assert primary([{"value": "a"}, {"value": "b", "primary": True}]) == "b"
    assert primary([{"value": "a", "primary": False}]) == "a"
    assert primary([{"value": ""}]) is None
    assert primary(None) is None


def test_booleans_are_no_numbers() -> None:
    assert convert(True, "decimal") is True
    assert convert(5, "decimal") == Decimal(5)
