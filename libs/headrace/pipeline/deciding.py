"""Decisions on an event before anything is planned or called: is it repeated, is it for this target at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.core.event import Meta
from headrace.pipeline.state import EffectState
from headrace.platform.kafka import Message

RULES = ("seen", "stale", "parked already", "own change")
"""Rules by which an event needs no work, whatever the configuration; others name what it does not take."""


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
    if _same_source(meta, state) and meta.source_version and meta.source_version < state.source_version:
        return "stale"
    return None


def refused(routes: Routes, meta: Meta, state: EffectState) -> str | None:
    """Name the rule by which an event is not for this target at all, None if it is (I9).

    Args:
        routes: what the target takes.
        meta: the event's.
        state: what the target knows of its canonical id. A record that it was written from is heard to the end, for
            what leaves a company, or is deleted, does not tell of which it was.
    """
    if state.steps and _same_source(meta, state):
        return None
    return routes.get(meta.entity, Accepts()).refuses(meta)


def _same_source(meta: Meta, state: EffectState) -> bool:
    return (state.source_connection, state.source_external_id) == (meta.connection, meta.external_id)


@dataclass(frozen=True, slots=True)
class Accepts:
    """Which events of an entity a target takes: from these connections, of these legal entities; empty: any."""

    connections: frozenset[str] = frozenset()
    legal_entities: frozenset[str] = frozenset()

    def refuses(self, meta: Meta) -> str | None:
        """Name the rule by which an event is not for this target, None if it is (I9)."""
        if self.connections and meta.connection not in self.connections:
            return f"not taken from {meta.connection}"
        company = (meta.legal_entity or "").casefold()
        if self.legal_entities and company not in self.legal_entities:
            return f"not of a legal entity that is taken ({company or 'none'})"
        return None


Routes = Mapping[str, Accepts]
"""Entity → what of it is taken; an entity that is not named is taken from everywhere."""
