"""Hypothesis strategies that make records from parsed Avro schemas."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from headrace.platform.schemas import UNKNOWN, named_types

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DECIMALS = st.integers(-(10**28) + 1, 10**28 - 1).map(lambda unscaled: plain(Decimal(unscaled).scaleb(-8)))
TIMES = st.integers(-62_135_596_800_000, 253_402_300_799_999).map(
    lambda ms: datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)
)
_SIMPLE: dict[str, st.SearchStrategy[Any]] = {
    "string": TEXT,
    "bytes": st.binary(max_size=40),
    "boolean": st.booleans(),
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "decimal": DECIMALS,
    "date": st.dates(date.min, date.max),
    "timestamp-millis": TIMES,
}


def plain(value: Decimal) -> Decimal:
    """Return the same amount without trailing zeros and without exponent."""
    return Decimal(f"{value:f}".rstrip("0").rstrip(".")) + 0 if "." in f"{value:f}" else value


def records(schema: Any) -> st.SearchStrategy[Any]:
    """Return records of a parsed, self-contained schema, with every field."""
    return _values(schema, {named["name"]: named for named in named_types(schema)})


def _values(schema: Any, named: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if isinstance(schema, list):
        return st.none() | _values(schema[1], named)
    if isinstance(schema, str):
        return _SIMPLE[schema] if schema in _SIMPLE else _values(named[schema], named)
    if schema["type"] == "record":
        return st.fixed_dictionaries({field["name"]: _values(field["type"], named) for field in schema["fields"]})
    if schema["type"] == "array":
        return st.lists(_values(schema["items"], named), max_size=3)
    if schema["type"] == "map":
        return st.dictionaries(TEXT, _values(schema["values"], named), max_size=3)
    if schema["type"] == "enum":
        return st.sampled_from([symbol for symbol in schema["symbols"] if symbol != UNKNOWN])
    return _SIMPLE[schema.get("logicalType", schema["type"])]
