from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headrace.connectors.pipedrive.custom_fields import Definition, Definitions
from headrace.core.errors import RejectRecord

OPTIONS = {17: "Gold", 18: "Silver"}


def field(name: str, code: str, type_: str = "varchar", **more: Any) -> dict[str, Any]:
    return {"field_name": name, "field_code": code, "field_type": type_, "is_custom_field": True, **more}


@pytest.mark.parametrize(
    ("type_", "wire", "ours"),
    [
        ("varchar", "x", "x"),
        ("double", 5, Decimal(5)),
        ("double", Decimal("5.5"), Decimal("5.5")),
        ("enum", 17, "Gold"),
        ("enum", 99, "99"),
        ("set", [18, 17], ["Silver", "Gold"]),
        ("date", "2026-01-31", date(2026, 1, 31)),
        ("date", "soon", "soon"),
        ("monetary", {"value": 500, "currency": "USD"}, {"value": Decimal(500), "currency": "USD"}),
        (
            "daterange",
            {"value": "2026-01-01", "until": "2026-02-01"},
            {"value": date(2026, 1, 1), "until": date(2026, 2, 1)},
        ),
        ("time", {"value": "09:00:00", "timezone_id": 318}, {"value": "09:00:00", "timezone_id": 318}),
        ("address", {"value": "Oslo", "locality": "Oslo"}, {"value": "Oslo", "locality": "Oslo"}),
        ("people", 12, 12),
        ("enum", None, None),
    ],
)
def test_reading(type_: str, wire: Any, ours: Any) -> None:
    found = Definition("k", "Name", type_, options=OPTIONS).readable(wire)
    assert found == ours
    assert type(found) is type(ours)


@pytest.mark.parametrize(
    ("type_", "ours", "wire"),
    [
        ("varchar", 42, "42"),
        ("enum", "Gold", 17),
        ("enum", 17, 17),
        ("set", ["Silver"], [18]),
        ("set", [], None),
        ("set", "Gold", [17]),
        ("monetary", {"amount": Decimal(5), "currency": "EUR"}, {"value": Decimal(5), "currency": "EUR"}),
        ("monetary", {"value": Decimal(5), "currency": "EUR"}, {"value": Decimal(5), "currency": "EUR"}),
        ("address", "Oslo", {"value": "Oslo"}),
        ("double", Decimal("1.5"), Decimal("1.5")),
        ("date", date(2026, 1, 31), date(2026, 1, 31)),
        ("varchar", None, None),
    ],
)
def test_writing(type_: str, ours: Any, wire: Any) -> None:
    assert Definition("k", "Name", type_, options=OPTIONS).writable(ours, "deal 1") == wire


@pytest.mark.parametrize(
    ("type_", "value"), [("enum", "Bronze"), ("set", ["Gold", "Bronze"]), ("varchar", "x" * 256), ("double", "five")]
)
def test_values_that_do_not_fit_name_field_and_record(type_: str, value: Any) -> None:
    with pytest.raises(RejectRecord, match='deal 1: "Name"'):
        Definition("k", "Name", type_, options=OPTIONS).writable(value, "deal 1")


def test_names_that_repeat_get_their_key() -> None:
    known = Definitions([field("A", "1" * 40), field("A", "2" * 40), field("", "3" * 40)])
    assert known.readable({"1" * 40: "x", "2" * 40: "y", "3" * 40: "z"}) == {
        "A": "x",
        "A (222222)": "y",
        "unnamed (333333)": "z",
    }


def test_a_system_field_does_not_take_a_custom_name() -> None:
    known = Definitions([{**field("Title", "title"), "is_custom_field": False}, field("Title", "4" * 40)])
    assert known.by_name["Title"].code == "4" * 40
    assert "title" not in {each.code for each in known.by_name.values()}


def test_what_the_definitions_lack() -> None:
    known = Definitions([field("Grade", "g", "enum", options=[{"id": 17, "label": "Gold"}])])
    assert known.lacks({"g": 17}) == []
    assert known.lacks({"g": None}) == []
    assert known.lacks({"g": 18, "x": 1}) == ["g=18", "x"]
    assert known.readable({"x": 1}) == {"x": 1}
