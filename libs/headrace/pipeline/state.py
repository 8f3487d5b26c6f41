"""What one target knows of one canonical id: the value of `state.<connection>` (schema `internal/effect.v1`)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from headrace.core import values
from headrace.core.event import Meta
from headrace.core.outcome import Status
from headrace.core.ownership import Claim, Claims

SCHEMA = "internal/effect.v1"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step left in the target.

    `shadow` is what we last wrote there, field by field; `held` is what the target made of it where that differs: a
    text cut, a case folded, an amount rounded. `foreign`: somebody else made this document, and its items are theirs.
    `named`: the record is somebody else's, the event only names it: it is never linked or deleted.
    """

    step: str
    object: str
    target_id: str
    version: str = ""
    op_id: str = ""
    shadow: dict[str, Any] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)
    foreign: bool = False
    named: bool = False

    def holds(self, name: str) -> Any:
        """Return what the target holds in a field, as far as we know."""
        return self.held.get(name, self.shadow.get(name))


@dataclass(frozen=True, slots=True)
class Intent:
    """A change that may be under way: durable before the call (I3). `deadline` is when it can no longer take effect."""

    op_id: str
    step: str
    action: str
    object: str
    target_id: str
    key: dict[str, Any]
    fields: dict[str, Any]
    event_id: str
    deadline: datetime
    owner: str
    attempt: int
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Parked:
    """Work that waits, with the event itself, so that state alone is enough to resume it."""

    reason: str
    label: str
    detail: str
    topic: str
    event: bytes
    event_id: str
    since: datetime
    attempts: int = 0
    next_attempt_at: datetime | None = None
    wait_entity: str = ""
    wait_canonical_id: str = ""
    differences: dict[str, Any] = field(default_factory=dict)
    source: str = ""
    forced: bool = False

    @property
    def awaits_own_word(self) -> bool:
        """Whether it waits for the target to tell of its own record."""
        return bool(self.wait_entity) and not self.wait_canonical_id


@dataclass(frozen=True, slots=True)
class EffectState:
    """All of it; replaced as a whole at each durable write."""

    entity: str
    status: Status = Status.SETTLED
    event_id: str = ""
    source_connection: str = ""
    source_external_id: str = ""
    source_version: str = ""
    topic: str = ""
    partition: int = -1
    offset: int = -1
    mapping_version: str = ""
    outcome: str = ""
    detail: str = ""
    traceparent: str = ""
    claims: Claims = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    intent: Intent | None = None
    parked: Parked | None = None
    behind: tuple[Parked, ...] = ()

    def parked_for(self, source: str) -> Parked | None:
        """Return what is parked of a source record, None if nothing is."""
        return next((each for each in self.all_parked if each.source == source), None)

    @property
    def all_parked(self) -> tuple[Parked, ...]:
        """Everything that is parked, the one that is tried next first."""
        return (self.parked, *self.behind) if self.parked else ()

    def with_parked(self, parked: Parked, *, last: bool = False) -> EffectState:
        """Return the state with an event parked in place of what its record had; behind the others if `last`."""
        others = tuple(each for each in self.all_parked if each.source != parked.source)
        return self._parking(*others, parked) if last else self._parking(parked, *others)

    def without_parked(self, source: str) -> EffectState:
        """Return the state without what is parked of a source record; the next one comes to the front."""
        return self._parking(*(each for each in self.all_parked if each.source != source))

    def _parking(self, *parked: Parked) -> EffectState:
        status = Status.PARKED if parked else Status.SETTLED
        if self.status is status and self.all_parked == parked:
            return self  # as for most events: nothing is parked, and nothing was
        return replace(self, status=status, parked=parked[0] if parked else None, behind=parked[1:])

    @property
    def done(self) -> frozenset[str]:
        """Names of the steps whose records are there."""
        return frozenset(step.step for step in self.steps)

    @property
    def main(self) -> Step | None:
        """What the event's own record left, None if there is none yet."""
        return next((step for step in self.steps if not step.named), None)

    @property
    def is_foreign(self) -> bool:
        """Whether somebody else made the document: it was taken for ours, and is left as it is."""
        return self.main is not None and self.main.foreign

    def step(self, name: str) -> Step | None:
        """Return what step `name` left in the target, None if it was never done."""
        return next((step for step in self.steps if step.step == name), None)

    def with_step(self, done: Step) -> EffectState:
        """Return the state with `done` in place of what that step left before."""
        kept = [done if step.step == done.step else step for step in self.steps]
        return replace(self, steps=tuple(kept if self.step(done.step) else [*kept, done]))

    def without_step(self, name: str) -> EffectState:
        """Return the state after step `name` was undone in the target."""
        return replace(self, steps=tuple(step for step in self.steps if step.step != name))


