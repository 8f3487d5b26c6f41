"""Records as rows: their etags, their JSON, and the annotations that a client asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.tables.model import Column, Table

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname"
NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty"
TOTAL = "Microsoft.Dynamics.CRM.totalrecordcount"
TOTAL_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"


_INCLUDE = re.compile(r"odata\.include-annotations\s*=\s*(?:\"(?P<quoted>[^\"]*)\"|(?P<bare>[^;\s]+))")

Wanted = Callable[[str], bool]


def wanted_annotations(prefer: str) -> Wanted:
    """Return the test of an annotation's name against `Prefer: odata.include-annotations`."""
    match = _INCLUDE.search(prefer)
    if match is None:
        return lambda name: False
    patterns = [each.strip() for each in (match["quoted"] or match["bare"] or "").split(",") if each.strip()]

    def wants(name: str) -> bool:
        for pattern in patterns:
            negative = pattern.startswith("-")
            text = pattern.removeprefix("-")
            if text == "*" or text == name or (text.endswith(".*") and name.startswith(text[:-1])):
                return not negative
        return False

    return wants


def etag(record: Record) -> str:
    """Return the weak etag: the row version."""
    return f'W/"{record.data.get("versionnumber", 0)}"'


class Rows:
    """Shows records."""

    def __init__(self, store: Store, schema: Schema) -> None:
        self._store = store
        self._schema = schema

    def name_of(self, table_name: str, key: str) -> str | None:
        """Return the primary name of a record, or None."""
        table, record = self._schema.table(table_name), self._store.get(table_name, key)
        if table is None or record is None or not table.primary_name:
            return None
        value = record.data.get(table.primary_name)
        return None if value is None else str(value)

    def target_of(self, table: Table, column: Column, data: Mapping[str, Any]) -> str:
        """Return the table that a lookup leads to."""
        if column.type_column and column.type_column in data:
            return str(data[column.type_column])
        return column.targets[0].table

    def render(self, table: Table, record: Record, names: Iterable[str] | None, wants: Wanted) -> dict[str, Any]:
        """Return the row as JSON: its etag, the columns asked for (all readable ones when None), its key always."""
        row: dict[str, Any] = {"@odata.etag": etag(record)}
        for column in self._columns(table, names):
            value = record.data.get(column.name)
            if value is not None:
                self._annotate(row, table, column, record.data, wants)
            row[column.property_name] = value
        return row

    def _columns(self, table: Table, names: Iterable[str] | None) -> list[Column]:
        if names is None:
            return [each for each in table.columns if each.read]
        columns = [table.by_property[name] for name in names]
        return columns if table.by_name[table.key] in columns else [*columns, table.by_name[table.key]]

    def _annotate(
        self, row: dict[str, Any], table: Table, column: Column, data: Mapping[str, Any], wants: Wanted
    ) -> None:
        name = column.property_name
        if wants(FORMATTED):
            text = self.formatted(table, column, data)
            if text is not None:
                row[f"{name}@{FORMATTED}"] = text
        if column.kind == "lookup":
            target = column.target(self.target_of(table, column, data))
            if target is not None and wants(NAVIGATION):
                row[f"{name}@{NAVIGATION}"] = target.navigation
            if target is not None and wants(LOOKUP_TABLE):
                row[f"{name}@{LOOKUP_TABLE}"] = target.table

    def formatted(self, table: Table, column: Column, data: Mapping[str, Any]) -> str | None:
        """Return a value as a person reads it in English (US), or None where the value is its own form."""
        value = data.get(column.name)
        if value is None:
            return None
        if column.kind == "lookup":
            return self.name_of(self.target_of(table, column, data), str(value))
        if column.kind == "boolean":
            return column.label_of(int(value))
        if column.options:
            return column.label_of(value)
        if column.kind == "money":
            return f"{self._symbol(column, data)}{Decimal(value):,.{column.precision}f}"
        if column.kind in ("decimal", "double"):
            return f"{Decimal(value):,.{column.precision}f}"
        if column.kind in ("integer", "bigint"):
            return f"{value:,}"
        return _dated(column, str(value))

    def _symbol(self, column: Column, data: Mapping[str, Any]) -> str:
        if column.name.endswith("_base"):
            organization = self._store.list("organization")
            key = str(organization[0].data.get("basecurrencyid", "")) if organization else ""
        else:
            key = str(data.get("transactioncurrencyid", ""))
        currency = self._store.get("transactioncurrency", key)
        return str(currency.data.get("currencysymbol", "$")) if currency else "$"


def _dated(column: Column, value: str) -> str | None:
    if column.kind == "date":
        day = date.fromisoformat(value)
        return f"{day.month}/{day.day}/{day.year}"
    if column.kind == "moment":
        at = datetime.fromisoformat(value)
        return f"{at.month}/{at.day}/{at.year} {at.hour % 12 or 12}:{at.minute:02} {'AM' if at.hour < 12 else 'PM'}"
    return None
