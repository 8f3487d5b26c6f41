"""Links on real Kafka: workers that meet one natural key at the same moment agree whose it is (design §6)."""

from __future__ import annotations

import asyncio

import pytest

from headrace.pipeline.links import Link, Links, natural_key
from headrace.platform.codec import Codec
from headrace.platform.kafka import Producer, read_all
from headrace.platform.paths import schemas_dir
from headrace.platform.registry import Registry
from headrace.platform.schemas import Schemas
from headrace.platform.topics import Topic, apply

pytestmark = pytest.mark.kafka

TOPIC = "links"


@pytest.fixture
async def codec(kafka):
    schemas, registry = Schemas(schemas_dir()), Registry(kafka.registry_url)
    codec = Codec(schemas, registry)
    await codec.start(schemas.names())
    yield codec
    await registry.close()


@pytest.fixture
async def make(kafka, codec):
    """Views of one topic, each with a producer of its own, as in two processes."""
    topic = f"{kafka.prefix}{TOPIC}"
    await apply(kafka, [Topic(topic, kafka.partitions, {"cleanup.policy": "compact"})])
    made = []

    async def start():
        producer = Producer(kafka)
        await producer.start()
        links = Links(kafka, topic, codec, producer)
        await links.start()
        made.append((links, producer))
        return links

    yield start
    for links, producer in made:
        await links.stop()
        await producer.stop()


def key(number, canonical_id):
    return Link(*natural_key("product", "number", f"BK-{number}"), canonical_id, "product", "matched")


async def test_of_two_that_claim_a_natural_key_at_once_one_has_it_for_all(kafka, codec, make):
    one, other = await make(), await make()
    claims = await asyncio.gather(
        *(
            links.claim(key(number, f"{name}-{number}"))
            for number in range(50)
            for name, links in (("A", one), ("B", other))
        )
    )
    owners = [claim.canonical_id for claim in claims]
    assert owners[::2] == owners[1::2]
    later = await make()
    assert [later.get(*key(number, "").address).canonical_id for number in range(50)] == owners[::2]
    last = {}
    async for message in read_all(kafka, [f"{kafka.prefix}{TOPIC}"]):
        last[message.key] = codec.decode(message.value)[1]["canonical_id"]
    assert [last[key(number, "").key] for number in range(50)] == owners[::2], "compaction would change the owner"


async def test_a_key_that_is_taken_stays_taken(make):
    links = await make()
    assert (await links.claim(key(1, "A"))).canonical_id == "A"
    assert (await links.claim(key(1, "B"))).canonical_id == "A"
