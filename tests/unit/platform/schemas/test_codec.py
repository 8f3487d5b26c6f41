"""The codec: round trips of every contract, agreement with fastavro, strictness, garbage, other versions."""

from __future__ import annotations

import io
import json
import struct
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import fastavro
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.errors import ConfigurationError, RejectRecord
from headrace.core.event import CanonicalEvent, Change, Meta
from headrace.platform.avro_writer import WriteError, compile_writer
from headrace.platform.codec import Codec, DecodeError, EncodeError, event_to_record, record_to_event
from headrace.platform.paths import schemas_dir
from headrace.platform.registry import Registry
from headrace.platform.schemas import Schemas
from tests.unit.platform.schemas.strategies import DECIMALS, records

SCHEMAS = Schemas(schemas_dir())
CODEC = Codec.offline(SCHEMAS)
ORDER = "canonical/sales_order.v1"
NOW = datetime(2026, 11, 21, 9, 30, 15, 123000, UTC)


def event(**data: Any) -> CanonicalEvent:
    meta = Meta(
        event_id="e1",
        entity="sales_order",
        canonical_id="c1",
        connection="crm",
        object="deal",
        external_id="4711",
        source_version="7",
        occurred_at=NOW,
        observed_at=NOW + timedelta(seconds=1),
        change=Change.UPSERT,
        legal_entity=None,
        asserted=tuple(data),
        trace_id="0af7651916cd43dd8448eb211c80319c",
    )
    return CanonicalEvent(meta, data)


def encode(**data: Any) -> bytes:
    return CODEC.encode(ORDER, event_to_record(event(**data)))


def decoded(**data: Any) -> dict[str, Any]:
    result: dict[str, Any] = CODEC.decode(encode(**data))[1]["data"]
    return result


# --- round trips ---


@pytest.mark.parametrize("name", SCHEMAS.names())
def test_every_record_comes_back(name: str) -> None:
    @settings(deadline=None, max_examples=25)
    @given(records(SCHEMAS.parsed(name)))
    def check(record: dict[str, Any]) -> None:
        data = CODEC.encode(name, record)
        assert CODEC.decode(data) == (name, record)
        body = io.BytesIO()
        fastavro.schemaless_writer(body, dict(SCHEMAS.parsed(name)), record)
        assert data[5:] == body.getvalue()  # an independent writer gives the same bytes

    check()


@given(DECIMALS)
def test_decimals_come_back_exact_and_without_positive_exponent(value: Decimal) -> None:
    back = decoded(discount_percent=value)["discount_percent"]
    assert back == value
    exponent = back.as_tuple().exponent
    assert isinstance(exponent, int)
    assert exponent <= 0


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("100.00000000", "100"),
        ("1E+2", "100"),
        ("0.10", "0.1"),
        ("-0.00", "0"),
        ("1E-8", "0.00000001"),
        ("99999999999999999999.99999999", "99999999999999999999.99999999"),
    ],
)
def test_decimals_come_back_plain(given_text: str, expected: str) -> None:
    assert f"{decoded(discount_percent=Decimal(given_text))['discount_percent']:f}" == expected


def test_equal_amounts_give_equal_bytes() -> None:
    assert encode(discount_percent=Decimal("5.0")) == encode(discount_percent=Decimal(5))


def test_many_different_decimals_do_not_mix() -> None:
    for number in range(20_000):  # more than the writer keeps
        value = Decimal(number) / 100
        assert decoded_percent(encode_percent(value)) == value


def encode_percent(value: Decimal) -> bytes:
    return CODEC.encode("canonical/product.v1", {**event_to_record(event()), "data": {"tax_percent": value}})


def decoded_percent(data: bytes) -> Decimal:
    result: Decimal = CODEC.decode(data)[1]["data"]["tax_percent"]
    return result


def test_times_come_back_in_utc_whatever_their_zone() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))
    record = event_to_record(event())
    record["meta"]["occurred_at"] = local
    back = CODEC.decode(CODEC.encode(ORDER, record))[1]["meta"]["occurred_at"]
    assert back == NOW
    assert back.tzinfo == UTC


def test_long_text_and_unicode() -> None:
    text = "Grüße €😀" * 5000
    assert decoded(notes=text)["notes"] == text


