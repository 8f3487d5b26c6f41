"""Decisions on an event before anything is planned or called: is it repeated, what does the target itself tell."""

from __future__ import annotations

from dataclasses import replace

from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Meta
from headrace.mapping.results import Skipped
from headrace.pipeline.performing import differing, is_delete
from headrace.pipeline.planning import Planner
from headrace.pipeline.state import EffectState
from headrace.platform.kafka import Message


def repeated(meta: Meta, message: Message | None, state: EffectState) -> str | None:
    """Name the rule by which an event needs no work at all (I6: outcomes are remembered, not sightings).

    Args:
        meta: the event's.
        message: how it came; None for work taken up from the parking, which is never repeated.
        state: what the target knows of its canonical id.
    """
    if message is None:
        return None
    if state.event_id == meta.event_id and state.parked is None:
        return "seen"
    if (state.topic, state.partition) == (message.topic, message.partition) and message.offset <= state.offset:
        return "seen"
    if state.parked and state.parked.event_id == meta.event_id:
        return "parked already"
    same_source = state.source_connection == meta.connection
    if same_source and meta.source_version and meta.source_version < state.source_version:
        return "stale"
    return None


def following(event: CanonicalEvent, planner: Planner, state: EffectState) -> EffectState:
    """Return the state after the target told a change of its own: shadows follow what it holds, nothing else moves."""
    if is_delete(event) or planner.mapping(event.meta.entity) is None:
        return state
    try:
        plan = planner.plan(event)
    except RejectRecord:
        return state
    if isinstance(plan, Skipped):
        return state
    for planned in plan.steps:
        existing = state.step(planned.step)
        # One identity may have a record in several legal entities: only the one that we wrote has this shadow.
        if existing is not None and existing.target_id == event.meta.external_id:
            changed = {name: value for name, value in differing(planned, existing).items() if name in existing.shadow}
            state = state.with_step(replace(existing, shadow={**existing.shadow, **changed}))
    return state
