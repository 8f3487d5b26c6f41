"""Topics made from the declaration, and what differs from it."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import InvalidReplicationFactorError

from headrace.platform.settings import ConnectionSettings, Settings
from headrace.platform.topics import Drift, Topic, apply, declared

pytestmark = pytest.mark.kafka


@pytest.fixture
def settings(kafka):
    connections = {
        "crm": ConnectionSettings(system="pipedrive", target=False),
        "erp": ConnectionSettings(system="dynamics_fo"),
    }
    return Settings(kafka=kafka, connections=connections)


async def known(settings, topics):
    """Wait until the brokers' metadata shows what was just made."""
    async with asyncio.timeout(20):
        while (await apply(settings.kafka, topics, dry_run=True)).created:
            await asyncio.sleep(0)


async def test_missing_topics_are_made_once(settings):
    topics = declared(settings)
    planned = await apply(settings.kafka, topics, dry_run=True)
    assert set(planned.created) == {topic.name for topic in topics}
    made = await apply(settings.kafka, topics)
    assert made.created == planned.created
    await known(settings, topics)
    again = await apply(settings.kafka, topics)
    assert (again.created, again.drift) == ((), ())


async def test_what_differs_is_told_and_left(settings):
    name = f"{settings.kafka.prefix}odd"
    odd = Topic(name, 2, {"cleanup.policy": "delete"})
    await apply(settings.kafka, [odd])
    await known(settings, [odd])
    wanted = Topic(name, 4, {"cleanup.policy": "compact"})
    for _ in range(2):
        assert (await apply(settings.kafka, [wanted])).drift == (
            Drift(name, "partitions", "4", "2"),
            Drift(name, "cleanup.policy", "compact", "delete"),
        )


async def test_a_topic_that_cannot_be_made_is_told(settings):
    crowded = settings.kafka.model_copy(update={"replication": 7})
    with pytest.raises(InvalidReplicationFactorError, match="odd is not made"):
        await apply(crowded, [Topic(f"{settings.kafka.prefix}odd", 1)])


def test_one_partition_count_for_everything_that_must_meet(settings):
    counts = {topic.name.removeprefix(settings.kafka.prefix): topic.partitions for topic in declared(settings)}
    assert counts.pop("credentials") == 1
    assert set(counts.values()) == {settings.kafka.partitions}


def test_state_is_compacted_and_stories_are_kept(settings):
    by_name = {topic.name.removeprefix(settings.kafka.prefix): topic for topic in declared(settings)}
    for name in ("state.erp", "emitted.crm", "links", "cursors", "credentials"):
        assert by_name[name].config["cleanup.policy"] == "compact"
    for name in ("audit", "parked.erp", "canonical.sales_order.v1"):
        assert by_name[name].config["retention.ms"] == "-1"
    assert "state.crm" not in by_name
