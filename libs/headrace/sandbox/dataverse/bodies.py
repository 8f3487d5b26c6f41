"""Request bodies: columns, lookups bound by address, rows inside rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.sandbox.common.store import Store
from headrace.sandbox.dataverse.contexts import Context
from headrace.sandbox.dataverse.errors import ServiceError, bad_payload, missing, refused, undeclared
from headrace.sandbox.dataverse.paths import absent, find_row, parse_key, parse_path, relative
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.model import Column, Table, Target
from headrace.sandbox.dataverse.tables.sales import TOTALS
from headrace.sandbox.dataverse.values import parse_value

BIND = "@odata.bind"


@dataclass(slots=True)
class Body:
    """What a body sets: kept values by column, and rows to be created with it by navigation."""

    values: dict[str, Any] = field(default_factory=dict)
    parents: dict[str, tuple[Column, Table, Mapping[str, Any]]] = field(default_factory=dict)
    children: dict[str, tuple[Table, Column, Sequence[Mapping[str, Any]]]] = field(default_factory=dict)


class Bodies:
    """Reads bodies against the tables as they are now."""

    def __init__(self, store: Store, schema: Schema, settings: DataverseSettings) -> None:
        self._store, self._schema, self._settings = store, schema, settings

    def read(self, table: Table, body: Mapping[str, Any], context: Context, *, creating: bool) -> Body:
        """Return what a body sets.

        Raises:
            ServiceError: a name, value or address that does not fit.
        """
        found = Body()
        for name, value in body.items():
            if name.endswith(BIND):
                self._bind(table, name, value, found, context, creating)
            elif "@" not in name:
                self._set(table, name, value, found, context, creating)
        return found

    def _set(self, table: Table, name: str, value: Any, found: Body, context: Context, creating: bool) -> None:
        collection = self._schema.collection(table, name)
        if name in table.by_navigation:
            self._navigate(table, name, value, found)
        elif collection is not None and creating and isinstance(value, list):
            found.children[name] = (*collection, value)
        elif name not in table.by_property:
            raise undeclared(table, name)
        else:
            column = table.by_property[name]
            if context.checked and not self._settable(column, creating):
                self._refuse(table, column)
            elif column.kind == "lookup":
                self._point(table, column, value, found)
            else:
                found.values[column.name] = parse_value(table, column, value)

    def _settable(self, column: Column, creating: bool) -> bool:
        if column.kind in ("lookup", "file"):
            return False
        if column.name in TOTALS and not self._prices_itself():
            return True
        return column.create if creating else column.update

    def _prices_itself(self) -> bool:
        return all(each.data.get("oobpricecalculationenabled", True) for each in self._store.list("organization"))

    def _refuse(self, table: Table, column: Column) -> None:
        if self._settings.read_only_columns == "refuse":
            raise refused(f"The column '{column.name}' of the table '{table.name}' cannot be set by this request.")

    def _point(self, table: Table, column: Column, value: Any, found: Body) -> None:
        """Take `_x_value` of a seed or a person: an id, or table and id as "account/…" where several are possible."""
        if value is None:
            _clear(column, found)
            return
        name, _, key = str(value).rpartition("/")
        target = column.target(name) if name else column.targets[0] if len(column.targets) == 1 else None
        if target is None:
            targets = ", ".join(each.table for each in column.targets)
            raise bad_payload(table, f"{column.property_name}: write table/id with one of {targets}")
        if self._store.get(target.table, key.lower()) is None:
            raise missing(self._schema.tables[target.table], key)
        _link(column, target, key.lower(), found)

    def _navigate(self, table: Table, name: str, value: Any, found: Body) -> None:
        column, target = table.by_navigation[name]
        if value is None:
            _clear(column, found)
        elif isinstance(value, dict) and target.table in self._schema.tables:
            found.parents[name] = (column, self._schema.tables[target.table], value)
        else:
            raise bad_payload(
                table,
                "InnerException : Microsoft.OData.ODataException: A 'PrimitiveValue' node with non-null value was "
                f"found when trying to read the value of the navigation property '{name}'; however, a 'StartArray' "
                "node, a 'StartObject' node, or a 'PrimitiveValue' node with null value was expected.",
            )

    def _bind(self, table: Table, name: str, value: Any, found: Body, context: Context, creating: bool) -> None:
        navigation = name.removesuffix(BIND)
        if navigation not in table.by_navigation:
            raise undeclared(table, navigation + BIND)
        column, declared = table.by_navigation[navigation]
        target_table = self._schema.table(declared.table)
        if target_table is None or (table.name == "annotation" and not target_table.notes):
            raise undeclared(table, navigation + BIND)
        if context.checked and not (column.create if creating else column.update):
            self._refuse(table, column)
            return
        if value is None:
            _clear(column, found)
            return
        bound, key = self.resolve(table, value, context)
        target = next(
            (each for each in column.targets if (each.navigation, each.table) == (navigation, bound.name)), None
        )
        if target is None:
            detail = (
                "InnerException : Microsoft.OData.ODataException: The resource "
                f"'{value}' is not of the type that the navigation property '{navigation}' leads to."
            )
            raise bad_payload(table, detail)
        _link(column, target, key, found)

    def resolve(self, table: Table, address: Any, context: Context) -> tuple[Table, str]:
        """Return table and id of an address in a body: relative, absolute, by id or by alternate key.

        Raises:
            ServiceError: not an address, or of a row that is not there.
        """
        if not isinstance(address, str):
            raise bad_payload(table, f'The value of an {BIND} must be an address, as "/accounts(id)".')
        segments = parse_path(relative(address))
        bound = self._schema.of_set(segments[0].name) if len(segments) == 1 else None
        if bound is None or segments[0].key is None:
            raise ServiceError(400, "0x80048d06", f"Resource not found for the segment '{address}'.")
        key = parse_key(bound, segments[0].key, context.moment)
        record = find_row(self._store, bound, key)
        if record is None:
            raise absent(bound, key)
        return bound, record.key


def _link(column: Column, target: Target, key: str, found: Body) -> None:
    found.values[column.name] = key
    if column.type_column:
        found.values[column.type_column] = target.table


def _clear(column: Column, found: Body) -> None:
    found.values[column.name] = None
    if column.type_column:
        found.values[column.type_column] = None
