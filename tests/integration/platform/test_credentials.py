"""The credential store on real Kafka: several processes' views of one topic, keys, claims."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaError

from headrace.core.errors import ConfigurationError, RetryLater, StopConnection
from headrace.core.secrets import Stored
from headrace.pipeline.shared import Shared
from headrace.platform.credentials import CredentialStore, Keyring
from headrace.platform.kafka import read_all
from headrace.platform.settings import CredentialSettings, KafkaSettings, Settings
from headrace.platform.topics import apply, declared
from headrace.testing.waiting import eventually

pytestmark = pytest.mark.kafka

CANARY = "canary-stored-value-51d0"


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


class Processes:
    """As many stores over one topic as a test asks for, each with connections of its own."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self._kafka = kafka
        self._folder = folder
        self._open = AsyncExitStack()
        self.key = new_key()

    async def start(self, *keys: str, lease: float = 60.0) -> CredentialStore:
        shared = Shared(self.settings(*keys), "test")
        assert shared.credentials is not None
        shared.credentials._lease = lease
        await shared.start(links=False)
        self._open.push_async_callback(shared.stop)
        return shared.credentials

    def settings(self, *keys: str) -> Settings:
        credentials = CredentialSettings.model_validate({"keys": list(keys or (self.key,))})
        return Settings(kafka=self._kafka, credentials=credentials, state_dir=self._folder)

    async def bytes_on_kafka(self) -> bytes:
        topic = f"{self._kafka.prefix}credentials"
        return b"".join([(each.value or b"") + each.key.encode() async for each in read_all(self._kafka, [topic])])

    async def close(self) -> None:
        await self._open.aclose()


@pytest.fixture
async def processes(kafka: KafkaSettings, tmp_path: Path) -> AsyncIterator[Processes]:
    found = Processes(kafka, tmp_path)
    topic = next(each for each in declared(found.settings()) if each.name.endswith("credentials"))
    await apply(kafka, [topic])
    yield found
    await found.close()


def makes(value: str | None, calls: list[str] | None = None) -> Callable[[str], Any]:
    async def make(old: str) -> str | None:
        if calls is not None:
            calls.append(old)
        return value

    return make


async def test_what_one_process_stores_others_have(processes: Processes) -> None:
    one, other = await processes.start(), await processes.start()
    assert one.stored("crm") is None
    await one.put("crm", CANARY, "anna")
    await eventually(lambda: other.stored("crm") == Stored(CANARY, 1))
    await other.put("crm", "second", "ben")
    await eventually(lambda: one.lookup("crm") == "second")
    later = await processes.start()
    assert [(each.name, each.revision, each.updated_by) for each in later.listed()] == [("crm", 2, "ben")]
    assert await later.delete("crm")
    assert not await later.delete("crm")
    with pytest.raises(StopConnection, match="headrace credentials set crm"):
        later.lookup("crm")
    await eventually(lambda: one.stored("crm") is None)


async def test_nothing_readable_lies_on_kafka(processes: Processes) -> None:
    store = await processes.start()
    await store.put("crm", CANARY, "anna")
    await store.replace("crm", 1, makes(f"{CANARY}-2"))
    held = await processes.bytes_on_kafka()
    assert b"crm#claim" in held
    assert CANARY.encode() not in held
    assert processes.key.encode() not in held
    assert CANARY not in repr((store, store.listed(), store.stored("crm"), vars(store)["_view"].entry("crm")))
    assert processes.key not in repr((store, vars(store)))


async def test_keys_are_rotated(processes: Processes) -> None:
    old, new = processes.key, new_key()
    first = await processes.start(old)
    for number in range(3):
        await first.put(f"c{number}", f"value {number}", "anna")
    both = await processes.start(new, old)
    assert await both.rotate("ben") == ["c0", "c1", "c2"]
    assert await both.rotate("ben") == []
    alone = await processes.start(new)
    assert [alone.lookup(f"c{number}") for number in range(3)] == [f"value {number}" for number in range(3)]
    assert all(alone.opens(each) and each.updated_by == "ben" for each in alone.listed())


async def test_a_wrong_key_is_named_and_not_shown(processes: Processes) -> None:
    await (await processes.start()).put("crm", CANARY, "anna")
    wrong = new_key()
    store = await processes.start(wrong)
    with pytest.raises(StopConnection, match=r"credential crm .*credentials\.keys") as stopped:
        store.lookup("crm")
    with pytest.raises(ConfigurationError, match=r"credential crm .*credentials\.keys") as refused:
        await store.rotate("ben")
    assert not [text for text in (str(stopped.value), str(refused.value)) if wrong in text or processes.key in text]


