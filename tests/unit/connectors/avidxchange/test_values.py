"""Single values: exact, in UTC, and dates that no zone shifts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from headrace.connectors.avidxchange import values


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (Decimal("1280.25"), Decimal("1280.25")),
        (7, Decimal(7)),
        ("1280.250", Decimal("1280.25")),
        (Decimal("-0.00"), Decimal(0)),
        (None, None),
        ("", None),
    ],
)
def test_amounts(given: Any, found: Any) -> None:
    amount = values.money(given)
    assert amount == found
    assert amount is None or not (amount.is_zero() and amount.is_signed())


@pytest.mark.parametrize("given", [True, "NaN", "Infinity", "1,280", 1.5, []])
def test_what_is_no_amount(given: Any) -> None:
    with pytest.raises(ValueError, match="no amount"):
        values.money(given)


@pytest.mark.parametrize("given", ["2026-02-25T00:00:00", "2026-02-25", "2026-02-25 00:00:00", "2026-02-25T00:00:00Z"])
def test_dates_are_cut(given: str) -> None:
    assert values.day(given) == date(2026, 2, 25)


@pytest.mark.parametrize(
    ("given", "zone", "hour"),
    [
        ("2026-03-02T16:20:07", "UTC", 16),
        ("2026-03-02 16:20:07.5", "UTC", 16),
        ("2026-03-02T16:20:07", "America/New_York", 21),
        ("2026-07-02T16:20:07", "America/New_York", 20),
        ("2026-03-02T16:20:07Z", "America/New_York", 16),
        ("2026-03-02T16:20:07+02:00", "America/New_York", 14),
    ],
)
def test_times_without_a_zone_are_of_the_contracts(given: str, zone: str, hour: int) -> None:
    found = values.moment(given, ZoneInfo(zone))
    assert found is not None
    assert (found.hour, found.tzinfo) == (hour, UTC)


def test_versions_sort_as_times() -> None:
    times = [datetime(2026, 3, 2, 16, 20, 7, micros, UTC) for micros in (0, 5_000, 900_000)]
    versions = [values.version_of(each) for each in times]
    assert versions == sorted(versions)
    assert versions[0] == "2026-03-02T16:20:07.000Z"
    assert values.version_of(None) == ""


@pytest.mark.parametrize(("given", "found"), [(True, True), ("false", False), (" True ", True), (None, None)])
def test_flags(given: Any, found: Any) -> None:
    assert values.flag(given) is found


@pytest.mark.parametrize(("given", "found"), [(7, 7), ("7", 7), (Decimal(7), 7), (None, None)])
def test_whole_numbers(given: Any, found: Any) -> None:
    assert values.whole(given) == found


@pytest.mark.parametrize("read", [values.day, values.flag, values.whole, lambda v: values.moment(v, ZoneInfo("UTC"))])
def test_what_does_not_fit_is_told(read: Any) -> None:
    with pytest.raises(ValueError, match="'x7'"):
        read("x7")


@pytest.mark.parametrize(("given", "found"), [("a", "a"), (8841, "8841"), ("", None), (None, None), (True, None)])
def test_texts(given: Any, found: Any) -> None:
    assert values.text(given) == found
