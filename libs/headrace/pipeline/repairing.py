"""The command `repair`: what the target holds becomes known again, and the last event goes on from there.

It is for what no source tells of: records, or fields, that the target's own connection does not read. The rules of
ownership, reviews of documents and the effect protocol are those of every event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from headrace.core.errors import RejectRecord, RetryLater
from headrace.core.event import CanonicalEvent
from headrace.core.outcome import ParkReason
from headrace.mapping.documents import OutMapping
from headrace.pipeline.decoding import decode
from headrace.pipeline.effects import Effects
from headrace.pipeline.operations import drifted, look_up
from headrace.pipeline.state import EffectState, Parked, Step, source_of
from headrace.pipeline.store import TargetStore
from headrace.platform.codec import Codec, record_to_event

LABEL = "repair"
"""Label in state of the event that a repair takes up again."""


def is_posted(document: OutMapping | None) -> bool:
    """Say whether records of a mapping are documents, which are created once and never again (I12).

    Such have items, or a change of theirs is not simply written. Without its mapping nobody can tell: it counts as one.
    """
    return document is None or document.on_change != "update" or any(step.each is not None for step in document.steps)


async def repair(
    command: Mapping[str, Any],
    argument: Mapping[str, Any],
    state: EffectState | None,
    document: OutMapping | None,
    codec: Codec,
    store: TargetStore,
    effects: Effects,
) -> str:
    """Let the state tell what the target holds now, and take its last event up again; durable when this returns.

    Args:
        command: its `event_id` is the last event that was settled when it was ordered.
        argument: `fields`: step → names whose value the target has otherwise; `gone`: steps whose records are not there
            any more; `topic`, `partition`, `offset`: where the last event lies.
        state: of the canonical id.
        document: the mapping of its entity.
        codec: for the event.
        store: where states are kept, and events are read again.
        effects: reads the target.

    Returns:
        What was done, in words; the caller then resumes what is parked.

    Raises:
        RejectRecord: it makes no sense (any more); the text says why and nothing has changed.
    """
    if state is None or not state.steps:
        raise RejectRecord("nothing written", "nothing was ever written for this id")
    if state.parked is not None or state.intent is not None:
        raise RejectRecord("work under way", "work of this id is parked or under way; settle that, then compare again")
    if command["event_id"] != state.event_id:
        raise RejectRecord("another event", "a newer event was worked off by now; compare again")
    parked = await _last_event(command, argument, codec, store)
    repaired = state
    try:
        for name, fields in _of(argument, "fields", Mapping).items():
            repaired = await _as_it_is(command, repaired, _step(state, name), fields, effects)
        for name in _of(argument, "gone", Sequence):
            repaired = await _without(command, repaired, _step(state, name), document, effects)
    except RetryLater as later:
        raise RejectRecord("not now", f"the target cannot be read now: {later.reason}; order it again") from later
    await store.put(command["canonical_id"], repaired.with_parked(parked))
    return "what the target holds is known again; the last event goes on from there"


async def renew(state: EffectState | None, canonical_id: str, codec: Codec, store: TargetStore) -> str:
    """Take the last event of a record up again that others belong to, and that may take no more (`open` of its step).

    Returns:
        What was done, in words; the caller then resumes what is parked.

    Raises:
        RejectRecord: there is nothing to take up, or it is under way already.
    """
    if state is None or not state.steps:
        raise RejectRecord("nothing written", "nothing was ever written for this id")
    if state.parked is not None or state.intent is not None:
        raise RejectRecord("work under way", "work of this id is parked or under way already")
    # By its key, for what was parked in between was settled at another offset than it lies at.
    message = await store.newest(state.topic, canonical_id)
    if message is None or message.value is None:
        raise RejectRecord("not there", f"{state.topic} keeps no event of this id any more")
    event = record_to_event(await decode(codec, message.value))
    await store.put(canonical_id, state.with_parked(_taken_up(event, message.topic, message.value, "renewal")))
    return "looked whether it still takes more"


async def _last_event(
    command: Mapping[str, Any], argument: Mapping[str, Any], codec: Codec, store: TargetStore
) -> Parked:
    topic, partition, offset = (argument.get(name) for name in ("topic", "partition", "offset"))
    if not (isinstance(topic, str) and isinstance(partition, int) and isinstance(offset, int)):
        raise RejectRecord("bad argument", "repair needs topic, partition and offset of the last event")
    message = await store.message(topic, partition, offset)
    value = message.value if message is not None else None
    event = record_to_event(await decode(codec, value)) if value else None
    if value is None or event is None:
        raise RejectRecord("not there", f"{topic}/{partition}/{offset} is not kept any more")
    if (event.key, event.meta.event_id) != (command["canonical_id"], command["event_id"]):
        raise RejectRecord("bad argument", f"{topic}/{partition}/{offset} is not the last event of this id")
    return _taken_up(event, topic, value, LABEL)


def _taken_up(event: CanonicalEvent, topic: str, value: bytes, label: str) -> Parked:
    return Parked(
        reason=ParkReason.WAITING.value,
        label=label,
        detail=f"taken up again by a {label}",
        topic=topic,
        event=value,
        event_id=event.meta.event_id,
        since=datetime.now(UTC),
        source=source_of(event.meta),
    )


async def _as_it_is(
    command: Mapping[str, Any], state: EffectState, step: Step, names: Sequence[str], effects: Effects
) -> EffectState:
    """Let the shadow of a step tell what its record holds now in some fields."""
    found = await effects.find(look_up(command["connection"], state.entity, command["canonical_id"], step, names))
    if found is None:
        raise RejectRecord("not there", f"{step.object} {step.target_id} is gone by now; compare again")
    there = {name: theirs for name, (_, theirs) in drifted(step, found.record, names).items()}
    held = {name: value for name, value in step.held.items() if name not in there}
    return state.with_step(replace(step, shadow={**step.shadow, **there}, held=held))


async def _without(
    command: Mapping[str, Any], state: EffectState, step: Step, document: OutMapping | None, effects: Effects
) -> EffectState:
    """Forget a step whose record is gone, so that it is looked for by its keys, and created if it is not there."""
    if is_posted(document):
        words = f"{step.object} {step.target_id} is (part of) a document, which is never created a second time"
        raise RejectRecord("posted once", f"{words}: enter it in the target by hand if it was deleted by mistake")
    found = await effects.find(look_up(command["connection"], state.entity, command["canonical_id"], step, ()))
    return state if found is not None else state.without_step(step.step)


def _step(state: EffectState, name: str) -> Step:
    step = state.step(name)
    if step is None:
        raise RejectRecord("unknown step", f"no step {name} was written; there are {_names(state)}")
    return step


def _names(state: EffectState) -> str:
    return ", ".join(step.step for step in state.steps)


def _of(argument: Mapping[str, Any], name: str, kind: type) -> Any:
    value = argument.get(name) or ({} if kind is Mapping else ())
    if not isinstance(value, kind):
        raise RejectRecord("bad argument", f"repair: {name} is of the wrong kind")
    return value
