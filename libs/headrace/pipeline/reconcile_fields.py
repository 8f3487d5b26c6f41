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
    `unchanged`: it has the version that was told, so what differs is lent by other records, or came without a trace.
    """

    finding: Finding
    event_id: str
    mapped: Mapped
    ours: Sequence[str]
    unchanged: bool = False


async def named(told: Sequence[Told], tables: Tables, codec: Codec) -> list[Finding]:
    """Return the findings with their fields.

    What differs only in the identity or the name of a referenced record, which targets look up themselves, or in what
    we wrote there and nobody has heard back, is the same. So are the texts of a record that has not changed since: the
    name of its seller or the unit of its item is of today, and was told as it was then. Numbers, days and items count.
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
        if name not in told.ours
        and _plain(name, before.data.get(name), told.unchanged) != _plain(name, now.data.get(name), told.unchanged)
    }
    if before.meta.legal_entity != mapped.legal_entity and not told.unchanged:
        fields[LEGAL_ENTITY] = (before.meta.legal_entity, mapped.legal_entity)
    return replace(told.finding, fields=fields) if fields else replace(told.finding, verdict=Verdict.SAME)


def _plain(name: str, value: Any, unchanged: bool) -> Any:
    """Return a value with references by their address alone, of an unchanged record without texts but ids."""
    if isinstance(value, Mapping):
        if {"connection", "external_id", "canonical_id"} <= set(value) and value["external_id"]:
            return {inner: value[inner] for inner in ("connection", "object", "external_id") if inner in value}
        # Where a file lies is no part of what is told, only which file.
        kept = {inner for inner in value if inner != "content" or "attachment_id" not in value}
        return {inner: _plain(inner, value[inner], unchanged) for inner in kept}
    if isinstance(value, list):
        return [_plain(name, item, unchanged) for item in value]
    return None if unchanged and isinstance(value, str) and not name.endswith("id") else value
