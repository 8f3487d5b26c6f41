"""The rules of ownership applied to one event on one target (I8): what may be written, contested, or put back.

`core/ownership.py` decides on canonical fields; here its verdicts meet the fields of planned steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.core.errors import NeedsReview
from headrace.core.event import CanonicalEvent
from headrace.core.ownership import Claims, Ownership, Ruling, Verdict
from headrace.pipeline.state import Step

Reads = Mapping[str, Mapping[str, frozenset[str]]]
"""Step → field of the target → canonical fields that its value is made of."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Both sides changed a field: both values, who said them, and what the rule made of it."""

    field: str
    outcome: str
    detail: str


class Owning:
    """The verdicts on one event.

    Args:
        ownership: the rules of its entity.
        target: the connection that would be written.
        event: the event.
        claims: what every origin said before it.
        reads: of the target's mapping.
        asked: fields for which an operator decided that the source's values count.
        earlier: an event of the same record that is parked and gives way to this one: what it said was said.
    """

    def __init__(
        self,
        ownership: Ownership,
        target: str,
        event: CanonicalEvent,
        claims: Claims,
        reads: Reads,
        asked: Collection[str] = (),
        earlier: CanonicalEvent | None = None,
    ) -> None:
        self._ownership = ownership
        self._target = target
        self._event = event
        self._before = claims
        self._reads = reads
        self._asked = asked
        self._origin = ownership.origin(event.meta)
        said, changed = (claims, frozenset[str]()) if earlier is None else ownership.heard(claims, earlier)
        self.claims, now = ownership.heard(said, event)
        self._changed = changed | now
        self.conflicts: list[Conflict] = []

    def rules(self, step: str, name: str) -> bool:
        """Say whether any rule concerns a field."""
        return any(self._ownership.rule(field) is not None for field in self._fields(step, name))

    def permitted(self, step: str, existing: Step, differing: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that may be written; conflicts are noted in `conflicts`.

        Args:
            step: name of the step.
            existing: what its record holds.
            differing: fields that differ, with the values of the event.

        Raises:
            NeedsReview: a field that both sides changed has the rule "review".
        """
        allowed, asked = {}, {}
        for name, value in differing.items():
            rulings = self._rulings(step, name)
            if not rulings or name in self._asked:
                allowed[name] = value
                continue
            verdicts = {ruling.verdict for _, ruling in rulings}
            verdict = next(each for each in (Verdict.REVIEW, Verdict.KEEP, Verdict.WRITE) if each in verdicts)
            if verdict is Verdict.WRITE:
                allowed[name] = value
            elif verdict is Verdict.REVIEW:
                asked[name] = (value, existing.holds(name))
            for field, ruling in rulings:
                if ruling.contested:
                    self.conflicts.append(self._conflict(field, ruling, verdict, value, existing.holds(name)))
        if asked:
            raise NeedsReview("changed on both sides", self._question(asked), asked)
        return allowed

    def uncertain(self, step: str, names: Iterable[str]) -> bool:
        """Say whether the target's own word could win one of these fields: then its record is read before a change."""
        return any(
            ruling.rule.rank(self._origin) != 0
            for name in names
            if name not in self._asked
            for _, ruling in self._rulings(step, name)
        )

    @property
    def target_is_unheard(self) -> bool:
        """Whether the target itself has not told of this record yet."""
        return not any(origin.partition("/")[0] == self._target for origin in self.claims)

    def losing(self, step: str, names: Iterable[str]) -> list[str]:
        """Return the fields that the target changed by itself although another's word counts: they are put back."""
        return [
            name
            for name in names
            if any(
                field in self._changed and self._ownership.loses(field, self._origin, self.claims)
                for field in self._fields(step, name)
            )
        ]

    def _rulings(self, step: str, name: str) -> list[tuple[str, Ruling]]:
        found = []
        for field in sorted(self._fields(step, name)):
            ruling = self._ownership.decide(field, self._origin, self._target, self._before, self.claims, self._changed)
            if ruling is not None:
                found.append((field, ruling))
        return found

    def _fields(self, step: str, name: str) -> frozenset[str]:
        return self._reads.get(step.partition(":")[0], {}).get(name, frozenset())

    def _conflict(self, field: str, ruling: Ruling, verdict: Verdict, ours: Any, theirs: Any) -> Conflict:
        words = {Verdict.WRITE: "source", Verdict.KEEP: "target", Verdict.REVIEW: "review"}
        taken = {Verdict.WRITE: self._origin, Verdict.KEEP: self._target, Verdict.REVIEW: "to be decided"}[verdict]
        detail = f"{field}: {self._said(self._origin, field, ours)}; {self._said(self._target, field, theirs)}; "
        return Conflict(field, words[verdict], f"{detail}{ruling.rule}: {taken}")

    def _said(self, name: str, field: str, value: Any) -> str:
        claims = [said[field] for origin, said in self.claims.items() if field in said and _is(name, origin)]
        at = max((claim.at for claim in claims), default=None)
        return f"{name} says {value!s}" + (f" since {at:%Y-%m-%d %H:%M:%S}" if at else "")

    def _question(self, asked: Mapping[str, tuple[object, object]]) -> str:
        meta = self._event.meta
        return (
            f"{meta.entity} {meta.external_id}: changed in {self._origin} and in {self._target}: "
            + "; ".join(f"{name}: {ours} or {theirs}" for name, (ours, theirs) in asked.items())
            + f". `headrace review resolve {meta.canonical_id} --take {self._origin.partition('/')[0]}` or "
            f"`--take {self._target}`."
        )


Owner = Callable[[str], Ownership | None]
"""Gives the rules of an entity, None if there are none."""


def _is(name: str, origin: str) -> bool:
    return origin == name or origin.startswith(f"{name}/")
