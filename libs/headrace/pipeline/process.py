"""The processor of one target connection: canonical events and commands in, effects out (design §2.4).

For every event: settle what a crash left → seen? → own? → map out → what differs → effect protocol → link → ack.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from headrace.core.contracts import Operation
from headrace.core.errors import LeaseLost, RejectRecord, RetryLater, WaitForRecord
from headrace.core.event import CanonicalEvent
from headrace.core.outcome import Outcome, ParkReason
from headrace.core.ownership import Ownership
from headrace.mapping.documents import OutMapping
from headrace.mapping.results import Skipped
from headrace.pipeline import commands
from headrace.pipeline.audit import Audit
from headrace.pipeline.deciding import RULES, Routes, refused, repeated
from headrace.pipeline.decoding import Undecodable, decode
from headrace.pipeline.effects import Effects, Note
from headrace.pipeline.following import Following
from headrace.pipeline.lanes import Lanes
from headrace.pipeline.links import Links
from headrace.pipeline.marking import Marking
from headrace.pipeline.operations import announced, is_delete
from headrace.pipeline.owning import Owning
from headrace.pipeline.parking import Parking
from headrace.pipeline.performing import Performer
from headrace.pipeline.planning import Planner
from headrace.pipeline.state import EffectState, Parked, source_of
from headrace.pipeline.store import TargetStore
from headrace.pipeline.tasks import Interrupted, Performed, Task, Work
from headrace.platform import metrics
from headrace.platform.codec import Codec, record_to_event
from headrace.platform.crashpoints import point
from headrace.platform.kafka import Message

logger = logging.getLogger(__name__)


class Processor:
    """Handles the messages of one target's stream worker."""

    def __init__(
        self,
        connection: str,
        *,
        codec: Codec,
        store: TargetStore,
        planner: Planner,
        performer: Performer,
        effects: Effects,
        parking: Parking,
        links: Links,
        audit: Audit,
        undecodable: Undecodable,
        finished: Callable[[Message], None],
        stop: Callable[[BaseException], None],
        commands_topic: str,
        concurrency: int,
        capacity: int = 512,
        drain_seconds: float = 20.0,
        ownership: Mapping[str, Ownership] | None = None,
        routes: Routes | None = None,
    ) -> None:
        self._connection = connection
        self._codec = codec
        self._store = store
        self._planner = planner
        self._performer = performer
        self._effects = effects
        self._parking = parking
        self._marking = Marking(connection, links, planner, performer.ask)
        self._links = links
        self._following = Following(planner, performer, self._marking)
        self._ownership = ownership or {}
        self._routes = routes or {}
        self._audit = audit
        self._undecodable = undecodable
        self._finished = finished
        self._stop = stop
        self._commands_topic = commands_topic
        self._drain_seconds = drain_seconds
        self._lanes = Lanes(concurrency, capacity, self._failed)
        self._woken: set[str] = set()
        self._assignment = object()
        links.watch(parking.linked)
        metrics.show_target(connection, self._ownership)

    # --- the worker's side ---

    async def on_assigned(self, partitions: frozenset[int]) -> None:
        """Take up what parked or was under way in the recovered state, then messages may come."""
        metrics.REBALANCES.labels(self._connection).inc()
        self._parking.clear()
        assignment = self._assignment = object()
        for canonical_id, state in await self._store.unsettled():
            if assignment is not self._assignment:
                return  # revoked meanwhile: these are another worker's now
            if state.parked:
                self._parking.remember(canonical_id, state.parked)
                if state.parked.reason == ParkReason.WAITING or (
                    state.intent and state.parked.reason != ParkReason.UNKNOWN
                ):
                    self.wake(canonical_id)

    @property
    def has_room(self) -> bool:
        """Whether more events may come."""
        return self._lanes.has_room

    def on_message(self, message: Message) -> None:
        """Queue an event or a command behind what its canonical id already has (I5)."""
        if message.value is None:
            self._finished(message)
            return
        begin = self._command if message.topic == self._commands_topic else self._begin
        self._lanes.submit(message.key, partial(begin, message))

    async def on_revoked(self, seconds: float) -> None:
        """Finish or cancel what is under way; an interrupted call stays an INTENT and is verified by the next owner."""
        self._assignment = object()
        self._parking.clear()
        await self._lanes.drain(min(seconds, self._drain_seconds))
        self._parking.clear()
        self._woken.clear()

    def wake(self, canonical_id: str) -> None:
        """Try a parked id again; at most once at a time."""
        if canonical_id not in self._woken:
            self._woken.add(canonical_id)
            self._lanes.submit(canonical_id, partial(self._resume, canonical_id))

    @property
    def pending(self) -> int:
        """Work queued or under way."""
        return self._lanes.pending

    def _failed(self, key: str, error: BaseException) -> None:
        if isinstance(error, LeaseLost):
            # The lane cannot go on, and without a rebalance nobody else would: begin again from the acks.
            logger.error("lease lost; the process ends to begin again", extra={"canonical_id": key})
        else:
            logger.error("work failed unexpectedly", exc_info=error, extra={"canonical_id": key})
        self._stop(error)

    # --- one event ---

    async def _begin(self, message: Message) -> None:
        value = message.value or b""
        try:
            event = record_to_event(await decode(self._codec, value))
        except RejectRecord as error:
            await self._undecodable.park(message, error)
            self._finished(message)
            return
        await self._work(Work(event, message.topic, value, message))

    async def _work(self, work: Work) -> None:
        meta = work.event.meta
        state = self._store.get(meta.canonical_id) or EffectState(entity=meta.entity)
        rule = repeated(meta, work.message, state)
        own = meta.connection == self._connection
        if rule is None and not own:
            rule = refused(self._routes, meta, state)
        if rule is not None:
            await self._audit.event(self._connection, meta, "decide", Outcome.SKIPPED.value, detail=rule)
            metrics.DISMISSED.labels(self._connection, rule if rule in RULES else "not taken").inc()
            outcome = Outcome.SKIPPED
        else:
            outcome = await (self._follow(work, state) if own else self._finish(work, state))
        await self._audit.flush(meta.canonical_id)
        point("process.before-ack")
        if work.message is not None:
            self._finished(work.message)
        metrics.EFFECTS.labels(self._connection, meta.entity, outcome.value).inc()
        age = max(0.0, time.time() - meta.observed_at.timestamp())
        metrics.EVENT_AGE_SECONDS.labels(self._connection).observe(age)

    async def _finish(self, work: Work, state: EffectState) -> Outcome:
        note = self._note(work.event)
        recovered = None
        try:
            if state.intent is not None:
                steps, intent = state.steps, state.intent
                state = await self._recover(work.event, state, note)
                recovered = intent if state.steps != steps else None
            performed, detail = await self._decide(work, state, note)
        except Interrupted as interrupted:
            if interrupted.definite:
                await self._marking.mark(work.event, Performed(interrupted.state, Outcome.CREATED))
            kept = interrupted.state if interrupted.definite else self._store.get(work.event.key)
            return await self._park(work, interrupted.error, kept or state, note)
        except (RejectRecord, WaitForRecord, RetryLater) as error:
            return await self._park(work, error, state, note)
        if recovered is not None:
            if performed.outcome is Outcome.UNCHANGED:
                performed.outcome = Outcome.ADOPTED
            if (main := performed.state.main) is not None and recovered.step == main.step:
                performed.wrote = {**recovered.fields, **performed.wrote}
        await self._settle(work, performed, detail, note)
        return performed.outcome

    async def _decide(self, work: Work, state: EffectState, note: Note) -> tuple[Performed, str]:
        event = work.event
        document = self._planner.mapping(event.meta.entity)
        if document is None:
            return Performed(state, Outcome.SKIPPED), "no mapping for this entity"
        task = await self._task(work, document, state, note)
        if is_delete(event):
            policy = document.when_gone(event.meta.reason)
            if policy == "delete" and state.steps and not state.is_foreign:
                return await self._performer.delete(task, state), ""
            if policy != "skip" and state.steps and not work.forced:
                raise commands.gone_at_source(event)
            return Performed(state, Outcome.SKIPPED), commands.why_gone(event)
        plan = await self._planner.complete(event, state.done, forced=work.forced)
        if isinstance(plan, Skipped):
            return Performed(state, Outcome.SKIPPED), plan.rule
        if plan.conversion is not None:
            await note("convert", "converted", detail=str(plan.conversion))
        try:
            performed = await self._performer.perform(task, plan, state)
        finally:
            for conflict in task.owning.conflicts if task.owning else ():
                await note("conflict", conflict.outcome, detail=conflict.detail)
        return performed, "no record to complete" if performed.outcome is Outcome.SKIPPED else ""

    async def _task(self, work: Work, document: OutMapping, state: EffectState, note: Note) -> Task:
        event, owning = work.event, None
        parked = state.parked_for(source_of(event.meta))
        same = parked is not None and parked.event_id == event.meta.event_id
        if (rules := self._ownership.get(event.meta.entity)) is not None:
            asked = frozenset(parked.differences) if parked is not None and same and work.forced else frozenset()
            earlier = await self._event(parked) if parked is not None and not same else None
            reads = document.program.reads
            owning = Owning(rules, self._connection, event, state.claims, reads, asked, earlier)
        return Task(event, document, note, owning, work.forced, parked.attempts if parked is not None and same else 0)

    async def _follow(self, work: Work, state: EffectState) -> Outcome:
        """Take note of a change that the target itself tells of."""
        event, note = work.event, self._note(work.event)
        document = self._planner.mapping(event.meta.entity)
        observed = state
        if document is not None:
            try:
                if state.intent is not None:
                    state = await self._recover(event, state, note)
                observed = await self._following.follow(await self._task(work, document, state, note), state)
            except Interrupted as interrupted:
                kept = interrupted.state if interrupted.definite else self._store.get(event.key)
                return await self._park(work, interrupted.error, kept or state, note)
            except (RejectRecord, RetryLater) as error:
                return await self._park(work, error, state, note)
        parked = observed.parked_for(source_of(event.meta))
        if parked is not None:
            observed = observed.without_parked(parked.source)
        if observed != state or state != self._store.get(event.key):
            await self._store.put(event.key, observed)
        if parked is not None:
            await self._parking.resumed(event, parked, resolved=False)
        if observed.parked is not None and (parked is not None or observed.parked.awaits_own_word):
            self._parking.remember(event.key, observed.parked)
            self.wake(event.key)  # it waited for this word, or behind this event
        metrics.DISMISSED.labels(self._connection, "own change").inc()
        await note("decide", Outcome.SKIPPED.value, detail="own change")
        return Outcome.SKIPPED

    async def _recover(self, event: CanonicalEvent, state: EffectState, note: Note) -> EffectState:
        intent = state.intent
        if intent is None:
            return state
        operation = announced(self._connection, event, state.entity, intent)
        recovered = await self._effects.recover(state, operation, note)
        if recovered.steps == state.steps:
            await self._marking.unmark(event, intent)
        return recovered

    async def _settle(self, work: Work, performed: Performed, detail: str, note: Note) -> None:
        event, state = work.event, performed.state
        await self._marking.mark(event, performed)
        source = source_of(event.meta)
        parked = state.parked_for(source)  # what other records want is not settled by this
        document = self._planner.mapping(event.meta.entity)
        claims = state.claims
        if (rules := self._ownership.get(event.meta.entity)) is not None:
            if parked is not None and parked.event_id != event.meta.event_id:
                claims, _ = rules.heard(claims, await self._event(parked))
            claims, _ = rules.heard(claims, event)
        done = replace(
            state.without_parked(source),
            event_id=event.meta.event_id,
            source_connection=event.meta.connection,
            source_external_id=event.meta.external_id,
            source_version=event.meta.source_version,
            mapping_version=document.fingerprint if document else "",
            outcome=performed.outcome.value,
            detail=detail,
            traceparent=event.meta.trace_id,
            claims=claims,
            intent=None,
        )
        if work.message is not None:
            done = replace(done, topic=work.message.topic, partition=work.message.partition, offset=work.message.offset)
        elif not done.topic:
            done = replace(done, topic=work.topic)
        point("effects.before-done")
        await self._store.put(event.key, done)
        point("effects.after-done")
        if parked is not None:
            if parked.event_id != event.meta.event_id:
                await note(
                    "settle", Outcome.SUPERSEDED.value, detail=f"event {parked.event_id} gave way to a newer one"
                )
            await self._parking.resumed(event, parked, resolved=work.forced)
        if done.parked is not None:
            self._parking.remember(event.key, done.parked)
            self.wake(event.key)
        await note("settle", performed.outcome.value, detail=detail, target_id=_target_id(done))

    async def _park(self, work: Work, error: Exception, state: EffectState, note: Note) -> Outcome:
        before = state.parked_for(source_of(work.event.meta))
        state = await self._parking.park(work.event, work.topic, work.value, state, error)
        if state.parked is None:
            raise RuntimeError("parking left nothing")
        if before is not None and before.event_id != work.event.meta.event_id:
            await note("park", Outcome.SUPERSEDED.value, detail=f"event {before.event_id} gave way to a newer one")
        now = state.parked_for(source_of(work.event.meta)) or state.parked
        await note("park", Outcome.PARKED.value, detail=f"{now.reason}: {now.detail}")
        return Outcome.PARKED

    # --- parked work and commands ---

    async def _resume(self, canonical_id: str) -> None:
        self._woken.discard(canonical_id)
        state = self._store.get(canonical_id)
        if state is None or state.parked is None:
            return
        await self._work(await self._taken_up(state.parked, forced=state.parked.forced))

    async def _taken_up(self, parked: Parked, *, forced: bool) -> Work:
        return Work(await self._event(parked), parked.topic, parked.event, None, forced)

    async def _event(self, parked: Parked) -> CanonicalEvent:
        return record_to_event(await decode(self._codec, parked.event))

    async def _command(self, message: Message) -> None:
        try:
            command = await decode(self._codec, message.value or b"")
        except RejectRecord as error:
            await self._undecodable.park(message, error)
            self._finished(message)
            return
        state = self._store.get(message.key)
        try:
            document = self._planner.mapping(state.entity) if state else None
            result = await commands.carry_out(
                command, state, document, self._codec, self._store, self._effects, self._links
            )
        except RejectRecord as error:
            result = commands.Result(f"refused: {error.detail}")
        if result.retry:
            await self._resume(message.key)
        elif result.settled is not None and state is not None and state.parked is not None:
            work = await self._taken_up(state.parked, forced=True)
            await self._settle(work, Performed(result.settled, Outcome.SKIPPED), result.words, self._note(work.event))
        await self._audit.action(
            {
                "operator": command["operator"],
                "action": command["action"],
                "connection": self._connection,
                "canonical_id": message.key,
                "argument": command["argument"],
                "reason": command["reason"],
                "result": result.words,
            }
        )
        await self._audit.flush(message.key)
        self._finished(message)

    def _note(self, event: CanonicalEvent) -> Note:
        async def note(phase: str, outcome: str, operation: Operation | None = None, **more: Any) -> None:
            if phase == "conflict":
                metrics.CONFLICTS.labels(self._connection, event.meta.entity, outcome).inc()
            if operation is not None:
                more = {"op_id": operation.op_id, "step": operation.step, "object": operation.object, **more}
            await self._audit.event(self._connection, event.meta, phase, outcome, **more)

        return note


def _target_id(state: EffectState) -> str:
    return state.steps[0].target_id if state.steps else ""
