"""What an entity declaration can say. The engine knows no entity by name; everything it needs stands here.

Value forms and annotations follow the OData page of the vendor's data-entity documentation and service metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from headrace.sandbox.dynamics_fo.entities.enums import ENUMS

NAMESPACE = "Microsoft.Dynamics.DataEntities"
EMPTY_DATE = "1900-01-01T12:00:00Z"
EMPTY_MOMENT = "1900-01-01T00:00:00Z"
OPEN_END = "2154-12-31T23:59:59Z"
ZERO = Decimal(0)

Kind = Literal["string", "decimal", "int32", "int64", "date", "moment", "guid", "enum", "binary"]
_EDM: Mapping[Kind, str] = {
    "string": "Edm.String",
    "decimal": "Edm.Decimal",
    "int32": "Edm.Int32",
    "int64": "Edm.Int64",
    "date": "Edm.DateTimeOffset",
    "moment": "Edm.DateTimeOffset",
    "guid": "Edm.Guid",
    "binary": "Edm.Binary",
}
_EMPTY: Mapping[Kind, Any] = {
    "string": "",
    "decimal": ZERO,
    "int32": 0,
    "int64": 0,
    "date": EMPTY_DATE,
    "moment": EMPTY_MOMENT,
    "guid": "00000000-0000-0000-0000-000000000000",
    "binary": "",
}


@dataclass(frozen=True, slots=True)
class Lookup:
    """A value must exist in a field of one of these sets (in the same company, where the set has companies)."""

    sets: tuple[str, ...]
    field: str
    label: str


@dataclass(frozen=True)
class Property:
    """One field of an entity; `label` is its name in the client's forms and in error texts."""

    name: str
    kind: Kind = "string"
    enum: str = ""
    size: int | None = None
    label: str = ""
    required: bool = False
    read_only: bool = False
    lookup: Lookup | None = None
    dimension: Literal["", "default", "ledger"] = ""
    default: Any = None

    @property
    def edm_type(self) -> str:
        """Return the type as `$metadata` names it."""
        return f"{NAMESPACE}.{self.enum}" if self.kind == "enum" else _EDM[self.kind]

    @cached_property
    def empty(self) -> Any:
        """Return what an unset field reads as."""
        return ENUMS[self.enum][0] if self.kind == "enum" else _EMPTY[self.kind]

    @property
    def shown_label(self) -> str:
        """Return the label, or the name where none is declared."""
        return self.label or self.name


@dataclass(frozen=True, slots=True)
class Navigation:
    """A navigation property: rows of another set whose `target_field` equals our `own_field`, same company."""

    name: str
    target_set: str
    own_field: str
    target_field: str
    many: bool = True


@dataclass(frozen=True, slots=True)
class Sequence:
    """Number sequence of a field: `#` are digits, `{company}` the company in upper case."""

    field: str
    format: str
    mode: Literal["auto", "manual", "both"] = "auto"
    first: int = 1


@dataclass(frozen=True)
class Entity:
    """One public data entity.

    `view_of` makes a read-only projection: `source_fields` maps our properties to the other set's, or to
    `@modified`, `@created`, `@recid`, `@recversion`. `record_key` is the key field that holds the record's own RecId.
    """

    set: str
    type: str
    aot: str
    key: tuple[str, ...]
    properties: tuple[Property, ...]
    table: str = ""
    label: str = ""
    read_only: bool = False
    sequences: tuple[Sequence, ...] = ()
    indexed: tuple[str, ...] = ()
    navigations: tuple[Navigation, ...] = ()
    view_of: str = ""
    record_key: str = ""
    source_fields: Mapping[str, str] | None = None
    data_sources: int = 1
    category: str = "Master"

    @cached_property
    def has_company(self) -> bool:
        """Whether rows belong to a company."""
        return "dataAreaId" in self.by_name

    @cached_property
    def by_name(self) -> Mapping[str, Property]:
        """Return the properties by name."""
        return {each.name: each for each in self.properties}

    @cached_property
    def binaries(self) -> tuple[str, ...]:
        """Return the properties that hold bytes."""
        return tuple(each.name for each in self.properties if each.kind == "binary")

    @cached_property
    def empties(self) -> Mapping[str, Any]:
        """Return what an unset row reads as, in the order of the properties."""
        return {each.name: each.empty for each in self.properties}

    def navigation(self, name: str) -> Navigation | None:
        """Return the navigation property, or None."""
        return next((found for found in self.navigations if found.name == name), None)


def text(name: str, size: int | None = None, **more: Any) -> Property:
    """Return a string property."""
    return Property(name, "string", size=size, **more)


def texts(size: int | None, *names: str, read_only: bool = False) -> tuple[Property, ...]:
    """Return string properties of one size."""
    return tuple(Property(name, "string", size=size, read_only=read_only) for name in names)


def decimals(*names: str, read_only: bool = False) -> tuple[Property, ...]:
    """Return decimal properties."""
    return tuple(Property(name, "decimal", read_only=read_only) for name in names)


def dates(*names: str, read_only: bool = False) -> tuple[Property, ...]:
    """Return calendar dates, which the service writes at noon UTC."""
    return tuple(Property(name, "date", read_only=read_only) for name in names)


def moments(*names: str, read_only: bool = False) -> tuple[Property, ...]:
    """Return UTC times."""
    return tuple(Property(name, "moment", read_only=read_only) for name in names)


def yes_no(*names: str, read_only: bool = False) -> tuple[Property, ...]:
    """Return NoYes properties."""
    return tuple(Property(name, "enum", enum="NoYes", read_only=read_only) for name in names)


def choice(name: str, enum: str, **more: Any) -> Property:
    """Return an enumeration property."""
    return Property(name, "enum", enum=enum, **more)


COMPANY = text("dataAreaId", 4, label="Company")
