"""What applying a mapping gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.core.conversion import Conversion
from headrace.mapping.running import Missing, Reference, StepValue


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a record says, in canonical words.

    `data` holds the asserted top-level fields only; `asserted` names them: None in `data` means "cleared", a field
    that is not there means "unknown". `natural_keys` are case-folded and trimmed, empty ones left out; so are empty
    `facts`.
    """

    data: dict[str, Any]
    asserted: tuple[str, ...]
    legal_entity: str | None
    occurred_at: datetime | None
    marker: str | None
    natural_keys: Mapping[str, str]
    references: tuple[Reference, ...]
    facts: Mapping[str, str] = field(default_factory=dict)
    id: str | None = None
    """What the event is about, where that is not the record itself."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A named rule of the mapping says that the record does not concern this mapping (I9)."""

    rule: str


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One record to write.

    `marker` is the key by which VERIFY finds our own write (I4); `match` are other natural keys, in order, those with
    an empty part left out. Values may be `StepValue` until `fill`. `identity` is the name under which links know the
    record, "" for the object's. With `create` false only a linked record is completed. `once`: for a create alone.
    `open`: what holds of a record that can take more. `adopt`: fields by which somebody else's document is known.
    `record`: id of a record that the event only names, "" for one of its own.
    """

    step: str
    object: str
    fields: dict[str, Any]
    marker: dict[str, Any]
    match: tuple[dict[str, Any], ...] = ()
    identity: str = ""
    create: bool = True
    once: frozenset[str] = frozenset()
    open: Mapping[str, Any] = field(default_factory=dict)
    adopt: tuple[str, ...] = ()
    record: str = ""

    @property
    def known_as(self) -> str:
        """The name under which links know the record."""
        return self.identity or self.object

    @property
    def waits(self) -> bool:
        """Whether a value is still to come from an earlier step."""
        return any(value.__class__ is StepValue for value in self.fields.values())


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a field of a step has its value, for people."""

    step: str
    field: str
    value: Any
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """A fact of a referenced record keeps a new record back; `policy` says what happens, `detail` is for people."""

    rule: str
    policy: str
    entity: str
    canonical_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event asks of a target. With anything in `missing` the steps are incomplete and must not be run."""

    steps: tuple[PlannedStep, ...]
    missing: tuple[Missing, ...]
    held: tuple[Held, ...] = ()
    reviews: tuple[tuple[str, str], ...] = ()
    """Rules that have a human decide first, each with what it met."""
    conversion: Conversion | None = None
    """What the amounts were before `convert` put them into another currency."""
    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False, compare=False)
    """Step (without item id) → field → why."""

    @property
    def explanation(self) -> tuple[Explained, ...]:
        """Every written field with its value and the reason in words; put together when asked for."""
        return tuple(
            Explained(step.step, name, value, self.reasons.get(step.step.partition(":")[0], {}).get(name, ""))
            for step in self.steps
            for name, value in step.fields.items()
        )
