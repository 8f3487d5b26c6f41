"""What is declared of an OData entity set: its key, its fields with types and sizes, and what a create needs.

Names and types are those of the service metadata of 2025; sizes are those of the predecessor product's data types and
can be raised in the configuration. `$metadata` itself names no sizes and marks every text as nullable, so neither can
be learnt from it. Source: Microsoft's data-entity pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from headrace.core.contracts import ObjectDescription

NAMESPACE = "Microsoft.Dynamics.DataEntities"
"""Namespace of every enumeration in a filter literal."""

COMPANY = "dataAreaId"
LEGAL_ENTITIES = "LegalEntities"
"""Name under which the source tells in which configured companies a shared record counts, in lower case, sorted."""

DOCUMENT_NUMBER, TOTAL_AMOUNT = "DocumentNumber", "TotalAmount"
"""Pseudo fields of documents: the number that stands on the document, by which one that is there already is found, and
what its lines come to, by which it is known for the same. Never written."""

Kind = Literal["string", "memo", "decimal", "integer", "boolean", "enum", "date", "datetime", "binary", "list"]
"""`boolean` is the enumeration NoYes, `memo` text without limit that no filter accepts, `date` a day at noon UTC.

`binary` is only written; `list` is only ever a pseudo field.
"""

Display = Literal["", "default", "ledger", "account"]
"""How a text is put together: dimensions in the default format, with the main account in the ledger format, or an
account: of a ledger in that format, else its number, in which the delimiter is escaped."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its kind, its size as text, its enumeration type, how it is put together, when it may be written.

    `account_type` of an account is the field that says what kind of account it is, and what that is if it is not sent.
    """

    kind: Kind
    size: int | None = None
    enum: str = ""
    read_only: bool = False
    display: Display = ""
    account_type: tuple[str, str] = ("", "")


TEXT = Field("string")
"""What a field that is not declared here (an extension of a customer's own) is taken for."""


@dataclass(frozen=True, slots=True)
class EntitySet:
    """One OData entity set. `required` lists, for a create, groups of fields of which one must be set."""

    name: str
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    required: tuple[tuple[str, ...], ...] = ()
    pseudo: Mapping[str, Field] | None = None
    """Fields that F&O does not have: the target replaces them before it calls, or the source adds them."""
    lists: Mapping[str, Mapping[str, Field]] = field(default_factory=dict)
    """Pseudo fields that hold rows, with the fields of those."""
    creatable: bool = True
    companies: tuple[str, ...] = (COMPANY,)
    """Key fields that hold a company; the first one says whose the row is."""
    blank: tuple[str, ...] = ()
    """Key fields that may be empty."""
    keeps_dimensions: bool = False
    """It is posted to the ledger: dimensions that F&O does not keep as they were sent are a human's to see to."""

    @property
    def company(self) -> str:
        """The key field that says to which legal entity a row belongs, "" if rows are shared."""
        return next((name for name in self.companies if name in self.key), "")

    @property
    def has_company(self) -> bool:
        """Whether its rows belong to legal entities; shared ones have no `dataAreaId`."""
        return bool(self.company)

    def field(self, name: str) -> Field:
        """Return the field; one that is not declared counts as plain text."""
        return self.fields.get(name) or (self.pseudo or {}).get(name, TEXT)

    def describe(self) -> ObjectDescription:
        """Return the description for mapping checks."""
        fields = {**self.fields, **(self.pseudo or {})}
        described = {name: _WORDS.get(each.kind, each.kind) for name, each in fields.items()}
        for name, columns in self.lists.items():
            described[name] = "list"
            described |= {f"{name}[].{part}": _WORDS.get(each.kind, each.kind) for part, each in columns.items()}
        return ObjectDescription(
            name=self.name,
            fields=described,
            writable=frozenset(name for name, each in fields.items() if not each.read_only),
        )


_WORDS = {"memo": "string", "enum": "string", "binary": "object"}


def texts(size: int, *names: str) -> dict[str, Field]:
    """Return text fields of one size."""
    return {name: Field("string", size) for name in names}


def every(kind: Kind, *names: str) -> dict[str, Field]:
    """Return fields of one kind."""
    return {name: Field(kind) for name in names}


def read_only(fields: Mapping[str, Field]) -> dict[str, Field]:
    """Return the same fields, not to be written."""
    return {name: replace(each, read_only=True) for name, each in fields.items()}


def address(prefix: str, *names: str) -> dict[str, Field]:
    """Return the fields of an address; parts have the same size wherever they stand."""
    return {f"{prefix}{name}": Field("string", _ADDRESS_SIZES[name]) for name in names}


_ADDRESS_SIZES = {
    "Description": 60,
    "Street": 250,
    "StreetNumber": 20,
    "City": 60,
    "ZipCode": 10,
    "State": 10,
    "StateId": 10,
    "County": 10,
    "CountyId": 10,
    "CountryRegionId": 10,
    "LocationId": 20,
    "Name": 60,
}

DIMENSIONS = Field("string", 500, display="default")
LEDGER_ACCOUNT = Field("string", 500, display="ledger")
