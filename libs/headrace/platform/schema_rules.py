"""The rules of `schemas/README.md` that one version of the contracts can be held to by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from headrace.platform.schemas import SHARED, UNKNOWN, Schemas, without_null

_CONTRACT = re.compile(r"(?P<folder>canonical|internal)/(?P<stem>[a-z][a-z_]*)\.v(?P<version>[1-9][0-9]*)")
_SHARED = re.compile(r"(?P<folder>common)/(?P<stem>[a-z][a-z_]*)")
_LOGICAL = {"date", "timestamp-millis", "decimal"}
_DIGITS = (28, 8)


def broken_rules(schemas: Schemas) -> list[str]:
    """Return every breach of the rules, one line each: file, field, what to change."""
    problems = []
    for name in (*schemas.shared(), *schemas.names()):
        raw = schemas.raw(name)
        found = [*_file_problems(name, raw), *_type_problems(raw, "")]
        if name.startswith("canonical/"):
            found += _data_problems(raw)
        problems += [f"{name}.avsc: {problem}" for problem in found]
    return problems


def _file_problems(name: str, raw: Mapping[str, Any]) -> Iterator[str]:
    match = (_SHARED if name.startswith(SHARED) else _CONTRACT).fullmatch(name)
    if match is None:
        yield "name the file canonical/<entity>.v<N>, internal/<record>.v<N> or common/<type>, in lower case"
        return
    folder = match["folder"]
    record = "".join(word.capitalize() for word in match["stem"].split("_")) + ("Event" * (folder == "canonical"))
    if raw["name"] != record:
        yield f"the file's name asks for the record {record}, it defines {raw['name']}"
    if raw.get("namespace") != f"com.headrace.{folder}":
        yield f"the namespace must be com.headrace.{folder}"
    if folder != "common" and raw.get("version") != int(match["version"]):
        yield f"the file's name says version {match['version']}, the record {raw.get('version')}"


def _type_problems(schema: Any, path: str) -> Iterator[str]:
    """Check a type as written in one file, and all that is defined inside it."""
    where = path or "record"
    if isinstance(schema, list):
        if len(schema) != 2 or schema[0] != "null":
            yield f'{where}: a union may only be ["null", type]'
        for branch in schema:
            yield from _type_problems(branch, path)
        return
    kind = schema if isinstance(schema, str) else schema["type"]
    if kind in ("float", "double", "fixed"):
        yield f"{where}: {kind} is not allowed; amounts and rates are bytes with logicalType decimal"
    if isinstance(schema, str):
        return
    logical = schema.get("logicalType")
    if logical is not None and logical not in _LOGICAL:
        yield f"{where}: the logical type {logical} is not allowed; use one of {', '.join(sorted(_LOGICAL))}"
    if logical == "decimal" and (schema.get("precision"), schema.get("scale")) != _DIGITS:
        yield f"{where}: decimals have precision {_DIGITS[0]} and scale {_DIGITS[1]} everywhere"
    if kind in ("record", "enum") and not schema.get("doc"):
        yield f"{where}: {schema['name']} has no doc"
    if kind == "enum" and not (schema.get("default") == UNKNOWN and UNKNOWN in schema["symbols"]):
        yield f"{where}: {schema['name']} needs the symbol {UNKNOWN} and it as default, so that symbols can be added"
    for field in schema.get("fields", ()):
        place = f"{path}.{field['name']}".lstrip(".")
        yield from _field_problems(field, place)
        yield from _type_problems(field["type"], place)
    for part in ("items", "values"):
        if part in schema:
            yield from _type_problems(schema[part], f"{path}[]")


def _field_problems(field: Mapping[str, Any], place: str) -> Iterator[str]:
    kind = field["type"]["type"] if isinstance(field["type"], Mapping) else field["type"]
    if not field.get("doc"):
        yield f"{place}: has no doc"
    if isinstance(kind, list) and ("default" not in field or field["default"] is not None):
        yield f"{place}: a nullable field has the default null"
    if field.get("default") == "{}":  # found with Apicurio 3.0.9: "Failed to discover artifact type from content"
        yield f"{place}: registries refuse the text {{}} as default; write {{ }}"
    for container, empty in (("array", []), ("map", {})):
        if kind == container and field.get("default") != empty:
            yield f"{place}: has the default {empty}"


def _data_problems(raw: Mapping[str, Any]) -> Iterator[str]:
    """Check that a canonical event is `meta` and `data`, and that nothing its file defines in data is required."""
    fields = {field["name"]: field["type"] for field in raw["fields"]}
    if list(fields) != ["meta", "data"]:
        yield "a canonical event has the fields meta and data"
    yield from _required(fields.get("data"), "data")


def _required(schema: Any, path: str) -> Iterator[str]:
    schema = without_null(schema)
    if not isinstance(schema, Mapping):
        return
    for field in schema.get("fields", ()):
        place = f"{path}.{field['name']}"
        if "default" not in field:
            remedy = "a list has the default []" if _is_list(field["type"]) else "make it nullable with default null"
            yield f"{place}: {remedy}, or it can never be removed"
        yield from _required(field["type"], place)
    yield from _required(schema.get("items"), f"{path}[]")


def _is_list(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema["type"] == "array"
