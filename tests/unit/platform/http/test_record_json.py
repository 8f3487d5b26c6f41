from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref
from headrace.platform.record_json import dump_record, load_record

times = st.datetimes(timezones=st.just(UTC))
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.dates()
    | times
    | st.decimals(allow_nan=False, allow_infinity=False, places=8)
)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["$decimal", "$date", "$time", "$$time", "$$$$date", "$"]
)
data = st.dictionaries(
    names,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)),
    max_size=5,
)
records = st.builds(
    Record,
    ref=st.builds(Ref, st.sampled_from(["deal", "CustomersV3"]), st.text(st.characters(exclude_categories=["Cs"]))),
    data=data,
    version=st.sampled_from(["", "2026-11-21T08:00:00Z"]),
    modified_at=st.none() | times,
    deleted=st.booleans(),
    own=st.booleans(),
    complete=st.booleans(),
)


@given(records)
def test_round_trip(record: Record) -> None:
    assert load_record(dump_record(record)) == record


def test_equal_records_give_equal_bytes() -> None:
    one = Record(Ref("deal", "1"), {"a": 1, "b": datetime(2026, 1, 1, tzinfo=UTC)})
    two = Record(Ref("deal", "1"), {"b": datetime(2026, 1, 1, tzinfo=UTC), "a": 1})
    assert dump_record(one) == dump_record(two)


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError):
        dump_record(Record(Ref("deal", "1"), {"value": 0.1}))


@given(st.binary(max_size=60))
def test_garbage_is_rejected(body: bytes) -> None:
    with pytest.raises(RejectRecord):
        load_record(body)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"7", b'{"object":"d","external_id":"1","data":[],"version":"","modified_at":null}']
)
def test_other_json_is_rejected(body: bytes) -> None:
    with pytest.raises(RejectRecord, match="stored record unreadable"):
        load_record(body)
