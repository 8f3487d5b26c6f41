"""How the records of a load ended, or would end, read from the audit: for each record and target one ending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from headrace.core.outcome import Outcome, ParkReason
from headrace.pipeline.inbox import LOAD
from headrace.pipeline.loading import HELD, PHASE


class Ending(StrEnum):
    """What becomes of a record on a target; names the files of a dry run."""

    CREATE = "create"
    MATCH = "match"
    """A record that is there is taken over; what differs is left as it is, but for what rules of ownership allow."""
    UPDATE = "update"
    """Written before, and changed since."""
    UNCHANGED = "unchanged"
    SKIP = "skip"
    CONFLICT = "conflict"
    """Several records fit, or the one that fits is somebody else's: a human decides."""
    WAIT = "wait"
    """Something that it refers to is not in the target; it goes on by itself once that is there."""
    REJECT = "reject"
    """A value does not fit."""
    OPEN = "under way"
    """Not settled when the audit was read."""


DONE = {
    Ending.CREATE: "created",
    Ending.MATCH: "matched",
    Ending.UPDATE: "updated",
    Ending.UNCHANGED: "unchanged",
    Ending.SKIP: "skipped",
    Ending.CONFLICT: "for review",
    Ending.WAIT: "waiting",
    Ending.REJECT: "rejected",
    Ending.OPEN: "under way",
}
"""The endings in words after a real load."""


@dataclass(frozen=True, slots=True)
class Result:
    """One record's ending on one target; `target` is empty if it ends before any."""

    object: str
    external_id: str
    entity: str
    target: str
    ending: Ending
    canonical_id: str = ""
    target_object: str = ""
    """Set if a record of somebody else was found there: that record's object."""
    target_id: str = ""
    keys: Mapping[str, Any] = field(default_factory=dict)
    """By which the record was found in the target; empty if by a link."""
    differences: str = ""
    """What the target holds instead of the source's values."""
    changes: Sequence[Mapping[str, Any]] = ()
    """Calls that would be made, in a dry run."""
    reason: str = ""


_SETTLED = {
    Outcome.CREATED: Ending.CREATE,
    Outcome.ADOPTED: Ending.MATCH,
    Outcome.UPDATED: Ending.UPDATE,
    Outcome.UNCHANGED: Ending.UNCHANGED,
    Outcome.SKIPPED: Ending.SKIP,
    Outcome.DELETED: Ending.UPDATE,
}
_PARKED = {
    ParkReason.WAITING: Ending.WAIT,
    ParkReason.REVIEW: Ending.CONFLICT,
    ParkReason.UNKNOWN: Ending.CONFLICT,
    ParkReason.REJECTED: Ending.REJECT,
    ParkReason.UNDECODABLE: Ending.REJECT,
}
_STUCK = frozenset(_PARKED.values())
_NORMALISED = {"skipped": Ending.SKIP, "ignored": Ending.SKIP, "repeated": Ending.UNCHANGED}
_SEEN = ("seen", "stale", "parked already")


@dataclass(slots=True)
class _Event:
    """One event of the load: where it came from, and how far each target is."""

    result: Result
    event_id: str
    ends: dict[str, Result] = field(default_factory=dict)
    matches: dict[str, Mapping[str, Any]] = field(default_factory=dict)


