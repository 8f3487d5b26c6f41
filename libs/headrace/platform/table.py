"""A compacted topic as a table of the partitions that a worker owns: read to its end when assigned, then written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from aiokafka import AIOKafkaConsumer, TopicPartition

from headrace.platform.broker_access import client_options
from headrace.platform.kafka import Producer, partition_of
from headrace.platform.packing import Packing
from headrace.platform.settings import KafkaSettings


class Table:
    """Key to bytes. A write is in the table only once it is durable.

    What was read stays in mind with its position: a partition that stays with its worker is caught up from there, one
    that it never had or lost is read from its beginning.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, producer: Producer) -> None:
        self._kafka = kafka
        self._topic = topic
        self._producer = producer
        self._packing = Packing()
        self._partitions: dict[int, dict[str, bytes]] = {}
        """Partition → key → packed value."""
        self._positions: dict[int, int] = {}

    def get(self, key: str) -> bytes | None:
        """Return what was last durably written for a key of an owned partition."""
        packed = self._partitions.get(partition_of(key, self._kafka.partitions), {}).get(key)
        return None if packed is None else self._packing.unpack(packed)

    async def put(self, key: str, value: bytes | None) -> None:
        """Write and wait until it is durable; None deletes.

        Raises:
            KafkaError: not durable; the table is unchanged.
        """
        partition, _ = await self._producer.send(self._topic, key, value)
        self._apply(partition, key, value)

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield every key and value of the owned partitions, as they are now."""
        for rows in self._partitions.values():
            for key, packed in list(rows.items()):
                yield key, self._packing.unpack(packed)

    async def recover(self, partitions: frozenset[int]) -> None:
        """Own exactly `partitions`, with everything that is in the topic now.

        Raises:
            KafkaError: the topic cannot be read; the worker ends and is restarted.
        """
        for lost in self._partitions.keys() - partitions:
            del self._partitions[lost]
            self._positions.pop(lost, None)
        consumer = AIOKafkaConsumer(
            **client_options(self._kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=5000,
        )
        await consumer.start()
        try:
            await self._read(consumer, [TopicPartition(self._topic, number) for number in sorted(partitions)])
        finally:
            await consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer, tps: list[TopicPartition]) -> None:
        consumer.assign(tps)
        begins, ends = await asyncio.gather(consumer.beginning_offsets(tps), consumer.end_offsets(tps))
        for tp in tps:
            self._partitions.setdefault(tp.partition, {})
            consumer.seek(tp, max(self._positions.get(tp.partition, 0), begins[tp]))
        behind = set(tps)
        while behind:
            for tp in list(behind):
                position = await consumer.position(tp)
                if position >= ends[tp]:
                    self._positions[tp.partition] = position
                    behind.discard(tp)
                    consumer.pause(tp)
            if not behind:
                return
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    self._apply(tp.partition, (record.key or b"").decode(), record.value)

    def _apply(self, partition: int, key: str, value: bytes | None) -> None:
        rows = self._partitions.setdefault(partition, {})
        if value is None:
            rows.pop(key, None)
        else:
            rows[key] = self._packing.pack(value)
