"""A member of a consumer group with a compacted state table, on Faust; the only module that knows Faust.

What Faust does here: group membership, one assignor that keeps every topic's partition n and the state's partition n on
one worker, recovery of the state from its topic before the first event. What it does not do, because its own way loses
events (decision record 20261121-faust-fenced): acks and commits are ours (`OffsetTracker`), state writes go through our
awaited idempotent producer, and nothing runs when partitions are revoked until the handler has drained.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import faust
from aiokafka.errors import KafkaError
from faust.tables.table import Table
from faust.types import TP

from headrace.platform.kafka import Message, Producer, partition_of
from headrace.platform.offsets import OffsetTracker
from headrace.platform.settings import KafkaSettings

logger = logging.getLogger(__name__)


class Handler(Protocol):
    """What a worker runs. All methods are called on the worker's event loop."""

    async def on_assigned(self, partitions: frozenset[int]) -> None:
        """State of `partitions` is recovered and no message has been handed over yet."""

    async def on_message(self, message: Message) -> None:
        """Take a message; return when there is room for the next (back-pressure). `finished` acks it later."""

    async def on_revoked(self) -> None:
        """Finish or cancel everything begun; afterwards no call and no state write may happen (I2, I5)."""


class StreamWorker:
    """Consumes `topics` with the state of `state_topic` and hands messages to a handler, in order per partition."""

    def __init__(
        self,
        kafka: KafkaSettings,
        group: str,
        topics: Sequence[str],
        state_topic: str,
        producer: Producer,
        *,
        state_dir: Path,
        instance: str = "",
    ) -> None:
        self._kafka = kafka
        self._state_topic = state_topic
        self._producer = producer
        self._handler: Handler
        self._last_heartbeat = 0.0
        self._assigned: frozenset[int] = frozenset()
        self.offsets = OffsetTracker()
        self.ready = asyncio.Event()
        self.failed: BaseException | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._app = _make_app(kafka, group, state_dir / group, instance)
        self._table = self._make_table()
        channel = self._app.topic(
            *topics, key_type=bytes, value_type=bytes, value_serializer="raw", key_serializer="raw"
        )
        self._app.agent(channel, name=f"{group}.events")(self._consume)
        self._app.on_partitions_revoked.connect(self._revoked)
        self._app.on_partitions_assigned.connect(self._partitions_assigned)
        self._app.on_rebalance_complete.connect(self._rebalanced)

    def handle_with(self, handler: Handler) -> None:
        """Set the handler; once, before `start`."""
        self._handler = handler

    # --- state ---

    def get(self, key: str) -> bytes | None:
        """Return the state of a key of an assigned partition as it was last durably written."""
        value = self._table.data.get(key.encode())
        return value or None

    async def put(self, key: str, value: bytes | None) -> None:
        """Write the state of a key and wait until it is durable; None deletes it.

        Raises:
            KafkaError: not durable. The state is unchanged; the caller must not go on with what it announces (I3, I6).
        """
        await self._producer.send(self._state_topic, key, value)
        if value is None:
            self._table.data.data.pop(key.encode(), None)
        else:
            self._table.data.data[key.encode()] = value

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield key and state of every key in the assigned partitions."""
        for key, value in list(self._table.data.data.items()):
            text = key.decode()
            if value and partition_of(text, self._kafka.partitions) in self._assigned:
                yield text, value

    # --- acks ---

    def finished(self, message: Message) -> None:
        """Ack a message: its outcome is durable. Commits follow in offset order (I2)."""
        self.offsets.finished(message.topic, message.partition, message.offset)

    def lease_left(self) -> float:
        """Return the seconds for which this worker certainly still owns its partitions (design §5).

        Checked immediately before every changing call: a process that was stopped past its session finds it spent.
        """
        return self._last_heartbeat + self._kafka.session_timeout - time.monotonic()

    # --- life ---

    async def start(self) -> None:
        """Join the group and recover; `ready` is set once messages flow."""
        await self._app.start()
        self._tasks = [asyncio.create_task(self._commit_regularly()), asyncio.create_task(self._watch())]

    async def stop(self) -> None:
        """Drain the handler, commit, leave the group."""
        self._app.consumer.pause_partitions(self._app.consumer.assignment())
        await self._handler.on_revoked()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._commit()
        await self._app.stop()

    # --- Faust's side ---

    def _make_table(self) -> Any:
        table: Any = Table(
            self._app,
            name="state",
            partitions=self._kafka.partitions,
            key_type=bytes,
            value_type=bytes,
        )
        # The topic carries our name, not "<app>-<table>-changelog"; Faust ignores its own `changelog_topic` argument.
        table.changelog_topic = self._app.topic(
            self._state_topic,
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
            partitions=self._kafka.partitions,
            compacting=True,
            deleting=False,
            acks=False,
            internal=True,
            maxsize=131_072,
            allow_empty=True,
        )
        return self._app.tables.add(table)

    async def _consume(self, stream: Any) -> None:
        async for event in stream.noack().events():
            raw = event.message
            if not self.offsets.received(raw.topic, raw.partition, raw.offset):
                continue
            message = Message(
                raw.topic,
                raw.partition,
                raw.offset,
                (raw.key or b"").decode(),
                raw.value,
                tuple(raw.headers.items()) if isinstance(raw.headers, dict) else tuple(raw.headers or ()),
                int(raw.timestamp * 1000),
            )
            await self._handler.on_message(message)

    async def _revoked(self, app: Any, revoked: set[TP], **_: Any) -> None:
        self.ready.clear()
        await self._handler.on_revoked()
        await self._commit()
        self.offsets.forget()
        self._assigned = frozenset()

    async def _partitions_assigned(self, app: Any, assigned: set[TP], **_: Any) -> None:
        self._watch_heartbeats()
        self._assigned = frozenset(tp.partition for tp in assigned if tp.topic == self._state_topic)

    async def _rebalanced(self, app: Any, **_: Any) -> None:
        await self._handler.on_assigned(self._assigned)
        self.ready.set()

    def _watch_heartbeats(self) -> None:
        """Note every successful heartbeat: Faust's consumer thread beats on its own and tells nobody."""
        coordinator = self._app.consumer._thread._consumer._coordinator
        self._last_heartbeat = time.monotonic()
        if getattr(coordinator, "_headrace_watched", False):
            return
        beat = coordinator._do_heartbeat

        async def watched() -> bool:
            started = time.monotonic()
            succeeded = bool(await beat())
            if succeeded:
                self._last_heartbeat = started
            return succeeded

        coordinator._do_heartbeat = watched
        coordinator._headrace_watched = True

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self._commit()

    async def _commit(self) -> None:
        offsets = self.offsets.committable()
        if not offsets:
            return
        try:
            done = await self._app.consumer._commit_offsets({TP(*key): offset for key, offset in offsets.items()})
        except KafkaError as error:
            logger.warning("commit failed, will be repeated: %s", error)
            return
        if done:
            self.offsets.committed(offsets)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            if self._app.crashed:
                self.failed = self._app.crash_reason or RuntimeError("Faust crashed without a reason")
                return


def _make_app(kafka: KafkaSettings, group: str, folder: Path, instance: str) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    return faust.App(
        group,
        broker=[f"aiokafka://{address}" for address in kafka.bootstrap.split(",")],
        store="memory://",
        datadir=str(folder),
        broker_session_timeout=kafka.session_timeout,
        broker_heartbeat_interval=kafka.session_timeout / 4,
        broker_max_poll_interval=300,
        broker_commit_interval=3600,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance or None,
        stream_wait_empty=False,
        stream_buffer_maxsize=512,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
