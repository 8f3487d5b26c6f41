"""Items of upserts, what is checked before a call, and results in every form."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from headrace.connectors.avidxchange import writing
from headrace.connectors.avidxchange.contract import load_contract
from headrace.connectors.avidxchange.objects import CODES, OBJECTS, ORDERS, VENDORS, Object
from headrace.core.contracts import Action, Operation
from headrace.core.errors import OutcomeUnknown, RejectRecord

RULES = load_contract()
KEY = {"LegalEntity": "usmf", "VendorExternalSystemID": "V-1"}
WHOLE = {
    **KEY,
    "VendorName": "Lakeside",
    "Address.Line1": "14 Dock St",
    "Address.City": "Charlotte",
    "Address.State": "NC",
    "Address.PostalCode": "28202",
}
ID = "LegalEntity=usmf,VendorExternalSystemID=V-1"


def operation(
    action: Action, fields: dict[str, Any], key: Any = None, target_id: str = "", obj: Object = VENDORS
) -> Operation:
    return Operation("0", "ap", "vendor", "c", "main", action, obj.name, fields, key or {}, target_id)


def check(action: Action, fields: dict[str, Any], target_id: str = "", key: Any = None, obj: Object = VENDORS) -> None:
    writing.check(RULES, obj, operation(action, fields, key, target_id, obj))


def test_what_fits_passes() -> None:
    check(Action.CREATE, WHOLE)
    check(Action.CREATE, {**WHOLE, "Address.State": None, "Address.Country": "NO"})
    check(Action.UPDATE, {"VendorName": "New", "Terms": None}, ID)
    check(Action.UPDATE, {"Address.State": None}, ID)
    check(Action.UPDATE, {"VendorExternalSystemID": " v-1 ", "IsActive": False}, ID)
    check(Action.DELETE, {}, ID)


@pytest.mark.parametrize(
    ("action", "fields", "target_id", "told"),
    [
        (Action.CREATE, {**WHOLE, "BankAccountNumber": "1"}, "", "BankAccountNumber cannot be written"),
        (Action.CREATE, {**WHOLE, "VendorID": 1}, "", "VendorID cannot be written"),
        (Action.CREATE, {**WHOLE, "Address.City": None}, "", "Address.City must be filled"),
        (Action.CREATE, {**WHOLE, "Address.State": None, "Address.Country": "US"}, "", "Address.State must be filled"),
        (Action.CREATE, {**WHOLE, "Address.State": None}, "", "Address.State must be filled"),
        (Action.UPDATE, {"Address.State": "", "Address.Country": "CA"}, ID, "Address.State must be filled"),
        (Action.CREATE, KEY, "", "VendorName, Address.Line1"),
        (Action.CREATE, {**WHOLE, "VendorExternalSystemID": ""}, "", "lacks VendorExternalSystemID"),
        (Action.CREATE, {**WHOLE, "VendorExternalSystemID": "a,b"}, "", "comma"),
        (Action.CREATE, {**WHOLE, "IsActive": "yes"}, "", "no boolean"),
        (Action.CREATE, {**WHOLE, "VendorName": 5}, "", "no string"),
        (Action.CREATE, {**WHOLE, "Address.City": "x" * 51}, "", "51 characters, AvidXchange takes 50"),
        (Action.UPDATE, {"VendorName": ""}, ID, "VendorName must be filled"),
        (Action.UPDATE, {"VendorExternalSystemID": "V-2"}, ID, "stay what they are"),
        (Action.UPDATE, {"VendorName": "x"}, "LegalEntity=usmf", "correct the link"),
        (Action.UPDATE, {"VendorName": "x"}, "17", "correct the link"),
    ],
)
def test_what_does_not_fit_is_told(action: Action, fields: dict[str, Any], target_id: str, told: str) -> None:
    with pytest.raises(RejectRecord) as caught:
        check(action, fields, target_id)
    assert told in caught.value.detail


def test_values_of_orders() -> None:
    key = {"LegalEntity": "usmf", "OrderNumber": "PO-1"}
    fields: dict[str, Any] = {
        **key,
        "VendorExternalSystemID": "V-1",
        "OrderDate": date(2026, 3, 5),
        "TotalAmount": Decimal(1),
    }
    check(Action.CREATE, fields, obj=ORDERS)
    wrong: list[dict[str, Any]] = [
        {"OrderDate": datetime(2026, 3, 5, tzinfo=UTC)},
        {"TotalAmount": True},
        {"TotalAmount": "1"},
        {"LineItems": {}},
    ]
    for each in wrong:
        with pytest.raises(RejectRecord, match="value does not fit"):
            check(Action.CREATE, {**fields, **each}, obj=ORDERS)


def test_a_create_sends_what_has_a_value() -> None:
    fields = writing.fields_of(RULES, VENDORS, operation(Action.CREATE, {**WHOLE, "Terms": None}))
    item = writing.item(RULES, VENDORS, ("V-1",), fields, None)
    address = {"Line1": "14 Dock St", "City": "Charlotte", "State": "NC", "PostalCode": "28202"}
    assert item == {"VendorExternalSystemID": "V-1", "VendorName": "Lakeside", "Address": address}


def test_an_update_keeps_the_rest_of_what_it_touches_and_no_bank() -> None:
    row = {"VendorName": "L", "Address": {"Line1": "14 Dock St", "City": "Charlotte", "RoutingNumber": "021000021"}}
    item = writing.item(RULES, VENDORS, ("V-1",), {"Address.City": "Durham"}, row)
    assert item["Address"] == dict.fromkeys(("Line2", "State", "PostalCode", "Country")) | {
        "Line1": "14 Dock St",
        "City": "Durham",
    }
    assert set(item) == {"VendorExternalSystemID", "Address"}


@pytest.mark.parametrize(
    ("obj", "action", "fields", "needed"),
    [
        (VENDORS, Action.CREATE, WHOLE, False),
        (VENDORS, Action.UPDATE, {"VendorName": "x"}, False),
        (VENDORS, Action.UPDATE, {"Address.City": "x"}, True),
        (VENDORS, Action.DELETE, {}, True),
        (CODES, Action.CREATE, {}, False),
        (CODES, Action.UPDATE, {"Description": "x"}, True),
    ],
)
def test_when_a_record_is_read_before(obj: Object, action: Action, fields: dict[str, Any], needed: bool) -> None:
    assert writing.needs_row(RULES, obj, operation(action, fields, obj=obj)) is needed


KEYS = [("V-1",), ("V-2",)]


def echo(key: str, successful: Any = True, errors: Any = ()) -> dict[str, Any]:
    return {"Successful": successful, "Item": {"VendorExternalSystemID": key}, "Errors": errors}


def told(answer: Any, keys: list[Any] = KEYS) -> list[str]:
    return [type(each).__name__ for each in writing.results(RULES, VENDORS, keys, answer)]


def test_results_by_place_and_by_key() -> None:
    assert told({"Results": [echo("V-1"), echo("V-2", "false", [{"Message": "no"}])]}) == ["dict", "RejectRecord"]
    assert told({"Results": [echo("V-2", False), echo("v-1")]}) == ["dict", "RejectRecord"]
    bare = {"Successful": False, "Errors": {"Message": "no"}}
    assert told({"results": [{"successful": True}, bare]}) == ["dict", "RejectRecord"]
    assert told({"Results": echo("V-1", "true")}, KEYS[:1]) == ["dict"]


@pytest.mark.parametrize(
    "answer", [{}, {"Results": None}, {"Results": []}, {"Results": [{}, {}]}, {"Results": [echo("V-3", None)] * 2}]
)
def test_results_that_tell_nothing_are_unknown(answer: Any) -> None:
    found = writing.results(RULES, VENDORS, KEYS, answer)
    assert all(isinstance(each, OutcomeUnknown) for each in found)


def test_a_refusal_says_which_item_and_why() -> None:
    errors = [{"Message": "VendorName is required"}, {"Message": "odd."}]
    (found,) = writing.results(RULES, VENDORS, KEYS[:1], {"Results": [echo("v-1", False, errors)]})
    assert isinstance(found, RejectRecord)
    assert "vendor V-1: VendorName is required; odd." in found.detail


def test_no_field_is_about_a_bank() -> None:
    names = {name.lower() for each in OBJECTS.values() if each.writable for name in each.writable}
    assert names
    assert not [name for name in names if "bank" in name or "routing" in name or "iban" in name]
