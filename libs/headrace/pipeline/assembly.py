"""Puts the flows together from settings: what every service shares, one target, one source."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headrace.core.contracts import Connection, Connector, Source, Surroundings, Target
from headrace.core.errors import ConfigurationError
from headrace.core.event import Ref
from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.loading import load_directory
from headrace.pipeline.effects import Effects
from headrace.pipeline.emitted import Table as EmittedTable
from headrace.pipeline.files import Files
from headrace.pipeline.gate import Gate
from headrace.pipeline.identity import Identity
from headrace.pipeline.inbox import Delivery
from headrace.pipeline.normalise import Normaliser
from headrace.pipeline.parking import Parking
from headrace.pipeline.performing import Ask, Performer
from headrace.pipeline.planning import Planner
from headrace.pipeline.policies import ownership, routes
from headrace.pipeline.poll import Cursors, Poller, PollTasks, Schedule
from headrace.pipeline.process import Processor
from headrace.pipeline.renewing import Renewing
from headrace.pipeline.shared import Shared
from headrace.pipeline.store import StateTable, TargetStore
from headrace.platform.attachments import AttachmentReader
from headrace.platform.credentials import CredentialStore
from headrace.platform.kafka import Message, read_newest, read_one
from headrace.platform.paths import project_root
from headrace.platform.settings import ConnectionSettings, Settings, checked
from headrace.platform.topics import TopicNames
from headrace.platform.worker import StreamWorker

Stop = Callable[[BaseException], None]
Finished = Callable[[Message], None]


def choose(
    settings: Settings, connectors: Sequence[Connector], use: Callable[[ConnectionSettings], bool], only: str = ""
) -> dict[str, Connector]:
    """Return the configured connections that these connectors serve.

    Args:
        settings: all of them.
        connectors: the systems that this process knows.
        use: which connections it is about (sources, targets).
        only: restricts it to one connection.

    Raises:
        ConfigurationError: `only` names none of them.
    """
    known = {connector.system: connector for connector in connectors}
    chosen = {
        name: known[connection.system]
        for name, connection in settings.connections.items()
        if connection.system in known and use(connection) and only in ("", name)
    }
    if only and not chosen:
        raise ConfigurationError(f"connections: {only} is not configured for {', '.join(sorted(known))}")
    return chosen


def open_connection(
    settings: Settings, name: str, connector: Connector, credentials: CredentialStore | None = None
) -> tuple[Connection, object]:
    """Open a connection from its checked configuration; returns it with that configuration.

    Args:
        settings: all of them.
        name: of the connection.
        connector: its system's.
        credentials: the store, started; None if there is none.

    Raises:
        ConfigurationError: names the connection, field and problem.
    """
    where, lookup = f"connections.{name}.config", credentials.lookup if credentials else None
    config = checked(connector.config, settings.connections[name].config, where, lookup)
    files = AttachmentReader(settings.kafka, TopicNames(settings.kafka.prefix).attachments)
    return connector.open(name, config, Surroundings(settings.state_dir, credentials, files)), config


def mappings_folder(settings: Settings, name: str) -> Path:
    """Return the folder of a connection's mappings, by service; a relative one is below the project's root."""
    folder = settings.connections[name].mappings or settings.mappings
    return folder if folder.is_absolute() else project_root() / folder


def target_mappings(settings: Settings, name: str, connector: Connector) -> dict[str, OutMapping]:
    """Return the out mappings of a connection by entity.

    Raises:
        ConfigurationError: a mapping does not load.
    """
    folder = mappings_folder(settings, name) / connector.system / "mappings"
    return {document.entity: document for document in load_directory(folder) if isinstance(document, OutMapping)}


def source_mappings(settings: Settings, name: str, connector: Connector) -> list[InMapping]:
    """Return the in mappings of a connection.

    Raises:
        ConfigurationError: a mapping does not load.
    """
    folder = mappings_folder(settings, name) / "ingest" / "mappings" / connector.system
    return [document for document in load_directory(folder) if isinstance(document, InMapping)]


@dataclass(slots=True)
class Processing:
    """The processor of one target, wherever its state is kept and its events come from."""

    processor: Processor
    parking: Parking
    gate: Gate


def processing(
    shared: Shared,
    name: str,
    connector: Connector,
    config: object,
    target: Target,
    table: StateTable,
    finished: Finished,
    stop: Stop,
) -> Processing:
    """Put the processor of one target together.

    Args:
        shared: links, audit, producer and names.
        name: the connection.
        connector: its system.
        config: its checked configuration, for the transforms.
        target: what writes.
        table: where state is kept.
        finished: called with each message whose outcome is durable.
        stop: called with an unexpected error.

    Raises:
        ConfigurationError: a mapping does not load.
    """
    settings = shared.settings
    gate = Gate(name)
    box: dict[str, Processor] = {}
    store = TargetStore(table, shared.codec, partial(read_one, settings.kafka), partial(read_newest, settings.kafka))
    effects = Effects(target, store, gate, shared.owner)
    mappings = target_mappings(settings, name, connector)
    planner = Planner(name, mappings, connector.transforms(config), shared.links, effects, shared.rates.find)
    commands = shared.names.commands(name)
    parking = Parking(
        name,
        store,
        shared.producer,
        shared.codec,
        shared.names.parked(name),
        lambda canonical_id: box["processor"].wake(canonical_id),
        settings.connections[name].retry_seconds,
        Renewing(name, planner, shared.producer, shared.codec, commands),
    )
    shared.rates.watch(parking.arrived)
    processor = box["processor"] = Processor(
        name,
        codec=shared.codec,
        store=store,
        planner=planner,
        performer=Performer(name, effects, shared.links, _asking(shared, name)),
        effects=effects,
        parking=parking,
        links=shared.links,
        audit=shared.audit,
        undecodable=shared.undecodable(name),
        finished=finished,
        stop=stop,
        commands_topic=commands,
        concurrency=target.limits.concurrency,
        drain_seconds=min(settings.drain_seconds, target.limits.call_deadline),
        ownership=ownership(settings, shared.schemas),
        routes=routes(settings, name),
    )
    return Processing(processor, parking, gate)


def _asking(shared: Shared, name: str) -> Ask | None:
    """Return how a target's record is read anew by its own source, None if the connection is not read."""
    if not shared.settings.connections[name].source:
        return None
    inbox = shared.inbox(name)

    async def ask(obj: str, external_id: str) -> None:
        await inbox.put(Delivery(name, Ref(obj, external_id), "reference"))

    return ask


