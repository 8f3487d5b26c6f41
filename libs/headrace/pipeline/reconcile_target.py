"""To a connection: what was written to it, and what its records hold now.

Each record that a step wrote is read and compared with what the state knows it to hold, in the fields that we wrote.
What differs is read anew once the processor is through with what was on its way, against the state as it is then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from headrace.core import values
from headrace.core.contracts import Found, Target
from headrace.core.errors import RejectRecord
from headrace.mapping.documents import InMapping, OutMapping
from headrace.pipeline.links import GONE, Links, facts_of
from headrace.pipeline.operations import drifted, look_up
from headrace.pipeline.reconcile import Direction, Finding, Tally, Verdict, Watcher, in_parallel, patiently
from headrace.pipeline.reconcile_tables import Tables
from headrace.pipeline.state import EffectState, Step

_PORTION = 200
"""Canonical ids whose records are read before the next are taken up."""

Key = tuple[str, str]
"""Canonical id and step."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at the record of a step found; `told` is the event that the state had settled."""

    finding: Finding
    told: str = ""

    def same_as(self, earlier: _Look) -> bool:
        """Say whether nothing has moved since an earlier look."""
        now, then = self.finding, earlier.finding
        held = [{name: theirs for name, (_, theirs) in each.fields.items()} for each in (now, then)]
        return (now.verdict, self.told) == (then.verdict, earlier.told) and values.dump(held[0]) == values.dump(held[1])


