"""The lines of `headrace ping` that are about no connection: Kafka, topics, the registry and its schemas."""

from __future__ import annotations

from aiokafka.errors import KafkaError

from headrace.core.contracts import Check, CheckState
from headrace.core.errors import ConfigurationError, HeadraceError
from headrace.platform.paths import schemas_dir
from headrace.platform.registry import Registry
from headrace.platform.schemas import Schemas
from headrace.platform.settings import KafkaSettings, Settings
from headrace.platform.topics import Applied, apply, declared

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL
_SAFE_COPIES = 2
_HARMLESS = frozenset({"retention.ms", "segment.ms", "min.cleanable.dirty.ratio"})
"""Settings of a topic that an operator may have changed on purpose; any other difference loses order or records."""


async def checks(settings: Settings) -> list[Check]:
    """Return the lines about the deployment; nothing is created."""
    return [*await _kafka(settings), *await _registry(settings.kafka)]


async def _kafka(settings: Settings) -> list[Check]:
    topics = declared(settings)
    try:
        applied = await apply(settings.kafka, topics, dry_run=True)
    except (KafkaError, OSError) as error:
        text = f"{settings.kafka.bootstrap}: {type(error).__name__}: {error}"
        return [Check("Kafka", FAIL, text, "Is it running? Check kafka.bootstrap, and its credentials.")]
    return [Check("Kafka", PASS, settings.kafka.bootstrap), *_copies(settings.kafka), *_topics(applied, len(topics))]


def _copies(kafka: KafkaSettings) -> list[Check]:
    if kafka.replication >= _SAFE_COPIES and kafka.min_insync >= _SAFE_COPIES:
        return []
    text = (
        f"replication {kafka.replication}, min_insync {kafka.min_insync}: one broker lost can lose what was confirmed"
    )
    return [Check("copies", WARN, text, "With three brokers set kafka.replication: 3 and kafka.min_insync: 2.")]


def _topics(applied: Applied, total: int) -> list[Check]:
    lines = []
    if applied.created:
        text = f"{len(applied.created)} of {total} are missing: {', '.join(applied.created)}"
        lines.append(Check("topics", FAIL, text, "Run: headrace topics apply"))
    for drift in applied.drift:
        text = f"{drift.setting} is {drift.actual}, declared {drift.declared}"
        if drift.setting == "partitions":
            remedy = "Set kafka.partitions to what the topics have; it cannot be changed afterwards."
        else:
            remedy = "Set it back with Kafka's own tools (kafka-configs)."
        state = WARN if drift.setting in _HARMLESS else FAIL
        lines.append(Check(f"topic {drift.topic}", state, text, remedy))
    return lines or [Check("topics", PASS, f"{total} as declared")]


async def _registry(kafka: KafkaSettings) -> list[Check]:
    schemas = Schemas(schemas_dir())
    try:
        async with Registry(kafka.registry_url) as registry:
            ids = {
                name: await registry.registered(schemas.subject(name), schemas.flattened(name))
                for name in schemas.names()
            }
    except HeadraceError as error:
        text = "; ".join(error.problems) if isinstance(error, ConfigurationError) else str(error)
        return [Check("schemas", FAIL, text, "Is the registry running? Check kafka.registry_url.")]
    missing = [name for name, number in ids.items() if number is None]
    if missing:
        text = f"not registered as they are here: {', '.join(missing)}"
        return [Check("schemas", FAIL, text, "Run: headrace schemas register")]
    return [Check("schemas", PASS, f"{len(schemas.names())} registered")]
