"""A member of a consumer group with a compacted state table: the ground that processors and normalisers stand on.

It runs as a service inside a Faust worker, which supervises it and ends the process when it crashes. Consuming, acks
and table are ours: Faust's own skip and stall under rebalances (decision record 20261121-own-consumer-inside-faust).

    assigned → state of those partitions is read to its end → handler.on_assigned → messages, in order per partition
    revoked  → handler.on_revoked (drained) → commit → nothing is written until assigned again
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import faust
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from mode import Service

from headrace.core.errors import LeaseLost
from headrace.platform import metrics
from headrace.platform.broker_access import client_options, tls_context
from headrace.platform.kafka import Message, Producer, partition_of, to_message
from headrace.platform.offsets import OffsetTracker
from headrace.platform.settings import KafkaSettings
from headrace.platform.table import Table

logger = logging.getLogger(__name__)

COMMIT_SECONDS = 1.0
_POLL_MS = 200
_KAFKA_GONE_SECONDS = 5.0
_BATCH = 256


class Handler(Protocol):
    """What a worker runs. All methods are called on the worker's event loop."""

    async def on_assigned(self, partitions: frozenset[int]) -> None:
        """State of `partitions` is recovered and no message has been handed over yet."""

    def on_message(self, message: Message) -> None:
        """Take a message; `finished` acks it later. Must not raise."""

    @property
    def has_room(self) -> bool:
        """Whether more messages may come; the worker stays in the group while there is none (back-pressure)."""

    async def on_revoked(self, seconds: float) -> None:
        """Finish what was begun within `seconds`, cancel the rest; afterwards nothing is called or written (I2, I5)."""


class StreamWorker:
    """Consumes `topics` with the state of `state_topic` and hands messages to a handler, in order per partition.

    All topics have the partition count of the settings and the range assignor deals all of them out alike, so that a
    key's events, commands and state always meet on one worker.
    """

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
        self._topics = list(topics)
        self._consumer = _consumer(kafka, group, instance)
        self._table = Table(kafka, state_topic, producer)
        self._handler: Handler
        self._generation = 0
        self._assigned: frozenset[int] = frozenset()
        self._last_heartbeat = 0.0
        self._committed_at = time.monotonic()
        self._service = _ConsumeService(self)
        self._app = _make_app(kafka, group, state_dir / group)
        self.offsets = OffsetTracker()
        self.ready = asyncio.Event()

    def handle_with(self, handler: Handler) -> None:
        """Set the handler; once, before `start`."""
        self._handler = handler

    @property
    def failed(self) -> BaseException | None:
        """The error that ended the worker, None while it works; the process must exit so that it is restarted."""
        reason = self._service.crash_reason or self._app.crash_reason
        return reason if isinstance(reason, BaseException) else None

    # --- state ---

    def get(self, key: str) -> bytes | None:
        """Return the state of a key of an assigned partition as it was last durably written."""
        return self._table.get(key)

    async def put(self, key: str, value: bytes | None) -> None:
        """Write the state of a key and wait until it is durable; None deletes it.

        Raises:
            KafkaError: not durable. The caller must not go on with what it announces (I3, I6).
            LeaseLost: the partition may belong to another worker by now; nothing was written over its state.
        """
        if self.lease_left() <= 0 or partition_of(key, self._kafka.partitions) not in self._assigned:
            raise LeaseLost(f"state of {key} is not written: the partition may have another owner")
        await self._table.put(key, value)

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield key and state of every key in the assigned partitions."""
        return self._table.items()

    # --- acks ---

    def finished(self, message: Message) -> None:
        """Ack a message: its outcome is durable. Commits follow in offset order (I2)."""
        self.offsets.finished(message.topic, message.partition, message.offset)

    def lease_left(self) -> float:
        """Return the seconds for which this worker certainly still owns its partitions (design §5).

        Checked immediately before every changing call: a process that was stopped past its session finds it spent.
        """
        if not self._assigned:
            return 0.0
        return self._last_heartbeat + self._kafka.session_timeout - time.monotonic()

    def commit_age(self) -> float:
        """Return the seconds since offsets were committed, or since there was nothing to commit."""
        return time.monotonic() - self._committed_at

    def show_as(self, connection: str) -> None:
        """Show the worker's progress in the metrics of a connection, from now on."""
        metrics.IN_FLIGHT.labels(connection).set_function(lambda: self.offsets.in_flight)
        metrics.LAG_SECONDS.labels(connection).set_function(self.offsets.lag)
        metrics.OLDEST_UNACKED_SECONDS.labels(connection).set_function(self.offsets.oldest_age)
        metrics.COMMIT_AGE_SECONDS.labels(connection).set_function(self.commit_age)

    # --- life ---

    async def start(self) -> None:
        """Join the group; `ready` is set once state is recovered and messages flow."""
        await self._app.start()
        await self._app.add_runtime_dependency(self._service)

    async def stop(self) -> None:
        """Drain the handler, commit, leave the group."""
        await self._service.finish()
        await self._app.stop()

    async def run(self) -> None:
        """Consume until cancelled; Faust's supervisor calls it."""
        self._consumer.subscribe(self._topics, listener=_Listener(self))
        await self._consumer.start()
        self._watch_heartbeats()
        committing = asyncio.create_task(self._commit_regularly())
        try:
            await self._consume()
        finally:
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)
            await self.revoked(self._kafka.session_timeout)
            with contextlib.suppress(TimeoutError):  # Kafka may be gone, and the process must end all the same
                async with asyncio.timeout(_KAFKA_GONE_SECONDS):
                    await self._consumer.stop()

    async def revoked(self, seconds: float) -> None:
        """Drain, commit, forget."""
        self._generation += 1
        self.ready.clear()
        await self._handler.on_revoked(seconds)
        await self._commit()
        self.offsets.forget()
        self._assigned = frozenset()

    def assigned(self, partitions: set[TopicPartition]) -> None:
        """Note what is owned now; the consuming loop recovers its state before it hands anything over.

        Nothing is fetched until then: a fetch that began before the rebalance would bring messages of the new
        assignment into the old one, where they are dropped, and their offsets would be committed with the next (I2).
        """
        self._consumer.pause(*partitions)
        self._generation += 1
        self._last_heartbeat = time.monotonic()
        self._assigned = frozenset(tp.partition for tp in partitions)

    async def _consume(self) -> None:
        recovered = -1
        while True:
            generation = self._generation
            if generation != recovered and self._assigned:
                await self._table.recover(self._assigned)
                if generation != self._generation:
                    continue  # the group was dealt out anew meanwhile
                await self._handler.on_assigned(self._assigned)
                recovered = generation
                self.ready.set()
            paused = not self._assigned or not self._handler.has_room
            self._hold(paused)
            for records in (await self._consumer.getmany(timeout_ms=_POLL_MS, max_records=_BATCH)).values():
                for record in records:
                    if generation != self._generation or recovered != generation:
                        break  # fetched for an earlier assignment; its owner gets it from the last commit
                    if self.offsets.received(record.topic, record.partition, record.offset, record.timestamp):
                        self._handler.on_message(to_message(record))

    def _hold(self, paused: bool) -> None:
        """Stop or resume fetching while staying in the group: full lanes must not cost the membership."""
        assignment = self._consumer.assignment()
        held = self._consumer.paused() & assignment
        if paused and held != assignment:
            self._consumer.pause(*assignment)
        elif not paused and held:
            self._consumer.resume(*held)

    async def _commit_regularly(self) -> None:
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self._commit()

    async def _commit(self) -> None:
        offsets = self.offsets.committable()
        owned = self._consumer.assignment()
        wanted = {tp: offset for key, offset in offsets.items() if (tp := TopicPartition(*key)) in owned}
        if not wanted:
            if not self.offsets.in_flight:
                self._committed_at = time.monotonic()
            return
        try:
            async with asyncio.timeout(_KAFKA_GONE_SECONDS):
                await self._consumer.commit(wanted)
        except (KafkaError, TimeoutError) as error:
            logger.warning("commit failed; its events will come again and be told as seen: %s", error)
        else:
            self._committed_at = time.monotonic()
            self.offsets.committed({(tp.topic, tp.partition): offset for tp, offset in wanted.items()})

    def _watch_heartbeats(self) -> None:
        """Note every successful heartbeat; aiokafka keeps their times to itself."""
        coordinator: Any = self._consumer._coordinator
        beat = coordinator._do_heartbeat

        async def watched() -> bool:
            started = time.monotonic()
            succeeded = bool(await beat())
            if succeeded:
                self._last_heartbeat = started
            return succeeded

        coordinator._do_heartbeat = watched


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Hands the group's decisions on. No heartbeat is sent meanwhile, so draining has half a session at most."""

    def __init__(self, worker: StreamWorker) -> None:
        self._worker = worker

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Drain before the group goes on."""
        await self._worker.revoked(self._worker._kafka.session_timeout / 2)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Only note it: recovery takes longer than a session may be silent."""
        self._worker.assigned(assigned)


