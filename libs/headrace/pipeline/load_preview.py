"""The dry run of an initial load: the real flow, with everything that writes kept in memory (`rehearsal.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

from headrace.core.contracts import Connection, Connector, Record
from headrace.core.errors import ConfigurationError
from headrace.pipeline import assembly
from headrace.pipeline.audit import ATTEMPT
from headrace.pipeline.decoding import PARKED, decode
from headrace.pipeline.endings import Ending, Endings, Result
from headrace.pipeline.inbox import LOAD, Delivery
from headrace.pipeline.poll import PollTasks
from headrace.pipeline.rehearsal import KeptLinks, KeptProducer, KeptTable, RehearsedTarget, UnreadAttachments
from headrace.pipeline.shared import Shared
from headrace.pipeline.state import SCHEMA as STATE
from headrace.pipeline.state import from_record
from headrace.pipeline.twins import Twins
from headrace.platform.credentials import CredentialStore, Keyring
from headrace.platform.kafka import Message, Producer, read_all
from headrace.platform.record_json import CONTENT_TYPE, dump_record
from headrace.platform.settings import Settings


class Rehearsal(Shared):
    """What the flows of a dry run share: connected to read, with nothing that could write to Kafka.

    But for the credential store: a token that is renewed while the dry run reads is everybody's.
    """

    def __init__(self, settings: Settings) -> None:
        self._for_credentials = Producer(settings.kafka) if settings.credentials.given else None
        self.kept = KeptProducer(settings.kafka)
        super().__init__(settings, "load", self.kept)
        self.attachments = UnreadAttachments(settings.kafka, self.names.attachments, self.producer)
        self.links = KeptLinks(settings.kafka, self.names.links, self.codec, self.producer)
        if self._for_credentials is not None:
            keyring, topic = Keyring(settings.credentials), self.names.credentials
            self.credentials = CredentialStore(
                settings.kafka, topic, self.codec, self._for_credentials, keyring, self.owner
            )

    async def start(self, *, links: bool = True) -> None:
        """Connect, and read credentials and links."""
        if self._for_credentials is not None:
            await self._for_credentials.start()
        await super().start(links=links)

    async def stop(self) -> None:
        """Disconnect."""
        await super().stop()
        if self._for_credentials is not None:
            await self._for_credentials.stop()


@dataclass(slots=True)
class Opened:
    """A connection that is open, with its checked configuration."""

    connector: Connector
    connection: Connection
    config: object


@dataclass(slots=True)
class _Rehearsed:
    """One target of the dry run."""

    target: RehearsedTarget
    table: KeptTable
    parts: assembly.Processing
    entities: Sequence[str]


@dataclass(slots=True)
class _Acks:
    """Counts what a flow has finished; an unexpected error ends the waiting."""

    count: int = 0
    error: BaseException | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def finished(self, message: Message) -> None:
        """Count a message."""
        self.count += 1
        self.changed.set()

    def stop(self, error: BaseException) -> None:
        """End the waiting."""
        self.error = error
        self.changed.set()

    async def reach(self, count: int) -> None:
        """Wait until `count` messages are finished; raises what went wrong unexpectedly."""
        while self.count < count and self.error is None:
            self.changed.clear()
            await self.changed.wait()
        if self.error is not None:
            raise self.error


class DryRun:
    """Says of each record what a load would do with it.

    Args:
        shared: started, with its links read.
        name: the connection.
        opened: that connection.
        obj: the object.
        targets: every connection that takes it, and the entities that it takes.
    """

    def __init__(
        self,
        shared: Rehearsal,
        name: str,
        opened: Opened,
        obj: str,
        targets: Mapping[str, tuple[Opened, Sequence[str]]],
    ) -> None:
        if opened.connection.source is None:
            raise ConfigurationError(f"connections.{name} cannot be read")
        self._shared = shared
        self._name = name
        self._object = obj
        self._kept = shared.kept
        self._emitted = KeptTable()
        self._acks = _Acks()
        self._asked = 0
        documents = assembly.source_mappings(shared.settings, name, opened.connector)
        mappings = [document for document in documents if document.object == obj]
        transforms = opened.connector.transforms(opened.config)
        self._twins = Twins(name, mappings, transforms, shared.links)
        self._identities = [document.identity for document in mappings]
        poller = assembly.poller(shared, name, opened.connection)
        self._normaliser = assembly.normaliser(
            shared,
            name,
            opened.connector,
            opened.config,
            opened.connection.source,
            self._emitted,
            PollTasks(poller, {}, shared.settings.kafka.partitions),
            self._acks.finished,
            self._acks.stop,
            settle_seconds=0.0,
        )
        self._targets = {target: self._rehearsed(target, *each) for target, each in targets.items()}

    def _rehearsed(self, name: str, opened: Opened, entities: Sequence[str]) -> _Rehearsed:
        if opened.connection.target is None:
            raise ConfigurationError(f"connections.{name} cannot be written; set target: false")
        target, table = RehearsedTarget(opened.connection.target, opened.connector.objects), KeptTable()
        acks = self._acks
        parts = assembly.processing(
            self._shared, name, opened.connector, opened.config, target, table, acks.finished, acks.stop
        )
        return _Rehearsed(target, table, parts, entities)

    async def start(self) -> None:
        """Read what was told of these records before, and what the targets know of their entities."""
        shared, kafka = self._shared, self._shared.settings.kafka
        async for message in read_all(kafka, [shared.names.emitted(self._name)]):
            if message.key.startswith(f"{self._object}:"):
                await self._emitted.put(message.key, message.value)
        for name, each in self._targets.items():
            async for message in read_all(kafka, [shared.names.state(name)]):
                record = await decode(shared.codec, message.value) if message.value else None
                if record is None or record["entity"] not in each.entities:
                    await each.table.put(message.key, None)
                    continue
                # What is under way belongs to the processor; here the record counts as it was settled before.
                settled = {**record, "intent": None} if record["intent"] else None
                value = shared.codec.encode(STATE, settled) if settled else message.value
                await each.table.put(message.key, value)

    async def page(self, records: Sequence[Record]) -> list[Result]:
        """Return the endings of some records; those of earlier calls count as if they were loaded.

        Raises:
            RuntimeError and others: what would end a worker as well.
        """
        entities = {name: each.entities for name, each in self._targets.items()}
        endings = Endings(self._name, self._object, self._identities, entities)
        held: list[Result] = []
        for record in records:
            twin = self._twins.of(record)
            if twin is None:
                body = dump_record(record)
                delivery = Delivery(self._name, record.ref, LOAD, body, CONTENT_TYPE, version=record.version)
                await self._shared.inbox(self._name).put(delivery)
            else:
                held.append(
                    Result(self._object, twin.external_id, twin.entity, "", Ending.CONFLICT, reason=twin.reason)
                )
        told = await self._normalise()
        told += await self._process(told)
        await self._read(told, endings)
        return held + [self._completed(result) for result in endings.results()]

    async def _normalise(self) -> list[Message]:
        """Have the inbox worked off; return what came of it."""
        inbox, told = self._shared.names.inbox(self._name), list[Message]()
        while True:
            given = self._kept.take()
            loaded = [message for message in given if message.topic == inbox and await self._is_load(message)]
            told += [message for message in given if message.topic != inbox]
            if not loaded:
                return told
            for message in loaded:
                self._normaliser.on_message(message)
            self._asked += len(loaded)
            await self._acks.reach(self._asked)

    async def _is_load(self, message: Message) -> bool:
        """Leave out what the flow asks for besides: in earnest, that is loaded on its own."""
        return bool((await decode(self._shared.codec, message.value or b""))["arrival"] == LOAD)

    async def _process(self, told: Sequence[Message]) -> list[Message]:
        for each in self._targets.values():
            topics = {self._shared.names.canonical(entity) for entity in each.entities}
            for message in told:
                if message.topic in topics:
                    each.parts.processor.on_message(message)
                    self._asked += 1
        await self._acks.reach(self._asked)
        while any(each.parts.processor.pending for each in self._targets.values()):  # what a new link woke
            await asyncio.sleep(0.01)
            await self._acks.reach(self._asked)
        return self._kept.take()

    async def _read(self, told: Sequence[Message], endings: Endings) -> None:
        names = self._shared.names
        for message in told:
            if message.topic == names.audit:
                name, line = self._shared.codec.decode(message.value or b"")
                if name == ATTEMPT:
                    endings.read(line)
            elif message.topic == names.parked(self._name):
                name, record = self._shared.codec.decode(message.value or b"")
                if name == PARKED and record["reason"]:
                    endings.parked(message.key.partition(":")[2], record["reason"])

    def _completed(self, result: Result) -> Result:
        """Add what only the rehearsal knows: calls that would be made, and by which key a record was found."""
        each = self._targets.get(result.target)
        if each is None:
            return result
        changes = each.target.changes(result.canonical_id)
        keys = each.target.found_by(result.canonical_id, result.target_object, result.target_id)
        result = replace(result, keys=keys, changes=[asdict(change) for change in changes])
        if result.ending is Ending.WAIT and self._hears_first(each, result.canonical_id):
            return replace(result, ending=Ending.MATCH)
        if result.ending is Ending.CREATE and result.target_object:
            added = ", ".join(change.step for change in changes if change.action == "create")
            words = (
                f"{result.target_object} {result.target_id} is there already, and these would be added to it: {added}"
            )
            return replace(result, ending=Ending.CONFLICT, reason=words)
        return result

    def _hears_first(self, each: _Rehearsed, canonical_id: str) -> bool:
        """Say whether a matched record waits only for the word of its own system, which rules of ownership need."""
        value = each.table.get(canonical_id)
        parked = from_record(self._shared.codec.decode(value)[1]).parked if value else None
        return parked is not None and parked.awaits_own_word
