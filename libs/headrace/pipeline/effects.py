"""The effect protocol (design §5): one change on one target, at most once in effect, whatever fails when.

    SETTLED ──▶ INTENT ──ok──▶ DONE
                  ├─ definitely refused ─▶ RejectRecord
                  ├─ not now            ─▶ INTENT again later
                  └─ unknown / crash    ─▶ VERIFY ─found─▶ DONE (adopted)   ─not found─▶ after the deadline: INTENT

Written once for all targets. The caller gives every operation in order and persists nothing itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from headrace.core import values
from headrace.core.contracts import Action, AlreadyThere, Found, Operation, Target, Written
from headrace.core.errors import (
    ChangedMeanwhile,
    Full,
    LeaseLost,
    NeedsReview,
    OutcomeUnknown,
    RejectRecord,
    RetryLater,
    StopConnection,
)
from headrace.core.outcome import Status
from headrace.pipeline.alone import Alone
from headrace.pipeline.gate import Gate, back_off
from headrace.pipeline.state import EffectState, Intent, Step
from headrace.platform import metrics
from headrace.platform.crashpoints import point

ATTEMPTS_IN_PLACE = 8
"""How often "not now" is answered by waiting in the lane; then the event parks and resumes by itself."""

LEASE_MARGIN = 0.5
"""Seconds of lease that must be left when a changing call starts."""


class StateStore(Protocol):
    """Durable state per canonical id; `put` returns once it is durable (I3, I6)."""

    async def put(self, canonical_id: str, state: EffectState) -> None:
        """Write the state."""

    def lease_left(self) -> float:
        """Return the seconds for which this worker certainly owns its partitions."""


Note = Callable[..., Awaitable[None]]
"""Writes a line of the audit: phase, outcome, and further fields."""


@dataclass(frozen=True, slots=True)
class Done:
    """How an operation ended: the state that holds it (not yet durable) and what the target holds."""

    state: EffectState
    record: dict[str, Any]
    adopted: bool


class TakenByAnother(NeedsReview):
    """The target says that the record exists, and none has our mark: another has its key. Certainly not made."""


class NotKept(NeedsReview):
    """The change took effect, and the target did not keep all of it. `state` holds the step: it is not made again."""

    def __init__(self, done: Done, operation: Operation, target_id: str, lost: Mapping[str, tuple[Any, Any]]) -> None:
        words = "; ".join(f"{name}: {theirs or 'nothing'} instead of {ours}" for name, (ours, theirs) in lost.items())
        super().__init__(
            "not kept by the target",
            f"{operation.object} {target_id} is in the target, with {words}. Correct it there, then retry: what is "
            "left to do goes on, and the record is not made a second time",
            lost,
        )
        step = done.state.step(operation.step)
        kept = {name: theirs for name, (_, theirs) in lost.items()}
        # What is not there shows as a difference until somebody puts it there.
        self.state = (
            done.state if step is None else done.state.with_step(replace(step, shadow={**step.shadow, **kept}, held={}))
        )


class Effects:
    """Carries out operations on one target connection."""

    def __init__(self, target: Target, store: StateStore, gate: Gate, owner: str) -> None:
        self._target = target
        self._store = store
        self._gate = gate
        self._owner = owner
        self._alone = Alone(target)

    async def run(self, state: EffectState, operation: Operation, note: Note, *, looked: bool = False) -> Done:
        """Make one change.

        Args:
            state: the durable state of the canonical id, or one that also holds steps done since; it becomes durable
                together with the INTENT of this operation.
            operation: what to change.
            note: writes the audit.
            looked: the caller has just looked for the record of a create by its mark, and there was none.

        Returns:
            The state with this step done. It is not durable yet: the next INTENT or the settling write makes it so;
            until then a crash leads to VERIFY, which finds the change (I12).

        Raises:
            RejectRecord: definitely refused, or the outcome cannot be found out. RetryLater: kept answering "not now".
            LeaseLost: not called.
        """
        self._target.check(operation)
        async with self._alone.inside(operation):
            return await self._run(state, operation, note, looked)

    async def _run(self, state: EffectState, operation: Operation, note: Note, looked: bool) -> Done:
        if operation.action is Action.CREATE and not looked and (found := await self._look(operation)) is not None:
            await note("look", "found", operation=operation, target_id=found.target_id)
            return self.adopt(state, operation, found)
        attempt = 1
        while True:
            state = await self._intend(state, operation, attempt)
            started = time.monotonic()
            try:
                written = await self._call(operation)
            except AlreadyThere as there:
                await note("call", "already there", operation=operation, detail=str(there), **_took(started, attempt))
                found = await self._look(operation)
                if found is None:
                    raise TakenByAnother(
                        "already there, but not found",
                        f"{operation.object}: the target says that this record exists, yet it is not found by "
                        f"{_words(operation.key)}. Find it in the target and resolve with its id, or retry.",
                    ) from there
                return self.adopt(state, operation, found)
            except RetryLater as later:
                await note("call", "not now", operation=operation, detail=later.reason, **_took(started, attempt))
                if isinstance(later, ChangedMeanwhile | Full):
                    raise  # the same call would be refused again
                if attempt % ATTEMPTS_IN_PLACE == 0:
                    raise
                await asyncio.sleep(back_off(attempt, later.after))
            except StopConnection as stop:
                await note("call", "stopped", operation=operation, detail=str(stop), **_took(started, attempt))
                await self._gate.closed(stop)
            except RejectRecord as refused:
                await note("call", "refused", operation=operation, detail=refused.detail, **_took(started, attempt))
                raise
            except OutcomeUnknown as unknown:
                metrics.UNKNOWN.labels(operation.connection).inc()
                await note("call", "unknown", operation=operation, detail=unknown.reason, **_took(started, attempt))
                with metrics.UNVERIFIED.labels(operation.connection).track_inprogress():
                    adopted = await self._settle_unknown(state, operation, note)
                if adopted is not None:
                    return adopted
            else:
                point("effects.after-call")
                self._gate.opened()
                await note("call", "done", operation=operation, target_id=written.target_id, **_took(started, attempt))
                done = self._done(state, operation, written)
                if written.lost:
                    raise NotKept(done, operation, written.target_id, written.lost)
                return done
            attempt += 1

    async def recover(self, state: EffectState, operation: Operation, note: Note) -> EffectState:
        """Settle the INTENT that a crash, a rebalance or a stop left behind, before anything else happens (I4, I5).

        Args:
            state: a state with an INTENT.
            operation: the operation of that INTENT, rebuilt from it.
            note: writes the audit.

        Returns:
            The state without the INTENT, with its step if the change had taken effect. Not durable yet.

        Raises:
            RejectRecord: the outcome cannot be found out; a human looks.
        """
        with metrics.UNVERIFIED.labels(operation.connection).track_inprogress():
            done = await self._settle_unknown(state, operation, note)
        return done.state if done else replace(state, intent=None)

    async def find(self, operation: Operation) -> Found | None:
        """Look a record up, waiting out a stopped connection and some "not now".

        Raises:
            RetryLater: it kept answering "not now"; the event parks and resumes by itself.
        """
        attempt = 1
        while True:
            try:
                found = await self._target.find(operation)
            except RetryLater as later:
                if attempt % ATTEMPTS_IN_PLACE == 0:
                    raise
                await asyncio.sleep(back_off(attempt, later.after))
            except StopConnection as stop:
                await self._gate.closed(stop)
            else:
                self._gate.opened()
                return found
            attempt += 1

    # --- the steps of the protocol ---

    async def _intend(self, state: EffectState, operation: Operation, attempt: int) -> EffectState:
        now = datetime.now(UTC)
        limits = self._target.limits
        point("effects.before-intent")
        state = replace(
            state,
            status=Status.INTENT,
            intent=Intent(
                op_id=operation.op_id,
                step=operation.step,
                action=operation.action.value,
                object=operation.object,
                target_id=operation.target_id,
                key=dict(operation.key),
                fields=dict(operation.fields),
                event_id=operation.event_id,
                deadline=now + timedelta(seconds=limits.call_deadline + limits.settle),
                owner=self._owner,
                attempt=attempt,
                started_at=now,
            ),
        )
        await self._store.put(operation.canonical_id, state)  # I3
        return state

    async def _call(self, operation: Operation) -> Written:
        point("effects.before-call")
        if self._store.lease_left() < LEASE_MARGIN:
            raise LeaseLost(f"{operation.object}: the lease ran out before the call")
        try:
            async with asyncio.timeout(self._target.limits.call_deadline):
                return await self._target.apply(operation)
        except TimeoutError:
            raise OutcomeUnknown(f"no answer within {self._target.limits.call_deadline:g} s") from None

    async def _settle_unknown(self, state: EffectState, operation: Operation, note: Note) -> Done | None:
        """Find out what became of a change (I4): look at once, and again when it can no longer take effect."""
        intent = state.intent
        if intent is None:
            raise RuntimeError("VERIFY without an INTENT")
        point("effects.before-verify")
        for last in (False, True):
            if last:
                await asyncio.sleep(max(0.0, (intent.deadline - datetime.now(UTC)).total_seconds()))
            try:
                found = await self._look(operation)
            except NeedsReview:
                raise
            except RejectRecord as error:
                raise RejectRecord(
                    "outcome unknown",
                    f"{operation.object}: a call may have taken effect and the target cannot be asked: {error.detail}. "
                    "Look in the target, then resolve with its id, or retry if it is not there.",
                ) from error
            done = (
                found is None if operation.action is Action.DELETE else found is not None and _holds(operation, found)
            )
            if done:
                metrics.VERIFIED.labels(operation.connection, "found").inc()
                await note("verify", "found", operation=operation, target_id=found.target_id if found else "")
                # It is the change that we announced: the shadow is what we wrote, whatever happened to it since.
                # What it did not keep shows as a difference, is written again, and found out then.
                shown = found or Found(operation.target_id)
                return self.adopt(state, operation, shown if shown.lost else replace(shown, record={}))
        metrics.VERIFIED.labels(operation.connection, "not found").inc()
        await note("verify", "not found", operation=operation)
        return None

    async def _look(self, operation: Operation) -> Found | None:
        found = await self.find(operation)
        if found is not None and found.matches > 1:
            raise NeedsReview(
                "not unique in the target",
                f"{operation.object}: {found.matches} records have {_words(operation.key)}. Remove all but one, "
                "then retry; or resolve with the id of the right one.",
            )
        return found

    def _done(self, state: EffectState, operation: Operation, written: Written) -> Done:
        if operation.action is Action.DELETE:
            return Done(replace(state.without_step(operation.step), intent=None), {}, False)
        before = state.step(operation.step)
        shadow = {**(before.shadow if before else {}), **operation.fields}
        step = Step(
            operation.step,
            operation.object,
            written.target_id,
            written.version,
            operation.op_id,
            shadow,
            _made_of(operation, written, before),
            named=before is not None and before.named,
        )
        return Done(replace(state.with_step(step), intent=None), {**operation.fields, **written.record}, False)

    def adopt(self, state: EffectState, operation: Operation, found: Found) -> Done:
        """Take over a record that is there: the shadow is what it holds where that differs from what we would write."""
        if operation.action is Action.DELETE:
            return Done(replace(state.without_step(operation.step), intent=None), {}, True)
        held = {name: _held(value, _there(found, name, value)) for name, value in operation.fields.items()}
        before = state.step(operation.step)
        shadow = {**(before.shadow if before else {}), **held}
        known = operation.object, found.target_id, found.version, operation.op_id, shadow
        step = Step(operation.step, *known, named=before is not None and before.named)
        return Done(replace(state.with_step(step), intent=None), {**operation.fields, **found.record}, True)


def _made_of(operation: Operation, written: Written, before: Step | None) -> dict[str, Any]:
    """Return what the target made of the written fields where it is not what we wrote."""
    held = {name: value for name, value in (before.held if before else {}).items() if name not in operation.fields}
    for name, value in operation.fields.items():
        there = values.lookup(written.record, name)
        if there is not None and not values.same(value, there):
            held[name] = there
    return held


def _holds(operation: Operation, found: Found) -> bool:
    """Say whether a found record shows that the operation took effect: for an update, every field has its value."""
    if operation.action is Action.CREATE:
        return True
    return bool(found.record) and all(
        values.same(value, values.lookup(found.record, name)) for name, value in operation.fields.items()
    )


def _there(found: Found, name: str, otherwise: Any) -> Any:
    """Return a field of a found record; what the record does not tell is believed to be as we would write it."""
    there = values.lookup(found.record, name)
    return otherwise if there is None and not values.tells(found.record, name) else there


def _held(ours: Any, theirs: Any) -> Any:
    """Return what a found record holds: our spelling where it is the same. Cleared may be spelt 0 or "" there."""
    return ours if values.same(ours, theirs) or (ours is None and not theirs) else theirs


def _took(started: float, attempt: int) -> dict[str, Any]:
    return {"duration_ms": int((time.monotonic() - started) * 1000), "attempt": attempt}


def _words(key: Any) -> str:
    return ", ".join(f"{name} = {value}" for name, value in key.items())
