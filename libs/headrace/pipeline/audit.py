"""Every attempt and every operator action, on the `audit` topic, for `headrace trace` and the console."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from headrace.core.event import Meta
from headrace.platform.codec import Codec
from headrace.platform.kafka import Producer

ATTEMPT = "internal/attempt.v1"
ACTION = "internal/operator_action.v1"

_DETAIL_LIMIT = 2000


class Audit:
    """Writes the story of records. Lines are sent at once and in order; `flush` waits until they are durable."""

    def __init__(self, producer: Producer, codec: Codec, topic: str, worker: str) -> None:
        self._producer = producer
        self._codec = codec
        self._topic = topic
        self._worker = worker
        self._sent: dict[str, list[asyncio.Future[Any]]] = {}

    async def attempt(self, connection: str, canonical_id: str, phase: str, outcome: str, **more: Any) -> None:
        """Add one line to the story of `canonical_id`; `more` are further fields of `attempt.v1`."""
        record = {
            "at": datetime.now(UTC),
            "connection": connection,
            "canonical_id": canonical_id,
            "phase": phase,
            "outcome": outcome,
            "worker": self._worker,
            **more,
        }
        record["detail"] = str(record.get("detail", ""))[:_DETAIL_LIMIT]
        await self._send(ATTEMPT, canonical_id, record)

    async def event(self, connection: str, meta: Meta, phase: str, outcome: str, **more: Any) -> None:
        """Add one line about a canonical event, with where it came from."""
        origin = {
            "entity": meta.entity,
            "event_id": meta.event_id,
            "external_id": meta.external_id,
            "source_connection": meta.connection,
            "source_object": meta.object,
            "trace_id": meta.trace_id,
        }
        await self.attempt(connection, meta.canonical_id, phase, outcome, **{**origin, **more})

    async def action(self, record: dict[str, Any]) -> None:
        """Add what an operator did, and with which result."""
        await self._send(ACTION, record["canonical_id"], {"at": datetime.now(UTC), **record})

    async def flush(self, canonical_id: str) -> None:
        """Wait until every line of `canonical_id` is durable; called before its event is acked (I9)."""
        pending = self._sent.pop(canonical_id, [])
        if pending:
            await asyncio.gather(*pending)

    async def _send(self, schema: str, canonical_id: str, record: dict[str, Any]) -> None:
        future = await self._producer.send_soon(self._topic, canonical_id, self._codec.encode(schema, record))
        self._sent.setdefault(canonical_id, []).append(future)
