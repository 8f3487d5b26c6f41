"""A broker with TLS, passwords and rights: who signs in gets exactly what its user may do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from headrace.platform.kafka import Producer, read_all
from headrace.platform.settings import ConnectionSettings, Settings
from headrace.platform.topic_access import users
from headrace.platform.topics import Topic, TopicNames, apply, declared
from headrace.sandbox.common.tls import local_certificate
from tests.integration.platform.secure_kafka import PASSWORD, SecureKafka, secure_kafka

pytestmark = pytest.mark.kafka

NAMES = TopicNames()
SETTINGS = Settings(
    connections={
        "crm": ConnectionSettings(system="pipedrive", target=False),
        "erp": ConnectionSettings(system="dynamics_fo"),
    }
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    names = [user.name for user in users(SETTINGS)]
    with secure_kafka(tmp_path_factory.mktemp("secure"), names) as running:
        yield running


@pytest.fixture
async def topics(broker: SecureKafka) -> None:
    """Rights are given, and topics made by the user that may make them.

    A broker learns of rights one after the other: once it knows those of the last user it knows them all.
    """
    deploys = "headrace-deploy"
    await broker.allow(sorted(users(SETTINGS), key=lambda user: user.name == deploys))
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(TopicAuthorizationFailedError):
                if not (await apply(broker.settings(deploys), declared(SETTINGS))).created:
                    return


async def test_topics_are_made_and_compared_by_the_user_that_deploys(broker: SecureKafka, topics: None) -> None:
    again = await apply(broker.settings("headrace-deploy"), declared(SETTINGS))

    assert (again.created, again.drift) == ((), ())


async def test_who_may_not_make_topics_is_told(broker: SecureKafka, topics: None) -> None:
    extra = Topic(NAMES.canonical("invoice"), 1)

    with pytest.raises(TopicAuthorizationFailedError, match=r"topic canonical\.invoice\.v1 is not made"):
        await apply(broker.settings("headrace-ingest-worker"), [extra])


async def test_what_is_allowed_works(broker: SecureKafka, topics: None) -> None:
    producer = Producer(broker.settings("headrace-ingest-receiver"))
    await producer.start()
    try:
        await producer.send(NAMES.inbox("crm"), "deal:1", b"taken in")
    finally:
        await producer.stop()

    reader = broker.settings("headrace-ingest-worker")
    assert [message.value async for message in read_all(reader, [NAMES.inbox("crm")])] == [b"taken in"]


async def test_what_is_not_allowed_is_refused(broker: SecureKafka, topics: None) -> None:
    producer = Producer(broker.settings("headrace-ingest-receiver"))
    await producer.start()
    try:
        with pytest.raises(TopicAuthorizationFailedError):
            await producer.send(NAMES.state("erp"), "any", b"not its own")
    finally:
        await producer.stop()


async def test_a_wrong_password_does_not_come_in(broker: SecureKafka, topics: None) -> None:
    producer = Producer(broker.settings("headrace-ingest-receiver", "wrong" + PASSWORD))

    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()


async def test_an_authority_that_is_not_trusted_ends_it(broker: SecureKafka, topics: None, tmp_path: Path) -> None:
    other = local_certificate(tmp_path).authority_file
    producer = Producer(broker.settings("headrace-ingest-receiver", ca_file=other))

    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()