def converts(settings: Settings, chosen: Mapping[str, Connector]) -> bool:
    """Say whether a mapping of these target connections converts documents, so that exchange rates are needed."""
    documents = (target_mappings(settings, name, connector).values() for name, connector in chosen.items())
    return any(document.convert is not None for each in documents for document in each)


@dataclass(slots=True)
class TargetFlow:
    """A running target: its worker, processor and parking."""

    connection: Connection
    worker: StreamWorker
    processor: Processor
    parking: Parking
    gate: Gate


def target_flow(shared: Shared, name: str, connector: Connector, stop: Stop) -> TargetFlow:
    """Put worker and processor of one target connection together.

    Raises:
        ConfigurationError: the connection cannot be written, or a mapping does not load.
    """
    settings = shared.settings
    connection, config = open_connection(settings, name, connector, shared.credentials)
    target: Target | None = connection.target
    if target is None:
        raise ConfigurationError(f"connections.{name}: {connector.system} cannot be written; set target: false")
    entities = sorted(target_mappings(settings, name, connector))
    worker = StreamWorker(
        settings.kafka,
        shared.names.group(name),
        [*(shared.names.canonical(entity) for entity in entities), shared.names.commands(name)],
        shared.names.state(name),
        shared.producer,
        state_dir=settings.state_dir / "workers",
        instance=os.environ.get("HEADRACE_INSTANCE", ""),
    )
    parts = processing(shared, name, connector, config, target, worker, worker.finished, stop)
    worker.handle_with(parts.processor)
    return TargetFlow(connection, worker, parts.processor, parts.parking, parts.gate)


@dataclass(slots=True)
class SourceFlow:
    """A running source: its worker, normaliser and pollers."""

    connection: Connection
    worker: StreamWorker
    normaliser: Normaliser
    polls: PollTasks


def normaliser(
    shared: Shared,
    name: str,
    connector: Connector,
    config: object,
    source: Source,
    table: EmittedTable,
    polls: PollTasks,
    finished: Finished,
    stop: Stop,
    *,
    settle_seconds: float,
) -> Normaliser:
    """Put the normaliser of one source together, wherever its state is kept and its deliveries come from.

    Raises:
        ConfigurationError: a mapping does not load.
    """
    documents = source_mappings(shared.settings, name, connector)
    return Normaliser(
        name,
        source=source,
        mappings=documents,
        transforms=connector.transforms(config),
        identity=Identity(name, shared.links, settle_seconds, _written(shared.settings, name, connector)),
        links=shared.links,
        inbox=shared.inbox(name),
        producer=shared.producer,
        codec=shared.codec,
        audit=shared.audit,
        names=shared.names,
        table=table,
        polls=polls,
        files=Files(name, source, shared.attachments, documents),
        finished=finished,
        stop=stop,
    )


def _written(settings: Settings, name: str, connector: Connector) -> frozenset[str]:
    """Return the names under which links know what is written to a connection."""
    documents = target_mappings(settings, name, connector).values()
    return frozenset(
        step.identity or step.object for document in documents for step in document.steps if not step.record
    )


def source_flow(shared: Shared, name: str, connector: Connector, stop: Stop) -> SourceFlow:
    """Put worker, normaliser and pollers of one source connection together.

    Raises:
        ConfigurationError: the connection cannot be read, or a mapping does not load.
    """
    settings = shared.settings
    own = settings.connections[name]
    connection, config = open_connection(settings, name, connector, shared.credentials)
    if connection.source is None:
        raise ConfigurationError(f"connections.{name}: {connector.system} cannot be read; set source: false")
    polls = PollTasks(poller(shared, name, connection), schedules(own), settings.kafka.partitions)
    worker = StreamWorker(
        settings.kafka,
        shared.names.group(f"ingest.{name}"),
        [shared.names.inbox(name)],
        shared.names.emitted(name),
        shared.producer,
        state_dir=settings.state_dir / "workers",
        instance=os.environ.get("HEADRACE_INSTANCE", ""),
    )
    settle_seconds = own.settle_seconds if own.target else 0.0
    handler = normaliser(
        shared,
        name,
        connector,
        config,
        connection.source,
        worker,
        polls,
        worker.finished,
        stop,
        settle_seconds=settle_seconds,
    )
    worker.handle_with(handler)
    return SourceFlow(connection, worker, handler, polls)


def poller(shared: Shared, name: str, connection: Connection) -> Poller:
    """Return the poller of an opened source connection."""
    if connection.source is None:
        raise ConfigurationError(f"connections.{name} cannot be read")
    cursors = Cursors(shared.settings.kafka, shared.names.cursors, shared.codec, shared.producer)
    return Poller(name, connection.source, shared.inbox(name), cursors)


def schedules(connection: ConnectionSettings) -> Mapping[str, Schedule]:
    """Return when each object of a connection is polled."""
    return {name: Schedule(poll.seconds, poll.cron) for name, poll in connection.polls.items()}
