"""Mapping documents: what a YAML file may say, for each direction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints

from headrace.mapping.checks import Checks
from headrace.mapping.conditions import Condition
from headrace.mapping.expressions import Convert, Expression, Node, Scalar
from headrace.mapping.paths import PathField
from headrace.mapping.programs import InProgram, OutProgram
from headrace.mapping.values import to_text

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Rule = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
StepName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*$")]


def _table_keys(table: dict[str | int, Any]) -> dict[str | int, Any]:
    seen = {to_text(name) for name in table}
    if len(seen) != len(table):
        raise ValueError("two keys read the same as text")
    return table


Table = Annotated[dict[str | int, Scalar], AfterValidator(_table_keys)]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document came from: its file, the line of each part, and a short hash of its content."""

    file: str = "<mapping>"
    lines: Mapping[tuple[str | int, ...], int] = field(default_factory=dict)
    fingerprint: str = ""


class Document(Node):
    """What both directions share."""

    system: Name
    entity: Name
    version: int = Field(ge=1)
    when: dict[Rule, Condition] = Field(default_factory=dict)
    tables: dict[Name, Table] = Field(default_factory=dict)
    _origin: Origin = PrivateAttr(default_factory=Origin)

    @property
    def file(self) -> str:
        """The file that the document was read from, for messages."""
        return self._origin.file

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of the file's content: the mapping version that state remembers."""
        return self._origin.fingerprint or hashlib.sha256(repr(self).encode()).hexdigest()[:12]

    def line(self, location: tuple[str | int, ...]) -> int:
        """Return the line of a part, or of the nearest part around it that has one; 0 if unknown."""
        for length in range(len(location), -1, -1):
            if location[:length] in self._origin.lines:
                return self._origin.lines[location[:length]]
        return 0

    def read_from(self, origin: Origin) -> None:
        """Remember where the document came from. Called once, by the loader."""
        self._origin = origin


class InMapping(Document):
    """A system's record → canonical data.

    `identity` is the name under which links know the record; `facts` are kept with its link, for the `holds` of others.
    Two records of one connection (and company) with one natural key go to review, unless `same_keys` is "share": then
    they stand for one thing, as two catalogue entries for one item do.
    With `id` the record is not what the event is about: many records tell of that, such as payments of their batch, and
    `id` says of which one. That it is gone is never theirs to tell, and a record without an `id` tells of none.
    """

    direction: Literal["in"]
    object: Name
    identity_: Name | None = Field(None, alias="identity")
    id: Expression | None = None
    legal_entity: Expression | None = None
    occurred_at: Expression | None = None
    marker: Expression | None = None
    natural_keys: dict[Name, Expression] = Field(default_factory=dict)
    same_keys: Literal["review", "share"] = "review"
    facts: dict[Name, Expression] = Field(default_factory=dict)
    fields: dict[Name, Expression] = Field(min_length=1)

    @property
    def identity(self) -> str:
        """The name under which links know this record: its own, or the object's."""
        return self.identity_ or self.object

    @cached_property
    def program(self) -> InProgram:
        """The document compiled; raises ConfigurationError if it contradicts itself."""
        return InProgram(self)


class Step(Node):
    """One record of the target, or one for each item of a canonical list.

    `marker` names the fields by which our own write is found again (I4); `match` lists other natural keys, tried in
    order before a create. With `each` the step's name becomes "<step>:<id>". `where` leaves steps or items out.
    With `id` and no `each` there is a record for each value that it ever has, such as a note for each revision.
    `keep` leaves the records of items that are gone: what was sent stays sent, and items with one marker are sent once.
    `identity` is the name under which links know the record, where it is not the object's. `create: never` only
    completes a record that is linked already; a condition says when a new one may be made. With `after` the step is
    taken only where that earlier step's record is there. Fields in `once` are written when the record is created, and
    never after. `open` holds of a record as long as it can take more (`IsPosted: false`): of one of which it does not
    hold another takes the place, for what comes from then on. `adopt` names the fields by which a document that
    somebody else made is known for this one: it is left as it is, with its items.
    `record` is the id of a record that the event names and does not own: it must be there, and `open`; what differs is
    written to it, and it is never made, linked or deleted.
    """

    step: StepName
    object: Name
    identity: Name | None = None
    record: Expression | None = None
    create: Literal["missing", "never"] | Condition = "missing"
    after: StepName | None = None
    each: PathField | None = None
    id: Expression | None = None
    keep: bool = False
    where: Condition | None = None
    marker: list[Name] = Field(default_factory=list)
    match: list[Annotated[list[Name], Field(min_length=1)]] = Field(default_factory=list)
    once: list[Name] = Field(default_factory=list)
    open: dict[Name, Scalar] = Field(default_factory=dict)
    adopt: list[Name] = Field(default_factory=list)
    fields: dict[Name, Expression] = Field(min_length=1)


class Hold(Node):
    """A fact of a referenced record that keeps a new record back: a customer on hold, an item that is stopped.

    The fact is kept with the record's link in the target connection (`facts` of its in mapping). It holds the new
    record back if it is one of `in`, or a number below `below` (in `unit`, where the fact ends with one). `then`: wait
    until the fact changes, ask a human, skip the record, or send it all the same.
    """

    of: PathField
    each: PathField | None = None
    object: Name
    scope: Expression | None = None
    fact: Name
    in_: list[str] | None = Field(None, alias="in", min_length=1)
    below: Expression | None = None
    unit: Expression | None = None
    then: Literal["wait", "review", "skip", "send"] = "review"


Gone = Literal["skip", "review", "delete"]


class OutMapping(Document):
    """A canonical event → steps on a target. A condition of `review` that holds has a human decide before all else."""

    direction: Literal["out"]
    on_change: Literal["review", "update", "ignore"] = "update"
    on_delete: Gone | dict[Rule, Gone] = "skip"
    review: dict[Rule, Condition] = Field(default_factory=dict)
    holds: dict[Rule, Hold] = Field(default_factory=dict)
    checks: Checks = Field(default_factory=Checks)
    convert: Convert | None = None
    steps: list[Step] = Field(min_length=1)

    def when_gone(self, reason: str) -> Gone:
        """Return the policy for a record that is gone at its source: for this reason, else "otherwise"."""
        if isinstance(self.on_delete, str):
            return self.on_delete
        return self.on_delete.get(reason) or self.on_delete.get("otherwise", "review")

    @property
    def known_as(self) -> str:
        """The name under which links know the main record: that of the first step that is no record of another."""
        step = next((step for step in self.steps if step.record is None), self.steps[0])
        return step.identity or step.object

    @cached_property
    def program(self) -> OutProgram:
        """The document compiled; raises ConfigurationError if it contradicts itself."""
        return OutProgram(self)