async def test_a_missing_topic_is_named(processes: Processes) -> None:
    shared = Shared(Settings(kafka=processes._kafka.model_copy(update={"prefix": "none."})), "test")
    keyring = Keyring(processes.settings().credentials)
    store = CredentialStore(shared.settings.kafka, "none.credentials", shared.codec, shared.producer, keyring, "x")
    with pytest.raises(ConfigurationError, match="headrace topics apply"):
        await store.start()
    await shared.registry.close()


async def test_one_of_many_replaces(processes: Processes) -> None:
    stores = [await processes.start() for _ in range(4)]
    await stores[0].put("crm", "0", "anna")
    for store in stores:
        await eventually(lambda store=store: store.stored("crm") is not None)
    calls: list[str] = []
    for revision in range(1, 11):
        found = await asyncio.gather(
            *(store.replace("crm", revision, makes(str(revision), calls)) for store in stores for _ in range(3))
        )
        assert found == [Stored(str(revision), revision + 1)] * 12
    assert calls == [str(number) for number in range(10)], "each revision was made once, from the one before"


async def test_whoever_does_not_wait_is_told(processes: Processes) -> None:
    one, other = await processes.start(), await processes.start()
    await one.put("crm", "old", "anna")
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(old: str) -> str:
        begun.set()
        await go_on.wait()
        return "new"

    replacing = asyncio.create_task(one.replace("crm", 1, slow))
    await begun.wait()
    await eventually(lambda: other._view.entry("crm").claim is not None)
    with pytest.raises(RetryLater, match="another process"):
        await other.replace("crm", 1, makes("never"), wait=False)
    waiting = asyncio.create_task(other.replace("crm", 1, makes("never")))
    go_on.set()
    assert await waiting == await replacing == Stored("new", 2)


async def test_a_failure_lets_the_next_one_try(processes: Processes) -> None:
    one, other = await processes.start(), await processes.start()
    await one.put("crm", "old", "anna")

    async def fails(old: str) -> str:
        raise RetryLater("the vendor is away")

    with pytest.raises(RetryLater, match="away"):
        await one.replace("crm", 1, fails)
    await eventually(lambda: other.stored("crm") is not None)
    assert await other.replace("crm", 1, makes("new")) == Stored("new", 2)


async def test_what_takes_longer_than_the_lease_is_given_up(processes: Processes) -> None:
    store = await processes.start(lease=0.4)
    await store.put("crm", "old", "anna")

    async def never(old: str) -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(RetryLater, match="in time"):
        await store.replace("crm", 1, never)


async def test_a_refusal_is_known_to_all_until_there_is_another_value(processes: Processes) -> None:
    one, other = await processes.start(), await processes.start()
    await one.put("crm", "old", "anna")
    assert await one.replace("crm", 1, makes(None)) is None
    await eventually(lambda: other._view.entry("crm").refused == 1)
    calls: list[str] = []
    assert await other.replace("crm", 1, makes("x", calls)) is None
    assert await (await processes.start()).replace("crm", 1, makes("x", calls)) is None
    assert calls == []
    await one.put("crm", "authorized anew", "anna")
    await eventually(lambda: other.lookup("crm") == "authorized anew")
    assert await other.replace("crm", 2, makes("x", calls)) == Stored("x", 3)


async def test_a_claim_of_a_dead_process_ends_by_the_brokers_clock(processes: Processes) -> None:
    dead, alive = await processes.start(lease=1.5), await processes.start(lease=1.5)
    await dead.put("crm", "old", "anna")
    await dead._settle("crm", 1, "dead/1", "claimed")
    await eventually(lambda: alive._view.entry("crm").claim is not None)
    with pytest.raises(RetryLater):
        await alive.replace("crm", 1, makes("new"), wait=False)
    assert await alive.replace("crm", 1, makes("new")) == Stored("new", 2)
    late = await processes.start()
    assert late._view.entry("crm").claim is None


async def test_what_was_made_is_written_although_the_lease_is_over(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new refresh token may be the only one that works: Kafka's pause must not cost it."""
    store = await processes.start()
    await store.put("crm", "old", "anna")
    send, failures = store._producer.send, [KafkaError("away"), KafkaError("away")]

    async def failing(topic: str, key: str, value: bytes | None) -> tuple[int, int]:
        if key == "crm" and failures:
            raise failures.pop()
        return await send(topic, key, value)

    monkeypatch.setattr(store._producer, "send", failing)
    assert await store.replace("crm", 1, makes("new")) == Stored("new", 2)
    assert failures == []
