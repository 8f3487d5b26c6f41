"""Every topic of a deployment, declared once (design §3), applied and compared with what the cluster has.

All canonical and state topics share one partition count and Kafka's default partitioner (murmur2 of the key), so that
an entity's events and its state always meet on one worker. `credentials` has one partition: all see one order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NoError, TopicAlreadyExistsError, for_code

from headrace.platform.broker_access import client_options
from headrace.platform.settings import KafkaSettings, Settings

ENTITIES = (
    *(
        "contact",
        "customer",
        "customer_invoice",
        "dimension_value",
        "document",
        "exchange_rate",
        "ledger_account",
        "note",
    ),
    *("opportunity", "payment_batch", "product", "purchase_order", "sales_order", "vendor", "vendor_invoice"),
    "vendor_payment",
)
"""Canonical entities, one topic each."""

MAX_MESSAGE = 8 * 1024 * 1024
"""Bytes: an order of thousands of lines has its whole state in one record."""

_DAY = 24 * 60 * 60 * 1000
_DELIVERIES = {"cleanup.policy": "delete", "retention.ms": str(14 * _DAY)}
_LONG = {"cleanup.policy": "delete", "retention.ms": "-1"}
_FILES = {"cleanup.policy": "delete", "retention.ms": str(180 * _DAY)}
_COMPACT = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.2",
    "segment.ms": str(_DAY),
    "delete.retention.ms": str(7 * _DAY),
}
_CLAIMS = {"message.timestamp.type": "LogAppendTime", "min.compaction.lag.ms": str(_DAY)}
"""Leases of claims are counted by the broker's clock, and no claim that may still hold is compacted away."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One declared topic: full name, partition count, topic-level settings."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


class TopicNames:
    """Topic names under the deployment's prefix."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.links = f"{prefix}links"
        self.cursors = f"{prefix}cursors"
        self.audit = f"{prefix}audit"
        self.credentials = f"{prefix}credentials"
        self.attachments = f"{prefix}attachments"

    def inbox(self, connection: str) -> str:
        """Raw deliveries of a connection."""
        return f"{self._prefix}inbox.{connection}"

    def emitted(self, connection: str) -> str:
        """The normaliser's state: what was emitted of each record, compacted."""
        return f"{self._prefix}emitted.{connection}"

    def canonical(self, entity: str) -> str:
        """Canonical events of an entity."""
        return f"{self._prefix}canonical.{entity}.v1"

    def state(self, connection: str) -> str:
        """Outcome and system-of-record state of a target, compacted."""
        return f"{self._prefix}state.{connection}"

    def parked(self, connection: str) -> str:
        """What was parked and resumed on a target, for operators."""
        return f"{self._prefix}parked.{connection}"

    def commands(self, connection: str) -> str:
        """Operators' commands to a target."""
        return f"{self._prefix}commands.{connection}"

    def group(self, worker: str) -> str:
        """Consumer group of a worker."""
        return f"{self._prefix}headrace.{worker}"


def declared(settings: Settings) -> list[Topic]:
    """Return every topic that this deployment needs, in a stable order."""
    kafka = settings.kafka
    names = TopicNames(kafka.prefix)
    common = {"min.insync.replicas": str(kafka.min_insync), "max.message.bytes": str(MAX_MESSAGE)}
    topics = [
        Topic(names.links, kafka.partitions, {**_COMPACT, **common}),
        Topic(names.cursors, kafka.partitions, {**_COMPACT, **common}),
        Topic(names.audit, kafka.partitions, {**_LONG, **common}),
        Topic(names.credentials, 1, {**_COMPACT, **_CLAIMS, **common}),
        Topic(names.attachments, kafka.partitions, {**_FILES, **common}),
    ]
    topics += [Topic(names.canonical(entity), kafka.partitions, {**_LONG, **common}) for entity in ENTITIES]
    for name, connection in sorted(settings.connections.items()):
        topics.append(Topic(names.parked(name), kafka.partitions, {**_LONG, **common}))
        topics.append(Topic(names.commands(name), kafka.partitions, {**_DELIVERIES, **common}))
        if connection.source:
            topics.append(Topic(names.inbox(name), kafka.partitions, {**_DELIVERIES, **common}))
            topics.append(Topic(names.emitted(name), kafka.partitions, {**_COMPACT, **common}))
        if connection.target:
            topics.append(Topic(names.state(name), kafka.partitions, {**_COMPACT, **common}))
    return topics


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference between declaration and cluster; partitions are reported, never changed: keys would move."""

    topic: str
    setting: str
    declared: str
    actual: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What `apply` did: topics created, and differences left for an operator."""

    created: tuple[str, ...]
    drift: tuple[Drift, ...]


async def apply(kafka: KafkaSettings, topics: Iterable[Topic], *, dry_run: bool = False) -> Applied:
    """Create missing topics and report drift of those that exist.

    Raises:
        aiokafka.errors.KafkaError: the cluster cannot be reached or refuses; nothing is half applied within one topic.
    """
    wanted = {topic.name: topic for topic in topics}
    admin = AIOKafkaAdminClient(**client_options(kafka))
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [wanted[name] for name in sorted(wanted.keys() - existing)]
        if missing and not dry_run:
            new = [
                NewTopic(topic.name, topic.partitions, kafka.replication, topic_configs=dict(topic.config))
                for topic in missing
            ]
            _raise_first((await admin.create_topics(new)).topic_errors)
        drift = await _drift(admin, [wanted[name] for name in sorted(wanted.keys() & existing)])
    finally:
        await admin.close()
    return Applied(tuple(topic.name for topic in missing), tuple(drift))


def _raise_first(answers: Iterable[Sequence[Any]]) -> None:
    """Raise the first refusal among (topic, code, message): aiokafka hands them over and raises none.

    That a topic is there by now is none: another process may apply the same declaration.
    """
    for name, code, message in answers:
        if code not in (NoError.errno, TopicAlreadyExistsError.errno):
            raise for_code(code)(f"topic {name} is not made: {message or for_code(code).description}")


async def _drift(admin: AIOKafkaAdminClient, topics: list[Topic]) -> list[Drift]:
    if not topics:
        return []
    drift = []
    described = {item["topic"]: item for item in await admin.describe_topics([topic.name for topic in topics])}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics]
    actual: dict[str, dict[str, str]] = {}
    for response in await admin.describe_configs(resources):
        for _, _, _, name, entries in (resource[:5] for resource in response.resources):
            actual[name] = {entry[0]: entry[1] for entry in entries}
    for topic in topics:
        count = len(described[topic.name]["partitions"])
        if count != topic.partitions:
            drift.append(Drift(topic.name, "partitions", str(topic.partitions), str(count)))
        for setting, value in topic.config.items():
            found = str(actual.get(topic.name, {}).get(setting))
            if found != value:
                drift.append(Drift(topic.name, setting, value, found))
    return drift
