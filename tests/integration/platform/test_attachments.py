"""Files through the topic `attachments`: the bytes that went in come out, whatever lies between their parts."""

from __future__ import annotations

import asyncio
import hashlib
import random

import pytest

from headrace.core.errors import RejectRecord
from headrace.platform.attachments import PART, AttachmentReader, AttachmentStore
from headrace.platform.kafka import Producer
from headrace.platform.topics import Topic, apply

pytestmark = pytest.mark.kafka


async def streamed(content: bytes, size: int):
    for start in range(0, len(content), size):
        await asyncio.sleep(0)
        yield content[start : start + size]


@pytest.fixture
async def store(kafka):
    one = kafka.model_copy(update={"partitions": 1})
    topic = f"{kafka.prefix}attachments"
    await apply(one, [Topic(topic, 1, {"max.message.bytes": "8388608"})])
    producer = Producer(one)
    await producer.start()
    yield AttachmentStore(one, topic, producer), AttachmentReader(one, topic)
    await producer.stop()


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 3 * PART + 7])
async def test_what_was_stored_is_read(store, size):
    write, read = store
    content = random.Random(size).randbytes(size)  # noqa: S311 - no secret
    reference = await write.put("avid:invoice:9:9", streamed(content, 100_000))
    assert (reference["size"], reference["sha256"]) == (size, hashlib.sha256(content).hexdigest())
    assert await read.read(reference) == content
    assert [len(part) async for part in read.parts(reference)][:1] == ([min(size, PART)] if size else [])


async def test_files_that_are_stored_at_once_do_not_mix(store):
    write, read = store
    contents = [random.Random(seed).randbytes(2 * PART + seed) for seed in range(4)]  # noqa: S311 - no secret
    references = await asyncio.gather(
        *(write.put(f"avid:invoice:{seed}:x", streamed(each, PART // 3)) for seed, each in enumerate(contents))
    )
    assert [await read.read(reference) for reference in references] == contents


async def test_what_is_no_longer_there_is_named_with_its_remedy(store):
    write, read = store
    reference = await write.put("avid:invoice:9:9", streamed(b"%PDF", 4))
    for wrong in ({"offset": reference["offset"] + 1}, {"sha256": "0" * 64}):
        with pytest.raises(RejectRecord, match=r"avid:invoice:9:9: .* read anew by its source"):
            await read.read({**reference, **wrong})
