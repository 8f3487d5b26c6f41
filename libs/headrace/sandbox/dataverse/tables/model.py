"""What a table declaration can say. The engine knows few tables by name; nearly everything it needs stands here.

Types, lengths and requirement levels follow the Common Data Model's schema and the vendor's table reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

NAMESPACE = "Microsoft.Dynamics.CRM"

Kind = Literal[
    "string",
    "memo",
    "integer",
    "bigint",
    "decimal",
    "double",
    "money",
    "boolean",
    "moment",
    "date",
    "choice",
    "state",
    "status",
    "lookup",
    "guid",
    "tablename",
    "file",
]
Level = Literal["none", "recommended", "application", "system"]
NUMBERS = ("integer", "bigint", "decimal", "double", "money", "choice", "state", "status")
CHOICES = ("choice", "state", "status")
_EDM: Mapping[Kind, str] = {
    "string": "Edm.String",
    "memo": "Edm.String",
    "integer": "Edm.Int32",
    "bigint": "Edm.Int64",
    "decimal": "Edm.Decimal",
    "double": "Edm.Double",
    "money": "Edm.Decimal",
    "boolean": "Edm.Boolean",
    "moment": "Edm.DateTimeOffset",
    "date": "Edm.Date",
    "choice": "Edm.Int32",
    "state": "Edm.Int32",
    "status": "Edm.Int32",
    "lookup": "Edm.Guid",
    "guid": "Edm.Guid",
    "tablename": "Edm.String",
    "file": "Edm.Guid",
}

Options = tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Target:
    """A table that a lookup leads to.

    `navigation` is the lookup's name in JSON for this table, `collection` the name of the way back (1:N).
    """

    table: str
    navigation: str
    collection: str = ""


@dataclass(frozen=True)
class Column:
    """One column under its logical name.

    `create` and `update` say whether a request may set it; what else a request names is ignored or refused, as the
    switch says. `type_column` holds the table of a lookup with several targets. `parent` marks the lookup whose
    record a row goes down with (cascading delete).
    """

    name: str
    kind: Kind = "string"
    size: int | None = None
    format: str = ""
    label: str = ""
    level: Level = "none"
    options: Options = ()
    targets: tuple[Target, ...] = ()
    type_column: str = ""
    create: bool = True
    update: bool = True
    read: bool = True
    default: Any = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    precision: int = 2
    custom: bool = False
    parent: bool = False
    schema: str = ""

    @property
    def edm_type(self) -> str:
        """Return the type as `$metadata` names it."""
        return _EDM[self.kind]

    @property
    def property_name(self) -> str:
        """Return the name under which the column is read: lookups show as `_name_value`."""
        return f"_{self.name}_value" if self.kind == "lookup" else self.name

    @property
    def schema_name(self) -> str:
        """Return the schema name: the logical one in its own spelling."""
        return self.schema or self.name

    @property
    def shown_label(self) -> str:
        """Return the display name."""
        return self.label or self.name.capitalize()

    def target(self, table: str) -> Target | None:
        """Return the target of a table, or None."""
        return next((each for each in self.targets if each.table == table), None)

    def label_of(self, value: object) -> str | None:
        """Return the label of an option, or None."""
        return next((label for number, label in self.options if number == value), None)


@dataclass(frozen=True)
class AlternateKey:
    """An alternate key; it works when its index is built, `Active`."""

    name: str
    columns: tuple[str, ...]
    label: str = ""
    active_from: str = ""
    id: str = ""


@dataclass(frozen=True)
class State:
    """A state with its reasons; the first is the default."""

    value: int
    label: str
    reasons: Options


@dataclass(frozen=True)
class Table:
    """One table.

    `frozen` are the states in which rows refuse other changes than of their state; `privileges` is the name that its
    rights end with (prvReadNote), where it is not the schema name. `number` is the column that is numbered on its own.
    """

    name: str
    set: str
    key: str
    primary_name: str
    columns: tuple[Column, ...]
    schema: str
    label: str
    code: int
    states: tuple[State, ...] = ()
    ownership: Literal["user", "organization", "none"] = "user"
    privileges: str = ""
    number: str = ""
    number_prefix: str = ""
    frozen: tuple[int, ...] = ()
    notes: bool = False
    tracking: bool = True
    concurrency: bool = True
    activity: bool = False
    custom: bool = False
    keys: tuple[AlternateKey, ...] = ()

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """Return the columns by logical name."""
        return {each.name: each for each in self.columns}

    @cached_property
    def by_property(self) -> Mapping[str, Column]:
        """Return the columns by the name under which they are read."""
        return {each.property_name: each for each in self.columns}

    @cached_property
    def by_navigation(self) -> Mapping[str, tuple[Column, Target]]:
        """Return lookups and their targets by navigation name, which is case-sensitive."""
        return {target.navigation: (each, target) for each in self.columns for target in each.targets}

    @cached_property
    def right(self) -> str:
        """Return what the names of its privileges end with."""
        return self.privileges or self.schema

    def state(self, value: int) -> State | None:
        """Return a state by its value, or None."""
        return next((each for each in self.states if each.value == value), None)

    def state_of_reason(self, reason: int) -> State | None:
        """Return the state that a status reason belongs to, or None."""
        return next((each for each in self.states if any(value == reason for value, _ in each.reasons)), None)