def test_fields_with_a_default_may_be_left_out() -> None:
    data = decoded(title="x")
    assert data["lines"] == []
    assert data["customer"] is None
    assert set(data) == {name for name in SCHEMAS.entity_fields("sales_order") if "." not in name and "[" not in name}


def test_an_event_comes_back() -> None:
    before = event(title="x", lines=[{"line_id": "1", "quantity": Decimal(2)}], ordered_on=date(2026, 11, 21))
    after = record_to_event(CODEC.decode(CODEC.encode(ORDER, event_to_record(before)))[1])
    assert after.meta == before.meta
    assert after.data["lines"][0]["quantity"] == Decimal(2)
    assert after.data["ordered_on"] == date(2026, 11, 21)


def test_a_record_that_is_no_event_is_told() -> None:
    with pytest.raises(DecodeError, match="not a canonical event"):
        record_to_event({"connection": "crm"})


# --- strictness ---


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"lines": [{}, {"unit_price": 1.5}]}, "data.lines[1].unit_price: expected a decimal, got float"),
        ({"lines": [{"unit_price": "1.5"}]}, "data.lines[0].unit_price: expected a decimal, got str"),
        ({"lines": [{"unit_price": True}]}, "data.lines[0].unit_price: expected a decimal, got bool"),
        (
            {"lines": [{"unit_price": Decimal("0.000000001")}]},
            "data.lines[0].unit_price: expected a decimal of at most",
        ),
        ({"lines": [{"unit_price": Decimal(10) ** 20}]}, "data.lines[0].unit_price: expected a decimal of at most"),
        ({"lines": [{"unit_price": Decimal("1E+999999")}]}, "data.lines[0].unit_price: expected a decimal of at most"),
        ({"lines": [{"unit_price": Decimal("NaN")}]}, "data.lines[0].unit_price: expected a decimal of at most"),
        ({"lines": [{"unit_price": Decimal("sNaN")}]}, "data.lines[0].unit_price: cannot be written"),
        ({"lines": [{"unit_price": Decimal("Infinity")}]}, "data.lines[0].unit_price: expected a decimal of at most"),
        ({"lines": [{"position": True}]}, "data.lines[0].position: expected a whole number, got bool"),
        ({"lines": [{"position": 2**31}]}, "data.lines[0].position: the number does not fit int"),
        ({"lines": [{"dimensions": [{"value": "x"}]}]}, "data.lines[0].dimensions[0].name: expected text, got null"),
        ({"lines": None}, "data.lines: expected a list, got null"),
        ({"lines": "abc"}, "data.lines: expected a list, got str"),
        ({"lines": [7]}, "data.lines[0]: expected an object, got int"),
        ({"total": {"amount": Decimal(1)}}, "data.total.currency: expected text, got null"),
        ({"total": Decimal(1)}, "data.total: expected an object, got Decimal"),
        ({"ordered_on": NOW}, "data.ordered_on: expected a date without time, got datetime"),
        ({"ordered_on": "2026-11-21"}, "data.ordered_on: expected a date without time, got str"),
        ({"prices_include_tax": 1}, "data.prices_include_tax: expected true or false, got int"),
        ({"title": b"x"}, "data.title: expected text, got bytes"),
        ({"title": "\ud800"}, "data.title: cannot be written: UnicodeEncodeError"),
        ({"titel": "x"}, "data: the schema has no field titel"),
        ({"customer": {"naem": "x"}}, "data.customer: the schema has no field naem"),
    ],
)
def test_a_wrong_value_names_its_path(data: dict[str, Any], problem: str) -> None:
    with pytest.raises(EncodeError) as raised:
        encode(**data)
    assert problem in str(raised.value)
    assert ORDER in str(raised.value)


def test_a_time_without_zone_is_refused() -> None:
    record = event_to_record(event())
    record["meta"]["occurred_at"] = NOW.replace(tzinfo=None)
    with pytest.raises(EncodeError, match=r"meta\.occurred_at: expected a time with a zone"):
        CODEC.encode(ORDER, record)


def test_nobody_writes_the_unknown_symbol() -> None:
    record = event_to_record(event())
    record["meta"]["change"] = "unknown"
    with pytest.raises(EncodeError, match=r"meta\.change: expected one of upsert, delete"):
        CODEC.encode(ORDER, record)


