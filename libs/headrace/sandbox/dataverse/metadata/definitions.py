"""Definitions of tables, columns and keys as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.sandbox.dataverse.schema import metadata_id
from headrace.sandbox.dataverse.security import VERBS, privilege_id
from headrace.sandbox.dataverse.tables.model import NAMESPACE, AlternateKey, Column, Kind, Table

TYPES: Mapping[Kind, tuple[str, str]] = {
    "string": ("String", "StringAttributeMetadata"),
    "memo": ("Memo", "MemoAttributeMetadata"),
    "integer": ("Integer", "IntegerAttributeMetadata"),
    "bigint": ("BigInt", "BigIntAttributeMetadata"),
    "decimal": ("Decimal", "DecimalAttributeMetadata"),
    "double": ("Double", "DoubleAttributeMetadata"),
    "money": ("Money", "MoneyAttributeMetadata"),
    "boolean": ("Boolean", "BooleanAttributeMetadata"),
    "moment": ("DateTime", "DateTimeAttributeMetadata"),
    "date": ("DateTime", "DateTimeAttributeMetadata"),
    "choice": ("Picklist", "PicklistAttributeMetadata"),
    "state": ("State", "StateAttributeMetadata"),
    "status": ("Status", "StatusAttributeMetadata"),
    "lookup": ("Lookup", "LookupAttributeMetadata"),
    "guid": ("Uniqueidentifier", "UniqueIdentifierAttributeMetadata"),
    "tablename": ("EntityName", "EntityNameAttributeMetadata"),
    "file": ("Virtual", "FileAttributeMetadata"),
}
"""AttributeType and the derived type of each kind of column."""

_LEVELS = {
    "none": "None",
    "recommended": "Recommended",
    "application": "ApplicationRequired",
    "system": "SystemRequired",
}
OPTION_SETS = ("OptionSet", "GlobalOptionSet")
LANGUAGE = 1033


def type_of(column: Column) -> tuple[str, str]:
    """Return AttributeType and derived type of a column."""
    if column.kind != "lookup":
        return TYPES[column.kind]
    names = {"ownerid": "Owner", "customerid": "Customer", "parentcustomerid": "Customer"}
    return names.get(column.name, "Lookup"), "LookupAttributeMetadata"


def table_definition(table: Table) -> dict[str, Any]:
    """Return a table's own properties."""
    return {
        "MetadataId": metadata_id(table.name),
        "LogicalName": table.name,
        "SchemaName": table.schema,
        "EntitySetName": table.set,
        "LogicalCollectionName": table.set,
        "CollectionSchemaName": f"{table.schema}s",
        "ObjectTypeCode": table.code,
        "PrimaryIdAttribute": table.key,
        "PrimaryNameAttribute": table.primary_name or None,
        "OwnershipType": {"user": "UserOwned", "organization": "OrganizationOwned", "none": "None"}[table.ownership],
        "DisplayName": label(table.label),
        "DisplayCollectionName": label(f"{table.label}s"),
        "Description": label(table.label),
        "TableType": "Standard",
        "ChangeTrackingEnabled": table.tracking,
        "IsOptimisticConcurrencyEnabled": table.concurrency,
        "HasNotes": table.notes,
        "Privileges": [
            {
                "PrivilegeId": privilege_id(f"prv{verb}{table.right}"),
                "Name": f"prv{verb}{table.right}",
                "PrivilegeType": verb,
                "CanBeBasic": table.ownership == "user",
                "CanBeGlobal": True,
            }
            for verb in VERBS
        ],
        "HasActivities": table.activity or table.notes,
        "IsActivity": table.activity,
        "IsCustomEntity": table.custom,
        "IsPrivate": False,
        "IsIntersect": False,
        "IsLogicalEntity": False,
        "IsManaged": not table.custom,
        "IsCustomizable": _managed(True, "iscustomizable"),
    }


def relationships(table: Table) -> list[dict[str, Any]]:
    """Return the relationships by which a table's lookups lead to others, one for each target."""
    return [
        {
            "MetadataId": metadata_id(table.name, column.name, target.table),
            "SchemaName": target.collection or f"{table.name}_{column.name}_{target.table}",
            "RelationshipType": "OneToManyRelationship",
            "ReferencingEntity": table.name,
            "ReferencingAttribute": column.name,
            "ReferencingEntityNavigationPropertyName": target.navigation,
            "ReferencedEntity": target.table,
            "ReferencedEntityNavigationPropertyName": target.collection or None,
        }
        for column in table.columns
        for target in column.targets
    ]


