"""The Avro contracts of a `schemas/` folder, with their shared types resolved; read and parsed once."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from headrace.core.errors import ConfigurationError

Value = TypeVar("Value")
PRIMITIVES = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
UNKNOWN = "unknown"
"""Symbol and default of every enum: it stands for a symbol that is newer than the reader, and is never written."""

SHARED = "common/"
"""Files below it hold named types that contracts use; they are no contracts themselves."""

_TYPE_WORDS = {
    "string": "string",
    "boolean": "boolean",
    "int": "integer",
    "long": "integer",
    "enum": "string",
    "map": "object",
    "record": "object",
    "array": "list",
    "decimal": "decimal",
    "date": "date",
    "timestamp-millis": "datetime",
}


class Schemas:
    """Every contract of a folder. Names are paths without ending: "canonical/customer.v1", "internal/delivery.v1".

    Args:
        source: the folder, or its files as texts by path below it ("canonical/customer.v1.avsc").

    Raises:
        ConfigurationError: every problem of every file, with file and field.
    """

    def __init__(self, source: Path | Mapping[str, str]) -> None:
        where = f"{source}/" if isinstance(source, Path) else ""
        texts = _read(source) if isinstance(source, Path) else dict(source)
        problems: list[str] = []
        self._raw: dict[str, dict[str, Any]] = {}
        for path, text in sorted(texts.items()):
            try:
                self._raw[path.removesuffix(".avsc")] = _document(text)
            except ValueError as error:
                problems.append(f"{where}{path}: {error}")
        self._types = {full_name(raw): raw for raw in self._raw.values()}
        self._flattened: dict[str, str] = {}
        self._parsed: dict[str, Any] = {}
        for name, raw in self._raw.items():
            try:
                schema = self._flatten(raw, "", set(), full_name(raw))
                self._parsed[name] = fastavro.parse_schema(schema)
                self._flattened[name] = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
            except (UnknownType, SchemaParseException, ValueError, KeyError, TypeError) as error:
                problems.append(f"{where}{name}.avsc: {type(error).__name__}: {error}")
        if problems:
            raise ConfigurationError(problems)
        if not self.names():
            raise ConfigurationError(f"{where or 'schemas'}: holds no contracts; expected canonical/*.avsc")
        self._by_subject = {self.subject(name): name for name in self.names()}

    def names(self) -> tuple[str, ...]:
        """Return the names of all contracts, sorted."""
        return tuple(name for name in self._raw if not name.startswith(SHARED))

    def shared(self) -> tuple[str, ...]:
        """Return the names of the files with shared types, sorted."""
        return tuple(name for name in self._raw if name.startswith(SHARED))

    def raw(self, name: str) -> Mapping[str, Any]:
        """Return a file's JSON as written, shared types by name only."""
        return self._get(self._raw, name)

    def parsed(self, name: str) -> Mapping[str, Any]:
        """Return the contract as fastavro parsed it: self-contained, all names full."""
        parsed: Mapping[str, Any] = self._get(self._parsed, name)
        return parsed

    def flattened(self, name: str) -> str:
        """Return the contract as self-contained JSON text, which is what the registry holds."""
        return self._get(self._flattened, name)

    def subject(self, name: str) -> str:
        """Return the contract's subject in the registry: full record name and major version, whatever the topic."""
        raw = self.raw(name)
        return subject_of(full_name(raw), raw.get("version", 1))

    def name_of(self, writer: Mapping[str, Any]) -> str | None:
        """Return which contract a writer's schema is a version of, or None if it is not one of ours."""
        return self._by_subject.get(subject_of(full_name(writer), writer.get("version", 1)))

    def entity_fields(self, entity: str, version: int = 1) -> dict[str, str]:
        """Return the data fields of an entity for checking mappings.

        Returns:
            Dotted path to type word (string, integer, decimal, boolean, date, datetime, list, object, any); fields of
            list items as `lines[].quantity`.

        Raises:
            ConfigurationError: there is no such entity; the text lists those that exist.
        """
        parsed = self.parsed(f"canonical/{entity}.v{version}")
        data = next(field for field in parsed["fields"] if field["name"] == "data")
        named = {schema["name"]: schema for schema in named_types(parsed)}
        return dict(_fields(data["type"], "", named))

    def _get(self, values: Mapping[str, Value], name: str) -> Value:
        try:
            return values[name]
        except KeyError:
            raise ConfigurationError(f"no schema {name}; there are: {', '.join(self._raw)}") from None

    def _flatten(self, schema: Any, namespace: str, defined: set[str], where: str) -> Any:
        """Return `schema` with each shared type written out where it is first used."""
        if isinstance(schema, list):
            return [self._flatten(branch, namespace, defined, where) for branch in schema]
        if isinstance(schema, str):
            if schema in PRIMITIVES:
                return schema
            name = schema if "." in schema else f"{namespace}.{schema}"
            if name in defined:
                return name
            if name not in self._types:
                raise ValueError(f"{where}: the type {name} is defined neither above nor in a file of its own")
            return self._flatten(self._types[name], "", defined, where)
        kind = schema["type"]
        if kind in ("record", "enum", "fixed"):
            name = full_name(schema, namespace)
            if name in defined:
                raise ValueError(f"{where}: the type {name} is defined twice")
            defined.add(name)
            namespace = name.rpartition(".")[0]
        if kind == "record":
            fields = [
                {**field, "type": self._flatten(field["type"], namespace, defined, f"{where}.{field['name']}")}
                for field in schema["fields"]
            ]
            return {**schema, "fields": fields}
        for part in ("items", "values"):
            if part in schema:
                return {**schema, part: self._flatten(schema[part], namespace, defined, f"{where}[]")}
        return schema