def test_a_refused_value_is_not_repeated_in_the_error() -> None:
    with pytest.raises(EncodeError) as raised:
        encode(title=b"hunter2")
    assert "hunter2" not in str(raised.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.decimals() | st.dates(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["meta", "data", "lines"]), inner),
    )
)
def test_nothing_but_encode_errors(record: Any) -> None:
    with pytest.raises(EncodeError):
        CODEC.encode(ORDER, record)


@pytest.mark.parametrize(
    "kind", ["float", "double", ["null", "int", "string"], {"type": "fixed", "name": "F", "size": 2}]
)
def test_a_type_outside_the_contract_is_refused(kind: Any) -> None:
    schema: Any = fastavro.parse_schema({"type": "record", "name": "R", "fields": [{"name": "a", "type": kind}]})
    with pytest.raises(ConfigurationError, match=r"R\.a"):
        compile_writer(schema)


def test_any_mapping_will_do_and_defaults_of_bytes_are_bytes() -> None:
    fields = [{"name": "a", "type": "bytes", "default": "\u00ff"}, {"name": "b", "type": {"type": "string", "x": "y"}}]
    schema: Any = fastavro.parse_schema({"type": "record", "name": "R", "fields": fields})
    write = compile_writer(schema)
    pieces: list[bytes] = []
    write(MappingProxyType({"b": "x"}), pieces)
    assert b"".join(pieces) == b"\x02\xff\x02x"
    with pytest.raises(WriteError, match="b: expected text, got int"):
        write({"b": 1}, [])


# --- garbage and other versions ---


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        CODEC.decode(data)


@pytest.mark.parametrize("name", SCHEMAS.names())
def test_a_damaged_record_never_crashes(name: str) -> None:
    @settings(deadline=None, max_examples=40)
    @given(records(SCHEMAS.parsed(name)), st.data())
    def check(record: dict[str, Any], data: st.DataObject) -> None:
        good = CODEC.encode(name, record)
        damaged = bytearray(good)
        for place in data.draw(st.lists(st.integers(5, max(5, len(good) - 1)), max_size=4)):
            damaged[place : place + 1] = data.draw(st.binary(max_size=2))
        try:
            found, back = CODEC.decode(bytes(damaged))
        except DecodeError:
            return
        assert found == name
        assert back.keys() == record.keys()

    check()


def test_damage_is_told_with_id_topic_and_remedy() -> None:
    data = encode(title="x")
    with pytest.raises(DecodeError) as raised:
        CODEC.decode(data[:-1], "canonical.sales_order.v1")
    assert isinstance(raised.value, RejectRecord)
    assert raised.value.reason == "undecodable"
    assert raised.value.schema_id == struct.unpack(">I", data[1:5])[0]
    assert "topic canonical.sales_order.v1" in str(raised.value)
    assert "skip it or send it again" in str(raised.value)


def test_left_over_bytes_are_damage() -> None:
    with pytest.raises(DecodeError, match="left over"):
        CODEC.decode(encode() + b"\0")


# --- values of other versions, through a registry ---


class Shelf:
    """A registry's memory behind an HTTP transport: what is registered under which id, and how often it was asked."""

    def __init__(self) -> None:
        self.schemas: dict[int, str] = {}
        self.asked: list[str] = []
        self.down = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if self.down:
            raise httpx.ConnectError("refused")
        if request.method == "POST":
            schema = json.loads(request.content)["schema"]
            number = next((key for key, text in self.schemas.items() if text == schema), len(self.schemas) + 1)
            self.schemas[number] = schema
            return httpx.Response(200, json={"id": number})
        number = int(request.url.path.rpartition("/")[2])
        if number not in self.schemas:
            return httpx.Response(404, json={"error_code": 40403, "message": "Schema not found"})
        return httpx.Response(200, json={"schema": self.schemas[number]})

    def registry(self) -> Registry:
        return Registry("http://registry", httpx.AsyncClient(transport=httpx.MockTransport(self)))


def version_of(name: str, change: Any) -> Schemas:
    """Return our contracts with the text of one of them changed."""
    texts = {f"{path}.avsc": json.dumps(SCHEMAS.raw(path)) for path in (*SCHEMAS.shared(), *SCHEMAS.names())}
    document = json.loads(texts[f"{name}.avsc"])
    change(document)
    return Schemas({**texts, f"{name}.avsc": json.dumps(document)})


