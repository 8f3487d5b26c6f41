"""The real thing: Kafka and Apicurio started, used, hurt and stopped."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from headrace.platform.stack import Stack, StackConfig, StackError, StackInfo
from headrace.platform.stack.errors import PortTaken, ProcessDied
from headrace.platform.stack.state import load_state, save_state

pytestmark = pytest.mark.kafka

FIRST = {"type": "record", "name": "Thing", "fields": [{"name": "id", "type": "string"}]}
BROKEN = {"type": "record", "name": "Thing", "fields": [{"name": "id", "type": "long"}]}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(StackConfig(data_dir=tmp_path_factory.mktemp("stack with space") / "data"))
    yield stack
    stack.down()


@pytest.fixture
def info(stack: Stack) -> StackInfo:
    return stack.up()


async def create(bootstrap: str, topic: str, replicas: int = 1) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=replicas)])
    finally:
        await admin.close()


async def produce(bootstrap: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", request_timeout_ms=20_000) as producer:
        await producer.send_and_wait(topic, value)


async def consume(bootstrap: str, topic: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        await consumer.seek_to_beginning(partition)
        end = (await consumer.end_offsets([partition]))[partition]
        values: list[bytes] = []
        while await consumer.position(partition) < end:
            values += [record.value for record in (await consumer.getmany(timeout_ms=500)).get(partition, [])]
        return values
    finally:
        await consumer.stop()


def register(info: StackInfo, subject: str, schema: object) -> httpx.Response:
    url = f"{info.registry_url}/subjects/{subject}/versions"
    return httpx.post(url, json={"schema": json.dumps(schema)}, timeout=20)


def require_full_compatibility(info: StackInfo, subject: str) -> None:
    body = {"compatibility": "FULL_TRANSITIVE"}
    httpx.put(f"{info.registry_url}/config/{subject}", json=body, timeout=20).raise_for_status()


def schema_of(info: StackInfo, schema_id: int) -> object:
    answer = httpx.get(f"{info.registry_url}/schemas/ids/{schema_id}", timeout=20).raise_for_status()
    return json.loads(answer.json()["schema"])


async def test_messages_and_schemas_survive_down_and_up(stack: Stack, info: StackInfo) -> None:
    await create(info.bootstrap, "kept")
    await produce(info.bootstrap, "kept", b"hello")
    schema_id = register(info, "kept-value", FIRST).raise_for_status().json()["id"]
    require_full_compatibility(info, "kept-value")
    assert register(info, "kept-value", BROKEN).status_code == 409

    assert stack.status().ready
    assert stack.down().stopped
    again = stack.up()

    assert again == info
    assert await consume(again.bootstrap, "kept") == [b"hello"]
    assert schema_of(again, schema_id) == FIRST
    assert register(again, "kept-value", BROKEN).status_code == 409


async def test_what_was_acknowledged_survives_kill(stack: Stack, info: StackInfo) -> None:
    await create(info.bootstrap, "killed")
    await produce(info.bootstrap, "killed", b"durable")
    schema_id = register(info, "killed-value", FIRST).raise_for_status().json()["id"]
    stack.kill(1)
    stack.kill("registry")
    assert stack.status().stopped
    with pytest.raises(StackError, match=r"kafka-1 of .* does not run"):
        stack.kill(1)
    assert stack.up() == info
    assert await consume(info.bootstrap, "killed") == [b"durable"]
    assert schema_of(info, schema_id) == FIRST


def test_up_again_starts_nothing_new(stack: Stack, info: StackInfo) -> None:
    before = [item.pid for item in stack.status().processes]
    assert stack.up() == info
    assert [item.pid for item in stack.status().processes] == before


def test_topics_are_not_made_by_accident(info: StackInfo) -> None:
    properties = (info.data_dir / "kafka-1" / "server.properties").read_text()
    assert "auto.create.topics.enable=false" in properties


def test_paused_broker_is_seen_and_woken(stack: Stack, info: StackInfo) -> None:
    stack.pause(1)
    assert {item.name: item.health for item in stack.status().processes} == {"kafka-1": "paused", "registry": "ready"}
    stack.resume(1)
    assert stack.up() == info
    stack.pause("registry")
    assert stack.up() == info
    assert stack.status().ready


def test_stale_process_id_is_neither_trusted_nor_hurt(stack: Stack, info: StackInfo) -> None:
    stack.kill(1)
    state = load_state(info.data_dir)
    assert state is not None
    state.processes["kafka-1"].pid = os.getpid()
    save_state(info.data_dir, state)
    assert {item.name: item.health for item in stack.status().processes} == {"kafka-1": "stopped", "registry": "ready"}
    assert stack.up() == info
    assert stack.status().ready
    assert os.getpid() not in [item.pid for item in stack.status().processes]


def test_taken_port_is_named_with_its_holder_and_remedy(stack: Stack, info: StackInfo) -> None:
    stack.down()
    port = int(info.bootstrap.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(PortTaken) as caught:
        stack.up()
    assert f"port {port} for kafka-1 is in use" in str(caught.value)
    assert f"(process {os.getpid()})" in str(caught.value)
    assert "--kafka-port" in str(caught.value)
    assert stack.status().stopped


def test_process_that_dies_at_start_shows_its_log_and_leaves_nothing_running(stack: Stack, info: StackInfo) -> None:
    stack.kill("registry")
    broken = Stack(stack.config.model_copy(update={"jvm_options": ("-XX:NoSuchFlag",)}))
    with pytest.raises(ProcessDied, match=r"registry ended while starting(.|\n)*NoSuchFlag"):
        broken.up()
    health = {item.name: item.health for item in stack.status().processes}
    assert health == {"kafka-1": "ready", "registry": "stopped"}


async def test_three_brokers_go_on_when_one_is_lost(tmp_path: Path) -> None:
    stack = Stack(StackConfig(data_dir=tmp_path / "three", nodes=3))
    try:
        info = stack.up()
        assert info.bootstrap.count(",") == 2
        await create(info.bootstrap, "replicated", replicas=3)
        await produce(info.bootstrap, "replicated", b"one")
        stack.kill(2)
        await produce(info.bootstrap, "replicated", b"two")
        assert await consume(info.bootstrap, "replicated") == [b"one", b"two"]
        assert stack.up() == info
        assert stack.status().ready
    finally:
        stack.down()
