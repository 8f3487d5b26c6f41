"""Records as rows of an entity: reading fields with their empty values, views, RecIds and etags."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

from headrace.core.refs import encode_key
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dynamics_fo.entities.catalog import stored_set
from headrace.sandbox.dynamics_fo.entities.model import Entity
from headrace.sandbox.dynamics_fo.values import moment_text

RECORD_ID = "#recid"
CREATED = "#created"
KEY_INDEX = "#key"
CHART_RECORD_ID = 22_565_421_000

Reader = Callable[[Record], Any]

_readers: dict[tuple[str, str], Reader] = {}


def reader(entity: Entity, name: str) -> Reader:
    """Return the function that reads one property of a row."""
    found = _readers.get((entity.set, name))
    if found is None:
        found = _readers[(entity.set, name)] = _make_reader(entity, name)
    return found


def _make_reader(entity: Entity, name: str) -> Reader:
    source = name if entity.source_fields is None else entity.source_fields[name]
    special = _SPECIAL.get(source)
    if special is not None:
        return special
    empty = entity.by_name[name].empty
    return lambda record: record.data.get(source, empty)


def record_version(record: Record) -> int:
    """Return RecVersion: 1 on a fresh row, then another integer after each update."""
    if record.version == 1:
        return 1
    return zlib.crc32(f"{record.data.get(RECORD_ID, 0)}:{record.version}".encode()) & 0x7FFFFFFF


_SPECIAL: Mapping[str, Reader] = {
    "@modified": lambda record: moment_text(record.modified_at),
    "@created": lambda record: record.data.get(CREATED, ""),
    "@recid": lambda record: record.data.get(RECORD_ID, 0),
    "@recversion": record_version,
    "@chart": lambda record: chart_record_id(str(record.data.get("ChartOfAccounts", ""))),
}


def chart_record_id(name: str) -> int:
    """Return the RecId of a chart of accounts, which the sandbox knows by name alone."""
    return CHART_RECORD_ID + zlib.crc32(name.casefold().encode())


def etag(entity: Entity, record: Record) -> str:
    """Return the weak etag: base64 of one 'RecVersion,RecId' pair per underlying table."""
    pairs = [f"{record_version(record)},{record.data.get(RECORD_ID, 0)}", *["0,0"] * (entity.data_sources - 1)]
    packed = base64.b64encode(f"'{';'.join(pairs)}'".encode()).decode()
    return f'W/"{packed}"'


def render(entity: Entity, record: Record, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the row as JSON fields, all of them or the named ones, after its etag."""
    row: dict[str, Any] = {"@odata.etag": etag(entity, record)}
    if names is None and entity.source_fields is None:
        row |= entity.empties
        row |= {name: value for name, value in record.data.items() if not name.startswith("#")}
        return row
    for name in names if names is not None else entity.by_name:
        row[name] = reader(entity, name)(record)
    return row


def key_of(entity: Entity, values: Mapping[str, Any]) -> str:
    """Return the record key of values: readable, in the order of the key fields."""
    by_name = entity.by_name
    return encode_key({name: _plain(values.get(name, by_name[name].empty)) for name in entity.key})


def _plain(value: Any) -> Any:
    """Return a key part in its one form: line number 1.0 is line number 1."""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def find(store: Store, entity: Entity, key: Mapping[str, Any]) -> Record | None:
    """Return the record with this key; texts match in any case, as the database collation does."""
    if entity.view_of:
        wanted = {name: value.casefold() if isinstance(value, str) else value for name, value in key.items()}
        for record in store.list(entity.view_of):
            if all(_folded(reader(entity, name)(record)) == value for name, value in wanted.items()):
                return record
        return None
    text = key_of(entity, key)
    exact = store.get(entity.set, text)
    if exact is not None:
        return exact
    return next(iter(store.find(entity.set, KEY_INDEX, text)), None)


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


def visible(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's data without what the sandbox keeps for itself."""
    return {name: value for name, value in data.items() if not name.startswith("#")}


def told(entity: Entity, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's data as the ledger tells it: of bytes their SHA-256 and their number, not themselves."""
    shown = visible(data)
    for name in entity.binaries:
        if shown.get(name):
            content = base64.b64decode(shown[name])
            shown[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    return shown


def company_of(entity: Entity, record: Record) -> str:
    """Return the company of a row, or "" for a shared one."""
    return str(record.data.get("dataAreaId", "")) if entity.has_company else ""


def define_indexes(store: Store, entities: Iterable[Entity]) -> None:
    """Index what look-ups, keys and declarations need."""
    by_set = {entity.set: entity for entity in entities}
    for entity in by_set.values():
        if entity.view_of:
            continue
        store.define_index(entity.set, KEY_INDEX)
        for name in entity.indexed:
            store.define_index(entity.set, name)
        for field in entity.properties:
            if field.lookup is not None:
                for target in field.lookup.sets:
                    store.define_index(stored_set(by_set[target]), field.lookup.field)