async def test_ids_come_from_the_registry_and_both_sides_understand_each_other() -> None:
    shelf = Shelf()
    writer, reader = Codec(SCHEMAS, shelf.registry()), Codec(SCHEMAS, shelf.registry())
    await writer.start(["internal/link.v1", ORDER])
    await reader.start([ORDER])
    data = writer.encode(ORDER, event_to_record(event(title="x")))
    assert data[:5] == b"\0\0\0\0\2"
    await reader.ensure(data)
    assert reader.decode(data)[1]["data"]["title"] == "x"
    assert "GET" not in " ".join(shelf.asked)  # known ids cost no call


async def test_an_older_and_a_newer_writer_are_read() -> None:
    def add(document: dict[str, Any]) -> None:
        document["fields"] += [{"name": "colour", "type": ["null", "string"], "default": None, "doc": "New."}]

    shelf = Shelf()
    newer = Codec(version_of("internal/command.v1", add), shelf.registry())
    ours = Codec(SCHEMAS, shelf.registry())
    await newer.start(["internal/command.v1"])
    await ours.start(["internal/command.v1"])
    command = {
        "command_id": "1",
        "connection": "erp",
        "canonical_id": "c",
        "action": "retry",
        "operator": "o",
        "at": NOW,
    }
    theirs = newer.encode("internal/command.v1", {**command, "colour": "red"})
    with pytest.raises(DecodeError, match="ensure"):
        Codec(SCHEMAS, shelf.registry()).decode(theirs)
    await ours.ensure(theirs)
    assert ours.decode(theirs)[1] == {**command, "argument": "{ }", "reason": "", "event_id": ""}
    old = ours.encode("internal/command.v1", command)
    await newer.ensure(old)
    assert newer.decode(old)[1]["colour"] is None


async def test_a_symbol_newer_than_us_is_rejected_not_guessed() -> None:
    def add(document: dict[str, Any]) -> None:
        action = next(field for field in document["fields"] if field["name"] == "action")
        action["type"]["symbols"].insert(0, "purge")

    shelf = Shelf()
    newer, ours = Codec(version_of("internal/command.v1", add), shelf.registry()), Codec(SCHEMAS, shelf.registry())
    await newer.start(["internal/command.v1"])
    command = {"command_id": "1", "connection": "erp", "canonical_id": "c", "operator": "o", "at": NOW}
    data = newer.encode("internal/command.v1", {**command, "action": "purge"})
    await ours.ensure(data)
    with pytest.raises(DecodeError, match=r"CommandAction that is newer than this program"):
        ours.decode(data)
    data = newer.encode("internal/command.v1", {**command, "action": "skip"})
    assert ours.decode(data)[1]["action"] == "skip"


async def test_an_id_that_the_registry_does_not_have() -> None:
    codec = Codec(SCHEMAS, Shelf().registry())
    with pytest.raises(DecodeError, match="schema id 77: not in the registry; check that producer and consumer"):
        await codec.ensure(b"\0\0\0\0\x4d")


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ('{"type": "record", "name": "Other", "namespace": "org.x", "fields": []}', "org.x.Other is no contract"),
        ('"string"', "its schema cannot be used"),
        ("no json", "its schema cannot be used"),
        ('{"type": "record", "name": "com.headrace.internal.Link", "fields": 7}', "its schema cannot be used"),
    ],
)
async def test_what_others_registered(schema: str, problem: str) -> None:
    shelf = Shelf()
    shelf.schemas[5] = schema
    with pytest.raises(DecodeError, match=problem):
        await Codec(SCHEMAS, shelf.registry()).ensure(b"\0\0\0\0\5", "links")


async def test_a_value_without_header_is_refused_before_the_registry_is_asked() -> None:
    shelf = Shelf()
    with pytest.raises(DecodeError, match="wire format"):
        await Codec(SCHEMAS, shelf.registry()).ensure(b'{"json": 1}')
    assert shelf.asked == []


async def test_unknown_names_are_told_at_start() -> None:
    with pytest.raises(ConfigurationError, match=r"no schema canonical/custmer\.v1; there are: .*customer"):
        await Codec(SCHEMAS, Shelf().registry()).start(["canonical/custmer.v1"])
