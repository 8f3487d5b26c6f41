"""Records that an event names and does not own (`record` of a step): read first, completed, never made or taken."""

from __future__ import annotations

from dataclasses import replace

from headrace.core import values
from headrace.core.contracts import Action, Found
from headrace.core.errors import NeedsReview, RejectRecord
from headrace.mapping.results import PlannedStep
from headrace.pipeline.effects import Effects
from headrace.pipeline.operations import differing, operation
from headrace.pipeline.state import EffectState, Step
from headrace.pipeline.tasks import Task


class NamedRecords:
    """Looks at the records of one target that events name."""

    def __init__(self, connection: str, effects: Effects) -> None:
        self._connection = connection
        self._effects = effects

    async def taken_up(self, task: Task, step: PlannedStep, state: EffectState) -> EffectState:
        """Return the state with what the named record holds now, if something may have to be written to it.

        Raises:
            RejectRecord: the record is not there, or takes no more; the text says what to do.
            NeedsReview: the event named another record before, which holds what was written then.
        """
        existing = state.step(step.step)
        if existing is not None and existing.target_id != step.record and not task.forced:
            raise NeedsReview(
                "names another record now",
                f"{step.object} {existing.target_id} has what was written before, and the event names {step.record} "
                "now. --take source writes it there too; what the other one holds is for people to correct",
                {step.step: (step.record, existing.target_id)},
            )
        same = existing is not None and existing.target_id == step.record
        if same and existing is not None and not differing(step, existing):
            return state
        found = await self._read(task, step)
        create = operation(self._connection, task.event, step, Action.CREATE, step.fields, "")
        done = self._effects.adopt(state if same else state.without_step(step.step), create, found)
        adopted = done.state.step(step.step)
        if adopted is None:
            raise RuntimeError(f"step {step.step} left nothing")
        return done.state.with_step(replace(adopted, named=True))

    async def _read(self, task: Task, step: PlannedStep) -> Found:
        found = await self._effects.find(
            operation(self._connection, task.event, step, Action.UPDATE, step.fields, step.record)
        )
        what = f"{step.object} {step.record}"
        if found is None:
            raise RejectRecord(
                "named record is not there",
                f"{what} is not in {self._connection}. Correct what {task.event.meta.entity} "
                f"{task.event.meta.external_id} names, or restore the record; then retry",
            )
        closed = {name: value for name, value in step.open.items() if not values.same(value, found.record.get(name))}
        if closed:
            words = ", ".join(f"{name} is {found.record.get(name)}, not {value}" for name, value in closed.items())
            raise RejectRecord("named record takes no more", f"{what}: {words}. Open it in the target, then retry")
        return found


def named(state: EffectState) -> list[Step]:
    """Return the steps of records that are somebody else's."""
    return [step for step in state.steps if step.named]
