"""Bytes that lie in a topic, whoever wrote them: a record or a reason to park, at a cost that their length bounds."""

from __future__ import annotations

import struct
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.core import values
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref
from headrace.core.refs import decode_key, encode_key
from headrace.platform.codec import Codec, record_to_event
from headrace.platform.json_text import dump_json, parse_json
from headrace.platform.paths import schemas_dir
from headrace.platform.record_json import dump_record, load_record
from headrace.platform.schemas import Schemas
from headrace.testing.hostile import NUMBERS, anything, bounded, mutated, texts, tried, wire
from headrace.testing.samples import GARBAGE

CODEC = Codec.offline(Schemas(schemas_dir()))
NAMES = sorted(CODEC.schemas.names())
IDS = [CODEC._headers[name] for name in NAMES]
GENUINE = CODEC.encode(
    "internal/delivery.v1",
    {
        "connection": "crm",
        "object": "deal",
        "external_id": "7",
        "delivery_id": "d",
        "arrival": "poll",
        "received_at": datetime(2026, 11, 21, tzinfo=UTC),
        "content_type": "application/json",
        "body": b"{}",
        "headers": {"user-agent": "x"},
        "traceparent": "",
        "version": "1",
    },
)
LENGTHS = [b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x80\x80\x80\x80\x20", b"\xff" * 10, b"\x01", b"\x03" * 4]
"""Lengths of a text or a list in Avro: of exabytes, of gigabytes, without an end, and below zero."""


def decoded(data: bytes) -> None:
    with suppress(RejectRecord), bounded(1.0):
        name, record = CODEC.decode(data, "inbox.crm")
        if name.startswith("canonical/"):
            record_to_event(record)


@tried(2000)
@given(
    st.one_of(
        st.binary(max_size=80),
        st.builds(lambda head, body: head + body, st.sampled_from(IDS), st.binary(max_size=120)),
        st.builds(lambda number, body: struct.pack(">bI", 0, number) + body, st.integers(0, 2**32 - 1), st.binary()),
        st.builds(
            lambda at, more, cut: GENUINE[:at] + more + GENUINE[at + cut :],
            st.integers(5, len(GENUINE)),
            st.one_of(st.binary(max_size=4), st.sampled_from(LENGTHS)),
            st.integers(0, 6),
        ),
    )
)
def test_any_bytes_are_a_record_or_undecodable(data: bytes) -> None:
    decoded(data)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_length_of_gigabytes_takes_none(name: str, length: bytes) -> None:
    """What the bytes claim to hold is not made room for; nor do they say it again and again."""
    for body in (length, length * 40, b"\x02" + length, b"\x00" * 6 + length, length + b"\x00" * 64):
        with bounded(2.0, kilobytes=4096):
            decoded(CODEC._headers[name] + body)


@tried(500)
@given(
    st.one_of(
        anything.map(wire), st.binary(max_size=60), mutated(dump_record(Record(Ref("deal", "1"), {"a": Decimal(1)})))
    )
)
def test_any_stored_record_is_one_or_rejected(body: bytes) -> None:
    try:
        with bounded(1.0):
            record = load_record(body)
    except RejectRecord:
        return
    with bounded(1.0):
        assert load_record(dump_record(record)) == record


@tried(500)
@given(
    st.dictionaries(texts, st.one_of(texts, st.integers(), st.none(), st.lists(texts, max_size=2)), max_size=3), texts
)
def test_any_text_of_a_record_goes_through_a_topic(data: dict[str, Any], external_id: str) -> None:
    """Half a surrogate pair is what UTF-16 systems leave when they cut a text: it must not stop a poll."""
    record = Record(Ref("deal", external_id), data)
    assert load_record(dump_record(record)) == record
    assert values.load(values.dump(data)) == data


@tried(500)
@given(
    st.one_of(
        anything.map(wire), st.binary(max_size=60), st.sampled_from([*GARBAGE.values(), *map(str.encode, NUMBERS)])
    )
)
def test_any_json_is_read_and_written_at_bounded_cost(body: bytes) -> None:
    try:
        with bounded(1.0):
            value = parse_json(body)
    except (ValueError, RecursionError):
        return
    with bounded(1.0):
        assert parse_json(dump_json(value)) == value
        assert len(values.dump(value)) < 100 * len(body) + 2000


@pytest.mark.parametrize("number", NUMBERS)
def test_a_short_number_never_becomes_a_long_one(number: str) -> None:
    body = b'{"amount": ' + number.encode() + b"}"
    with bounded(1.0, kilobytes=2048):
        try:
            value = parse_json(body)
        except ValueError:
            return
        assert len(values.dump(value)) < 2000


@tried(500)
@given(st.dictionaries(st.from_regex("[A-Za-z]{1,8}", fullmatch=True), texts, min_size=1, max_size=3))
def test_keys_come_back_as_they_were(parts: dict[str, str]) -> None:
    assert decode_key(encode_key(parts)) == parts


@tried(500)
@given(texts)
def test_any_id_has_parts(text: str) -> None:
    assert all(isinstance(part, str) for part in decode_key(text).values())