def column_definition(table: Table, column: Column) -> dict[str, Any]:
    """Return a column's properties, those of its derived type among them; option sets are expanded apart."""
    kind, derived = type_of(column)
    key = column.name == table.key
    found: dict[str, Any] = {
        "@odata.type": f"#{NAMESPACE}.{derived}",
        "MetadataId": metadata_id(table.name, column.name),
        "LogicalName": column.name,
        "SchemaName": column.schema_name,
        "EntityLogicalName": table.name,
        "AttributeType": kind,
        "AttributeTypeName": {"Value": derived.removesuffix("AttributeMetadata") + "Type"},
        "DisplayName": label(column.shown_label),
        "Description": label(column.shown_label),
        "RequiredLevel": {
            "Value": _LEVELS[column.level],
            "CanBeChanged": column.level != "system",
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
        },
        "IsPrimaryId": key,
        "IsPrimaryName": column.name == table.primary_name,
        "IsValidForCreate": column.create,
        "IsValidForUpdate": column.update and not key,
        "IsValidForRead": column.read,
        "IsValidODataAttribute": True,
        "IsCustomAttribute": column.custom,
        "IsLogical": False,
        "AttributeOf": None,
        "IsManaged": not column.custom,
        "IsSecured": False,
        "IsValidForAdvancedFind": _managed(True, "canmodifysearchsettings"),
        "SourceType": 0,
        "ColumnNumber": [each.name for each in table.columns].index(column.name) + 1,
    }
    return found | _derived(table, column)


def _derived(table: Table, column: Column) -> dict[str, Any]:
    if column.kind in ("string", "memo"):
        format_name = {"FormatName": {"Value": column.format or "Text"}} if column.kind == "string" else {}
        return {"MaxLength": column.size, "Format": column.format or "Text", "ImeMode": "Auto", **format_name}
    if column.kind in ("integer", "decimal", "double", "money"):
        limits = {"MinValue": column.minimum, "MaxValue": column.maximum}
        if column.kind == "integer":
            return {**{name: int(value or 0) for name, value in limits.items()}, "Format": "None"}
        if column.kind == "money":
            is_base = column.name.endswith("_base")
            return {**limits, "Precision": column.precision, "PrecisionSource": 2, "IsBaseCurrency": is_base}
        return {**limits, "Precision": column.precision}
    if column.kind in ("date", "moment"):
        behaviour = "DateOnly" if column.kind == "date" else "UserLocal"
        shown = "DateOnly" if column.kind == "date" else "DateAndTime"
        return {"Format": shown, "DateTimeBehavior": {"Value": behaviour}}
    if column.kind == "lookup":
        return {"Targets": [each.table for each in column.targets], "Format": "None"}
    if column.kind == "boolean":
        return {"DefaultValue": bool(column.default)}
    if column.kind == "choice":
        return {"DefaultFormValue": -1 if column.default is None else column.default}
    return {"MaxSizeInKB": 32_768} if column.kind == "file" else {}


def option_set(table: Table, column: Column) -> dict[str, Any] | None:
    """Return the options of a choice, a state, a status or a yes-or-no, None for any other column."""
    if not column.options:
        return None
    named = {"MetadataId": metadata_id(table.name, column.name, "options"), "Name": f"{table.name}_{column.name}"}
    if column.kind == "boolean":
        falsy, truthy = (_option(value, text) for value, text in column.options)
        return {**named, "OptionSetType": "Boolean", "IsGlobal": False, "TrueOption": truthy, "FalseOption": falsy}
    kind = {"state": "State", "status": "Status"}.get(column.kind, "Picklist")
    options = [_option(value, text) for value, text in column.options]
    for option in options if column.kind == "status" else ():
        state = table.state_of_reason(option["Value"])
        option["State"] = state.value if state else 0
    for option in options if column.kind == "state" else ():
        state = table.state(option["Value"])
        option |= {
            "DefaultStatus": state.reasons[0][0] if state else None,
            "InvariantName": state.label if state else "",
        }
    return {**named, "OptionSetType": kind, "IsGlobal": False, "Options": options}


def key_definition(table: Table, key: AlternateKey, now: str) -> dict[str, Any]:
    """Return an alternate key with the state of its index."""
    return {
        "MetadataId": key.id or metadata_id(table.name, "key", key.name),
        "LogicalName": key.name.lower(),
        "SchemaName": key.name,
        "EntityLogicalName": table.name,
        "DisplayName": label(key.label or key.name),
        "KeyAttributes": list(key.columns),
        "EntityKeyIndexStatus": "Active" if key.active_from <= now else "Pending",
        "IsManaged": False,
        "AsyncJob": None,
    }


def label(text: str) -> dict[str, Any]:
    """Return a label in the one language of the sandbox."""
    own = {"Label": text, "LanguageCode": LANGUAGE, "IsManaged": False, "MetadataId": metadata_id("label", text)}
    return {"LocalizedLabels": [own], "UserLocalizedLabel": own}


def _option(value: int, text: str) -> dict[str, Any]:
    return {"Value": value, "Label": label(text), "Description": label(""), "Color": None, "IsManaged": False}


def _managed(value: bool, name: str) -> dict[str, Any]:
    return {"Value": value, "CanBeChanged": True, "ManagedPropertyLogicalName": name}
