"""Resource paths below /api/data/v9.2/: segments with their keys, primary and alternate ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.errors import NO_ROW_OF_KEY, ServiceError, bad_query, missing
from headrace.sandbox.dataverse.tables.model import NUMBERS, AlternateKey, Column, Table
from headrace.sandbox.dataverse.values import GUID

_SEGMENT = re.compile(r"(?P<name>[^/('()]+)(?:\((?P<key>(?:[^'()]|'(?:[^']|'')*')*)\))?(?:/|$)", re.DOTALL)
_KEY_PART = re.compile(r"\s*(?P<name>\w+)\s*=\s*(?P<literal>'(?:[^']|'')*'|[^',]+)\s*(?:,|$)")
_ROOT = re.compile(r"^/?(?:.*?/)?api/data/v9\.\d/")
_FORBIDDEN = set("/<>*%&:\\?+")


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a path; `key` is None when there are no brackets."""

    name: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class RowKey:
    """What a path names a row by: its id, or the values of an alternate key by column."""

    id: str = ""
    alternate: AlternateKey | None = None
    values: Mapping[str, Any] | None = None

    def shown(self, table: Table) -> str:
        """Return the key as it stands in an address."""
        if self.alternate is None or self.values is None:
            return self.id
        parts = []
        for name in self.alternate.columns:
            column, value = table.by_name[name], self.values[name]
            text = "'" + quote(str(value).replace("'", "''"), safe="'") + "'" if _quoted(column) else str(value)
            parts.append(f"{column.property_name}={text}")
        return ",".join(parts)


def relative(address: str) -> str:
    """Return an address as a decoded path below the service root: it may be absolute, or begin with a slash."""
    path = unquote(urlsplit(address).path) if "://" in address else unquote(address)
    return _ROOT.sub("", path).lstrip("/")


def parse_path(path: str) -> list[Segment]:
    """Return the segments of a decoded path.

    Raises:
        ServiceError: a 400, the path is none.
    """
    segments: list[Segment] = []
    position = 0
    while position < len(path):
        match = _SEGMENT.match(path, position)
        if match is None:
            raise bad_query(f"Syntax error in the path '{path}'.")
        segments.append(Segment(match["name"], match["key"]))
        position = match.end()
    return segments


def parse_key(table: Table, text: str, now: str) -> RowKey:
    """Return the key in the brackets of a path.

    Raises:
        ServiceError: a 400 for parts that are no key of the table, or of one whose index is not built yet.
    """
    bare = text.strip()
    if GUID.fullmatch(bare):
        return RowKey(bare.lower())
    parts: dict[str, str] = {}
    position = 0
    while position < len(bare):
        match = _KEY_PART.match(bare, position)
        if match is None:
            raise bad_query(f"Bad Request - Error in query syntax: '({text})'.")
        parts[match["name"]] = match["literal"].strip()
        position = match.end()
    if set(parts) == {table.key} and GUID.fullmatch(parts[table.key]):
        return RowKey(parts[table.key].lower())
    for key in table.keys:
        if {table.by_name[name].property_name for name in key.columns} == set(parts) and key.active_from <= now:
            return RowKey("", key, {name: _literal(table.by_name[name], parts) for name in key.columns})
    raise bad_query(
        f"The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.{table.name}'. Ensure that the "
        "names and number of key properties match the declared or alternate key properties for the resource."
    )


def _quoted(column: Column) -> bool:
    return column.kind in ("string", "memo")


def _literal(column: Column, parts: Mapping[str, str]) -> Any:
    literal = parts[column.property_name]
    if _quoted(column):
        if not literal.startswith("'"):
            raise bad_query(f"The value of key property '{column.name}' must stand in single quotes.")
        value = literal[1:-1].replace("''", "'")
        if _FORBIDDEN & set(value):
            raise ServiceError(
                400,
                "0x80060888",
                f"The value of key property '{column.name}' contains one of the characters /,<,>,*,%,&,:,\\,?,+ "
                "and cannot be used in a request URI.",
            )
        return value
    if literal.startswith("'"):
        raise bad_query(f"The value of key property '{column.name}' must not stand in quotes.")
    try:
        if column.kind in ("decimal", "money", "double"):
            return Decimal(literal)
        return int(literal) if column.kind in NUMBERS else literal.lower()
    except (ValueError, InvalidOperation) as error:
        raise bad_query(f"The value '{literal}' does not fit the key property '{column.name}'.") from error


def find_row(store: Store, table: Table, key: RowKey) -> Record | None:
    """Return the row of a key, or None."""
    if key.alternate is None or key.values is None:
        return store.get(table.name, key.id)
    return next(iter(rows_of_key(store, table, key.alternate, key.values)), None)


def rows_of_key(store: Store, table: Table, key: AlternateKey, values: Mapping[str, Any]) -> list[Record]:
    """Return the rows that hold these values in the columns of an alternate key; texts match in any case."""
    first, *others = key.columns
    return [
        record
        for record in store.find(table.name, first, values[first])
        if all(_same(record.data.get(name), values[name]) for name in others)
    ]


def _same(left: object, right: object) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return left == right


def absent(table: Table, key: RowKey) -> ServiceError:
    """Return the 404 of a row that is not there."""
    if key.alternate is None:
        return missing(table, key.id)
    return ServiceError(
        404, NO_ROW_OF_KEY, f"A record with the specified key values does not exist in {table.name} entity"
    )