def full_name(schema: Mapping[str, Any], namespace: str = "") -> str:
    """Return the full name of a named type (Avro specification, "Names")."""
    name = str(schema["name"])
    namespace = str(schema.get("namespace", namespace))
    return name if "." in name or not namespace else f"{namespace}.{name}"


def subject_of(name: str, version: int) -> str:
    """Return the registry subject of a record's full name and major version."""
    return f"{name}-v{version}"


def named_types(schema: Any) -> Iterator[Mapping[str, Any]]:
    """Yield every named type that is defined in a schema, outermost first."""
    if isinstance(schema, list):
        for branch in schema:
            yield from named_types(branch)
    elif isinstance(schema, Mapping):
        if schema["type"] in ("record", "enum", "fixed"):
            yield schema
        for field in schema.get("fields", ()):
            yield from named_types(field["type"])
        for part in ("items", "values"):
            yield from named_types(schema.get(part, []))


def without_null(schema: Any) -> Any:
    """Return X of `["null", X]`, any other schema as it is."""
    if isinstance(schema, list):
        branches = [branch for branch in schema if branch != "null"]
        return branches[0] if len(branches) == 1 else schema
    return schema


def _read(directory: Path) -> dict[str, str]:
    if not directory.is_dir():
        raise ConfigurationError(f"{directory}: not found; it must hold the Avro contracts")
    files = sorted(directory.rglob("*.avsc"))
    return {str(PurePosixPath(file.relative_to(directory))): file.read_text(encoding="utf-8") for file in files}


def _document(text: str) -> dict[str, Any]:
    document = json.loads(text)
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise ValueError("expected the JSON object of one named type")
    return document


def _fields(schema: Any, path: str, named: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    schema = without_null(schema)
    if isinstance(schema, str):
        schema = named.get(schema, {"type": schema})
    kind = schema["type"] if isinstance(schema, Mapping) else "any"
    if path and not path.endswith("[]"):
        word = schema.get("logicalType", kind) if isinstance(schema, Mapping) else kind
        yield path, _TYPE_WORDS.get(word, "any")
    if kind == "record":
        for field in schema["fields"]:
            yield from _fields(field["type"], f"{path}.{field['name']}".lstrip("."), named)
    elif kind == "array":
        yield from _fields(schema["items"], f"{path}[]", named)
