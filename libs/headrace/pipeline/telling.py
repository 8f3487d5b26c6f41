"""What a source's record becomes: its canonical event, with identity, origin and trace."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.core.contracts import Record
from headrace.core.event import CanonicalEvent, Change, Meta
from headrace.core.ids import event_id
from headrace.mapping.documents import InMapping
from headrace.mapping.results import Mapped
from headrace.pipeline.inbox import Delivery


def told(
    connection: str,
    document: InMapping,
    record: Record,
    mapped: Mapped,
    canonical_id: str,
    content: str,
    delivery: Delivery,
    reason: str,
) -> CanonicalEvent:
    """Return the event of a mapped record.

    Args:
        connection: the source.
        document: the mapping.
        record: as its source tells it.
        mapped: what the mapping made of it.
        canonical_id: the identity of what it is about.
        content: fingerprint of what it says; the same says the same.
        delivery: how it arrived.
        reason: why it is gone, "" if it is not.
    """
    observed = delivery.received_at or datetime.now(UTC)
    meta = Meta(
        event_id=event_id(canonical_id, document.entity, record.version, content),
        entity=document.entity,
        canonical_id=canonical_id,
        connection=connection,
        object=document.identity,
        external_id=mapped.id or record.ref.external_id,
        source_version=record.version if mapped.id is None else "",  # versions of many records have no common order
        occurred_at=mapped.occurred_at or record.modified_at or observed,
        observed_at=observed,
        change=Change.DELETE if record.deleted else Change.UPSERT,
        legal_entity=mapped.legal_entity,
        asserted=mapped.asserted,
        trace_id=delivery.traceparent,
        reason=reason,
    )
    return CanonicalEvent(meta, mapped.data)
