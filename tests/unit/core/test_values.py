from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core import values

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(timezones=st.just(UTC))
)
names = st.text(min_size=1).filter(lambda name: not name.startswith("$"))
nested = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(names, inner))


@given(nested)
def test_what_is_dumped_is_loaded(value):
    assert values.load(values.dump(value)) == value


def test_equal_amounts_have_equal_bytes():
    assert values.dump(Decimal("10.50")) == values.dump(Decimal("10.5"))


def test_floats_are_refused():
    with pytest.raises(TypeError, match="float"):
        values.dump({"price": 1.5})


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Decimal("2.50"), 2.5),
        (Decimal(2), 2),
        (date(2026, 3, 2), "2026-03-02T12:00:00Z"),
        (date(2026, 3, 2), datetime(2026, 3, 2, 12, tzinfo=UTC)),
        (None, ""),
        (None, "1900-01-01T12:00:00Z"),
        ("a ", "a"),
        (True, True),
    ],
)
def test_same_in_another_spelling(ours, theirs):
    assert values.same(ours, theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(Decimal("2.5"), 2.51), ("a", "A"), (date(2026, 3, 2), "2026-03-03T12:00:00Z"), ("x", None), (1, True)],
)
def test_really_different(ours, theirs):
    assert not values.same(ours, theirs)
