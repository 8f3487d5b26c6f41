"""The topic `attachments`: contents of files in parts, so that events stay small and targets need no second way in.

All parts of a content have one key, so they lie in one partition in their order, maybe with others' between them.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from headrace.core.errors import RejectRecord
from headrace.platform.broker_access import client_options
from headrace.platform.kafka import Producer, partition_of
from headrace.platform.settings import KafkaSettings

PART = 512 * 1024
"""Bytes in a part."""

_PATIENCE_MS = 10_000
"""How long the next part is waited for; all of them are durable before an event names them."""


class AttachmentStore:
    """Writes contents."""

    def __init__(self, kafka: KafkaSettings, topic: str, producer: Producer) -> None:
        self._kafka = kafka
        self._topic = topic
        self._producer = producer

    async def put(self, name: str, content: AsyncIterator[bytes]) -> dict[str, Any]:
        """Store a content and return where it lies, once that is durable (I1).

        Args:
            name: what it is, for people who read the topic.
            content: its bytes, in parts of any size; at most one part more than `PART` is held in memory.

        Raises:
            KafkaError: not stored. What `content` raises passes through; parts written so far are never named.
        """
        key = f"{name}:{uuid.uuid4()}"
        digest, size, parts, first = hashlib.sha256(), 0, 0, -1
        async for part in _parts(content):
            digest.update(part)
            size += len(part)
            _, offset = await self._producer.send(self._topic, key, part)
            first = offset if parts == 0 else first
            parts += 1
        return {
            "key": key,
            "partition": partition_of(key, self._kafka.partitions),
            "offset": first,
            "parts": parts,
            "size": size,
            "sha256": digest.hexdigest(),
            "stored_at": datetime.now(UTC),
        }


class AttachmentReader:
    """Reads contents (`headrace.core.attachments.Attachments`)."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._kafka = kafka
        self._topic = topic

    async def read(self, reference: Mapping[str, Any]) -> bytes:
        """Return a content by the reference that `AttachmentStore.put` gave.

        Raises:
            RejectRecord: the topic does not hold it any more, or not as it was stored.
            KafkaError: Kafka does not answer.
        """
        return b"".join([part async for part in self.parts(reference)])

    async def parts(self, reference: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """Yield a content in parts; raises after the last one as `read` does."""
        digest, size = hashlib.sha256(), 0
        if reference["parts"]:
            async for part in self._read(reference):
                digest.update(part)
                size += len(part)
                yield part
        if size != reference["size"] or digest.hexdigest() != reference["sha256"]:
            raise RejectRecord(
                "attachment is not there",
                f"{reference['key'].rpartition(':')[0]}: {size} of {reference['size']} bytes are left in "
                f"{self._topic}, which keeps them for 180 days. Have the record read anew by its source, then retry",
            )

    async def _read(self, reference: Mapping[str, Any]) -> AsyncIterator[bytes]:
        place = TopicPartition(self._topic, reference["partition"])
        consumer = AIOKafkaConsumer(
            **client_options(self._kafka), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            begin = (await consumer.beginning_offsets([place]))[place]
            end = (await consumer.end_offsets([place]))[place]
            if begin > reference["offset"] or end <= reference["offset"]:
                return
            consumer.assign([place])
            consumer.seek(place, reference["offset"])
            left = reference["parts"]
            while left and await consumer.position(place) < end:
                for records in (await consumer.getmany(place, timeout_ms=_PATIENCE_MS)).values():
                    for record in records:
                        if left and (record.key or b"").decode() == reference["key"]:
                            left -= 1
                            yield record.value or b""
        finally:
            await consumer.stop()


async def _parts(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the same bytes in parts of `PART`, the last one shorter."""
    held = bytearray()
    async for chunk in content:
        held += chunk
        while len(held) >= PART:
            yield bytes(held[:PART])
            del held[:PART]
    if held:
        yield bytes(held)
