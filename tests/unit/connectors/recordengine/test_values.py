"""Amounts, dates and names as a machine read them: nothing is guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.recordengine import values


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1200.00", "1200.00"),
        ("1,280.25", "1280.25"),
        ("1.280,25", "1280.25"),
        ("1 280,25", "1280.25"),
        ("1\u00a0280,25 €", "1280.25"),
        ("1 280 000", "1280000"),
        ("1'280.25", "1280.25"),
        ("CHF 1’280.25", "1280.25"),
        ("$1,280.25", "1280.25"),
        ("€ 80", "80"),
        ("USD 80.5", "80.5"),
        ("1,280.25 USD", "1280.25"),
        ("(1,280.25)", "-1280.25"),
        ("($1,280.25)", "-1280.25"),
        ("-1280.25", "-1280.25"),
        ("\u22121280.25", "-1280.25"),
        ("1280.25-", "-1280.25"),
        ("- € 5", "-5"),
        ("+5", "5"),
        ("0.250", "0.250"),
        ("1280,250", "1280.250"),
        ("12,5", "12.5"),
        (".50", "0.50"),
        ("1,280,000", "1280000"),
        ("1.280.000,5", "1280000.5"),
        ("0", "0"),
        ("-0.00", "0"),
        (7, "7"),
        (Decimal("1.50"), "1.50"),
        ("１２０．５", "120.5"),
    ],
)
def test_an_amount_that_can_be_read_in_one_way(written: Any, amount: str) -> None:
    found = values.amount(written)
    assert found == Decimal(amount)
    assert not str(found).startswith("-0")


@pytest.mark.parametrize(
    ("written", "decimal", "amount"),
    [
        ("1,280", "point", "1280"),
        ("1,280", "comma", "1.280"),
        ("1.280", "comma", "1280"),
        ("1.280", "point", "1.280"),
        ("1280.25", "comma", "1280.25"),
        ("1,280.25", "comma", "1280.25"),
    ],
)
def test_the_setting_counts_where_there_are_two_ways(
    written: str, decimal: Literal["point", "comma"], amount: str
) -> None:
    assert values.amount(written, decimal) == Decimal(amount)


@pytest.mark.parametrize("written", ["1,280", "1.280", "(12,345)", "$ 1,000"])
def test_two_ways_and_no_setting_are_refused(written: str) -> None:
    with pytest.raises(ValueError, match="may part thousands"):
        values.amount(written)


@pytest.mark.parametrize(
    "written",
    [
        *("abc", "12-25", "1,28,000", "1,2.3,4", "1.280,25,1", "1280.", "--5", "5%", "1e5", "NaN", "()"),
        *("12 34", "1 2345", "12'34", "1 280 25", "9" * 21, True),
    ],
)
def test_what_is_no_amount_is_refused(written: Any) -> None:
    with pytest.raises(ValueError, match="no amount"):
        values.amount(written)


@pytest.mark.parametrize("empty", [None, "", "  "])
def test_nothing_is_nothing(empty: Any) -> None:
    assert values.amount(empty) is None
    assert values.day(empty) is None


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_every_way_of_writing_gives_the_amount_back(amount: Decimal) -> None:
    english = f"{amount:,.2f}"
    german = english.translate(str.maketrans(",.", ".,"))
    for written in (f"{amount:.2f}", english, german, f"{english} EUR", f"€{english}".replace("€-", "-€")):
        assert values.amount(written) == amount, written


@pytest.mark.parametrize(
    ("written", "order", "day"),
    [
        ("2026-02-25", None, date(2026, 2, 25)),
        ("2026-02-25T00:00:00Z", None, date(2026, 2, 25)),
        (date(2026, 2, 25), None, date(2026, 2, 25)),
        ("02/03/2026", "dmy", date(2026, 3, 2)),
        ("02/03/2026", "mdy", date(2026, 2, 3)),
        ("5.3.2026", "dmy", date(2026, 3, 5)),
    ],
)
def test_a_day(written: Any, order: Literal["dmy", "mdy"] | None, day: date) -> None:
    assert values.day(written, order) == day


@pytest.mark.parametrize(
    ("written", "order"),
    [
        ("02/03/2026", None),
        ("25/02/2026", None),
        ("25/02/2026", "mdy"),
        ("2026-02-30", None),
        ("2026-02-25T23:30:00Z", None),
        ("02/03/26", "dmy"),
        ("02/03.2026", "dmy"),
        ("25 Feb 2026", "dmy"),
        ("Upon receipt", "dmy"),
    ],
)
def test_a_day_is_not_guessed(written: str, order: Literal["dmy", "mdy"] | None) -> None:
    with pytest.raises(ValueError, match=r"it is no|cannot be told apart"):
        values.day(written, order)


def test_names_are_known_again() -> None:
    assert values.letters(" LAKESIDE  Plumbing, L.L.C. ") == values.letters("Lakeside Plumbing (L L C)")
    assert values.letters("Müller") != values.letters("Muller")
    assert values.snake("PO Number") == "po_number"
    assert values.snake("發票號碼") == "發票號碼"


def test_numbers_and_times() -> None:
    assert [values.whole(each) for each in (5, "5", Decimal("91.0"), "x", Decimal("0.91"), True, None)] == [
        5,
        5,
        91,
        None,
        None,
        None,
        None,
    ]
    moment = values.moment("2026-03-02T08:23:41Z")
    assert moment == values.moment("2026-03-02T08:23:41") == datetime(2026, 3, 2, 8, 23, 41, tzinfo=UTC)
    assert values.version_of(moment) == "2026-03-02T08:23:41.000Z"
    assert values.moment("yesterday") is None
