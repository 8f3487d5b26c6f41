"""Who may write a field (I8): rules of configuration, decided from what each source last said of it.

An **origin** is a connection, or one legal entity of it ("erp/usmf") where its records belong to companies. A
**claim** is what an origin last said of a field. Pure: every worker that reads the same events comes to the same
verdicts, so that both sides of a conflict end the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from headrace.core import values
from headrace.core.event import CanonicalEvent, Change, Meta
from headrace.core.refs import decode_key

LATEST = "latest"
REVIEW = "review"
ALL_FIELDS = "*"


@dataclass(frozen=True, slots=True)
class Claim:
    """What an origin said of a field.

    `value` is a hash, "" for an empty value. `at` is when it began to say so (UTC). `own` is false if the value is what
    Headrace wrote there: then it is no word of its own, and wins nothing (I7).
    """

    value: str
    at: datetime
    own: bool = True


Claims = Mapping[str, Mapping[str, Claim]]
"""Origin → field → claim."""


class Verdict(StrEnum):
    """What becomes of a field that differs."""

    WRITE = "write"
    KEEP = "keep"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a field's owner is found: the first of `owners` that ever said something, or "latest", or "review"."""

    owners: tuple[str, ...] = ()
    kind: str = ""

    @classmethod
    def parse(cls, value: str | Sequence[str]) -> Rule:
        """Return the rule that configuration gives: "latest", "review", a connection, or several in order."""
        if value in (LATEST, REVIEW):
            return cls(kind=str(value))
        return cls((value,) if isinstance(value, str) else tuple(value))

    def rank(self, origin: str) -> int | None:
        """Return the place of an origin among the owners, None if it is none of them."""
        return next((at for at, name in enumerate(self.owners) if _is(name, origin)), None)

    def __str__(self) -> str:
        """Return the rule as people write it."""
        return self.kind or f"owner {', then '.join(self.owners)}"


@dataclass(frozen=True, slots=True)
class Ruling:
    """The verdict on one field, and whether both sides had changed it."""

    verdict: Verdict
    contested: bool
    rule: Rule


class Ownership:
    """The rules of one entity.

    Args:
        rules: canonical field, or "*" for all others, to its rule. A field without one is written by every source.
    """

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = dict(rules)

    def rule(self, field: str) -> Rule | None:
        """Return the rule of a field."""
        return self._rules.get(field) or self._rules.get(ALL_FIELDS)

    def origin(self, meta: Meta) -> str:
        """Return whose word an event is: one identity may have a record in each of several companies."""
        if "=" not in meta.external_id:
            return meta.connection
        company = next(iter(decode_key(meta.external_id).values()))
        return f"{meta.connection}/{company.casefold()}"

    def heard(self, claims: Claims, event: CanonicalEvent) -> tuple[dict[str, dict[str, Claim]], frozenset[str]]:
        """Return the claims after an event, and the fields that its source changed by its own word.

        A record that is gone says nothing any more.
        """
        meta, origin = event.meta, self.origin(event.meta)
        if meta.change is Change.DELETE:
            return {name: dict(each) for name, each in claims.items() if name != origin}, frozenset()
        said = dict(claims.get(origin, {}))
        changed = set()
        for field in meta.asserted:
            if self.rule(field) is None:
                continue
            value, before = fingerprint(event.data.get(field)), said.get(field)
            if before is not None and before.value == value and field not in meta.renewed:
                continue
            # A field that was empty from the beginning was never said to be so.
            own = field not in meta.echoed and (bool(value) or before is not None)
            said[field] = Claim(value, meta.occurred_at, own)
            if said[field].own:
                changed.add(field)
        return {**{name: dict(each) for name, each in claims.items()}, origin: said}, frozenset(changed)

    def decide(
        self, field: str, source: str, target: str, before: Claims, after: Claims, changed: frozenset[str]
    ) -> Ruling | None:
        """Say whether a source's value may take the place of what a target holds.

        Args:
            field: canonical field.
            source: origin of the event.
            target: connection that would be written.
            before: claims before the event.
            after: claims after it.
            changed: what the event changed, as `heard` returned.

        Returns:
            None if no rule concerns the field.
        """
        rule = self.rule(field)
        ours = after.get(source, {}).get(field)
        if rule is None or ours is None:
            return None
        spoke = before.get(source, {}).get(field)
        theirs = max(
            (claim for origin, claim in _own(after, field) if _is(target, origin)),
            key=lambda claim: claim.at,
            default=None,
        )
        differs = theirs is not None and theirs.value != ours.value
        contested = differs and field in changed and theirs is not None and (spoke is None or theirs.at > spoke.at)
        return Ruling(self._verdict(rule, field, source, after, changed, contested, spoke is None), contested, rule)

    def loses(self, field: str, origin: str, claims: Claims) -> bool:
        """Say whether the word of `origin` gives way to another's that is known: what it holds must be put back."""
        rule = self.rule(field)
        ours = claims.get(origin, {}).get(field)
        if rule is None or ours is None or not ours.own or rule.kind == REVIEW:
            return False
        others = [(name, claim) for name, claim in _own(claims, field) if name != origin and claim.value != ours.value]
        if rule.kind == LATEST:
            return any((claim.at, name) > (ours.at, origin) for name, claim in others)
        mine, ranks = rule.rank(origin), _ranks(rule, others)
        return bool(ranks) and (mine is None or min(ranks) < mine)

    def _verdict(
        self, rule: Rule, field: str, source: str, claims: Claims, changed: frozenset[str], contested: bool, first: bool
    ) -> Verdict:
        ours = claims[source][field]
        if not ours.own:
            return Verdict.KEEP
        if rule.kind == REVIEW:
            if contested:
                # First contact of two records that were there: nobody changed anything, so nobody is asked.
                return Verdict.KEEP if first else Verdict.REVIEW
            return Verdict.WRITE if field in changed else Verdict.KEEP
        others = [(name, claim) for name, claim in _own(claims, field) if name != source and claim.value != ours.value]
        if rule.kind == LATEST:
            later = any((claim.at, name) > (ours.at, source) for name, claim in others)
            return Verdict.KEEP if later else Verdict.WRITE
        mine = rule.rank(source)
        if mine is None:
            return Verdict.KEEP
        return Verdict.KEEP if any(rank < mine for rank in _ranks(rule, others)) else Verdict.WRITE


def fingerprint(value: Any) -> str:
    """Return a short hash of a canonical value, "" for an empty one."""
    if value is None or value in ("", [], {}):
        return ""
    return hashlib.sha256(values.dump(value)).hexdigest()[:10]


def _ranks(rule: Rule, others: Iterable[tuple[str, Claim]]) -> list[int]:
    """Return the places of those whose word counts; to clear a field is a word too."""
    return [rank for name, _ in others if (rank := rule.rank(name)) is not None]


def _own(claims: Claims, field: str) -> Iterator[tuple[str, Claim]]:
    for origin, said in claims.items():
        claim = said.get(field)
        if claim is not None and claim.own:
            yield origin, claim


def _is(name: str, origin: str) -> bool:
    return origin == name.casefold() or origin == name or origin.startswith(f"{name}/")