def to_record(state: EffectState, now: datetime) -> dict[str, Any]:
    """Return the state as the schema's record; not by `asdict`, which copies every shadow deeply at each write."""
    record = _shallow(state)
    record["status"] = state.status.value
    record["updated_at"] = now
    record["steps"] = [_step_out(step) for step in state.steps]
    record["claims"] = values.dump(_claims_out(state.claims)) if state.claims else None
    if state.intent:
        intent = record["intent"] = _shallow(state.intent)
        intent["key_json"] = values.dump(intent.pop("key")).decode()
        intent["fields_json"] = values.dump(intent.pop("fields")).decode()
    record["parked"] = _parked_out(state.parked) if state.parked else None
    record["behind"] = [_parked_out(parked) for parked in state.behind]
    return record


def _shallow(part: EffectState | Step | Intent | Parked) -> dict[str, Any]:
    return {name: getattr(part, name) for name in part.__slots__}


def from_record(record: dict[str, Any]) -> EffectState:
    """Return the state that `to_record` wrote."""
    fields = {**record}
    del fields["updated_at"]
    fields["status"] = Status(fields["status"])
    fields["steps"] = tuple(_step_in(step) for step in record["steps"])
    fields["claims"] = _claims_in(values.load(record["claims"])) if record["claims"] else {}
    if intent := fields["intent"]:
        fields["intent"] = Intent(
            **{name: value for name, value in intent.items() if not name.endswith("_json")},
            key=values.load(intent["key_json"]),
            fields=values.load(intent["fields_json"]),
        )
    fields["parked"] = _parked_in(fields["parked"]) if fields["parked"] else None
    fields["behind"] = tuple(_parked_in(parked) for parked in fields["behind"])
    return EffectState(**fields)


def _step_out(step: Step) -> dict[str, Any]:
    held = values.dump(step.held) if step.held else None
    return {**_shallow(step), "shadow": values.dump(step.shadow), "held": held}


def _step_in(found: dict[str, Any]) -> Step:
    held = values.load(found["held"]) if found["held"] else {}
    return Step(**{**found, "shadow": values.load(found["shadow"]), "held": held})


def _claims_out(claims: Claims) -> dict[str, Any]:
    return {
        origin: {name: [claim.value, int(claim.at.timestamp() * 1000), claim.own] for name, claim in said.items()}
        for origin, said in claims.items()
    }


def _claims_in(found: dict[str, Any]) -> Claims:
    return {
        origin: {
            name: Claim(value, datetime.fromtimestamp(at / 1000, UTC), own) for name, (value, at, own) in said.items()
        }
        for origin, said in found.items()
    }


def _parked_out(parked: Parked) -> dict[str, Any]:
    record = _shallow(parked)
    record["differences_json"] = values.dump(record.pop("differences")).decode()
    return record


def _parked_in(found: dict[str, Any]) -> Parked:
    given = {name: value for name, value in found.items() if not name.endswith("_json")}
    return Parked(**given, differences=values.load(found["differences_json"]))


def source_of(meta: Meta) -> str:
    """Return the name of the record that an event tells of, for what is parked of it."""
    return f"{meta.connection}:{meta.external_id}"
