"""JSON that people write, as the values that a schema wants: text to dates, numbers to decimals."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from headrace.core.errors import RejectRecord


def parse(text: str) -> Any:
    """Return JSON text with exact numbers.

    Raises:
        RejectRecord: it is not JSON; the text says where.
    """
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise RejectRecord("not JSON", str(error)) from None


def coerce(schema: Any, value: Any, path: str = "") -> Any:
    """Return `value` in the types of a parsed, self-contained Avro schema; fields that are not given stay away.

    Raises:
        RejectRecord: a field that the schema does not have, or a value that cannot be what it wants; names the path.
    """
    return _coerced(schema, value, path, {})


def _coerced(schema: Any, value: Any, path: str, named: dict[str, Any]) -> Any:
    if isinstance(schema, list):
        branches = [branch for branch in schema if branch != "null"]
        return None if value is None else _coerced(branches[0], value, path, named)
    if isinstance(schema, str):
        return _coerced(named[schema], value, path, named) if schema in named else _plain(schema, value, path)
    kind = schema["type"]
    if kind == "record":
        named[_name(schema)] = schema
        return _record(schema, value, path, named)
    if kind == "array":
        if not isinstance(value, list):
            raise _unfit(path, "a list")
        return [_coerced(schema["items"], item, f"{path}[{index}]", named) for index, item in enumerate(value)]
    if kind == "enum":
        named[_name(schema)] = schema
        return _plain("string", value, path)
    return _plain(schema.get("logicalType", kind), value, path)


def _record(schema: Any, value: Any, path: str, named: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise _unfit(path, "an object")
    fields = {field["name"]: field["type"] for field in schema["fields"]}
    for field_type in fields.values():
        _remember(field_type, named)
    unknown = sorted(set(value) - set(fields))
    if unknown:
        raise RejectRecord(
            "unknown field", f"{path or _name(schema)} has no field {unknown[0]}; it has {', '.join(fields)}"
        )
    return {
        name: _coerced(fields[name], item, f"{path}.{name}" if path else name, named) for name, item in value.items()
    }


def _remember(schema: Any, named: dict[str, Any]) -> None:
    """Keep named types by name, since a schema spells each out only once, wherever it first stands."""
    if isinstance(schema, list):
        for branch in schema:
            _remember(branch, named)
    elif isinstance(schema, dict):
        if schema["type"] in ("record", "enum"):
            named[_name(schema)] = schema
            for field in schema.get("fields", ()):
                _remember(field["type"], named)
        elif schema["type"] == "array":
            _remember(schema["items"], named)


def _plain(kind: str, value: Any, path: str) -> Any:
    try:
        match kind:
            case "decimal":
                if isinstance(value, bool):
                    raise ValueError
                return Decimal(str(value))
            case "date":
                return value if isinstance(value, date) else date.fromisoformat(value)
            case "timestamp-millis":
                found = value if isinstance(value, datetime) else datetime.fromisoformat(value)
                return found if found.tzinfo else found.replace(tzinfo=UTC)
            case "string" if isinstance(value, str):
                return value
            case "boolean" if isinstance(value, bool):
                return value
            case "int" | "long" if isinstance(value, int) and not isinstance(value, bool):
                return value
    except (ValueError, TypeError, InvalidOperation):
        pass
    raise _unfit(
        path, {"timestamp-millis": "a time such as 2026-03-02T12:00:00Z", "date": "a date"}.get(kind, f"a {kind}")
    )


def _name(schema: Any) -> str:
    name = str(schema["name"])
    return name if "." in name or not schema.get("namespace") else f"{schema['namespace']}.{name}"


def _unfit(path: str, wanted: str) -> RejectRecord:
    return RejectRecord("value does not fit", f"{path or 'the value'} must be {wanted}")
