"""A topic that a process reads whole and then keeps following: the ground of every view in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer, TopicPartition

from headrace.platform.broker_access import client_options
from headrace.platform.kafka import Message, to_message
from headrace.platform.settings import KafkaSettings

Read = Callable[[Message], Awaitable[None]]


class TopicView:
    """Gives every message of a topic to `read`, from the beginning, one after the other.

    Args:
        kafka: where the topic is.
        topic: its full name; it has the deployment's number of partitions.
        read: takes one message; what it raises ends the view and shows in `failed`.
    """

    def __init__(self, kafka: KafkaSettings, topic: str, read: Read) -> None:
        self._kafka = kafka
        self._topic = topic
        self._read = read
        self._task: asyncio.Task[None] | None = None
        self._caught_up = asyncio.Event()
        self._offsets: dict[int, int] = {}
        self._progress = asyncio.Event()
        self.failed: BaseException | None = None

    async def start(self) -> None:
        """Read the topic to its present end, then keep following it.

        Raises:
            Exception: what Kafka or `read` raised before the end was reached.
        """
        self._task = asyncio.create_task(self._follow(), name=f"view of {self._topic}")
        waiting = asyncio.create_task(self._caught_up.wait())
        await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._task.done():
            await self._task

    @property
    def started(self) -> bool:
        """Whether the topic is, or was, followed."""
        return self._task is not None

    async def read_up_to(self, partition: int, offset: int) -> None:
        """Wait until a message, and all before it in its partition, was read.

        Raises:
            Exception: what ended the view before that.
        """
        if self._task is None:
            raise RuntimeError(f"{self._topic} is not followed")
        while self._offsets.get(partition, -1) < offset:
            if self._task.done():
                await self._task
            self._progress.clear()
            waiting = asyncio.create_task(self._progress.wait())
            await asyncio.wait({self._task, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    async def stop(self) -> None:
        """Stop following; nothing to do if it was never started."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            **client_options(self._kafka), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        try:
            await consumer.start()
            partitions = [TopicPartition(self._topic, number) for number in range(self._kafka.partitions)]
            consumer.assign(partitions)
            await consumer.seek_to_beginning()
            ends = await consumer.end_offsets(partitions)
            while True:
                batches = await consumer.getmany(timeout_ms=1000 if self._caught_up.is_set() else 50)
                for records in batches.values():
                    for record in records:
                        await self._read(to_message(record))
                        self._offsets[record.partition] = record.offset
                if batches:
                    self._progress.set()
                if not self._caught_up.is_set() and not [
                    each for each in partitions if await consumer.position(each) < ends[each]
                ]:
                    self._caught_up.set()
        except Exception as error:
            self.failed = error
            raise
        finally:
            await consumer.stop()
