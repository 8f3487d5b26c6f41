"""What the mappings of a deployment use of one connection, so that `ping` can look whether it is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class FieldNeed:
    """One field of an object that a mapping reads or writes.

    `types` are the type words (see `ObjectDescription`) that do there; None: any, empty: none, since the mapping
    contradicts itself. `where` is file and line. Of a field that is written, `values` are the constants that it may be
    given, and `by_company` those that a table of the mapping holds by legal entity (in lower case).
    """

    object: str
    name: str
    where: str
    writes: bool = False
    types: frozenset[str] | None = None
    searched: bool = False
    """Records are looked up by it: it is part of a mark or of another natural key."""
    values: Sequence[str] = ()
    by_company: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Needs:
    """Fields that mappings use of a connection; legal entities that inward mappings name, each with its place."""

    fields: Sequence[FieldNeed] = ()
    companies: Mapping[str, str] = field(default_factory=dict)

    def of(self, obj: str, *, writes: bool | None = None) -> list[FieldNeed]:
        """Return the needs on one object; `writes` restricts them to what is written, or only read."""
        return [each for each in self.fields if each.object == obj and writes in (None, each.writes)]

    @property
    def written(self) -> list[str]:
        """Objects that are written, in the order of the mappings."""
        return list(dict.fromkeys(each.object for each in self.fields if each.writes))


NOTHING = Needs()
"""No mapping uses the connection, or nobody knows."""
