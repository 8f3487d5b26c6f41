"""Decoding what lies in a topic, and what becomes of bytes that cannot be decoded (I9, I11)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from headrace.core.errors import NeedsReview, RejectRecord, RetryLater
from headrace.core.outcome import ParkReason
from headrace.pipeline.gate import back_off
from headrace.platform import metrics
from headrace.platform.codec import Codec
from headrace.platform.kafka import Message, Producer

PARKED = "internal/parked.v1"


async def decode(codec: Codec, value: bytes) -> dict[str, Any]:
    """Return the record in `value`, waiting for the registry if the writer's schema is not known yet.

    Raises:
        RejectRecord: the bytes are not what any known schema says; they will never decode.
    """
    attempt = 1
    while True:
        try:
            await codec.ensure(value)
            return codec.decode(value)[1]
        except RetryLater as later:
            await asyncio.sleep(back_off(attempt, later.after))
            attempt += 1


class Undecodable:
    """Keeps messages that cannot be worked on, with bytes and reason, in `parked.<connection>`."""

    def __init__(self, connection: str, producer: Producer, codec: Codec, topic: str) -> None:
        self._connection = connection
        self._producer = producer
        self._codec = codec
        self._topic = topic
        for reason in (ParkReason.UNDECODABLE, ParkReason.REVIEW):
            metrics.MESSAGES_PARKED.labels(connection, reason.value)  # from 0, so that the first one is an increase

    async def park(
        self, message: Message, error: RejectRecord, *, entity: str = "", name: str = "", traceparent: str = ""
    ) -> None:
        """Write the message to the feed and wait until it is durable; the caller acks and the partition moves on.

        Args:
            message: what came, as it came.
            error: why it cannot be worked on.
            entity: what kind of record it is about, as far as known.
            name: what to call the record in the sentence for the operator; the key if empty.
            traceparent: the story that it belongs to.
        """
        reason = ParkReason.REVIEW if isinstance(error, NeedsReview) else ParkReason.UNDECODABLE
        detail = f"{name or message.key}: {error.detail}"
        await self._tell(message, entity, traceparent, (reason.value, error.reason, detail, "parked"))
        metrics.MESSAGES_PARKED.labels(self._connection, reason.value).inc()

    async def resumed(self, message: Message, entity: str) -> None:
        """Tell the feed that an operator's retry of a parked message went through."""
        await self._tell(message, entity, "", ("", "", "", "resumed"))

    async def _tell(self, message: Message, entity: str, traceparent: str, words: tuple[str, str, str, str]) -> None:
        reason, label, detail, state = words
        record = {
            "connection": self._connection,
            "canonical_id": "",
            "entity": entity,
            "event_id": f"{message.topic}/{message.partition}/{message.offset}",
            "reason": reason,
            "label": label,
            "detail": detail,
            "topic": message.topic,
            "event": message.value or b"",
            "state": state,
            "attempts": 1,
            "at": datetime.now(UTC),
            "traceparent": traceparent,
        }
        await self._producer.send(self._topic, message.key, self._codec.encode(PARKED, record))
