from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.platform.retry_after import clock_skew, retry_after

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("3", 3),
        ("2.5", 2.5),
        ("-4", 0),
        (" 7 ", 7),
        ("86400", 3600),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("soon", None),
        ("Sat, 32 Nov 2026 12:00:00 GMT", None),
    ],
)
def test_seconds_and_nonsense(value: str, expected: float | None) -> None:
    assert retry_after({"retry-after": value}) == expected


def test_date_counts_from_the_servers_own_clock() -> None:
    headers = {"retry-after": format_datetime(NOON + timedelta(seconds=90), usegmt=True), "date": format_datetime(NOON)}
    assert retry_after(headers, now=NOON + timedelta(hours=5)) == 90


def test_date_without_server_clock_counts_from_ours() -> None:
    headers = {"retry-after": format_datetime(NOON + timedelta(seconds=20), usegmt=True)}
    assert retry_after(headers, now=NOON) == 20
    assert retry_after(headers, now=NOON + timedelta(minutes=1)) == 0


def test_no_header() -> None:
    assert retry_after({}) is None


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_gives_a_bounded_wait_or_none(value: str, date: str) -> None:
    seconds = retry_after({"retry-after": value, "date": date}, longest=60)
    assert seconds is None or 0 <= seconds <= 60


def test_clock_skew() -> None:
    assert clock_skew({"date": format_datetime(NOON + timedelta(seconds=30), usegmt=True)}, NOON) == 30
    assert clock_skew({}, NOON) is None
