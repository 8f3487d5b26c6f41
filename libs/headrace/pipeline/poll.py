"""Pollers: read what changed since a cursor, make it durable, then move the cursor (design §2.2, I1)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cronsim import CronSim

from headrace.core.contracts import Source
from headrace.core.errors import RejectRecord, RetryLater, StopConnection
from headrace.pipeline.decoding import decode
from headrace.pipeline.gate import back_off
from headrace.pipeline.inbox import Delivery, Inbox
from headrace.platform import metrics
from headrace.platform.codec import Codec
from headrace.platform.crashpoints import point
from headrace.platform.kafka import Producer, partition_of, read_all
from headrace.platform.record_json import CONTENT_TYPE, dump_record
from headrace.platform.settings import KafkaSettings

logger = logging.getLogger(__name__)

SCHEMA = "internal/cursor.v1"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an object is polled: every `seconds`, or by a cron expression (UTC); "" and 0 mean only on demand."""

    seconds: float = 0.0
    cron: str = ""

    def wait(self, now: datetime) -> float | None:
        """Return the seconds until the next poll after one that ended now; None if there is none."""
        if self.cron:
            return (next(CronSim(self.cron, now)) - now).total_seconds()
        return self.seconds or None


@dataclass(frozen=True, slots=True)
class Turn:
    """When an object's first poll may begin, and where it tells that it has ended, whatever came of it."""

    begins: asyncio.Event
    ends: asyncio.Event


class Cursors:
    """The `cursors` topic: where each poll goes on."""

    def __init__(self, kafka: KafkaSettings, topic: str, codec: Codec, producer: Producer) -> None:
        self._kafka = kafka
        self._topic = topic
        self._codec = codec
        self._producer = producer

    async def get(self, connection: str, obj: str) -> dict[str, str]:
        """Return the cursor as last written; empty before the first poll."""
        key, found = f"{connection}:{obj}", {}
        number = partition_of(key, self._kafka.partitions)
        async for message in read_all(self._kafka, [self._topic], partitions=[number]):
            if message.key == key and message.value is not None:
                found = dict((await decode(self._codec, message.value))["values"])
        return found

    async def put(self, connection: str, obj: str, values: Mapping[str, str]) -> None:
        """Write the cursor and wait until it is durable."""
        record = {"connection": connection, "object": obj, "values": dict(values), "updated_at": datetime.now(UTC)}
        await self._producer.send(self._topic, f"{connection}:{obj}", self._codec.encode(SCHEMA, record))


@dataclass(slots=True)
class Poller:
    """Polls the objects of one connection."""

    connection: str
    source: Source
    inbox: Inbox
    cursors: Cursors
    progress: Callable[[str, int], None] = field(default=lambda obj, count: None)

    async def poll(self, obj: str) -> int:
        """Poll one object once, from its cursor to its present end.

        Returns:
            How many records were made durable in the inbox.

        Raises:
            RetryLater, StopConnection: the source could not be read; the cursor stands where the last durable page
                left it. KafkaError: the same for Kafka.
        """
        cursor = await self.cursors.get(self.connection, obj)
        count = 0
        async for page in self.source.changes(obj, cursor):
            pending = [
                await self.inbox.put_soon(
                    Delivery(
                        self.connection,
                        record.ref,
                        "poll",
                        dump_record(record),
                        CONTENT_TYPE,
                        version=record.version,
                    )
                )
                for record in page.records
            ]
            await asyncio.gather(*pending)
            count += len(pending)
            metrics.DELIVERIES.labels(self.connection, "poll").inc(len(pending))
            self.progress(obj, count)
            point("poll.before-cursor")
            if dict(page.cursor) != cursor:
                await self.cursors.put(self.connection, obj, page.cursor)  # I1: only now
                cursor = dict(page.cursor)
            point("poll.after-cursor")
        return count

    async def run(self, obj: str, schedule: Schedule, turn: Turn) -> None:
        """Poll an object when it is its turn, and then by its schedule, until cancelled."""
        failures = 0
        await turn.begins.wait()
        while True:
            result = "ok"
            try:
                await self.poll(obj)
                failures = 0
                wait = schedule.wait(datetime.now(UTC))
            except RetryLater as later:
                failures += 1
                result, wait = "later", back_off(failures, later.after)
            except (StopConnection, RejectRecord) as stop:
                result, wait = "stopped", 30.0
                logger.error("poll stopped", extra={"connection": self.connection, "object": obj, "reason": str(stop)})
            turn.ends.set()
            metrics.POLLS.labels(self.connection, obj, result).inc()
            if wait is None:
                return
            await asyncio.sleep(wait)


class PollTasks:
    """Runs the pollers whose cursor's partition this worker owns (design §2.2).

    The first polls after a start come one after the other, in the order of the configuration: what others refer to
    comes first. What comes too early all the same waits for it by name.
    """

    def __init__(self, poller: Poller, schedules: Mapping[str, Schedule], partitions: int) -> None:
        self._poller = poller
        self._schedules = schedules
        self._partitions = partitions
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, owned: frozenset[int]) -> None:
        """Start the pollers of the partitions that are now owned."""
        self.cancel()
        begins = asyncio.Event()
        begins.set()
        for obj, schedule in self._schedules.items():
            key = f"{self._poller.connection}:{obj}"
            if partition_of(key, self._partitions) in owned and (schedule.seconds or schedule.cron):
                turn = Turn(begins, asyncio.Event())
                self._tasks.append(asyncio.create_task(self._poller.run(obj, schedule, turn), name=f"poll {key}"))
                begins = turn.ends

    def cancel(self) -> None:
        """Stop all pollers; the next owner goes on from the durable cursors."""
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def failed(self) -> BaseException | None:
        """Return the unexpected error of a poller that ended by it, if any."""
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()):
                return error
        return None
