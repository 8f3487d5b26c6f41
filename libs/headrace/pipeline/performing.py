"""Carries a plan out step by step through the effect protocol: match or create, update what differs, settle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from headrace.core import values
from headrace.core.contracts import Action, Found
from headrace.core.errors import ChangedMeanwhile, NeedsReview, RejectRecord, RetryLater, WaitForRecord
from headrace.core.outcome import Outcome
from headrace.mapping.outward import fill
from headrace.mapping.results import Plan, PlannedStep
from headrace.pipeline.effects import Done, Effects, NotKept, TakenByAnother
from headrace.pipeline.first_contact import FirstContact, create_operation
from headrace.pipeline.links import Link, Links
from headrace.pipeline.named import NamedRecords
from headrace.pipeline.operations import deletion, differing, operation, told_anew
from headrace.pipeline.planning import outputs
from headrace.pipeline.state import EffectState, Step
from headrace.pipeline.tasks import Interrupted, Performed, Task

PATIENCE = 3
"""How often an event waits for the target's own word before a human is asked."""

Ask = Callable[[str, str], Awaitable[None]]
"""Has a record of the target read anew by its source: object, id."""


class Performer:
    """Performs plans on one connection.

    Args:
        connection: the target.
        effects: the effect protocol on it.
        links: for what is known of its records.
        ask: has a record read anew by the target's own source; None if the connection is not read.
    """

    def __init__(self, connection: str, effects: Effects, links: Links, ask: Ask | None = None) -> None:
        self._connection = connection
        self._effects = effects
        self._links = links
        self.ask = self._ask = ask
        self._first = FirstContact(connection, effects, links)
        self._named = NamedRecords(connection, effects)

    async def perform(self, task: Task, plan: Plan, state: EffectState) -> Performed:
        """Carry out every step of a plan that the target does not hold yet.

        Args:
            task: the event and what concerns it.
            plan: steps in order; nothing is missing.
            state: the durable state.

        Raises:
            NeedsReview: the record was settled before and its policy wants a human (I8); the differences are named.
            Interrupted: a step was refused or not taken; it holds the state with the steps done so far.
        """
        self._review(task, plan, state)
        performed = Performed(state, Outcome.UNCHANGED if state.steps or plan.steps else Outcome.SKIPPED)
        try:
            await self._steps(task, plan, performed)
        except (RejectRecord, RetryLater, WaitForRecord) as error:
            state = error.state if isinstance(error, NotKept) else performed.state
            raise Interrupted(state, error) from error
        return performed

    async def put_back(self, task: Task, plan: Plan, state: EffectState) -> Performed:
        """Put back what the target changed by itself although another's word counts (I8).

        Args:
            task: the target's own event.
            plan: what the event would ask of the target: its values.
            state: the state before the event, whose shadows hold the values that count.

        Raises:
            Interrupted: the target did not take it.
        """
        performed = Performed(state)
        if task.owning is None:
            return performed
        for planned in plan.steps:
            existing = state.step(planned.step)
            if existing is None or existing.target_id != task.event.meta.external_id:
                continue
            gone = [name for name in task.news(planned.step, told_anew(planned, existing)) if name in existing.shadow]
            lost = {name: existing.shadow[name] for name in task.owning.losing(planned.step, gone)}
            if not lost:
                continue
            words = "; ".join(f"{name}: {value} instead of {planned.fields[name]}" for name, value in lost.items())
            await task.note("conflict", "put back", detail=f"not {self._connection}'s to change: {words}")
            try:
                done = await self._update(task, planned, existing, lost, performed, "")
            except (RejectRecord, RetryLater) as error:
                raise Interrupted(performed.state, error) from error
            performed.state, performed.record, performed.wrote = done.state, done.record, lost
        return performed

    async def delete(self, task: Task, state: EffectState) -> Performed:
        """Delete what was written, last step first."""
        performed = Performed(state, Outcome.DELETED)
        try:
            for step in (step for step in reversed(state.steps) if not step.named):
                done = await self._effects.run(performed.state, deletion(self._connection, task.event, step), task.note)
                performed.state = done.state
        except (RejectRecord, RetryLater) as error:
            raise Interrupted(performed.state, error) from error
        return performed

    # --- steps ---

    async def _steps(self, task: Task, plan: Plan, performed: Performed) -> None:
        results: dict[str, dict[str, Any]] = {}
        silent = task.document.on_change == "ignore" and not task.forced
        nothing = True
        for planned in plan.steps:
            step = fill(planned, results)
            if step.record:
                performed.state = await self._named.taken_up(task, step, performed.state)
            existing = performed.state.step(step.step)
            done: Done | None
            if existing is not None and step.open and not step.record:
                performed.state = await self._first.make_room(task, step, performed.state, existing)
                existing = performed.state.step(step.step)
            if existing is None and performed.state.is_foreign and not task.forced:
                continue  # its items are somebody else's
            if existing is None:
                done = await self._begin(task, step, performed)
                if done is None:
                    continue
            else:
                done = None if silent else await self._change(task, step, existing, performed)
            nothing = False
            if done is None:
                assert existing is not None  # noqa: S101 - only an existing step changes nothing
                results[step.step] = outputs(existing.shadow, existing.target_id)
                continue
            performed.state = done.state
            written = performed.state.step(step.step)
            if written is None:
                raise RuntimeError(f"step {step.step} left nothing")
            results[step.step] = outputs(written.shadow, written.target_id, done.record)
            if performed.is_main(written):
                performed.record = done.record
        if nothing:
            performed.outcome = Outcome.SKIPPED
        if not silent:
            await self._remove(task, plan, performed)

    async def _begin(self, task: Task, step: PlannedStep, performed: Performed) -> Done | None:
        """Take a step that was never done: adopt what is there, else create. None: it only completes what is there."""
        found = await self._first.find(task, step, performed.state)
        if found is None:
            if not step.create:
                return None
            create, main = create_operation(self._connection, task, step), performed.state.main is None
            # Behind a link whose record is gone, the first look asked for that record alone (I12).
            known = self._links.external(task.event.key, self._connection, step.known_as, task.event.meta.legal_entity)
            looked = known is None and any(dict(key) == dict(create.key) for key in step.match)
            try:
                done = await self._effects.run(performed.state, create, task.note, looked=looked)
            except TakenByAnother:
                found = await self._first.find(task, step, performed.state)
                if found is None:
                    raise
            else:
                if done.adopted:
                    self._first.check_ours(task, step, done)
                performed.reached(Outcome.ADOPTED if done.adopted else Outcome.CREATED)
                if main:
                    performed.wrote = step.fields
                return await self._after_adoption(task, step, done, performed) if done.adopted else done
        if self._is_document(task, performed):
            performed.reached(Outcome.ADOPTED)
            return await self._first.take_document(task, step, performed.state, found)
        done = await self._first.take_over(task, step, performed.state, found)
        performed.reached(Outcome.ADOPTED)
        adopted = done.state.step(step.step)
        if adopted is None:
            raise RuntimeError(f"step {step.step} left nothing")
        changed = task.news(step.step, differing(step, adopted))
        if self._must_hear_first(task, step, changed):
            if task.tries >= PATIENCE:
                raise self._unheard(step, found, changed, adopted)
            await self._wait_for_own_word(task, step, found.target_id, changed)
        performed.state = done.state
        if task.owning is not None:
            changed = task.owning.permitted(step.step, adopted, changed)
        elif step.create:
            return done
        return await self._update(task, step, adopted, changed, performed, found.version) if changed else done

    @staticmethod
    def _is_document(task: Task, performed: Performed) -> bool:
        """Say whether what was found has items, which must not get ours besides its own (I12)."""
        has_items = any(each.each is not None for each in task.document.steps[1:])
        return has_items and performed.state.main is None and not task.forced

    def _must_hear_first(self, task: Task, step: PlannedStep, changed: Mapping[str, Any]) -> bool:
        """Say whether the target's own word, which nobody has heard yet, could win what differs."""
        owning = task.owning
        if owning is None or self._ask is None or not changed:
            return False
        return owning.target_is_unheard and owning.uncertain(step.step, changed)

    async def _change(self, task: Task, step: PlannedStep, existing: Step, performed: Performed) -> Done | None:
        """Write what differs and may be written; None if nothing does."""
        changed = task.news(step.step, differing(step, existing))
        if not changed:
            return None
        version = ""
        if task.owning is not None:
            wanted = task.owning.permitted(step.step, existing, changed)
            if wanted and self._ask is not None and task.owning.uncertain(step.step, wanted):
                version = await self._look_for_edits(task, step, existing, wanted)
            changed = wanted
        if not changed:
            return None
        return await self._update(task, step, existing, changed, performed, version)

    async def _update(
        self,
        task: Task,
        step: PlannedStep,
        existing: Step,
        changed: Mapping[str, Any],
        performed: Performed,
        version: str,
    ) -> Done:
        update = operation(self._connection, task.event, step, Action.UPDATE, changed, existing.target_id, version)
        link = await self._announce(step, existing, changed)
        try:
            done = await self._effects.run(performed.state, update, task.note)
        except (RejectRecord, RetryLater) as error:
            if link is not None and not (isinstance(error, RejectRecord) and error.reason == "outcome unknown"):
                await self._links.put(link)  # nothing was written: the mark is what it was
            if isinstance(error, ChangedMeanwhile) and task.tries < PATIENCE and self._ask is not None:
                await self._wait_for_own_word(task, step, existing.target_id, changed, error)
            raise
        performed.reached(Outcome.UPDATED)
        if performed.is_main(existing):
            performed.wrote = {**performed.wrote, **changed}
        return done

    async def _look_for_edits(self, task: Task, step: PlannedStep, existing: Step, wanted: Mapping[str, Any]) -> str:
        """Make sure that nobody changed these fields in the target unheard; return the version that was read.

        Raises:
            WaitForRecord: somebody did; the target's own word is on its way, and then the rules decide (I8).
            NeedsReview: it did not come.
        """
        look = operation(self._connection, task.event, step, Action.UPDATE, {}, existing.target_id)
        found = await self._effects.find(look)
        if found is None:
            return ""
        edited = {
            name: value
            for name, value in wanted.items()
            if values.tells(found.record, name)
            and not values.same(existing.holds(name), values.lookup(found.record, name))
            and not values.same(value, values.lookup(found.record, name))
        }
        if not edited:
            return found.version
        if task.tries < PATIENCE:
            await self._wait_for_own_word(task, step, existing.target_id, edited)
        raise self._unheard(step, found, edited, existing)

    def _unheard(self, step: PlannedStep, found: Found, wanted: Mapping[str, Any], existing: Step) -> NeedsReview:
        """Return the question about values of the target whose own word did not come."""
        edited = {name: (value, values.lookup(found.record, name)) for name, value in wanted.items()}
        return NeedsReview(
            "edited in the target",
            f"{step.object} {existing.target_id} was edited, and its own word did not come: "
            + "; ".join(f"{name}: {ours} or {theirs}" for name, (ours, theirs) in edited.items())
            + ". Resolve with --take source or --take target.",
            edited,
        )

    async def _wait_for_own_word(
        self, task: Task, step: PlannedStep, target_id: str, names: Mapping[str, Any], cause: Exception | None = None
    ) -> None:
        if self._ask is None:
            return
        await self._ask(step.object, target_id)
        raise WaitForRecord(
            task.event.meta.entity,
            "",
            f"{step.object} {target_id} was edited in {self._connection} ({', '.join(names)}); "
            "that is read first, then the rules of ownership decide",
        ) from cause

    async def _announce(self, step: PlannedStep, existing: Step, changed: Mapping[str, Any]) -> Link | None:
        """Mark what the record will hold before it does: the target's webhook may be quicker than we are (I7).

        What we wrote before stays marked until the write is made: a target that keeps saying "not now" holds it for
        long, and its own source reads it meanwhile.

        Returns:
            The link as it was, to go back to if nothing is written.
        """
        link = self._links.get(self._connection, step.known_as, existing.target_id)
        if link is not None:
            await self._links.put(
                replace(link, writing=True, written_fingerprint=values.announced(link.written_fingerprint, changed))
            )
        return link

    async def _after_adoption(self, task: Task, step: PlannedStep, done: Done, performed: Performed) -> Done:
        """Write what our own earlier record lacks: found by its marker without state, its content may be old."""
        adopted = done.state.step(step.step)
        if adopted is None or task.document.on_change == "ignore":
            return done
        changed = differing(step, adopted)
        if not changed:
            return done
        performed.state = done.state
        if task.document.on_change == "review":
            raise NeedsReview(
                "found with other values",
                f"{step.object} {adopted.target_id} carries our mark but differs: "
                + "; ".join(f"{name}: {adopted.shadow.get(name)} instead of {value}" for name, value in changed.items())
                + ". Resolve with --take source to write ours, or --take target to leave it.",
                {name: (value, adopted.shadow.get(name)) for name, value in changed.items()},
            )
        if task.owning is not None:
            changed = task.owning.permitted(step.step, adopted, changed)
        return await self._update(task, step, adopted, changed, performed, "") if changed else done

    async def _remove(self, task: Task, plan: Plan, performed: Performed) -> None:
        """Delete the records of items that are gone. Only items go this way, never a document's own record."""
        planned = {step.step for step in plan.steps}
        items = {step.step for step in task.document.steps if step.each is not None and not step.keep}
        gone = [
            step for step in performed.state.steps if step.step not in planned and step.step.partition(":")[0] in items
        ]
        for step in gone:
            done = await self._effects.run(performed.state, deletion(self._connection, task.event, step), task.note)
            performed.state = done.state
            performed.reached(Outcome.UPDATED)

    def _review(self, task: Task, plan: Plan, state: EffectState) -> None:
        reviewed = task.document.on_change == "review" or state.is_foreign
        if not reviewed or task.forced or not (state.event_id and state.steps):
            return
        differences: dict[str, tuple[object, object]] = {}
        results = {step.step: outputs(step.shadow, step.target_id) for step in state.steps}
        for planned in plan.steps:
            existing = state.step(planned.step)
            if existing is None:
                if not state.is_foreign:
                    differences[planned.step] = ("added", None)
                continue
            step = fill(planned, results)
            for name, value in differing(step, existing).items():
                differences[f"{step.step}.{name}"] = (value, existing.shadow.get(name))
        planned_names = {planned.step for planned in plan.steps}
        differences |= {left.step: (None, "removed") for left in state.steps if left.step not in planned_names}
        if differences:
            meta = task.event.meta
            raise NeedsReview(
                "changed after it was written",
                f"{meta.entity} {meta.external_id} of {meta.connection} changed: "
                + "; ".join(f"{name}: {new} instead of {old}" for name, (new, old) in differences.items())
                + ". Resolve with --take source to write it, or --take target to leave the target as it is.",
                differences,
            )


def marked(link_mark: str | None, written: Mapping[str, Any]) -> str:
    """Return a mark with the fields that are written now in place of what it said of them before."""
    kept = values.without(link_mark or "", frozenset(written))
    return " ".join(part for part in (kept, values.mark(written)) if part)
