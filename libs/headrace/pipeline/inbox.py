"""Deliveries: the one way into an inbox, used by receiver, pollers and the normaliser's own requests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headrace.core.event import Ref
from headrace.platform.codec import Codec
from headrace.platform.kafka import Producer

SCHEMA = "internal/delivery.v1"

WEBHOOK = "webhook"
"""Arrival of what somebody sent; all else we wrote ourselves."""

LOAD = "load"
"""Arrival of what an initial load read: how each of its records ends stands in the audit."""

_KEPT_HEADERS = ("content-type", "user-agent", "x-correlation-id", "x-request-id")


def new_traceparent() -> str:
    """Return a W3C traceparent for a story that begins here."""
    found = os.urandom(24).hex()
    return f"00-{found[:32]}-{found[32:]}-01"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What arrived about one record, or that it should be read (empty body)."""

    connection: str
    ref: Ref
    arrival: str
    body: bytes = b""
    content_type: str = ""
    delivery_id: str = ""
    version: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    traceparent: str = ""
    received_at: datetime | None = None

    @property
    def key(self) -> str:
        """Kafka key: `object:external id`, so that one record's deliveries keep their order."""
        return f"{self.ref.object}:{self.ref.external_id}"


class Inbox:
    """Writes deliveries of one connection."""

    def __init__(self, topic: str, producer: Producer, codec: Codec) -> None:
        self._topic = topic
        self._producer = producer
        self._codec = codec

    async def put(self, delivery: Delivery) -> None:
        """Write a delivery and wait until it is durable (I1).

        Raises:
            KafkaError: not known to be durable: no 2xx, and no cursor moves.
        """
        value, headers = self._encoded(delivery)
        await self._producer.send(self._topic, delivery.key, value, headers)

    async def put_soon(self, delivery: Delivery) -> Any:
        """Buffer a delivery and return the future of its durability, for batches awaited together (I1)."""
        return await self._producer.send_soon(self._topic, delivery.key, self._encoded(delivery)[0])

    def _encoded(self, delivery: Delivery) -> tuple[bytes, dict[str, str]]:
        traceparent = delivery.traceparent or new_traceparent()
        record = {
            "connection": delivery.connection,
            "object": delivery.ref.object,
            "external_id": delivery.ref.external_id,
            "delivery_id": delivery.delivery_id,
            "arrival": delivery.arrival,
            "received_at": datetime.now(UTC),
            "content_type": delivery.content_type,
            "body": delivery.body,
            # Only headers that cannot hold a secret are kept (I10).
            "headers": {name: text for name, text in delivery.headers.items() if name in _KEPT_HEADERS},
            "traceparent": traceparent,
            "version": delivery.version,
        }
        return self._codec.encode(SCHEMA, record), {"traceparent": traceparent}


def from_record(record: Mapping[str, Any]) -> Delivery:
    """Return the delivery that a decoded record holds."""
    return Delivery(
        connection=record["connection"],
        ref=Ref(record["object"], record["external_id"]),
        arrival=record["arrival"],
        body=record["body"],
        content_type=record["content_type"],
        delivery_id=record["delivery_id"],
        version=record["version"],
        headers=record["headers"],
        traceparent=record["traceparent"],
        received_at=record["received_at"],
    )