class Endings:
    """Reads lines of the audit in their order.

    Args:
        connection: the connection that is loaded.
        obj: the object.
        identities: under which names its records are linked.
        targets: target connection → entities that it takes.
    """

    def __init__(
        self, connection: str, obj: str, identities: Iterable[str], targets: Mapping[str, Sequence[str]]
    ) -> None:
        self._connection = connection
        self._objects = {obj, *identities}
        self._object = obj
        self._targets = targets
        self._ended: dict[str, dict[tuple[str, str], Result]] = {}
        self._events: dict[tuple[str, str, str], _Event] = {}
        self._by_canonical: dict[str, _Event] = {}

    def read(self, line: Mapping[str, Any]) -> None:
        """Take note of one line (`internal/attempt.v1`)."""
        if line["connection"] == self._connection:
            if line["source_object"] in self._objects and line["phase"] in ("normalise", PHASE):
                self._read_normalised(line)
        elif line["canonical_id"] in self._by_canonical:
            self._read_processed(self._by_canonical[line["canonical_id"]], line)

    def parked(self, external_id: str, reason: str) -> None:
        """Take note of why the normaliser parked a record: the audit tells the words only."""
        ended = self._ended.get(external_id, {})
        for address, result in ended.items():
            if result.ending in _STUCK:
                ended[address] = replace(result, ending=_PARKED.get(ParkReason(reason), Ending.REJECT))

    def results(self) -> list[Result]:
        """Return one result for each record, entity and target."""
        found = [result for ended in self._ended.values() for result in ended.values()]
        for event in self._events.values():
            takers = [name for name, entities in self._targets.items() if event.result.entity in entities]
            if not takers:
                found.append(replace(event.result, ending=Ending.SKIP, reason="no target takes it"))
            found += [event.ends.get(name, replace(event.result, target=name)) for name in takers]
        return found

    def _read_normalised(self, line: Mapping[str, Any]) -> None:
        outcome, entity, external_id = line["outcome"], line["entity"], line["external_id"]
        address = (line["source_object"], external_id, entity)
        result = Result(self._object, external_id, entity, "", Ending.OPEN, reason=line["detail"])
        if outcome in ("emitted", "echo"):
            if line["detail"] == LOAD:
                result = replace(result, canonical_id=line["canonical_id"], reason="")
                self._events[address] = self._by_canonical[line["canonical_id"]] = _Event(result, line["event_id"])
                self._forget(external_id, entity)
            return
        if address in self._events:
            return  # read again by a resumed load, after it was told
        ending = Ending.CONFLICT if outcome == HELD else _NORMALISED.get(outcome, Ending.REJECT)
        self._forget(external_id, entity)
        self._ended.setdefault(external_id, {})[line["source_object"], entity] = replace(result, ending=ending)

    def _forget(self, external_id: str, entity: str) -> None:
        """Drop how a record ended before: it was mended and read again."""
        ended = self._ended.get(external_id, {})
        for key in [key for key in ended if key[1] in ("", entity)]:
            del ended[key]

    def _read_processed(self, event: _Event, line: Mapping[str, Any]) -> None:
        target, phase, outcome = line["connection"], line["phase"], line["outcome"]
        ours = line["event_id"] == event.event_id
        if phase == "match" and outcome == "found" and ours:
            event.matches.setdefault(target, line)
            return
        ending, reason = _ending(phase, outcome, line["detail"])
        before = event.ends.get(target)
        if ending is None or not (ours or (before is not None and before.ending in _STUCK)):
            return
        match = event.matches.get(target, {})
        if match and ending is Ending.UPDATE:
            ending = Ending.MATCH
        event.ends[target] = replace(
            event.result,
            target=target,
            ending=ending,
            target_object=match.get("object", ""),
            target_id=line["target_id"] or match.get("target_id", ""),
            differences=match.get("detail", ""),
            reason=reason,
        )


def _ending(phase: str, outcome: str, detail: str) -> tuple[Ending | None, str]:
    if phase == "settle" and outcome in _SETTLED:
        return _SETTLED[Outcome(outcome)], detail
    if phase == "park" and outcome == Outcome.PARKED:
        reason, _, words = detail.partition(": ")
        return _PARKED.get(ParkReason(reason), Ending.CONFLICT), words
    if phase == "decide" and outcome == Outcome.SKIPPED:
        return (Ending.UNCHANGED if detail in _SEEN else Ending.SKIP), detail
    return None, ""


Counts = dict[tuple[str, str], dict[Ending, int]]
"""Entity and target → ending → records."""


def tally(results: Iterable[Result], before: Counts | None = None) -> Counts:
    """Return how many records ended how, added to the counts `before`."""
    counts = {key: dict(row) for key, row in (before or {}).items()}
    for result in results:
        row = counts.setdefault((result.entity, result.target), {})
        row[result.ending] = row.get(result.ending, 0) + 1
    return counts
