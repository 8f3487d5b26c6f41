"""Customizations that the metadata API takes: columns, keys, tables of the users' own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from headrace.sandbox.dataverse.errors import ServiceError
from headrace.sandbox.dataverse.metadata.definitions import TYPES
from headrace.sandbox.dataverse.schema import Schema, SchemaRefused, metadata_id
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.columns import ACTIVE_INACTIVE, text
from headrace.sandbox.dataverse.tables.columns import table as new_table
from headrace.sandbox.dataverse.tables.model import NAMESPACE, AlternateKey, Column, Kind, Level, Table
from headrace.sandbox.dataverse.values import moment_text

_KINDS: Mapping[str, Kind] = {derived: kind for kind, (_, derived) in TYPES.items() if kind != "date"}
_LEVELS: Mapping[str, Level] = {
    "None": "none",
    "Recommended": "recommended",
    "ApplicationRequired": "application",
    "SystemRequired": "system",
}
_FIRST_CODE = 10_000
_TEXT_SIZE = 100


class Customizing:
    """Turns bodies of the metadata API into columns, keys and tables."""

    def __init__(self, schema: Schema, settings: DataverseSettings) -> None:
        self._schema, self._settings = schema, settings

    def add_column(self, table: Table, body: Mapping[str, Any]) -> str:
        """Add a column and return its MetadataId.

        Raises:
            ServiceError: a type that the sandbox cannot add, or a name that is taken.
        """
        for column in _columns(body):
            if column.name in table.by_name:
                text = f"An attribute with the specified name {column.name} already exists for entity {table.name}"
                raise ServiceError(400, "0x80044153", text)
            self._schema.put_column(table.name, column)
        return metadata_id(table.name, str(body["SchemaName"]).lower())

    def change_column(self, table: Table, column: Column, body: Mapping[str, Any]) -> None:
        """Change a column to what a whole definition says."""
        changed = _columns({**body, "SchemaName": column.schema_name})[0]
        kept = replace(changed, options=column.options, targets=column.targets, custom=column.custom)
        self._schema.put_column(table.name, replace(kept, name=column.name, type_column=column.type_column))

    def remove_column(self, table: Table, column: Column) -> None:
        """Remove a column of the users' own.

        Raises:
            ServiceError: it belongs to the system.
            SchemaRefused: something needs it.
        """
        if not column.custom:
            raise ServiceError(400, "0x80047004", f"The attribute {column.name} belongs to the system.")
        self._schema.remove_column(table.name, column.name)

    def add_key(self, table: Table, body: Mapping[str, Any], now: datetime) -> str:
        """Add an alternate key, whose index is then built, and return its MetadataId.

        Raises:
            ServiceError: columns that cannot be a key.
        """
        name = str(body["SchemaName"])
        found = metadata_id(table.name, "key", name)
        active = moment_text(now + timedelta(seconds=self._settings.key_activation_seconds))
        key = AlternateKey(name, tuple(str(each).lower() for each in body["KeyAttributes"]), _text(body), active, found)
        try:
            self._schema.put_key(table.name, key)
        except SchemaRefused as error:
            raise ServiceError(400, "0x8004f01b", str(error)) from error
        return found

    def add_table(self, body: Mapping[str, Any]) -> str:
        """Add a table and return its MetadataId.

        Raises:
            ServiceError: it is there, or a column cannot be added.
        """
        schema_name = str(body["SchemaName"])
        name = schema_name.lower()
        columns = [column for each in body.get("Attributes", []) for column in _columns(each)]
        primary = next(
            (str(each["SchemaName"]).lower() for each in body["Attributes"] if each.get("IsPrimaryName")), ""
        )
        if not primary:
            primary, columns = "name", [text("name", _TEXT_SIZE), *columns]
        code = max(_FIRST_CODE, *(each.code + 1 for each in self._schema.tables.values()))
        made = new_table(
            name,
            _plural(name),
            schema_name,
            code,
            *columns,
            label=_text(body) or schema_name,
            primary_name=primary,
            states=ACTIVE_INACTIVE,
            currency=any(each.kind == "money" for each in columns),
            notes=bool(body.get("HasNotes")),
            custom=True,
        )
        try:
            self._schema.add_table(made)
        except SchemaRefused as error:
            raise ServiceError(400, "0x80044363", str(error)) from error
        return metadata_id(name)

    def remove_table(self, table: Table) -> None:
        """Remove a table of the users' own.

        Raises:
            SchemaRefused: it belongs to the system.
        """
        if not table.custom:
            raise SchemaRefused(f"the table {table.name} belongs to the system")
        self._schema.remove_table(table.name)


def _columns(body: Mapping[str, Any]) -> list[Column]:
    """Return the column that a body describes, after an amount its twin as well."""
    derived = str(body.get("@odata.type", "")).lstrip("#").removeprefix(f"{NAMESPACE}.").removeprefix("Complex")
    if derived not in _KINDS or _KINDS[derived] in ("state", "status", "lookup", "tablename"):
        raise ServiceError(400, "0x80040203", f"A column of type {derived or 'unknown'} cannot be added here.")
    kind = _KINDS[derived]
    if kind == "moment" and body.get("Format") == "DateOnly":
        kind = "date"
    schema_name = str(body["SchemaName"])
    level = body.get("RequiredLevel") or {}
    column = Column(
        schema_name.lower(),
        kind,
        size=int(body.get("MaxLength") or _TEXT_SIZE) if kind in ("string", "memo") else None,
        format=str((body.get("FormatName") or {}).get("Value") or body.get("Format") or ""),
        label=_text(body),
        level=_LEVELS.get(str(level.get("Value", "None")), "none"),
        options=_options(body, kind),
        minimum=_limit(body.get("MinValue")),
        maximum=_limit(body.get("MaxValue")),
        precision=int(body.get("Precision") or 2),
        default=body.get("DefaultValue") if kind == "boolean" else None,
        custom=True,
        schema=schema_name,
    )
    if kind == "file":
        return [column, Column(f"{column.name}_name", "string", size=512, create=False, update=False, custom=True)]
    if kind != "money":
        return [column]
    base = replace(column, name=f"{column.name}_base", schema=f"{schema_name}_Base", create=False, update=False)
    return [column, base]


def _options(body: Mapping[str, Any], kind: Kind) -> tuple[tuple[int, str], ...]:
    if kind == "boolean":
        return ((0, "No"), (1, "Yes"))
    options = (body.get("OptionSet") or {}).get("Options") or []
    return tuple((int(each["Value"]), _text({"DisplayName": each.get("Label")})) for each in options)


def _text(body: Mapping[str, Any]) -> str:
    labels = (body.get("DisplayName") or {}).get("LocalizedLabels") or []
    return str(labels[0].get("Label", "")) if labels else ""


def _limit(value: Any) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def _plural(name: str) -> str:
    if name.endswith(("s", "x", "ch", "sh")):
        return f"{name}es"
    return f"{name[:-1]}ies" if name.endswith("y") else f"{name}s"