class _ConsumeService(Service):
    """The worker as a service of the Faust app: an error in it crashes the app."""

    def __init__(self, worker: StreamWorker) -> None:
        super().__init__()
        self._worker = worker
        self._consuming: asyncio.Future[None] | None = None

    @Service.task
    async def _run(self) -> None:
        self._consuming = asyncio.ensure_future(self._worker.run())
        try:
            await asyncio.shield(self._consuming)
        except asyncio.CancelledError:
            if not self._consuming.cancelled():
                raise

    async def finish(self) -> None:
        """End the consuming in order; before the supervisor stops, which would not wait for a drain."""
        if self._consuming is not None:
            self._consuming.cancel()
            await asyncio.gather(self._consuming, return_exceptions=True)


def _consumer(kafka: KafkaSettings, group: str, instance: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        **client_options(kafka),
        group_id=group,
        group_instance_id=instance or None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        partition_assignment_strategy=(RangePartitionAssignor,),
        session_timeout_ms=int(kafka.session_timeout * 1000),
        heartbeat_interval_ms=int(kafka.session_timeout * 1000 / 4),
        max_poll_interval_ms=300_000,
        rebalance_timeout_ms=60_000,
        fetch_max_wait_ms=100,
    )


def _make_app(kafka: KafkaSettings, group: str, folder: Path) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        group,
        broker=[f"aiokafka://{address}" for address in kafka.bootstrap.split(",")],
        broker_credentials=_credentials(kafka),
        store="memory://",
        datadir=str(folder),
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.producer_only = True  # no consumer of Faust's own
    return app


def _credentials(kafka: KafkaSettings) -> Any:
    """Return the same access as `client_options`, in Faust's words: its supervisor opens a producer of its own."""
    context = tls_context(kafka)
    if kafka.signs_in:
        return faust.SASLCredentials(
            username=kafka.user,
            password=kafka.password.get_secret_value(),
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
