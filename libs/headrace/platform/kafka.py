"""Kafka producers and whole-topic readers, with the settings that the invariants need."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2

from headrace.platform.broker_access import client_options
from headrace.platform.settings import KafkaSettings


@dataclass(frozen=True, slots=True)
class Message:
    """One record read from Kafka. `timestamp` is milliseconds since 1970 UTC."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = 0


def partition_of(key: str, partitions: int) -> int:
    """Return the partition that Kafka's default partitioner gives a key (murmur2), as all our producers use it."""
    return _hash(key.encode()) % partitions


@lru_cache(maxsize=16_384)
def _hash(key: bytes) -> int:
    """Return the hash of a key; remembered, because murmur2 in Python costs as much as the rest of a send."""
    return int(murmur2(key)) & 0x7FFFFFFF


def _partitioner(key: bytes, partitions: Sequence[int], available: Sequence[int]) -> int:
    """Choose as aiokafka's own partitioner does; partitions are numbered from 0 without a gap."""
    return _hash(key) % len(partitions)


class Producer:
    """An idempotent producer whose every send is awaited: returned means durable on all in-sync replicas (I1, I2)."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._settings = kafka
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect. Raises aiokafka's KafkaConnectionError if no broker answers."""
        self._producer = AIOKafkaProducer(
            **client_options(self._settings),
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            max_batch_size=256 * 1024,
            max_request_size=9 * 1024 * 1024,
            request_timeout_ms=20_000,
            partitioner=_partitioner,
        )
        await self._producer.start()

    async def stop(self) -> None:
        """Flush what is buffered and disconnect; without Kafka give up after some seconds: nothing was promised yet."""
        if self._producer is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(10):
                    await self._producer.stop()
            self._producer = None

    async def send(
        self, topic: str, key: str, value: bytes | None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, int]:
        """Write one record and wait until it is durable.

        Args:
            topic: full topic name.
            key: decides the partition.
            value: None writes a tombstone.
            headers: text headers, such as `traceparent`.

        Returns:
            (partition, offset).

        Raises:
            aiokafka.errors.KafkaError: not known to be durable; the caller must not acknowledge or ack (I1, I2).
        """
        future = await self._require().send(
            topic,
            key=key.encode(),
            value=value,
            headers=[(name, text.encode()) for name, text in (headers or {}).items()],
        )
        metadata = await future
        return metadata.partition, metadata.offset

    async def send_soon(self, topic: str, key: str, value: bytes | None) -> Any:
        """Buffer one record in order and return the future of its durability, for batches awaited together."""
        return await self._require().send(topic, key=key.encode(), value=value)

    def _require(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise RuntimeError("the producer is not started")
        return self._producer


async def read_all(
    kafka: KafkaSettings,
    topics: Sequence[str],
    *,
    partitions: Iterable[int] | None = None,
    begin: Mapping[str, Sequence[int]] | None = None,
) -> AsyncIterator[Message]:
    """Yield every record of `topics` from the beginning up to what is there now; no group, nothing committed.

    Args:
        kafka: where.
        topics: which.
        partitions: of each topic; None takes all.
        begin: topic → the offset in each partition from which to read; other topics are read from their beginning.
    """
    consumer = AIOKafkaConsumer(**client_options(kafka), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        wanted = None if partitions is None else set(partitions)
        assigned = []
        for topic in topics:
            known = await consumer._client._wait_on_metadata(topic) and consumer.partitions_for_topic(topic)
            assigned += [
                TopicPartition(topic, number) for number in sorted(known or ()) if wanted is None or number in wanted
            ]
        ends = {tp: end for tp, end in (await consumer.end_offsets(assigned)).items() if end > 0}
        begins = await consumer.beginning_offsets(list(ends))
        for tp in ends:
            if begin is not None and tp.topic in begin:
                begins[tp] = max(begins[tp], begin[tp.topic][tp.partition])
        pending = {tp for tp, end in ends.items() if begins[tp] < end}
        consumer.assign(list(pending))
        for tp in pending:
            consumer.seek(tp, begins[tp])
        while pending:
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    if record.offset < ends[tp]:
                        yield to_message(record)
            for tp in list(pending):
                if await consumer.position(tp) >= ends[tp]:
                    pending.discard(tp)
    finally:
        await consumer.stop()


async def read_one(kafka: KafkaSettings, topic: str, partition: int, offset: int) -> Message | None:
    """Return the message at an offset, None if it is not kept any more, or was never there."""
    place = TopicPartition(topic, partition)
    consumer = AIOKafkaConsumer(**client_options(kafka), enable_auto_commit=False)
    await consumer.start()
    try:
        known = await consumer._client._wait_on_metadata(topic) and consumer.partitions_for_topic(topic)
        if partition not in (known or ()):
            return None
        consumer.assign([place])
        first, end = (await consumer.beginning_offsets([place]))[place], (await consumer.end_offsets([place]))[place]
        if not first <= offset < end:
            return None
        consumer.seek(place, offset)
        while await consumer.position(place) <= offset:
            for record in (await consumer.getmany(place, timeout_ms=200, max_records=1)).get(place, ()):
                return to_message(record) if record.offset == offset else None
        return None
    finally:
        await consumer.stop()


async def read_newest(kafka: KafkaSettings, topic: str, key: str) -> Message | None:
    """Return the last message that a key has in a topic, None if it has none there. Reads the key's whole partition."""
    found = None
    async for message in read_all(kafka, [topic], partitions=[partition_of(key, kafka.partitions)]):
        if message.key == key and message.value is not None:
            found = message
    return found


def to_message(record: Any) -> Message:
    """Return an aiokafka ConsumerRecord as a `Message`."""
    return Message(
        record.topic,
        record.partition,
        record.offset,
        (record.key or b"").decode(),
        record.value,
        tuple((name, value) for name, value in record.headers),
        record.timestamp,
    )
