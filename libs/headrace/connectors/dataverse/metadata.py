"""What an environment says of its tables: columns, keys, names of lookups. Read when first needed, and kept an hour.

Source: Microsoft, "Query table definitions using the Web API", EntityMetadata and AttributeMetadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.core.spelling import closest

LOOKUPS = frozenset({"Lookup", "Customer", "Owner"})
CHOICES = frozenset({"Picklist", "State", "Status"})
NUMBERS = frozenset({"Decimal", "Double"})
_UNREADABLE = frozenset({"Virtual", "ManagedProperty", "PartyList", "CalendarRules", "EntityName"})
_BASE = "_base"
_ACTIVE = "Active"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type as the metadata names it, and what a create and an update may do with it.

    `targets` are the tables that a lookup leads to, with the name under which JSON binds it. `day` is true for a
    calendar date, which no zone shifts.
    """

    name: str
    type: str
    custom: bool = False
    readable: bool = True
    creatable: bool = True
    updatable: bool = True
    size: int | None = None
    day: bool = False
    targets: Mapping[str, str] = field(default_factory=dict)

    @property
    def property(self) -> str:
        """The name under which rows show it."""
        return f"_{self.name}_value" if self.type in LOOKUPS else self.name


@dataclass(frozen=True, slots=True)
class Privilege:
    """A right on a table: its id, its name (prvReadAccount) and its verb (Read)."""

    id: str
    name: str
    verb: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `keys` are its alternate keys that work, by the set of their columns in order."""

    name: str
    set: str
    key: str
    columns: Mapping[str, Column]
    keys: tuple[tuple[str, ...], ...] = ()
    tracked: bool = False
    has_notes: bool = False
    privileges: tuple[Privilege, ...] = ()

    def hint(self, name: str) -> str:
        """Return `; did you mean "x"?` for the nearest column, or nothing."""
        return closest(name, [each for each in self.columns if each != name])


def table_of(
    definition: Mapping[str, Any], sizes: Iterable[Mapping[str, Any]], moments: Iterable[Mapping[str, Any]]
) -> Table:
    """Return a table.

    Args:
        definition: its EntityMetadata with Attributes, Keys and ManyToOneRelationships.
        sizes: LogicalName and MaxLength of its texts.
        moments: LogicalName and DateTimeBehavior of its dates and times.
    """
    columns = {each.name: each for each in map(_column, definition.get("Attributes") or ()) if each is not None}
    for row in sizes:
        name = str(row["LogicalName"])
        if name in columns and isinstance(row.get("MaxLength"), int):
            columns[name] = replace(columns[name], size=row["MaxLength"])
    for row in moments:
        name, behavior = str(row["LogicalName"]), row.get("DateTimeBehavior")
        kind = behavior.get("Value") if isinstance(behavior, Mapping) else behavior
        if name in columns:
            columns[name] = replace(columns[name], day=kind == "DateOnly")
    for row in definition.get("ManyToOneRelationships") or ():
        name = str(row.get("ReferencingAttribute"))
        navigation = row.get("ReferencingEntityNavigationPropertyName")
        if name in columns and navigation:
            targets = {**columns[name].targets, str(row.get("ReferencedEntity")): str(navigation)}
            columns[name] = replace(columns[name], targets=targets)
    keys = [each for each in definition.get("Keys") or () if each.get("EntityKeyIndexStatus", _ACTIVE) == _ACTIVE]
    return Table(
        name=str(definition["LogicalName"]),
        set=str(definition["EntitySetName"]),
        key=str(definition["PrimaryIdAttribute"]),
        columns=columns,
        keys=tuple(tuple(map(str, each.get("KeyAttributes") or ())) for each in keys),
        tracked=definition.get("ChangeTrackingEnabled") is True,
        has_notes=definition.get("HasNotes") is True,
        privileges=tuple(
            Privilege(str(each.get("PrivilegeId")).lower(), str(each.get("Name")), str(each.get("PrivilegeType")))
            for each in definition.get("Privileges") or ()
        ),
    )


def _column(row: Mapping[str, Any]) -> Column | None:
    """Return a column; None for what only accompanies another one (names and types of lookups, twins of money)."""
    name, kind = str(row["LogicalName"]), str(row.get("AttributeType") or "")
    if row.get("AttributeOf") or kind in _UNREADABLE or (kind == "Money" and name.endswith(_BASE)):
        return None
    return Column(
        name,
        kind,
        custom=row.get("IsCustomAttribute") is True,
        readable=row.get("IsValidForRead") is not False,
        creatable=row.get("IsValidForCreate") is not False,
        updatable=row.get("IsValidForUpdate") is not False,
    )
