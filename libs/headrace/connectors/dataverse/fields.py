"""What is known of columns before the environment is asked: shorthand for the declarations in `objects.py`.

Lengths and types follow the Common Data Model (`schemaDocuments/core/applicationCommon`); where an environment's
differ, its own metadata decides before anything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "integer", "decimal", "money", "boolean", "date", "time", "choice", "lookup", "guid"]

CUSTOM = "custom"
"""Under this name `Record.data` holds custom columns by logical name; "custom.new_total" names one of them."""
CUSTOM_PREFIX = f"{CUSTOM}."
LABEL = "_label"
"""Ends the name under which the label of a choice stands, beside its number: statecode, statecode_label."""

_WORDS: Mapping[Kind, str] = {
    "text": "string",
    "integer": "integer",
    "decimal": "decimal",
    "money": "object",
    "boolean": "boolean",
    "date": "date",
    "time": "datetime",
    "choice": "integer",
    "lookup": "any",
    "guid": "string",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One column: `size` is its longest text; `writes` says when it takes a value, `remedy` what to do instead."""

    kind: Kind
    size: int | None = None
    writes: Literal["always", "create", "never"] = "always"
    remedy: str = ""

    def described(self, name: str) -> dict[str, str]:
        """Return the names and type words that mappings use for it.

        A lookup is read as {type, id, name} and written as text: "account=3f0f9d3e-…"; money is {amount, currency}.
        """
        names = {name: _WORDS[self.kind]}
        if self.kind == "choice":
            names[f"{name}{LABEL}"] = "string"
        elif self.kind == "lookup":
            names |= {f"{name}.{part}": "string" for part in ("type", "id", "name")}
        elif self.kind == "money":
            names |= {f"{name}.amount": "decimal", f"{name}.currency": "string"}
        return names


def text(size: int, *names: str) -> dict[str, Field]:
    """Return text columns of one length."""
    return dict.fromkeys(names, Field("text", size))


def of(kind: Kind, *names: str) -> dict[str, Field]:
    """Return columns of one kind."""
    return dict.fromkeys(names, Field(kind))


def computed(kind: Kind, *names: str, remedy: str = "") -> dict[str, Field]:
    """Return columns that the service keeps."""
    return dict.fromkeys(names, Field(kind, writes="never", remedy=remedy))


def on_create(kind: Kind, *names: str, size: int | None = None, remedy: str = "") -> dict[str, Field]:
    """Return columns that only a create sets."""
    return dict.fromkeys(names, Field(kind, size, "create", remedy))


def address(prefix: str) -> dict[str, Field]:
    """Return the columns of an address."""
    sizes = {"line1": 250, "line2": 250, "line3": 250, "city": 80, "stateorprovince": 50, "postalcode": 20}
    sizes |= {"country": 80}
    return {f"{prefix}_{name}": Field("text", size) for name, size in sizes.items()}


STATE_BY_ACTION = "It changes by an action of the table (win, lose, pay, cancel), which people do in Dynamics."


def common(*, own_state: bool = True) -> dict[str, Field]:
    """Return the columns that all tables have; `own_state` says whether a plain update may change the state."""
    states = of("choice", "statecode", "statuscode")
    if not own_state:
        states = computed("choice", "statecode", "statuscode", remedy=STATE_BY_ACTION)
    return {
        **computed("time", "createdon", "modifiedon", remedy="Dataverse keeps it; write a custom column."),
        **computed("lookup", "createdby", "modifiedby"),
        **computed("integer", "versionnumber"),
        **of("lookup", "ownerid"),
        **on_create("time", "overriddencreatedon"),
        **states,
    }


def priced() -> dict[str, Field]:
    """Return the columns of tables that hold money."""
    return {**of("lookup", "transactioncurrencyid"), **computed("decimal", "exchangerate")}
