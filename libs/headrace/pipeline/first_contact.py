"""A step that was never done: is its record there already, whose is it, and what of it may be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.core import values
from headrace.core.contracts import Action, Found, Operation
from headrace.core.errors import NeedsReview
from headrace.core.ids import mint_canonical_id
from headrace.mapping.results import PlannedStep
from headrace.pipeline.effects import Done, Effects
from headrace.pipeline.links import Links
from headrace.pipeline.operations import operation
from headrace.pipeline.state import EffectState, Step
from headrace.pipeline.tasks import Task


class FirstContact:
    """Finds a step's record in the target by link and natural keys."""

    def __init__(self, connection: str, effects: Effects, links: Links) -> None:
        self._connection = connection
        self._effects = effects
        self._links = links

    async def find(self, task: Task, step: PlannedStep, state: EffectState) -> Found | None:
        """Return the record that is there for a step, None if there is none.

        The record of another step of the same document is none of this one's, whatever its link says.

        Raises:
            NeedsReview: several have the natural key, or the one that has it belongs to another identity.
        """
        look = operation(self._connection, task.event, step, Action.UPDATE, step.fields, "")
        known = self._links.external(task.event.key, self._connection, step.known_as, task.event.meta.legal_entity)
        if any((other.object, other.target_id) == (step.object, known) for other in state.steps):
            known = None
        for key, target_id in [({}, known)] if known else [(key, "") for key in step.match]:
            if not target_id and any(value in (None, "") for value in key.values()):
                continue
            found = await self._effects.find(replace(look, key=key, target_id=target_id))
            if found is not None:
                self._check(task, step, key, found)
                return found
        return None

    async def take_over(self, task: Task, step: PlannedStep, state: EffectState, found: Found) -> Done:
        """Adopt somebody else's record.

        Without rules of ownership it stays as it is: what differs is told in the audit, and what changes from now on is
        written. With rules, and for steps that only complete a record, the shadow tells what it holds in the fields
        that they concern, so that the caller sees what differs.
        """
        create = operation(self._connection, task.event, step, Action.CREATE, step.fields, "")
        differs = [
            f"{name}: {values.lookup(found.record, name)} instead of {value}"
            for name, value in create.fields.items()
            if values.tells(found.record, name) and not values.same(value, values.lookup(found.record, name))
        ]
        seen = task.owning is not None or not step.create
        words = "differs" if seen else "left as it is"
        detail = f"{words}: {'; '.join(differs)}" if differs else ""
        await task.note("match", "found", operation=create, target_id=found.target_id, detail=detail)
        done = self._effects.adopt(state, create, found if seen else replace(found, record={}))
        adopted = done.state.step(step.step)
        if task.owning is None or not step.create or adopted is None:
            return done
        left = {name: value for name, value in step.fields.items() if not task.owning.rules(step.step, name)}
        return replace(done, state=done.state.with_step(replace(adopted, shadow={**adopted.shadow, **left})))

    async def take_document(self, task: Task, step: PlannedStep, state: EffectState, found: Found) -> Done:
        """Take somebody else's document for this one if the fields say so that the mapping names; leave it as it is.

        Raises:
            NeedsReview: nothing tells that it is the same one (I12).
        """
        named = {name: (step.fields.get(name), values.lookup(found.record, name)) for name in step.adopt}
        differs = {name: pair for name, pair in named.items() if not values.same(*pair)}
        if differs or not step.adopt:
            words = "; ".join(f"{name}: {ours} or {theirs}" for name, (ours, theirs) in differs.items())
            raise NeedsReview(
                "document is there already",
                f"{step.object} {found.target_id} was not written by us"
                + (f" and differs: {words}. " if words else ", and has lines of its own. ")
                + "--take target leaves it as it is; --take source adopts it and adds our lines",
                differs,
            )
        create = operation(self._connection, task.event, step, Action.CREATE, step.fields, "")
        detail = "the same by " + ", ".join(f"{name} {ours}" for name, (ours, _) in named.items())
        await task.note("match", "found", operation=create, target_id=found.target_id, detail=detail)
        done = self._effects.adopt(state, create, replace(found, record={}))
        adopted = done.state.step(step.step)
        return done if adopted is None else replace(done, state=done.state.with_step(replace(adopted, foreign=True)))

    async def make_room(self, task: Task, step: PlannedStep, state: EffectState, existing: Step) -> EffectState:
        """Return the state without a record that takes no more (`open`), so that another takes its place.

        What it was linked to is from now on the new one's; it is a thing of its own, and keeps what it has.
        """
        look = operation(self._connection, task.event, step, Action.UPDATE, {}, existing.target_id)
        found = await self._effects.find(look)
        if found is not None and all(values.same(value, found.record.get(name)) for name, value in step.open.items()):
            return state
        link = self._links.get(self._connection, step.known_as, existing.target_id)
        if link is not None:
            await self._links.put(replace(link, canonical_id=mint_canonical_id(*link.address), origin="minted"))
        words = ", ".join(f"{name} is not {value}" for name, value in step.open.items()) if found else "it is gone"
        await task.note("match", "closed", operation=look, target_id=existing.target_id, detail=words)
        return state.without_step(step.step)

    def check_ours(self, task: Task, step: PlannedStep, done: Done) -> None:
        """Make sure that what has our mark is not known to be another's.

        Raises:
            NeedsReview: it is linked to another identity.
        """
        adopted = done.state.step(step.step)
        if adopted is not None:
            self._check(task, step, step.marker, Found(adopted.target_id))

    def _check(self, task: Task, step: PlannedStep, key: Mapping[str, Any], found: Found) -> None:
        words = ", ".join(f"{name} = {value}" for name, value in key.items()) or f"id {found.target_id}"
        if found.matches > 1:
            raise NeedsReview(
                "natural key not unique", f"{step.object}: {found.matches} records have {words}; resolve with an id"
            )
        link = self._links.get(self._connection, step.known_as, found.target_id)
        if link is not None and link.canonical_id != task.event.key:
            raise NeedsReview(
                "matched record belongs to another",
                f"{step.object} {found.target_id} has {words} but is linked to {link.canonical_id}; "
                "correct the natural key on one side, then retry",
            )


def create_operation(connection: str, task: Task, step: PlannedStep) -> Operation:
    """Return the operation that creates a step's record."""
    return operation(connection, task.event, step, Action.CREATE, step.fields, "")
