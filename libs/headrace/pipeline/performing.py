"""Carries a plan out step by step through the effect protocol: match or create, update what differs, settle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.core import values
from headrace.core.contracts import Action, Found, Operation
from headrace.core.errors import NeedsReview, RejectRecord, RetryLater
from headrace.core.event import CanonicalEvent, Change
from headrace.core.ids import operation_id
from headrace.core.outcome import Outcome
from headrace.core.refs import decode_key
from headrace.mapping.documents import OutMapping
from headrace.mapping.outward import fill
from headrace.mapping.results import Plan, PlannedStep
from headrace.pipeline.effects import Done, Effects, Note
from headrace.pipeline.links import Links
from headrace.pipeline.planning import outputs
from headrace.pipeline.state import EffectState, Step

_RANK = (Outcome.UNCHANGED, Outcome.ADOPTED, Outcome.UPDATED, Outcome.CREATED)


class Interrupted(Exception):
    """A plan ended early for `error`; `state` holds the steps done before it, not yet durable.

    `definite` is true if nothing is open: the failed step was certainly not taken.
    """

    def __init__(self, state: EffectState, error: RejectRecord | RetryLater) -> None:
        self.state = state
        self.error = error
        self.definite = not (isinstance(error, RejectRecord) and error.reason == "outcome unknown")
        super().__init__(str(error))


@dataclass(slots=True)
class Performed:
    """What a plan came to: the state that holds it (its last step not yet durable), the outcome, the main record."""

    state: EffectState
    outcome: Outcome = Outcome.UNCHANGED
    record: Mapping[str, Any] = field(default_factory=dict)

    def reached(self, outcome: Outcome) -> None:
        """Note a step's outcome; the event's is the strongest."""
        self.outcome = max(self.outcome, outcome, key=_RANK.index)


class Performer:
    """Performs plans on one connection."""

    def __init__(self, connection: str, effects: Effects, links: Links) -> None:
        self._connection = connection
        self._effects = effects
        self._links = links

    async def perform(
        self, event: CanonicalEvent, document: OutMapping, plan: Plan, state: EffectState, note: Note, *, forced: bool
    ) -> Performed:
        """Carry out every step of a plan that the target does not hold yet.

        Args:
            event: the event that the plan came from.
            document: its mapping, for the policies.
            plan: steps in order; nothing is missing.
            state: the durable state.
            note: writes the audit.
            forced: an operator decided that the source's values are written in spite of the review policy.

        Raises:
            NeedsReview: the record was settled before and its policy wants a human (I8); the differences are named.
            Interrupted: a step was refused or not taken; it holds the state with the steps done so far.
        """
        self._review(event, document, plan, state, forced)
        performed = Performed(state)
        try:
            await self._steps(event, document, plan, performed, note, forced=forced)
        except (RejectRecord, RetryLater) as error:
            raise Interrupted(performed.state, error) from error
        return performed

    async def _steps(
        self,
        event: CanonicalEvent,
        document: OutMapping,
        plan: Plan,
        performed: Performed,
        note: Note,
        *,
        forced: bool,
    ) -> None:
        results: dict[str, dict[str, Any]] = {}
        for planned in plan.steps:
            step = fill(planned, results)
            existing = performed.state.step(step.step)
            if existing is None:
                done = await self._create(event, step, performed.state, note)
                performed.reached(Outcome.ADOPTED if done.adopted else Outcome.CREATED)
                done = await self._after_adoption(event, document, step, done, performed, note)
            elif (changed := differing(step, existing)) and (document.on_change != "ignore" or forced):
                operation = self._operation(event, step, Action.UPDATE, changed, existing.target_id)
                if step.step == plan.steps[0].step:
                    await self._announce(step, existing, changed)
                done = await self._effects.run(performed.state, operation, note)
                performed.reached(Outcome.UPDATED)
            else:
                results[step.step] = outputs(existing.shadow, existing.target_id)
                continue
            performed.state = done.state
            written = performed.state.step(step.step)
            if written is None:
                raise RuntimeError(f"step {step.step} left nothing")
            results[step.step] = outputs(written.shadow, written.target_id, done.record)
            if step.step == plan.steps[0].step:
                performed.record = done.record
        if document.on_change != "ignore" or forced:
            await self._remove(event, document, plan, performed, note)

    async def delete(self, event: CanonicalEvent, state: EffectState, note: Note) -> Performed:
        """Delete what was written, last step first."""
        performed = Performed(state, Outcome.DELETED)
        try:
            for step in reversed(state.steps):
                performed.state = (await self._effects.run(performed.state, self._deletion(event, step), note)).state
        except (RejectRecord, RetryLater) as error:
            raise Interrupted(performed.state, error) from error
        return performed

    # --- steps ---

    async def _create(self, event: CanonicalEvent, step: PlannedStep, state: EffectState, note: Note) -> Done:
        create = self._operation(event, step, Action.CREATE, step.fields, "")
        known = self._links.external(event.key, self._connection, step.object, event.meta.legal_entity)
        for key, target_id in [({}, known)] if known else [(key, "") for key in step.match]:
            if not target_id and any(value in (None, "") for value in key.values()):
                continue
            found = await self._effects.find(replace(create, action=Action.UPDATE, key=key, target_id=target_id))
            if found is not None:
                self._check_match(event, step, key, found)
                return await self._take_over(state, create, found, note)
        return await self._effects.run(state, create, note)

    async def _take_over(self, state: EffectState, create: Operation, found: Found, note: Note) -> Done:
        """Adopt somebody else's record as it is: first contact overwrites nothing; what changes from now on is written.

        What differs now is told in the audit.
        """
        differs = [
            f"{name}: {found.record[name]} instead of {value}"
            for name, value in create.fields.items()
            if name in found.record and not values.same(value, found.record[name])
        ]
        detail = f"left as it is: {'; '.join(differs)}" if differs else ""
        await note("match", "found", operation=create, target_id=found.target_id, detail=detail)
        return self._effects.adopt(state, create, replace(found, record={}))

    def _check_match(self, event: CanonicalEvent, step: PlannedStep, key: Mapping[str, Any], found: Found) -> None:
        words = ", ".join(f"{name} = {value}" for name, value in key.items()) or f"id {found.target_id}"
        if found.matches > 1:
            raise NeedsReview(
                "natural key not unique", f"{step.object}: {found.matches} records have {words}; resolve with an id"
            )
        link = self._links.get(self._connection, step.object, found.target_id)
        if link is not None and link.canonical_id != event.key:
            raise NeedsReview(
                "matched record belongs to another",
                f"{step.object} {found.target_id} has {words} but is linked to {link.canonical_id}; "
                "correct the natural key on one side, then retry",
            )

    async def _announce(self, step: PlannedStep, existing: Step, changed: Mapping[str, Any]) -> None:
        """Mark what the record will hold before it does: the target's webhook may be quicker than we are (I7)."""
        link = self._links.get(self._connection, step.object, existing.target_id)
        if link is not None:
            mark = values.mark({**existing.shadow, **changed})
            await self._links.put(replace(link, written_version=None, written_fingerprint=mark))

    async def _after_adoption(
        self,
        event: CanonicalEvent,
        document: OutMapping,
        step: PlannedStep,
        done: Done,
        performed: Performed,
        note: Note,
    ) -> Done:
        """Write what our own earlier record lacks: found by its marker without state, its content may be old."""
        adopted = done.state.step(step.step)
        if not done.adopted or adopted is None or document.on_change == "ignore":
            return done
        changed = differing(step, adopted)
        if not changed:
            return done
        if document.on_change == "review":
            performed.state = done.state
            raise NeedsReview(
                "found with other values",
                f"{step.object} {adopted.target_id} carries our mark but differs: "
                + "; ".join(f"{name}: {adopted.shadow.get(name)} instead of {value}" for name, value in changed.items())
                + ". Resolve with --take source to write ours, or --take target to leave it.",
                {name: (value, adopted.shadow.get(name)) for name, value in changed.items()},
            )
        performed.reached(Outcome.UPDATED)
        operation = self._operation(event, step, Action.UPDATE, changed, adopted.target_id)
        return await self._effects.run(done.state, operation, note)

    async def _remove(
        self, event: CanonicalEvent, document: OutMapping, plan: Plan, performed: Performed, note: Note
    ) -> None:
        """Delete the records of items that are gone. Only items go this way, never a document's own record."""
        planned = {step.step for step in plan.steps}
        items = {step.step for step in document.steps if step.each is not None}
        gone = [
            step for step in performed.state.steps if step.step not in planned and step.step.partition(":")[0] in items
        ]
        for step in gone:
            performed.state = (await self._effects.run(performed.state, self._deletion(event, step), note)).state
            performed.reached(Outcome.UPDATED)

    def _review(
        self, event: CanonicalEvent, document: OutMapping, plan: Plan, state: EffectState, forced: bool
    ) -> None:
        if document.on_change != "review" or forced or not (state.event_id and state.steps):
            return
        differences: dict[str, tuple[object, object]] = {}
        results = {step.step: outputs(step.shadow, step.target_id) for step in state.steps}
        for planned in plan.steps:
            existing = state.step(planned.step)
            if existing is None:
                differences[planned.step] = ("added", None)
                continue
            step = fill(planned, results)
            for name, value in differing(step, existing).items():
                differences[f"{step.step}.{name}"] = (value, existing.shadow.get(name))
        planned_names = {planned.step for planned in plan.steps}
        differences |= {left.step: (None, "removed") for left in state.steps if left.step not in planned_names}
        if differences:
            raise NeedsReview(
                "changed after it was written",
                f"{event.meta.entity} {event.meta.external_id} of {event.meta.connection} changed: "
                + "; ".join(f"{name}: {new} instead of {old}" for name, (new, old) in differences.items())
                + ". Resolve with --take source to write it, or --take target to leave the target as it is.",
                differences,
            )

    # --- operations ---

    def _operation(
        self, event: CanonicalEvent, step: PlannedStep, action: Action, fields: Mapping[str, Any], target_id: str
    ) -> Operation:
        moved = {
            name
            for name, part in decode_key(target_id).items()
            if target_id and name in fields and str(fields[name]) != part
        }
        if action is Action.UPDATE and moved:
            raise NeedsReview(
                "record would have to move",
                f"{step.object} {target_id}: {', '.join(sorted(moved))} is part of its key and cannot change; "
                "create it anew in the target, or correct the source",
            )
        return Operation(
            op_id=operation_id(event.meta.event_id, self._connection, step.step),
            connection=self._connection,
            entity=event.meta.entity,
            canonical_id=event.key,
            step=step.step,
            action=action,
            object=step.object,
            fields=fields,
            key=step.marker,
            target_id=target_id,
            event_id=event.meta.event_id,
            traceparent=event.meta.trace_id,
        )

    def _deletion(self, event: CanonicalEvent, step: Step) -> Operation:
        planned = PlannedStep(step.step, step.object, {}, {}, ())
        return self._operation(event, planned, Action.DELETE, {}, step.target_id)


def differing(step: PlannedStep, existing: Step) -> dict[str, Any]:
    """Return the planned fields that the target does not hold as far as we know."""
    return {
        name: value
        for name, value in step.fields.items()
        if name not in existing.shadow or not values.same(value, existing.shadow[name])
    }


def is_delete(event: CanonicalEvent) -> bool:
    """Say whether the record is gone at its source."""
    return event.meta.change is Change.DELETE
