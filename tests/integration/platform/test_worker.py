"""The stream worker on real Kafka: recovery, acks, revocation, the lease."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from functools import partial

import pytest
from prometheus_client import REGISTRY

from headrace.platform.kafka import Producer
from headrace.platform.topics import Topic, apply
from headrace.platform.worker import StreamWorker
from headrace.testing.waiting import eventually

pytestmark = pytest.mark.kafka


class Counting:
    """Counts what comes and writes two states for each message, as an effect does."""

    def __init__(self):
        self.worker: StreamWorker
        self.seen = defaultdict(list)
        self.tasks = set()
        self.assigned = frozenset()
        self.hold = None
        self.hold_all = False

    async def on_assigned(self, partitions):
        self.assigned = partitions

    async def on_revoked(self, seconds):
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    @property
    def has_room(self):
        return len(self.tasks) < 64

    def on_message(self, message):
        task = asyncio.create_task(self._work(message))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _work(self, message):
        if self.hold_all or message.key == self.hold:
            await asyncio.Event().wait()
        await self.worker.put(message.key, b"intent " + message.value)
        await self.worker.put(message.key, b"done " + message.value)
        self.seen[message.key].append(message.value)
        self.worker.finished(message)

    @property
    def total(self):
        return sum(map(len, self.seen.values()))


until = partial(eventually, seconds=60)


class Bench:
    """Topics, producer and workers of one test."""

    def __init__(self, kafka, folder):
        self.kafka, self.folder = kafka, folder
        self.names = (f"{kafka.prefix}a", f"{kafka.prefix}b", f"{kafka.prefix}state")
        self.producer = Producer(kafka)
        self.running = []

    async def start(self):
        await self.producer.start()
        compact = {"cleanup.policy": "compact"}
        *events, state = self.names
        await apply(self.kafka, [*(Topic(name, 4) for name in events), Topic(state, 4, compact)])

    async def fill(self, count, keys=50):
        sent = [
            await self.producer.send_soon(self.names[number % 2], f"k{number % keys}", b"%d" % number)
            for number in range(count)
        ]
        await asyncio.gather(*sent)

    async def worker(self, name="one"):
        handler = Counting()
        *events, state = self.names
        made = StreamWorker(
            self.kafka,
            f"{self.kafka.prefix}g",
            events,
            state,
            self.producer,
            state_dir=self.folder / name,
            instance=name,
        )
        handler.worker = made
        made.handle_with(handler)
        await made.start()
        self.running.append(made)
        async with asyncio.timeout(60):
            await made.ready.wait()
        return made, handler

    async def stop(self, worker):
        self.running.remove(worker)
        await worker.stop()

    async def close(self):
        failed = [worker.failed for worker in self.running]
        for worker in list(self.running):
            await worker.stop()
        await self.producer.stop()
        assert failed == [None] * len(failed)


@pytest.fixture
async def bench(kafka, tmp_path):
    made = Bench(kafka, tmp_path)
    await made.start()
    yield made
    await made.close()


async def test_state_is_recovered_and_finished_work_does_not_come_again(bench):
    await bench.fill(400)
    worker, handler = await bench.worker()
    await until(lambda: handler.total == 400)
    assert all([int(v) for v in values[::1]] for values in handler.seen.values())
    await bench.stop(worker)

    await bench.fill(100)
    worker, handler = await bench.worker()
    await until(lambda: handler.total >= 100)
    assert handler.total == 100
    assert len(dict(worker.items())) == 50
    assert all(value.startswith(b"done ") for _, value in worker.items())


async def test_unfinished_work_comes_again_and_holds_back_the_commit(bench):
    worker, handler = await bench.worker()
    handler.hold = "k7"
    await bench.fill(200)
    await until(lambda: handler.total == 196)
    await bench.stop(worker)

    worker, handler = await bench.worker()
    await until(lambda: len(handler.seen["k7"]) == 4)


async def test_a_second_worker_takes_its_share_with_the_state(bench):
    await bench.fill(200)
    _, first = await bench.worker("one")
    await until(lambda: first.total == 200)
    second_worker, second = await bench.worker("two")
    await until(lambda: second.assigned and first.assigned and not (first.assigned & second.assigned))
    assert first.assigned | second.assigned == frozenset(range(4))
    assert dict(second_worker.items())
    before = first.total + second.total
    await bench.fill(200)
    await until(lambda: first.total + second.total >= before + 200)


async def test_the_lease_is_renewed_by_heartbeats(bench):
    worker, _ = await bench.worker()
    first = worker.lease_left()
    assert 0 < first <= bench.kafka.session_timeout
    looks = [first]

    def is_longer():
        looks.append(worker.lease_left())
        return looks[-1] > looks[-2]

    await eventually(is_longer, "a renewed lease", seconds=30, seen=lambda: f"{looks[-1]:.1f} s left")


async def test_the_metrics_show_progress_and_what_holds_it_up(bench):
    def shown(name):
        return REGISTRY.get_sample_value(f"headrace_{name}", {"connection": "shown"})

    worker, handler = await bench.worker()
    worker.show_as("shown")
    handler.hold_all = True
    await bench.fill(3)
    await until(lambda: shown("in_flight") == 3)
    held = shown("commit_age_seconds")
    await until(
        lambda: shown("commit_age_seconds") > held + 2
    )  # more than one commit interval: nothing can be committed
    assert shown("oldest_unacked_seconds") > 2
    assert shown("lag_seconds") > 2

    await bench.stop(worker)
    worker, handler = await bench.worker()
    worker.show_as("shown")
    await until(lambda: handler.total == 3 and shown("commit_age_seconds") < 2)
    assert [shown(name) for name in ("in_flight", "oldest_unacked_seconds", "lag_seconds")] == [0, 0, 0]


async def test_deleting_a_state_is_recovered_as_deleted(bench):
    worker, _ = await bench.worker()
    await worker.put("gone", b"x")
    await worker.put("kept", b"y")
    await worker.put("gone", None)
    await bench.stop(worker)
    worker, _ = await bench.worker()
    assert dict(worker.items()) == {"kept": b"y"}


async def test_events_of_partitions_without_a_commit_are_not_skipped_by_the_next_worker(bench):
    """What a killed worker had fetched and not committed comes again, wherever its group has no commit yet."""
    worker, handler = await bench.worker()
    handler.hold_all = True
    await bench.fill(200)
    await until(lambda: worker.offsets.in_flight >= 64)
    await bench.stop(worker)
    assert handler.total == 0

    _, handler = await bench.worker()
    await until(lambda: handler.total == 200)


async def test_what_is_fetched_while_the_group_is_dealt_out_anew_is_not_skipped(bench):
    """A fetch that began before a rebalance ends after it, with messages of the new assignment (I2)."""
    first, one = await bench.worker()
    fetch, begun, through = first._consumer.getmany, asyncio.Event(), asyncio.Event()

    async def long_fetch(**options):
        begun.set()
        await through.wait()
        return await fetch(**options)

    first._consumer.getmany = long_fetch
    await begun.wait()
    _, two = await bench.worker("two")
    await bench.fill(400)
    async with asyncio.timeout(30):
        while not await fetched(first):
            await asyncio.sleep(0.05)
    through.set()
    await until(lambda: one.total + two.total >= 400, 20)
    assert one.total
    assert two.total


async def fetched(worker):
    """Say whether messages lie ready in the consumer of a worker, or none will come as its partitions are held."""
    consumer = worker._consumer
    return bool(consumer._fetcher._records) or consumer.paused() == consumer.assignment() != set()
