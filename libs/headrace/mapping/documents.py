"""Mapping documents: what a YAML file may say, for each direction."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, StringConstraints

from headrace.mapping.conditions import Condition
from headrace.mapping.expressions import Expression, Node, Scalar
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
    """A system's record → canonical data. `identity` is the name under which links know the record."""

    direction: Literal["in"]
    object: Name
    identity_: Name | None = Field(None, alias="identity")
    legal_entity: Expression | None = None
    occurred_at: Expression | None = None
    marker: Expression | None = None
    natural_keys: dict[Name, Expression] = Field(default_factory=dict)
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
    """

    step: StepName
    object: Name
    each: PathField | None = None
    id: Expression | None = None
    where: Condition | None = None
    marker: list[Name] = Field(min_length=1)
    match: list[Annotated[list[Name], Field(min_length=1)]] = Field(default_factory=list)
    fields: dict[Name, Expression] = Field(min_length=1)


class OutMapping(Document):
    """A canonical event → steps on a target."""

    direction: Literal["out"]
    on_change: Literal["review", "update", "ignore"] = "update"
    on_delete: Literal["skip", "review", "delete"] = "skip"
    steps: list[Step] = Field(min_length=1)

    @cached_property
    def program(self) -> OutProgram:
        """The document compiled; raises ConfigurationError if it contradicts itself."""
        return OutProgram(self)
