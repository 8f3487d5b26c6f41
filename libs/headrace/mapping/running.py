"""What one application of a mapping carries along: the record, what the pipeline offers, what was found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol

from headrace.core.conversion import Conversion
from headrace.core.rates import Quote

Transforms = Mapping[str, Callable[..., Any]]
"""Functions of a connector by name; arguments come by keyword."""


class InContext(Protocol):
    """What the pipeline gives to `map_in`: the connection's name, and canonical ids of referenced records."""

    @property
    def connection(self) -> str:
        """Name of the connection that the record comes from."""

    def canonical_id(self, entity: str, obj: str, external_id: str) -> str:
        """Return the canonical id of a referenced record, minting it if nothing knows it (design §6).

        `obj` is the identity name. Errors of `core.errors` pass through the mapping.
        """


class OutContext(Protocol):
    """What the pipeline gives to `map_out`: the links of its target connection."""

    def linked(self, canonical_id: str, obj: str, scope: str | None) -> str | None:
        """Return the target id of a record's link, or None.

        `scope` (a legal entity, or None) restricts it to target ids whose company part equals it, whatever the case.
        """

    def fact(self, canonical_id: str, obj: str, scope: str | None, name: str) -> str | None:
        """Return what is known of a linked record under a name ("on_hold"), None if nothing is."""

    def rate(self, rate_type: str, from_currency: str, to_currency: str, on: date) -> Quote | None:
        """Return the exchange rate of a day, None if nobody told it yet (what `convert` asks)."""


@dataclass(frozen=True, slots=True)
class RecordMeta:
    """What `meta` offers to paths of an in mapping."""

    connection: str
    object: str
    external_id: str
    version: str
    modified_at: datetime | None
    deleted: bool
    own: bool
    told: bool = False
    """Whether an event of this entity was told of the record before."""


class Reference(NamedTuple):
    """Another record that this one names (schema `com.headrace.common.Reference`).

    `object` is the name under which links know the record, `canonical_id` what consumers link by.
    """

    entity: str
    connection: str
    object: str
    external_id: str
    canonical_id: str
    name: str | None = None
    number: str | None = None
    email: str | None = None
    tax_number: str | None = None

    def as_data(self) -> dict[str, Any]:
        """Return it as event data; without a tax number it is the same content as before there was that field."""
        data = self._asdict()
        if self.tax_number is None:
            del data["tax_number"]
        return data


@dataclass(frozen=True, slots=True)
class Missing:
    """A referenced record that has no link in the target yet.

    `by` are natural keys to look it up in the target, in order; `path` is where the event names it
    ("lines[1].product"), `detail` is the sentence for the operator, `address` what links know the referenced record by.
    """

    entity: str
    canonical_id: str
    object: str
    scope: str | None
    by: tuple[Mapping[str, Any], ...]
    path: str
    detail: str
    address: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class StepValue:
    """A value that an earlier step's answer will hold; `fill` replaces it."""

    step: str
    field: str


class Run:
    """One application of one mapping to one record."""

    __slots__ = (
        "context",
        "conversion",
        "done",
        "label",
        "lenient",
        "meta",
        "missing",
        "place",
        "references",
        "root",
        "transforms",
    )

    def __init__(
        self,
        root: Any,
        meta: Any,
        context: Any,
        transforms: Transforms,
        lenient: bool,
        done: frozenset[str] = frozenset(),
    ) -> None:
        self.root = root
        self.meta = meta
        self.context = context
        self.transforms = transforms
        self.lenient = lenient
        """A deleted record: what its source no longer tells is unknown, and fails nothing."""
        self.done = done
        """Names of the steps whose records are there already."""
        self.conversion: Conversion | None = None
        """How the document came into another currency, if `convert` did that."""
        self.references: list[Reference] = []
        self.missing: list[Missing] = []
        self.place = ""
        """Path of the current item with its position, and a dot ("lines[1]."), for `Missing.path`."""
        self.label = ""
        """The current item for people ("line 2: ")."""


Evaluate = Callable[[Any, Run], Any]
"""A compiled expression: called with the current item and the run."""
