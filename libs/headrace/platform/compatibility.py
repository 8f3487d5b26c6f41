"""Whether two versions of an Avro schema can read each other's records, decided offline.

Follows "Schema Resolution" of the Avro 1.11 specification, and is stricter where that keeps the bytes readable but
changes what they mean: logical types must be equal, with the precision and scale of decimals, and so must full names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import fastavro

from headrace.platform.schemas import PRIMITIVES, named_types

_PROMOTIONS = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Why a reader cannot take what a writer may write: dotted path of the field, and what is wrong there."""

    path: str
    problem: str

    def __str__(self) -> str:
        return f"{self.path or 'record'}: {self.problem}"


def full_compatibility(old: str, new: str) -> list[str]:
    """Return why two versions cannot read each other's records, with field and direction; empty if they can.

    Args:
        old: the earlier version, self-contained JSON (`Schemas.flattened`).
        new: the later version, likewise.
    """
    backward = [f"{found} (new cannot read old)" for found in differences(reader=new, writer=old)]
    return backward + [f"{found} (old cannot read new)" for found in differences(reader=old, writer=new)]


def differences(*, reader: str, writer: str) -> list[Difference]:
    """Return why `reader` cannot read all that `writer` writes; both are self-contained JSON."""
    return list(_Resolution(reader, writer).resolve())


class _Resolution:
    """One comparison: both schemas, their named types, and the pairs that are being compared, for recursive types."""

    def __init__(self, reader: str, writer: str) -> None:
        self._reader: Any = fastavro.parse_schema(json.loads(reader))
        self._writer: Any = fastavro.parse_schema(json.loads(writer))
        self._readers = {schema["name"]: schema for schema in named_types(self._reader)}
        self._writers = {schema["name"]: schema for schema in named_types(self._writer)}
        self._pairs: set[tuple[str, str]] = set()

    def resolve(self) -> Iterator[Difference]:
        yield from self._match(self._reader, self._writer, "")

    def _match(self, reader: Any, writer: Any, path: str) -> Iterator[Difference]:
        if isinstance(writer, list):
            for branch in writer:
                yield from self._match(reader, branch, path)
        elif isinstance(reader, list):
            yield from self._match_branch(reader, writer, path)
        else:
            yield from self._match_single(_named(reader, self._readers), _named(writer, self._writers), path)

    def _match_branch(self, branches: list[Any], writer: Any, path: str) -> Iterator[Difference]:
        wanted = _named(writer, self._writers)
        closest: list[Difference] = []
        for branch in branches:
            candidate = _named(branch, self._readers)
            pairs = set(self._pairs)
            found = list(self._match_single(candidate, wanted, path))
            if not found:
                return
            self._pairs = pairs  # a failed attempt proves nothing about the types inside it
            if candidate["type"] == wanted["type"]:
                closest = found
        if closest:
            yield from closest
        else:
            known = ", ".join(_shown(_named(branch, self._readers)) for branch in branches)
            yield Difference(path, f"the reader knows {known}, the writer may write {_shown(wanted)}")

    def _match_single(self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str) -> Iterator[Difference]:
        kind = reader["type"]
        promoted = kind in _PROMOTIONS.get(writer["type"], ())
        if not (kind == writer["type"] or promoted) or _meaning(reader) != _meaning(writer):
            yield Difference(path, f"the reader expects {_shown(reader)}, the writer writes {_shown(writer)}")
        elif kind == "array":
            yield from self._match(reader["items"], writer["items"], f"{path}[]")
        elif kind == "map":
            yield from self._match(reader["values"], writer["values"], f"{path}{{}}")
        elif kind in ("record", "enum", "fixed"):
            if reader["name"] != writer["name"] and writer["name"] not in _aliases(reader):
                yield Difference(path, f"the reader's {reader['name']} is no alias of the writer's {writer['name']}")
            elif kind == "fixed" and reader["size"] != writer["size"]:
                yield Difference(path, f"{reader['size']} bytes at the reader, {writer['size']} at the writer")
            elif kind == "enum":
                yield from _match_symbols(reader, writer, path)
            elif kind == "record":
                yield from self._match_fields(reader, writer, path)

    def _match_fields(self, reader: Mapping[str, Any], writer: Mapping[str, Any], path: str) -> Iterator[Difference]:
        pair = (reader["name"], writer["name"])
        if pair in self._pairs:
            return
        self._pairs.add(pair)
        written = {field["name"]: field for field in writer["fields"]}
        for field in reader["fields"]:
            place = f"{path}.{field['name']}".lstrip(".")
            names = (field["name"], *field.get("aliases", ()))
            source = next((written[name] for name in names if name in written), None)
            if source is not None:
                yield from self._match(field["type"], source["type"], place)
            elif "default" not in field:
                yield Difference(place, "the reader needs it and has no default, the writer does not write it")


def _match_symbols(reader: Mapping[str, Any], writer: Mapping[str, Any], path: str) -> Iterator[Difference]:
    unknown = [symbol for symbol in writer["symbols"] if symbol not in reader["symbols"]]
    if unknown and reader.get("default") not in reader["symbols"]:
        yield Difference(path, f"the reader's enum has no default and does not know {', '.join(unknown)}")


def _named(schema: Any, types: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return a schema as an object: a reference to a named type as its definition, a primitive's name as {"type"}."""
    if isinstance(schema, str):
        return {"type": schema} if schema in PRIMITIVES else types[schema]
    found: Mapping[str, Any] = schema
    return found


def _aliases(schema: Mapping[str, Any]) -> set[str]:
    namespace = schema["name"].rpartition(".")[0]
    return {alias if "." in alias else f"{namespace}.{alias}" for alias in schema.get("aliases", ())}


def _meaning(schema: Mapping[str, Any]) -> tuple[Any, ...]:
    logical = schema.get("logicalType")
    return (logical, schema.get("precision"), schema.get("scale", 0)) if logical == "decimal" else (logical,)


def _shown(schema: Mapping[str, Any]) -> str:
    logical = schema.get("logicalType")
    if logical == "decimal":
        return f"decimal({schema.get('precision')}, {schema.get('scale', 0)})"
    return str(logical or schema.get("name") or schema["type"])
