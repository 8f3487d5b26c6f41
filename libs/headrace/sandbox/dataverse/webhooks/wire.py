"""RemoteExecutionContext as JSON: entities, references and typed values as the data contract serializer writes them.

Source: the vendor's page on webhooks, whose sample these shapes follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from headrace.sandbox.dataverse.rows import Rows
from headrace.sandbox.dataverse.tables.model import CHOICES, Column, Table

_CONTRACTS = "http://schemas.microsoft.com/xrm/2011/Contracts"


def wire_time(moment: datetime, zone: str = "") -> str:
    """Return a time as /Date(ms)/."""
    return f"/Date({int(moment.timestamp() * 1000)}{zone})/"


def reference(table: str, key: str, name: str | None = None, *, typed: bool = True) -> dict[str, Any]:
    """Return an EntityReference."""
    kind = {"__type": f"EntityReference:{_CONTRACTS}"} if typed else {}
    return {**kind, "Id": key, "KeyAttributes": [], "LogicalName": table, "Name": name, "RowVersion": None}


def entity(
    rows: Rows,
    table: Table,
    key: str,
    data: Mapping[str, Any],
    names: Iterable[str],
    *,
    typed: bool = True,
    lookup_names: bool = False,
) -> dict[str, Any]:
    """Return an Entity with the columns named, in their order."""
    attributes = []
    for name in names:
        column = table.by_name.get(name)
        if column is not None and column.read:
            attributes.append({"key": name, "value": _value(rows, table, column, data, lookup_names)})
    kind = {"__type": f"Entity:{_CONTRACTS}"} if typed else {}
    return {
        **kind,
        "Attributes": attributes,
        "EntityState": None,
        "FormattedValues": [],
        "Id": key,
        "KeyAttributes": [],
        "LogicalName": table.name,
        "RelatedEntities": [],
        "RowVersion": None,
    }


def _value(rows: Rows, table: Table, column: Column, data: Mapping[str, Any], lookup_names: bool) -> Any:
    value = data.get(column.name)
    if value is None:
        return None
    if column.kind == "money":
        return {"__type": f"Money:{_CONTRACTS}", "Value": Decimal(value)}
    if column.kind in CHOICES:
        return {"__type": f"OptionSetValue:{_CONTRACTS}", "Value": value}
    if column.kind == "lookup":
        target = rows.target_of(table, column, data)
        return reference(target, str(value), rows.name_of(target, str(value)) if lookup_names else None)
    if column.kind == "moment":
        return wire_time(datetime.fromisoformat(str(value)))
    if column.kind == "date":
        return wire_time(datetime.combine(date.fromisoformat(str(value)), time(), UTC))
    return value
