"""Records to Kafka values and back, in Confluent's wire format: byte 0, schema id (4 bytes, big-endian), Avro body.

`start` finds the ids once; after it `encode` and `decode` are plain functions without I/O. A value that another
version wrote names an id that is not known yet: `ensure` loads it, and schema resolution does the rest.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Change, Meta
from headrace.platform.avro_reader import for_reading, read
from headrace.platform.avro_writer import WriteError, Writer, compile_writer
from headrace.platform.registry import Registry
from headrace.platform.schemas import Schemas

_HEADER = struct.Struct(">bI")
_META = tuple(name for name in Meta.__slots__)


class EncodeError(RejectRecord):
    """A record does not fit its schema; the text names schema and field, never the value (I10). The record parks."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__("value does not fit the schema", f"{name}: {problem}")


class DecodeError(RejectRecord):
    """A Kafka value cannot be understood. It parks with its bytes; its partition moves on (I9, I11).

    Args:
        problem: what is wrong with it.
        remedy: what the operator does about it.
        schema_id: the id that the value names, None if it names none.
        topic: where it was read, "" if not told.
    """

    def __init__(self, problem: str, remedy: str, schema_id: int | None = None, topic: str = "") -> None:
        self.schema_id = schema_id
        self.topic = topic
        place = f"topic {topic}: " if topic else ""
        named = "" if schema_id is None else f"schema id {schema_id}: "
        super().__init__("undecodable", f"{place}{named}{problem}; {remedy}")


@dataclass(frozen=True, slots=True)
class _Format:
    """How values with one schema id are read: as `name`, with a reader's schema unless the writer's is the same."""

    name: str
    writer: Any
    reader: Any | None


class Codec:
    """Encodes and decodes values of the contracts.

    Args:
        schemas: the contracts.
        registry: where ids come from; None makes `Codec.offline`.
    """

    def __init__(self, schemas: Schemas, registry: Registry | None) -> None:
        self.schemas = schemas
        self._registry = registry
        self._headers: dict[str, bytes] = {}
        self._writers: dict[str, Writer] = {}
        self._formats: dict[int, _Format] = {}

    @classmethod
    def offline(cls, schemas: Schemas) -> Codec:
        """Return a codec of all contracts that needs no registry, for previews and unit tests.

        Ids are made from subjects: the same everywhere, but not those of any registry.
        """
        codec = cls(schemas, None)
        for name in schemas.names():
            codec._use(name, int.from_bytes(hashlib.sha256(schemas.subject(name).encode()).digest()[:4], "big"))
        return codec

    async def start(self, names: Iterable[str]) -> None:
        """Register the contracts that this process writes or reads, and keep their ids.

        Raises:
            ConfigurationError: unknown name, or the registry refuses a contract: the process must not start.
            RetryLater: the registry is down.
        """
        for name in names:
            if self._registry is not None:
                subject, text = self.schemas.subject(name), self.schemas.flattened(name)
                self._use(name, await self._registry.register(subject, text))

    def encode(self, name: str, record: Mapping[str, Any]) -> bytes:
        """Return a record as a Kafka value. Fields with a default may be left out; unknown fields are refused.

        Raises:
            EncodeError: a value does not fit; the text has the field's path.
            KeyError: `start` was not told of this contract.
        """
        pieces = [self._headers[name]]
        try:
            self._writers[name](record, pieces)
        except WriteError as error:
            raise EncodeError(name, str(error)) from None
        return b"".join(pieces)

    def decode(self, data: bytes, topic: str = "") -> tuple[str, dict[str, Any]]:
        """Return the contract's name and the record of a Kafka value, with every field of our version.

        Raises:
            DecodeError: the value is not one of ours, is damaged, or its schema id was not loaded by `ensure`.
        """
        number = _schema_id(data, topic)
        form = self._formats.get(number)
        if form is None:
            raise DecodeError("not loaded", "call ensure before decode", number, topic)
        try:
            return form.name, read(data, _HEADER.size, form.writer, form.reader)
        except Exception as error:  # garbage makes the reader fail in many ways; none may stop a partition (I11)
            problem = f"not a record of {form.name}: {type(error).__name__}: {str(error)[:200]}"
            raise DecodeError(problem, "find its producer; skip it or send it again", number, topic) from None

    async def ensure(self, data: bytes, topic: str = "") -> None:
        """Load the schema that a value was written with, if it is not known yet.

        Raises:
            DecodeError: the value names no schema, one that is not in the registry, or one that is none of ours.
            RetryLater: the registry is down; the same value is tried again.
        """
        number = _schema_id(data, topic)
        if number in self._formats:
            return
        text = await self._registry.by_id(number) if self._registry is not None else None
        if text is None:
            remedy = "check that producer and consumer use the same registry"
            raise DecodeError("not in the registry", remedy, number, topic)
        self._formats[number] = self._format(text, number, topic)

    def _format(self, text: str, number: int, topic: str) -> _Format:
        try:
            schema = json.loads(text)
            name = self.schemas.name_of(schema)
            if name is None:
                shown = f"{schema.get('namespace', '')}.{schema['name']}"
                raise DecodeError(f"{shown} is no contract of ours", "upgrade this program", number, topic)
            return _Format(name, for_reading(schema), for_reading(self.schemas.parsed(name)))
        except DecodeError:
            raise
        except Exception as error:  # whatever somebody registered under this id
            problem = f"its schema cannot be used: {type(error).__name__}"
            raise DecodeError(problem, "see what is registered under this id", number, topic) from None

    def _use(self, name: str, number: int) -> None:
        parsed = self.schemas.parsed(name)
        self._headers[name] = _HEADER.pack(0, number)
        self._writers[name] = compile_writer(parsed)
        self._formats[number] = _Format(name, for_reading(parsed), None)


def event_to_record(event: CanonicalEvent) -> dict[str, Any]:
    """Return the record of a canonical event, for `Codec.encode("canonical/<entity>.v1", …)`."""
    return {"meta": {name: getattr(event.meta, name) for name in _META}, "data": event.data}


def record_to_event(record: Mapping[str, Any]) -> CanonicalEvent:
    """Return the canonical event of a decoded record; its data has every field of the entity's schema.

    Raises:
        DecodeError: the record is of another kind.
    """
    try:
        meta = {name: record["meta"][name] for name in _META}
        lists = {name: tuple(meta[name]) for name in ("asserted", "echoed", "renewed")}
        meta.update(lists, change=Change(meta["change"]))
        return CanonicalEvent(Meta(**meta), record["data"])
    except (KeyError, TypeError, ValueError) as error:
        problem = f"not a canonical event: {type(error).__name__}: {error}"
        raise DecodeError(problem, "see which topic is read") from None


def _schema_id(data: bytes, topic: str) -> int:
    if len(data) < _HEADER.size or data[0] != 0:
        problem = f"{len(data)} bytes that are not in the Confluent wire format"
        raise DecodeError(problem, "find its producer; skip it or send it again", None, topic)
    number: int = _HEADER.unpack_from(data)[1]
    return number
