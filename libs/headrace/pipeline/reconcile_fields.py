"""Which fields of a record were told otherwise: the event that told it last, beside what would be told now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Change
from headrace.mapping.results import Mapped
from headrace.pipeline.reconcile import Finding, Verdict
from headrace.pipeline.reconcile_tables import Tables
from headrace.platform.codec import Codec, event_to_record, record_to_event

NAMED = 2000
"""Of how many records the fields are named: their events are held in memory."""

LEGAL_ENTITY = "legal_entity"


@dataclass(frozen=True, slots=True)
class Told:
    """A record that was told otherwise.

    `event_id` told it last, `mapped` is what would be told now, `ours` are fields that hold what we wrote there.
    """

    finding: Finding
    event_id: str
    mapped: Mapped
    ours: Sequence[str]


async def named(told: Sequence[Told], tables: Tables, codec: Codec) -> list[Finding]:
    """Return the findings with their fields.

    What differs only in the identity or the name of a referenced record, which targets look up themselves, or in what
    we wrote there and nobody has heard back, is the same.
    """
    findings: list[Finding] = []
    for entity in sorted({each.finding.entity for each in told}):
        own = [each for each in told if each.finding.entity == entity]
        events = await tables.events(entity, {each.event_id: each.finding.canonical_id for each in own})
        for each in own:
            placed = events.get(each.event_id)
            if placed is None:
                words = "which fields is not known: the event that told it is not kept any more"
                findings.append(replace(each.finding, detail=words))
            else:
                findings.append(_compared(each, placed.event, codec))
    return findings


def _compared(told: Told, before: CanonicalEvent, codec: Codec) -> Finding:
    entity, mapped = told.finding.entity, told.mapped
    if before.meta.change is Change.DELETE:
        return replace(told.finding, detail="told to be gone, and is there")
    meta = replace(before.meta, asserted=mapped.asserted, legal_entity=mapped.legal_entity)
    try:
        value = codec.encode(f"canonical/{entity}.v1", event_to_record(CanonicalEvent(meta, mapped.data)))
    except RejectRecord as error:
        return replace(told.finding, verdict=Verdict.CANNOT_BE_MAPPED, detail=error.detail)
    now = record_to_event(codec.decode(value)[1])
    names = dict.fromkeys((*before.meta.asserted, *mapped.asserted))
    fields = {
        name: (before.data.get(name), now.data.get(name))
        for name in names
        if name not in told.ours and _plain(before.data.get(name)) != _plain(now.data.get(name))
    }
    if before.meta.legal_entity != mapped.legal_entity:
        fields[LEGAL_ENTITY] = (before.meta.legal_entity, mapped.legal_entity)
    return replace(told.finding, fields=fields) if fields else replace(told.finding, verdict=Verdict.SAME)


def _plain(value: Any) -> Any:
    """Return a value with references by their address alone."""
    if isinstance(value, Mapping):
        if {"connection", "external_id", "canonical_id"} <= set(value) and value["external_id"]:
            return {name: value[name] for name in ("connection", "object", "external_id") if name in value}
        # Where a file lies is no part of what is told, only which file.
        return {name: _plain(item) for name, item in value.items() if name != "content" or "attachment_id" not in value}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
