"""How the records of a real load ended: the audit and the source's parking, read from where the load began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.core.errors import RejectRecord
from headrace.pipeline.decoding import decode
from headrace.pipeline.endings import Endings, Result
from headrace.pipeline.shared import Shared
from headrace.platform.kafka import read_all

_PROCESSED = frozenset({"match", "settle", "park", "decide"})
_KEPT = ("connection", "canonical_id", "event_id", "phase", "outcome", "detail", "object", "target_id")


def report_topics(shared: Shared, connection: str) -> list[str]:
    """Return the topics that tell how a connection's records ended."""
    return [shared.names.audit, shared.names.parked(connection)]


async def report(
    shared: Shared, connection: str, obj: str, endings: Endings, marks: Mapping[str, Sequence[int]]
) -> list[Result]:
    """Return one result for each record, entity and target.

    Args:
        shared: the deployment.
        connection: what was loaded.
        obj: the object.
        endings: fresh; reads the lines.
        marks: where `report_topics` ended when the load began.
    """
    processed: list[Mapping[str, Any]] = []
    reasons: dict[str, str] = {}
    async for message in read_all(shared.settings.kafka, report_topics(shared, connection), begin=marks):
        try:
            record = await decode(shared.codec, message.value or b"")
        except RejectRecord:
            continue
        if message.topic != shared.names.audit:
            if record["reason"] and message.key.startswith(f"{obj}:"):
                reasons[message.key.partition(":")[2]] = record["reason"]
        elif record.get("phase") in _PROCESSED and record["connection"] != connection:
            # A target may tell of an event before the normaliser has told that it made it.
            processed.append({name: record[name] for name in _KEPT})
        elif record.get("phase"):
            endings.read(record)
    for line in processed:
        endings.read(line)
    for external_id, reason in reasons.items():
        endings.parked(external_id, reason)
    return endings.results()
