"""How far consumer groups are behind: the ends of topics, and what groups have committed of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from headrace.platform.broker_access import client_options
from headrace.platform.settings import KafkaSettings

Ends = Mapping[Any, int]
"""Topic partition → the offset behind its last message."""


class Lag:
    """Asks the brokers; joins no group and commits nothing."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: AIOKafkaConsumer
        self._admin: AIOKafkaAdminClient

    async def start(self) -> None:
        """Connect. Raises aiokafka's KafkaConnectionError if no broker answers."""
        self._consumer = AIOKafkaConsumer(**client_options(self._kafka), enable_auto_commit=False)
        self._admin = AIOKafkaAdminClient(**client_options(self._kafka))
        await self._consumer.start()
        await self._admin.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()
        await self._admin.close()

    async def ends(self, topics: Iterable[str]) -> Ends:
        """Return where the topics end now."""
        partitions: list[Any] = []
        for topic in topics:
            # Without its metadata, an unknown topic's leader is looked for in vain.
            known = await self._consumer._client._wait_on_metadata(topic) and self._consumer.partitions_for_topic(topic)
            partitions += [TopicPartition(topic, number) for number in sorted(known or ())]
        ends: Ends = await self._consumer.end_offsets(partitions)
        return ends

    async def marks(self, topics: Iterable[str]) -> dict[str, list[int]]:
        """Return the same as text can keep it: topic → end of each partition."""
        marks: dict[str, list[int]] = {}
        for tp, end in sorted((await self.ends(topics)).items()):
            marks.setdefault(tp.topic, []).append(end)
        return marks

    async def is_attended(self, group: str) -> bool:
        """Say whether a group has members now: without any, nobody works off what it is behind."""
        described = await self._admin.describe_consumer_groups([group])
        return any(found[5] for response in described for found in response.groups)

    async def behind(self, group: str, ends: Ends) -> int:
        """Return how many messages before `ends` a group has not finished yet.

        A group commits in offset order (I2): one message that takes long counts all behind it, finished or not.
        """
        committed = await self._admin.list_consumer_group_offsets(group, partitions=list(ends))
        done = {tp: found.offset for tp, found in committed.items() if found.offset >= 0}
        fresh = [tp for tp in ends if tp not in done]
        if fresh:  # a group that committed nothing yet begins at the earliest message
            done |= await self._consumer.beginning_offsets(fresh)
        return sum(max(0, end - done[tp]) for tp, end in ends.items())