class TargetComparison:
    """Compares what was written to one connection with what its records hold.

    Args:
        connection: its name.
        target: reads its records.
        outs: its out mappings, by entity.
        ins: its in mappings, which know what it told to be gone; none if it is not read.
        links: marks and facts, followed.
        tables: of the connection.
        concurrency: calls at once.
        tally: counts what is found.
        watcher: hears how it goes.
    """

    def __init__(
        self,
        connection: str,
        target: Target,
        outs: Mapping[str, OutMapping],
        ins: Sequence[InMapping],
        *,
        links: Links,
        tables: Tables,
        concurrency: int,
        tally: Tally,
        watcher: Watcher,
    ) -> None:
        self._connection = connection
        self._target = target
        self._outs = outs
        self._ins = ins
        self._links = links
        self._tables = tables
        self._concurrency = concurrency
        self._tally = tally
        self._watcher = watcher
        self._objects: frozenset[str] = frozenset()
        self._suspects: dict[Key, _Look] = {}

    @property
    def pending(self) -> set[str]:
        """Objects with records that differed and are to be looked at again."""
        return {look.finding.object for look in self._suspects.values()}

    async def first(self, objects: Collection[str]) -> None:
        """Read the record of every step that wrote one of these objects; what differs is kept for `again`.

        Raises:
            RetryLater, StopConnection: the target cannot be read. KafkaError: Kafka is gone.
        """
        self._objects = frozenset(objects)
        for entity, document in self._outs.items():
            for step in document.steps:
                if step.object in self._objects:
                    self._tally.expect(Direction.TO, step.object, entity)
        counts = dict.fromkeys(sorted(self._objects), 0)
        rows = iter((await self._tables.states()).items())
        while portion := dict(islice(rows, _PORTION)):
            for look in await self._looks(portion):
                counts[look.finding.object] = counts.get(look.finding.object, 0) + 1
                if look.finding.verdict.is_difference:
                    self._suspects[look.finding.canonical_id, look.finding.step] = look
                else:
                    self._tally.add(look.finding)
            for obj, count in counts.items():
                self._watcher.compared(Direction.TO, obj, count)

    async def again(self, last: bool) -> None:
        """Look again at what differed: the processor is through with what was on its way.

        Args:
            last: what still moves is not looked at any more.
        """
        earlier, self._suspects = self._suspects, {}
        ids = sorted({canonical_id for canonical_id, _ in earlier})
        if not ids:
            return
        for obj in sorted({look.finding.object for look in earlier.values()}):
            count = sum(look.finding.object == obj for look in earlier.values())
            self._watcher.looking_again(Direction.TO, obj, count)
        rows = iter((await self._tables.states(ids)).items())
        seen: set[Key] = set()
        while portion := dict(islice(rows, _PORTION)):
            for look in await self._looks(portion, earlier):
                key = (look.finding.canonical_id, look.finding.step)
                before = earlier.get(key)
                if before is None:
                    self._settle_all(look, earlier, seen)
                    continue
                seen.add(key)
                self._decide(key, look, before, last)

    def suspect(self, findings: Iterable[Finding]) -> None:
        """Have records of an earlier comparison looked at again."""
        for finding in findings:
            self._objects |= {finding.object}
            self._suspects[finding.canonical_id, finding.step] = _Look(finding)

    def _settle_all(self, look: _Look, earlier: Mapping[Key, _Look], seen: set[Key]) -> None:
        """Count what differed of an id whose work is parked or under way by now, in that state."""
        for (canonical_id, step), before in earlier.items():
            if canonical_id == look.finding.canonical_id and not look.finding.step and (canonical_id, step) not in seen:
                seen.add((canonical_id, step))
                verdict, detail = look.finding.verdict, look.finding.detail
                self._tally.add(replace(before.finding, verdict=verdict, detail=detail, fields={}))

    def _decide(self, key: Key, look: _Look, before: _Look, last: bool) -> None:
        finding = look.finding
        if finding.verdict.is_difference and not look.same_as(before):
            if not last:
                self._suspects[key] = look
                return
            finding = replace(finding, verdict=Verdict.UNDER_WAY)
        self._tally.add(finding)

    # --- records ---

    async def _looks(self, rows: Mapping[str, bytes], only: Collection[Key] | None = None) -> list[_Look]:
        """Return what is found of some canonical ids, with one look of no step for those whose work is not settled."""
        found: list[_Look] = []
        calls: list[tuple[str, EffectState, Step]] = []
        for canonical_id, row in rows.items():
            state = await self._tables.state(row)
            if state is None:
                continue
            waiting = self._waiting(canonical_id, state)
            if waiting is not None:
                found.append(waiting)
                continue
            calls += [
                (canonical_id, state, step)
                for step in state.steps
                if step.object in self._objects and (only is None or (canonical_id, step.step) in only)
            ]
        return [*found, *await in_parallel(calls, self._concurrency, lambda each: self._look(*each))]

    def _waiting(self, canonical_id: str, state: EffectState) -> _Look | None:
        """Return the look at an id whose work is parked or under way; None if it is settled, or not compared."""
        if state.parked is None and state.intent is None:
            return None
        document = self._outs.get(state.entity)
        written = [step.object for step in state.steps]
        objects = [*written, *(step.object for step in document.steps if document)] if document else written
        obj = next((each for each in objects if each in self._objects), None)
        if obj is None:
            return None
        verdict = Verdict.PARKED if state.parked is not None else Verdict.UNDER_WAY
        detail = state.parked.detail if state.parked is not None else ""
        target_id = next((step.target_id for step in state.steps if step.object == obj), "")
        return _Look(Finding(Direction.TO, obj, target_id, state.entity, verdict, canonical_id, detail=detail))

    async def _look(self, canonical_id: str, state: EffectState, step: Step) -> _Look:
        finding = Finding(
            Direction.TO, step.object, step.target_id, state.entity, Verdict.SAME, canonical_id, step.step
        )
        names = self._written(state, step)
        try:
            found = await self._found(canonical_id, state, step, names)
        except RejectRecord as error:
            return _Look(replace(finding, verdict=Verdict.CANNOT_BE_READ, detail=error.detail), state.event_id)
        if found is None:
            verdict = Verdict.KNOWN_GONE if self._is_told_gone(step) else Verdict.GONE
            return _Look(replace(finding, verdict=verdict), state.event_id)
        fields = drifted(step, found.record, names)
        verdict = Verdict.DIFFERS if fields else Verdict.SAME
        return _Look(replace(finding, verdict=verdict, fields=fields), state.event_id)

    async def _found(self, canonical_id: str, state: EffectState, step: Step, names: Collection[str]) -> Found | None:
        """Read the record of a step; a field that cannot be looked up, as its own reference is gone, tells nothing."""
        whole = look_up(self._connection, state.entity, canonical_id, step, names)
        try:
            return await patiently(lambda: self._target.find(whole), self._watcher.later)
        except RejectRecord:
            bare = replace(whole, fields={})
            return await patiently(lambda: self._target.find(bare), self._watcher.later)

    def _written(self, state: EffectState, step: Step) -> set[str]:
        """Return the fields that we wrote and still answer for.

        A record that was there before us is left as it is, but for what its link marks as written. What is written
        once belongs to the target afterwards, and so does all of a document that somebody else made.
        """
        if step.foreign:
            return set()
        document = self._outs.get(state.entity)
        declared = {each.step: each for each in document.steps} if document else {}
        plan = declared.get(step.step.partition(":")[0])
        written = set(step.shadow) - set(plan.once if plan else ())
        link = self._links.get(self._connection, (plan.identity if plan else None) or step.object, step.target_id)
        if link is None or link.origin == "written":
            return written
        marked = link.written_fingerprint or ""
        return {name for name in written if values.without(marked, {name}) != marked}

    def _is_told_gone(self, step: Step) -> bool:
        """Say whether the connection itself told that a record is gone: then every target's rules had their say."""
        for document in self._ins:
            if document.object == step.object:
                link = self._links.get(self._connection, facts_of(document.identity), step.target_id)
                if link is not None and GONE in link.facts:
                    return True
        return False
