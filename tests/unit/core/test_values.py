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
        ({"amount": Decimal("9.50"), "currency": "EUR"}, {"value": 9.5, "currency": "EUR"}),
        ("account=3f0f9d3e", {"type": "account", "id": "3f0f9d3e", "name": "Contoso"}),
    ],
)
def test_same_in_another_spelling(ours, theirs):
    assert values.same(ours, theirs)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Decimal("2.5"), 2.51),
        ("a", "A"),
        (date(2026, 3, 2), "2026-03-03T12:00:00Z"),
        ("x", None),
        (1, True),
        ({"amount": 1, "currency": "EUR"}, {"value": 1, "currency": "USD"}),
        ({"amount": 1}, {"value": 1}),
    ],
)
def test_really_different(ours, theirs):
    assert not values.same(ours, theirs)


RECORD = {
    "name": "Berg AS",
    "address": {"locality": "Oslo", "value": "Storgata 1"},
    "custom": {"Account number": "US-001", "a=b 100%": "x", "Credit": Decimal("5.0"), "E. mail": "a@b.no"},
    "prices": [{"currency": "EUR", "price": Decimal(5)}],
    "prices.EUR": Decimal(5),
    "tags": None,
}
HELD = {
    "name": "Berg AS",
    "address.locality": "Oslo",
    "custom.Account number": "US-001",
    "custom.a=b 100%": "x",
    "custom.Credit": 5,
    "custom.E. mail": "a@b.no",
    "prices.EUR": Decimal("5.00"),
}


def test_a_mark_is_found_in_nested_records():
    mark = values.mark(HELD)
    assert values.matching(mark, RECORD) == set(HELD)
    assert values.differing(mark, RECORD) == frozenset()
    assert values.matches(mark, RECORD)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", "Berg A"),  # cut by the other side
        ("name", "berg as"),  # its case folded
        ("custom.Credit", Decimal("5.01")),  # rounded
        ("custom.Account number", None),
        ("custom.Gone", "x"),  # the nested record lists what has a value, so this one has none
        ("prices.USD", Decimal(5)),
        ("tags.first", "x"),
    ],
)
def test_one_field_differs_and_the_others_match(name, value):
    mark = values.mark({**HELD, name: value})
    assert values.differing(mark, RECORD) == {name}
    assert values.matching(mark, RECORD) == set(HELD) - {name}
    assert not values.matches(mark, RECORD)


def test_what_the_record_does_not_list_is_empty_where_its_container_is_there():
    assert values.matching(values.mark({"custom.Gone": None, "prices.USD": None}), RECORD) == {
        "custom.Gone",
        "prices.USD",
    }


def test_a_field_that_the_record_lacks_tells_nothing():
    mark = values.mark({"website": "x", "org.name": "y"})
    assert values.matching(mark, RECORD) == values.differing(mark, RECORD) == frozenset()
    assert not values.matches(mark, RECORD)
    assert values.matches(values.mark({"website": "x", "name": "Berg AS"}), RECORD)


@given(st.dictionaries(names, leaves))
def test_a_record_matches_its_own_mark(record):
    mark = values.mark(record)
    assert values.matching(mark, record) == set(record)
    assert values.differing(mark, record) == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [("name", "Berg AS"), ("custom.E. mail", "a@b.no"), ("custom.Gone", None), ("website", None), ("tags.x", None)],
)
def test_look_up_by_dotted_name(name, value):
    assert values.lookup(RECORD, name) == value


def test_while_a_write_is_under_way_either_value_is_ours():
    """It is not there yet, or it is: a record that holds what was written before is no news either."""
    before = values.mark({"name": "Berg AS", "phone": "1"})
    under_way = values.announced(before, {"phone": "2"})
    for phone in ("1", "2"):
        assert values.matching(under_way, {"name": "Berg AS", "phone": phone}) == {"name", "phone"}
        assert values.differing(under_way, {"name": "Berg AS", "phone": phone}) == frozenset()
    assert values.differing(under_way, {"name": "Berg AS", "phone": "3"}) == {"phone"}


def test_what_was_announced_and_not_made_is_taken_back():
    before = values.mark({"name": "Berg AS", "phone": "1"})
    under_way = values.announced(before, {"phone": "2"})
    assert values.taken_back(under_way, {"phone": "2"}) == before
    assert values.announced(None, {"phone": "2"}) == values.mark({"phone": "2"})
    assert values.taken_back(values.mark({"phone": "2"}), {"phone": "2"}) == ""
