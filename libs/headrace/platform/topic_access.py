"""Who may do what on which topic: one user of Kafka for each kind of process, with no right that it does not use.

The table "Topics" of ARCHITECTURE.md says the same in words. Operations are Kafka's; Read and Write imply Describe
(Apache Kafka documentation, "Authorization and ACLs"). An idempotent producer needs no right on the cluster beside
Write on a topic (KIP-679).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from headrace.platform.settings import Settings
from headrace.platform.topics import ENTITIES, TopicNames, declared

RECEIVER, INGEST = "ingest-receiver", "ingest-worker"
DEPLOY, OPERATOR, AUTOSCALER, RECONCILE = "deploy", "operator", "autoscaler", "reconcile"

EXCHANGE_RATE = "exchange_rate"
"""The entity that normalisers look values up in, beside writing it."""


@dataclass(frozen=True, slots=True)
class Right:
    """What may be done on one topic or consumer group, named in full."""

    kind: Literal["topic", "group"]
    name: str
    operations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class User:
    """A user of Kafka. `name` has the deployment's prefix before it; `process` is what runs as this user."""

    name: str
    process: str
    rights: tuple[Right, ...]


def users(settings: Settings) -> list[User]:
    """Return every user of a deployment.

    Those are its services (a processor is named for its system), the job that deploys it, operators at the command
    line, the nightly comparison, and the autoscaler, which sees how far the groups have read.
    """
    names = TopicNames(settings.kafka.prefix)
    there = sorted(topic.name for topic in declared(settings))
    sources = sorted(name for name, each in settings.connections.items() if each.source)
    targets = sorted(name for name, each in settings.connections.items() if each.target)
    canonical, stored = [names.canonical(entity) for entity in ENTITIES], [names.credentials]
    inboxes, emitted = [names.inbox(name) for name in sources], [names.emitted(name) for name in sources]
    ingest_groups = [names.group(f"ingest.{name}") for name in sources]

    made = [
        _user(settings, RECEIVER, {"Read": stored, "Write": [*inboxes, *stored]}),
        _user(
            settings,
            INGEST,
            {
                "Read": [*inboxes, *emitted, names.canonical(EXCHANGE_RATE), names.links, names.cursors, *stored],
                "Write": [
                    *(*inboxes, *emitted, *canonical, *map(names.parked, sources)),
                    *(names.links, names.cursors, names.audit, names.attachments, *stored),
                ],
            },
            {"Read": ingest_groups},
        ),
    ]
    for system in sorted({settings.connections[name].system for name in targets}):
        own = [name for name in targets if settings.connections[name].system == system]
        states = [names.state(name) for name in own]
        asked = [names.inbox(name) for name in own if settings.connections[name].source]
        made.append(
            _user(
                settings,
                system.replace("_", "-"),
                {
                    "Read": [*canonical, *map(names.commands, own), *states, names.links, names.attachments, *stored],
                    # It has records read anew by its own source: what people changed there unheard.
                    # And it orders successors of records that take no more, from the lane of each.
                    "Write": [
                        *(*states, *map(names.parked, own), *map(names.commands, own), *asked),
                        *(names.links, names.audit, *stored),
                    ],
                },
                {"Read": [names.group(name) for name in own]},
            )
        )
    groups = [*ingest_groups, *(names.group(name) for name in targets)]
    commands = [names.commands(name) for name in sorted(settings.connections)]
    return [
        *made,
        _user(settings, DEPLOY, {"Create": there, "Describe": there, "DescribeConfigs": there}),
        _user(
            settings,
            OPERATOR,
            {"Read": there, "Write": [*commands, *inboxes, names.cursors, names.audit, *stored]},
            {"Describe": groups},
        ),
        _user(
            settings,
            RECONCILE,
            {
                "Read": [
                    *(*emitted, *canonical, *map(names.state, targets), *map(names.parked, sources)),
                    *(names.links, names.cursors, *stored),
                ],
                # What polls would find is no difference, so it polls first. It repairs nothing by itself.
                "Write": [*inboxes, names.cursors, *stored],
                # How far its workers are behind.
                "Describe": [*inboxes, *map(names.commands, targets)],
            },
            {"Describe": groups},
        ),
        _user(
            settings,
            AUTOSCALER,
            {"Describe": [*inboxes, *canonical, *map(names.commands, targets)]},
            {"Describe": groups},
        ),
    ]


def _user(
    settings: Settings,
    process: str,
    topics: Mapping[str, Iterable[str]],
    groups: Mapping[str, Iterable[str]] | None = None,
) -> User:
    """Return a user from what it does: operation to names."""
    rights = [*_rights("topic", topics), *_rights("group", groups or {})]
    return User(f"{settings.kafka.prefix}headrace-{process}", process, tuple(rights))


def _rights(kind: Literal["topic", "group"], operations: Mapping[str, Iterable[str]]) -> Iterator[Right]:
    found: dict[str, tuple[str, ...]] = {}
    for operation, names in operations.items():
        for name in dict.fromkeys(names):
            found[name] = (*found.get(name, ()), operation)
    for name in sorted(found):
        yield Right(kind, name, found[name])
