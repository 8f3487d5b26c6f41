"""The tables as they are now: those of a new environment and what was customized since, which outlives a restart."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from headrace.sandbox.common.store import Store
from headrace.sandbox.dataverse.tables.catalog import TABLES
from headrace.sandbox.dataverse.tables.model import AlternateKey, Column, State, Table, Target

CUSTOMIZED, DROPPED = "#tables", "#dropped_tables"
_ID_SPACE = uuid.UUID("d0bf0c0a-5b5c-4d3a-9d1f-2a8f0c7e4b11")


class SchemaRefused(Exception):
    """A customization that cannot be made; the text says why."""


class Schema:
    """Knows tables by logical name and by set, and the collections that lead from one table to another."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self.tables: dict[str, Table] = {}
        self.load()

    def load(self) -> None:
        """Read what is kept; an empty store has the tables of a new environment."""
        self.tables = dict(TABLES)
        for record in self._store.list(CUSTOMIZED):
            self.tables[record.key] = _table_of(record.data)
        for record in self._store.list(DROPPED):
            self.tables.pop(record.key, None)
        self._changed()

    def table(self, name: str) -> Table | None:
        """Return a table by its logical name, or None."""
        return self.tables.get(name)

    def of_set(self, set_name: str) -> Table | None:
        """Return a table by the name of its set, or None."""
        return self._by_set.get(set_name)

    def collection(self, table: Table, name: str) -> tuple[Table, Column] | None:
        """Return the table and lookup behind a collection's name, or None."""
        return self._collections.get(table.name, {}).get(name)

    def collections(self, table: Table) -> Mapping[str, tuple[Table, Column]]:
        """Return all collections of a table by their names."""
        return self._collections.get(table.name, {})

    def children(self, table: Table) -> Iterable[tuple[Table, Column]]:
        """Return the tables and lookups whose rows go down with a row of this table."""
        return [(child, column) for child, column in self.collections(table).values() if column.parent]

    def referring(self, table: Table) -> Iterable[tuple[Table, Column]]:
        """Return every table and lookup that may point at a row of this table."""
        return [(each, column) for each in self.tables.values() for column in each.columns if column.target(table.name)]

    def put_column(self, table_name: str, column: Column) -> None:
        """Add a column or replace it."""
        table = self._of(table_name)
        kept = tuple(each for each in table.columns if each.name != column.name)
        self._keep(replace(table, columns=(*kept, column)))

    def remove_column(self, table_name: str, name: str) -> None:
        """Remove a column with everything that it held.

        Raises:
            SchemaRefused: no such column, a key of the table, or part of an alternate key.
        """
        table = self._of(table_name)
        column = table.by_name.get(name)
        if column is None:
            raise SchemaRefused(f"{table_name} has no column {name!r}")
        using = [key.name for key in table.keys if name in key.columns]
        if name in (table.key, table.primary_name) or using:
            raise SchemaRefused(f"{table_name}.{name} is needed by {using or 'the table itself'}")
        gone = {name, f"{name}_base"} if column.kind == "money" else {name}
        with self._store.transaction():
            for record in self._store.list(table_name):
                if gone & set(record.data):
                    data = {key: value for key, value in record.data.items() if key not in gone}
                    self._store.put(table_name, record.key, data, record.modified_at)
            self._keep(replace(table, columns=tuple(each for each in table.columns if each.name not in gone)))

    def change_column(self, table_name: str, name: str, **changes: Any) -> None:
        """Change what a column is.

        Raises:
            SchemaRefused: no such column.
        """
        table = self._of(table_name)
        if name not in table.by_name:
            raise SchemaRefused(f"{table_name} has no column {name!r}")
        columns = tuple(replace(each, **changes) if each.name == name else each for each in table.columns)
        self._keep(replace(table, columns=columns))

    def put_key(self, table_name: str, key: AlternateKey) -> None:
        """Add an alternate key or replace the one of its name.

        Raises:
            SchemaRefused: a column that is not there or cannot be part of a key, or too many of them.
        """
        table = self._of(table_name)
        if not 0 < len(key.columns) <= 16:
            raise SchemaRefused(f"the key {key.name} needs 1 to 16 columns")
        for name in key.columns:
            column = table.by_name.get(name)
            if column is None or column.kind not in KEY_KINDS:
                raise SchemaRefused(f"{table_name}.{name} cannot be part of an alternate key")
            self._store.define_index(table_name, name)
        others = tuple(each for each in table.keys if each.name != key.name)
        if len(others) >= 10:
            raise SchemaRefused(f"{table_name} has 10 alternate keys already")
        self._keep(replace(table, keys=(*others, key)))

    def remove_key(self, table_name: str, name: str) -> None:
        """Remove an alternate key; one that is not there is gone."""
        table = self._of(table_name)
        self._keep(replace(table, keys=tuple(each for each in table.keys if each.name != name)))

    def change_table(self, table_name: str, **changes: Any) -> None:
        """Change what a table is: `notes`, `tracking`, `concurrency`, `frozen`."""
        self._keep(replace(self._of(table_name), **changes))

    def add_table(self, table: Table) -> None:
        """Add a table of the users' own.

        Raises:
            SchemaRefused: it is there.
        """
        if table.name in self.tables:
            raise SchemaRefused(f"the table {table.name} is there already")
        with self._store.transaction():
            self._store.delete(DROPPED, table.name)
            self._keep(table)

    def remove_table(self, table_name: str) -> None:
        """Remove a table with its rows."""
        self._of(table_name)
        with self._store.transaction():
            for record in self._store.list(table_name):
                self._store.delete(table_name, record.key)
            self._store.delete(CUSTOMIZED, table_name)
            self._store.put(DROPPED, table_name, {}, self._now())
        self.tables.pop(table_name)
        self._changed()

    def _of(self, name: str) -> Table:
        if name not in self.tables:
            raise SchemaRefused(f"there is no table {name!r}; known are {', '.join(sorted(self.tables))}")
        return self.tables[name]

    def _keep(self, table: Table) -> None:
        with self._store.transaction():
            self._store.put(CUSTOMIZED, table.name, asdict(table), self._now())
        self.tables[table.name] = table
        self._changed()

    def _changed(self) -> None:
        self._by_set = {each.set: each for each in self.tables.values()}
        self._collections: dict[str, dict[str, tuple[Table, Column]]] = {}
        for table in self.tables.values():
            for column in table.columns:
                if column.kind == "lookup":
                    self._store.define_index(table.name, column.name)
                for target in column.targets:
                    if target.collection:
                        self._collections.setdefault(target.table, {})[target.collection] = (table, column)
            for key in table.keys:
                for name in key.columns:
                    self._store.define_index(table.name, name)


KEY_KINDS = ("string", "integer", "decimal", "date", "moment", "lookup", "choice")


def metadata_id(*names: str) -> str:
    """Return the MetadataId of a table, a column or a key: the same in every sandbox."""
    return str(uuid.uuid5(_ID_SPACE, "/".join(names)))


def _table_of(data: Mapping[str, Any]) -> Table:
    parts = dict(data)
    parts["columns"] = tuple(_column_of(each) for each in data["columns"])
    parts["states"] = tuple(State(each["value"], each["label"], _options(each["reasons"])) for each in data["states"])
    parts["keys"] = tuple(AlternateKey(**{**each, "columns": tuple(each["columns"])}) for each in data["keys"])
    parts["frozen"] = tuple(data["frozen"])
    return Table(**parts)


def _column_of(data: Mapping[str, Any]) -> Column:
    targets = tuple(Target(**each) for each in data["targets"])
    return Column(**{**data, "options": _options(data["options"]), "targets": targets})


def _options(options: Iterable[Any]) -> tuple[tuple[int, str], ...]:
    return tuple((int(value), str(label)) for value, label in options)
