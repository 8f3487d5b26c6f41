"""Reading Avro bodies with the contract's meaning: exact decimals, UTC times, no symbol that this program cannot know.

fastavro does the work, including schema resolution; values of these three kinds go through our own conversions, which
it finds by the logical type's name. The names are ours, so that no other user of fastavro in the process is affected.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Context, Decimal
from functools import lru_cache
from io import BytesIO
from typing import Any

import fastavro
from fastavro.read import LOGICAL_READERS

from headrace.platform.schemas import UNKNOWN

_DECIMAL = "headrace-decimal"
_SYMBOL = "headrace-symbol"
_CONTEXT = Context(prec=100)


def for_reading(schema: Any) -> Any:
    """Return a parsed copy of a self-contained schema whose values are read by this module's conversions.

    Raises:
        fastavro.schema.SchemaParseException: the schema is not valid.
    """
    return fastavro.parse_schema(_marked(schema))


def read(data: bytes, start: int, writer: Any, reader: Any | None) -> dict[str, Any]:
    """Return the record in `data` from `start` to the end.

    Args:
        data: the message.
        start: where the Avro body begins.
        writer: what it was written with, from `for_reading`.
        reader: what it is read as, from `for_reading`; None if that is the same.

    Raises:
        Exception: of whatever kind, if the bytes are no such record; or ValueError if some are left over.
    """
    stream = BytesIO(data)
    stream.seek(start)
    record = fastavro.schemaless_reader(stream, writer, reader)
    if not isinstance(record, dict):
        raise ValueError("no record")
    if stream.tell() != len(data):
        raise ValueError(f"{len(data) - stream.tell()} bytes are left over")
    return record


def _marked(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_marked(branch) for branch in schema]
    if not isinstance(schema, Mapping):
        return schema
    kind, logical = schema["type"], schema.get("logicalType")
    marked = {name: value for name, value in schema.items() if not name.startswith("__")}
    if (kind, logical) == ("bytes", "decimal"):
        marked["logicalType"] = _DECIMAL
    if kind == "enum":
        marked["logicalType"] = _SYMBOL
    if kind == "record":
        marked["fields"] = [{**field, "type": _marked(field["type"])} for field in schema["fields"]]
    for part in ("items", "values"):
        if part in schema:
            marked[part] = _marked(schema[part])
    return marked


@lru_cache(maxsize=16_384)
def _decimal(payload: bytes, precision: int, scale: int) -> Decimal:
    """Return the plain decimal: 100.00000000 comes back as 100, never as 1E+2."""
    unscaled = int.from_bytes(payload, "big", signed=True)
    if abs(unscaled) >= 10**precision:
        raise ValueError(f"a decimal of more than {precision} digits")
    whole, rest = divmod(unscaled, 10**scale)
    return _CONTEXT.normalize(_CONTEXT.scaleb(Decimal(unscaled), -scale)) if rest else Decimal(whole)


def _read_decimal(payload: bytes, writer: dict[Any, Any] | None, reader: dict[Any, Any] | None = None) -> Decimal:
    kind = writer or {}
    return _decimal(payload, kind["precision"], kind.get("scale", 0))


def _read_symbol(symbol: str, writer: dict[Any, Any] | None, reader: dict[Any, Any] | None = None) -> str:
    if symbol == UNKNOWN:
        raise ValueError(f"a symbol of {writer['name'] if writer else 'an enum'} that is newer than this program")
    return symbol


LOGICAL_READERS[f"bytes-{_DECIMAL}"] = _read_decimal
LOGICAL_READERS[f"enum-{_SYMBOL}"] = _read_symbol
