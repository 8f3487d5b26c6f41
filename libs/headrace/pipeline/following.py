"""What the target tells of its own records: shadows follow it, and what was not its to change is put back (I7, I8)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent
from headrace.mapping.results import Plan, Skipped
from headrace.pipeline.marking import Marking
from headrace.pipeline.operations import is_delete, told_anew
from headrace.pipeline.performing import Performer
from headrace.pipeline.planning import Planner
from headrace.pipeline.state import EffectState
from headrace.pipeline.tasks import Task


class Following:
    """Takes note of the target's own changes.

    Nothing else moves: what is parked stays parked, and the source's own place in the story stays as it was.
    """

    def __init__(self, planner: Planner, performer: Performer, marking: Marking) -> None:
        self._planner = planner
        self._performer = performer
        self._marking = marking

    async def follow(self, task: Task, state: EffectState) -> EffectState:
        """Return the state after an event of the target's own connection, without an INTENT; not durable yet.

        Raises:
            Interrupted: what was to be put back was not taken; the event is to be parked like any other.
        """
        plan = self._plan(task.event, state.done)
        put_back: Collection[str] = ()
        if plan is not None and task.owning is not None:
            performed = await self._performer.put_back(task, plan, state)
            await self._marking.mark(task.event, performed)
            state, put_back = performed.state, performed.wrote
        if plan is not None:
            state = self._observed(task, plan, state, put_back)
        return state if task.owning is None else replace(state, claims=task.owning.claims)

    def _plan(self, event: CanonicalEvent, done: frozenset[str]) -> Plan | None:
        if is_delete(event):
            return None
        try:
            plan = self._planner.plan(event, done)
        except RejectRecord:
            return None
        return None if isinstance(plan, Skipped) else plan

    def _observed(self, task: Task, plan: Plan, state: EffectState, put_back: Collection[str]) -> EffectState:
        """Let the shadows follow what the target holds, but for what it holds by our own writing."""
        event = task.event
        for planned in plan.steps:
            existing = state.step(planned.step)
            # One identity may have a record in several legal entities: only the one that we wrote has this shadow.
            if existing is None or existing.target_id != event.meta.external_id:
                continue
            told = told_anew(planned, existing)
            changed = {name: value for name, value in told.items() if name not in put_back}
            held = {name: value for name, value in existing.held.items() if name not in changed}
            state = state.with_step(replace(existing, shadow={**existing.shadow, **changed}, held=held))
        return state
