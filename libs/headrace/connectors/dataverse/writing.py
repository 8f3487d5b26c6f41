"""From an operation's fields to the body of a call: checked against what is known, then against the table's metadata.

Money needs its currency. A money column holds an amount in the currency of its row, and says so nowhere: an amount of
another currency would be a wrong number that nobody sees. So amounts are given with theirs ({amount, currency}), and
what does not fit the row is refused, never converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.connectors.dataverse.fields import CUSTOM_PREFIX
from headrace.connectors.dataverse.guids import guid_of, lookup_of
from headrace.connectors.dataverse.metadata import LOOKUPS, Column, Table
from headrace.connectors.dataverse.objects import Object
from headrace.connectors.dataverse.tables import Tables
from headrace.connectors.dataverse.values import encode, number, units
from headrace.core.contracts import Action, Operation
from headrace.core.errors import RejectRecord

_MONEY = ({"amount", "currency"}, {"value", "currency"})


def what_of(operation: Operation) -> str:
    """Return the record's name for people."""
    return f"{operation.object} {operation.target_id}".strip()


def column_name(name: str) -> str:
    """Return the logical name of a field: custom columns stand under "custom."."""
    return name.removeprefix(CUSTOM_PREFIX)


def check(kind: Object, operation: Operation) -> None:
    """Check what needs no call.

    Raises:
        RejectRecord: a column that is the service's own, a text that is too long, or a value of another form.
    """
    what = what_of(operation)
    if operation.action is Action.DELETE:
        return
    for name, value in operation.fields.items():
        field = kind.fields.get(name)
        if name.startswith(CUSTOM_PREFIX) or name == kind.key:
            continue
        if field is None:
            raise RejectRecord(
                "field cannot be written",
                f"{what}: {name} is no known column of {kind.name}; a custom one is {CUSTOM_PREFIX}{name}.",
            )
        if field.writes == "never" or (field.writes == "create" and operation.action is not Action.CREATE):
            when = "never" if field.writes == "never" else "with a create only"
            detail = f"{what}: {name} is written {when}. {field.remedy or 'Take it out of the mapping.'}"
            raise RejectRecord("field cannot be written", detail)
        if value is None:
            continue
        if field.kind == "money":
            money_of(f"{what}: {name}", value)
        elif field.kind == "lookup" and lookup_of(value) == ("", ""):
            raise RejectRecord("not a record", f'{what}: {name} takes "table=GUID", such as account=…, not {value!r}.')
        elif field.size is not None and isinstance(value, str) and units(value) > field.size:
            raise RejectRecord(
                "text too long",
                f"{what}: {name} holds {field.size} characters and is given {units(value)}; shorten it at the source.",
            )
    key = operation.fields.get(kind.key)
    if key is not None and not guid_of(key):
        raise RejectRecord("not a GUID", f"{what}: {kind.key} is {key!r}; ids of rows are GUIDs.")
    currencies_of(operation)


def money_of(what: str, value: Any) -> tuple[Any, str]:
    """Return amount and ISO code of a money value.

    Raises:
        RejectRecord: it has no currency, or no amount.
    """
    if not isinstance(value, Mapping) or set(value) not in _MONEY or not value["currency"]:
        raise RejectRecord(
            "amount without currency",
            f"{what} takes an amount with its currency and is given {value!r}; copy the whole money value.",
        )
    return number(value.get("amount", value.get("value")), what), str(value["currency"]).upper()


def currencies_of(operation: Operation) -> str:
    """Return the one currency of all amounts of an operation, "" if it has none.

    Raises:
        RejectRecord: they have several; a row has one.
    """
    found = {
        str(value["currency"]).upper()
        for value in operation.fields.values()
        if isinstance(value, Mapping) and set(value) in _MONEY and value["currency"]
    }
    if len(found) > 1:
        raise RejectRecord(
            "several currencies",
            f"{what_of(operation)}: amounts in {', '.join(sorted(found))}; a row has one currency.",
        )
    return next(iter(found), "")


class Bodies:
    """Makes bodies of operations by the metadata of their tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def of(self, kind: Object, operation: Operation) -> dict[str, Any]:
        """Return the body of a create or update, without the row's own id.

        Raises:
            RejectRecord: an unknown column (the nearest right name is told), one that takes no value now, or a value
                that does not fit it. RetryLater, StopConnection: the metadata cannot be read.
        """
        creates = operation.action is Action.CREATE
        body: dict[str, Any] = {}
        for name, value in operation.fields.items():
            if name == kind.key or (creates and value is None):
                continue
            column = await self._column(kind, operation, name)
            what = f"{what_of(operation)}: {name}"
            if column.type in LOOKUPS:
                navigation, target = await self._bound(column, value, what)
                body[navigation] = target
            elif column.type == "Money" and value is not None:
                body[column.name] = money_of(what, value)[0]
            else:
                body[column.name] = encode(column, value, what)
        return body

    async def _column(self, kind: Object, operation: Operation, name: str) -> Column:
        what, logical = what_of(operation), column_name(name)
        column = await self._tables.column(kind.name, logical)
        if column is None:
            table = await self._tables.of(kind.name)
            raise RejectRecord(
                "unknown column",
                f"{what}: the table {kind.name} has no column {logical}{table.hint(logical)}. Create it in Dynamics "
                "and publish it, or correct the mapping.",
            )
        if column.custom != name.startswith(CUSTOM_PREFIX):
            right = f"{CUSTOM_PREFIX}{logical}" if column.custom else logical
            raise RejectRecord("unknown column", f"{what}: {name} is named {right} in mappings.")
        takes = column.creatable if operation.action is Action.CREATE else column.updatable
        if not takes:
            when = "a create" if operation.action is Action.CREATE else "an update"
            raise RejectRecord(
                "field cannot be written",
                f"{what}: {kind.name}.{logical} takes no value with {when}, the service keeps it; take it out of the "
                "mapping, or write a custom column.",
            )
        return column

    async def _bound(self, column: Column, value: Any, what: str) -> tuple[str, str | None]:
        """Return the name that binds a lookup, and the address of its record; None unties it."""
        if not column.targets:
            raise RejectRecord("field cannot be written", f"{what}: the metadata tells no table that it leads to.")
        if value is None:
            return next(iter(column.targets.values())), None
        table, id_ = lookup_of(value)
        navigation = column.targets.get(table)
        if navigation is None:
            known = ", ".join(column.targets)
            raise RejectRecord(
                "not a record", f'{what} leads to {known}, as "{known.split(", ")[0]}=GUID", not {value!r}.'
            )
        target: Table = await self._tables.of(table)
        return f"{navigation}@odata.bind", f"/{target.set}({id_})"
