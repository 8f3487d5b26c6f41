"""Parked work of one target: who waits for what, when it is tried again, and the feed that operators read.

The state of the canonical id holds the parked event itself; the `parked.<connection>` topic tells the story.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from headrace.core.errors import Full, NeedsReview, RejectRecord, RetryLater, WaitForRecord
from headrace.core.event import CanonicalEvent
from headrace.core.ids import mint_canonical_id
from headrace.core.outcome import ParkReason
from headrace.pipeline.effects import StateStore
from headrace.pipeline.links import NATURAL, Link
from headrace.pipeline.renewing import Renewing
from headrace.pipeline.state import EffectState, Parked, source_of
from headrace.platform import metrics
from headrace.platform.codec import Codec
from headrace.platform.crashpoints import point
from headrace.platform.kafka import Producer

SCHEMA = "internal/parked.v1"

_RECENT = 1000
_HELD = tuple(reason for reason in ParkReason if reason is not ParkReason.UNDECODABLE)
"""The reasons for which ids park; a message that cannot be decoded has none."""


class Parking:
    """Keeps the parked ids of the assigned partitions in mind and wakes them.

    Args:
        connection: the target connection.
        store: durable state.
        producer: for the feed.
        codec: for the feed.
        topic: the feed, `parked.<connection>`.
        wake: called with a canonical id that should be tried again.
        retry_seconds: how long waiting work rests at first if nothing wakes it; doubles up to an hour.
        renewing: has another made of what takes no more; None if there is no such thing.
    """

    def __init__(
        self,
        connection: str,
        store: StateStore,
        producer: Producer,
        codec: Codec,
        topic: str,
        wake: Callable[[str], None],
        retry_seconds: float = 30.0,
        renewing: Renewing | None = None,
    ) -> None:
        self._connection = connection
        self._store = store
        self._producer = producer
        self._codec = codec
        self._topic = topic
        self._wake = wake
        self._retry_seconds = retry_seconds
        self._renewing = renewing
        self._parked: dict[str, Parked] = {}
        self._waiters: dict[str, set[str]] = {}
        self._recent: OrderedDict[str, None] = OrderedDict()
        for reason in _HELD:
            metrics.PARKED.labels(connection, reason.value).set(0)
            oldest = metrics.PARKED_OLDEST_SECONDS.labels(connection, reason.value)
            oldest.set_function(partial(self.oldest_age, reason.value))

    async def park(
        self, event: CanonicalEvent, topic: str, value: bytes, state: EffectState, error: Exception
    ) -> EffectState:
        """Park an event: state first, then the feed. Once this returns its offset may be acked (I2, I9).

        Args:
            event: the event.
            topic: where it came from.
            value: its bytes as they lay there.
            state: the durable state so far, with an INTENT if its outcome could not be found out.
            error: why; one of the errors that park.
        """
        if isinstance(error, Full) and self._renewing is not None:
            error = await self._renewing.waited_for(event, error)
        before = state.parked_for(source_of(event.meta))
        again = before is not None and before.event_id == event.meta.event_id
        reason, label, detail = _why(error)
        attempts = before.attempts + 1 if before is not None and again else 1
        parked = Parked(
            reason=reason.value,
            label=label,
            detail=detail,
            topic=topic,
            event=value,
            event_id=event.meta.event_id,
            since=before.since if before is not None and again else datetime.now(UTC),
            attempts=attempts,
            next_attempt_at=self._next(error, attempts),
            wait_entity=error.entity if isinstance(error, WaitForRecord) else "",
            wait_canonical_id=error.canonical_id if isinstance(error, WaitForRecord) else "",
            differences=_differences(error, before if again else None),
            source=source_of(event.meta),
            forced=before is not None and again and before.forced,
        )
        # What was tried and waits again lets the others of its id have their turn.
        state = replace(state.with_parked(parked, last=again), traceparent=event.meta.trace_id)
        point("parking.before-park")
        await self._store.put(event.key, state)
        point("parking.after-park")
        self.remember(event.key, state.parked or parked)
        if self._recent.pop(parked.wait_canonical_id, parked) is None:
            self._wake(event.key)  # its link came while it was on its way here
        if before is None or (before.reason, before.detail, before.event_id) != (reason.value, detail, parked.event_id):
            await self._tell(event, parked, "parked")
        return state

    async def resumed(self, event: CanonicalEvent, parked: Parked, *, resolved: bool) -> None:
        """Tell the feed that parked work is settled; `resolved` if an operator did it."""
        self.forget(event.key)
        await self._tell(event, parked, "resolved" if resolved else "resumed")

    def remember(self, canonical_id: str, parked: Parked) -> None:
        """Keep a parked id in mind, as after a recovery of state."""
        self.forget(canonical_id)
        self._parked[canonical_id] = parked
        metrics.PARKED.labels(self._connection, parked.reason).inc()
        if parked.reason == ParkReason.WAITING:
            metrics.WAITING.labels(self._connection, _what(parked)).inc()
            oldest = metrics.WAITING_OLDEST_SECONDS.labels(self._connection, _what(parked))
            oldest.set_function(partial(self.oldest_age, parked.reason, _what(parked)))
        if parked.wait_canonical_id:
            self._waiters.setdefault(parked.wait_canonical_id, set()).add(canonical_id)

    def forget(self, canonical_id: str) -> None:
        """Drop an id that is no longer parked, or no longer ours."""
        parked = self._parked.pop(canonical_id, None)
        if parked is None:
            return
        metrics.PARKED.labels(self._connection, parked.reason).dec()
        if parked.reason == ParkReason.WAITING:
            metrics.WAITING.labels(self._connection, _what(parked)).dec()
        waiting = self._waiters.get(parked.wait_canonical_id, set())
        waiting.discard(canonical_id)
        if not waiting:
            self._waiters.pop(parked.wait_canonical_id, None)

    def clear(self) -> None:
        """Forget everything: the partitions are revoked."""
        for canonical_id in list(self._parked):
            self.forget(canonical_id)

    def oldest_age(self, reason: str, what: str = "") -> float:
        """Return the seconds since the work that is parked longest for a reason was parked; 0 if there is none.

        Args:
            reason: why it is parked.
            what: count only what waits for this; "" counts all.
        """
        counted = (each for each in self._parked.values() if each.reason == reason and what in ("", _what(each)))
        since = min((parked.since for parked in counted), default=None)
        return max(0.0, (datetime.now(UTC) - since).total_seconds()) if since is not None else 0.0

    def linked(self, link: Link) -> None:
        """Wake what waits for a record that is now linked, or whose identity turned out to be another one."""
        if link.connection == NATURAL:
            return
        for waited_for in {link.canonical_id, mint_canonical_id(*link.address)}:
            self.arrived(waited_for)

    def arrived(self, waited_for: str) -> None:
        """Wake what waits under this id: a canonical id, or the name of an exchange rate."""
        waiting = list(self._waiters.get(waited_for, ()))
        for canonical_id in waiting:
            self._wake(canonical_id)
        if not waiting:
            self._recent[waited_for] = None
            if len(self._recent) > _RECENT:
                self._recent.popitem(last=False)

    async def run_timers(self) -> None:
        """Wake parked work whose time has come; runs until cancelled."""
        woken: dict[str, float] = {}
        while True:
            await asyncio.sleep(0.5)
            now, tick = datetime.now(UTC), time.monotonic()
            woken = {key: at for key, at in woken.items() if tick - at < self._retry_seconds}
            for canonical_id, parked in list(self._parked.items()):
                due = parked.next_attempt_at is not None and parked.next_attempt_at <= now
                if due and canonical_id not in woken:
                    woken[canonical_id] = tick
                    self._wake(canonical_id)

    def _next(self, error: Exception, attempts: int) -> datetime | None:
        if not isinstance(error, WaitForRecord | RetryLater):
            return None
        seconds = min(3600.0, self._retry_seconds * 2 ** min(attempts - 1, 10))
        if isinstance(error, RetryLater) and error.after is not None:
            seconds = max(error.after, 1.0)
        return datetime.now(UTC) + timedelta(seconds=seconds)

    async def _tell(self, event: CanonicalEvent, parked: Parked, state: str) -> None:
        record = {
            "connection": self._connection,
            "canonical_id": event.key,
            "entity": event.meta.entity,
            "event_id": parked.event_id,
            "reason": parked.reason,
            "label": parked.label,
            "detail": parked.detail,
            "topic": parked.topic,
            "event": parked.event,
            "state": state,
            "attempts": parked.attempts,
            "at": datetime.now(UTC),
            "traceparent": event.meta.trace_id,
        }
        await self._producer.send(self._topic, event.key, self._codec.encode(SCHEMA, record))


def _what(parked: Parked) -> str:
    """Return what waiting work waits for."""
    return "own word" if parked.awaits_own_word else parked.wait_entity or "target"


def _why(error: Exception) -> tuple[ParkReason, str, str]:
    if isinstance(error, WaitForRecord):
        return ParkReason.WAITING, f"waiting for {error.entity}", error.detail
    if isinstance(error, RetryLater):
        return ParkReason.WAITING, "target not ready", error.reason
    if isinstance(error, NeedsReview):
        return ParkReason.REVIEW, error.reason, error.detail
    if isinstance(error, RejectRecord):
        reason = ParkReason.UNKNOWN if error.reason == "outcome unknown" else ParkReason.REJECTED
        return reason, error.reason, error.detail
    raise error


def _differences(error: Exception, before: Parked | None) -> dict[str, Any]:
    """Return what a human decides between, or has decided: a decision holds until it is carried out."""
    if isinstance(error, NeedsReview):
        return dict(error.differences)
    return dict(before.differences) if before is not None and before.forced else {}
