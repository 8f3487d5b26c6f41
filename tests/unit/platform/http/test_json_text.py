import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.platform.json_text import dump_json, parse_json

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=6).filter(lambda d: abs(d) < 10**18),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_round_trip(value: object) -> None:
    assert parse_json(dump_json(value)) == value


def test_decimal_is_a_plain_number() -> None:
    assert dump_json({"a": Decimal("1E+3"), "b": Decimal("0.10"), "c": Decimal("-7")}) == b'{"a":1000,"b":0.10,"c":-7}'


def test_dates_and_times_are_text() -> None:
    berlin = datetime(2026, 11, 21, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    assert dump_json([date(2026, 1, 31), berlin]) == b'["2026-01-31","2026-11-21T12:00:00Z"]'
    assert dump_json(datetime(2026, 11, 21, tzinfo=UTC)) == b'"2026-11-21T00:00:00Z"'


def test_fractions_come_back_as_decimal_and_whole_numbers_as_int() -> None:
    value = parse_json(b'{"a":0.1,"b":12345678901234567890.12345678901234567890,"c":3}')
    assert value == {"a": Decimal("0.1"), "b": Decimal("12345678901234567890.12345678901234567890"), "c": 3}
    assert isinstance(value["c"], int)


def test_byte_order_mark_is_ignored() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


def test_half_a_surrogate_pair_is_escaped() -> None:
    assert json.loads(dump_json("\ud83d x ü")) == "\ud83d x ü"


@pytest.mark.parametrize("value", [0.1, {"a": [1.0]}, object(), {1, 2}, b"x"])
def test_floats_and_strangers_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        dump_json(value)


@pytest.mark.parametrize("text", [b"NaN", b'{"a":Infinity}', b"\xff\xfe", b"{", b""])
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(text)
    with pytest.raises(ValueError):
        dump_json(Decimal("NaN"))
