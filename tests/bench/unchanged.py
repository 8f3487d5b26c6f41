"""What an event costs that changes nothing, in process: normalise + map, and map + decide.

Most of what a poll reads was emitted before, and most events that come say what the target holds already.
Kafka and the target are instant doubles; codec, mappings, identity, lanes and acks are real. Faust is not in it.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, cast

from headrace.connectors.dynamics_fo.connection import DynamicsFoConnection
from headrace.connectors.dynamics_fo.transforms import transforms as fo_transforms
from headrace.connectors.pipedrive.transforms import transforms as pipedrive_transforms
from headrace.core.contracts import Record, Source
from headrace.core.event import CanonicalEvent
from headrace.core.ids import mint_canonical_id
from headrace.core.rates import RateBook
from headrace.mapping import InMapping, OutMapping, load_directory
from headrace.pipeline.audit import Audit
from headrace.pipeline.decoding import Undecodable
from headrace.pipeline.effects import Effects
from headrace.pipeline.files import Files
from headrace.pipeline.gate import Gate
from headrace.pipeline.identity import Identity
from headrace.pipeline.inbox import Delivery, Inbox
from headrace.pipeline.links import Link, Links
from headrace.pipeline.normalise import Normaliser
from headrace.pipeline.parking import Parking
from headrace.pipeline.performing import Performer
from headrace.pipeline.planning import Planner
from headrace.pipeline.poll import Cursors, Poller, PollTasks
from headrace.pipeline.process import Processor
from headrace.pipeline.service import calm_collector
from headrace.pipeline.store import TargetStore
from headrace.platform.attachments import AttachmentStore
from headrace.platform.codec import Codec, event_to_record
from headrace.platform.kafka import Message
from headrace.platform.paths import project_root, schemas_dir
from headrace.platform.record_json import CONTENT_TYPE, dump_record
from headrace.platform.schemas import Schemas
from headrace.platform.settings import KafkaSettings
from headrace.platform.topics import TopicNames
from headrace.platform.worker import StreamWorker
from tests.bench import samples
from tests.bench.doubles import InstantProducer, InstantTarget, MemoryWorker
from tests.bench.measuring import Effort, Report, profiled, take_turns
from tests.bench.world import World

GOAL = 5_000.0
SERVICES = project_root() / "services"


async def run(effort: Effort, world: World) -> Report:
    """Measure both halves; every pass sees each record once."""
    report = Report("Unchanged records in process, events per second of CPU time")
    normalising, polled = Normalising(samples.ERP), [samples.customer_record(n) for n in range(effort.records)]
    deals, won = Normalising(samples.CRM), [samples.deal_record(n) for n in range(1, effort.records // 4 + 1)]
    deciding, orders, repeats = Deciding(), Deciding(), Deciding()
    customers, few = range(effort.records), range(effort.records // 4)
    await normalising.warm_up(polled)
    await deals.warm_up(won)
    await deciding.warm_up([samples.customer_event(n) for n in customers])
    await orders.warm_up([samples.order_event(n) for n in few])
    await repeats.warm_up([samples.customer_event(n) for n in customers])
    revisions = count(2)
    calm_collector()

    async def again(make: Callable[[int, int], CanonicalEvent], bench: Deciding, numbers: range) -> float:
        revision = next(revisions)
        return await bench.rate([make(number, revision) for number in numbers])

    contenders: dict[str, Callable[[], Awaitable[float]]] = {
        "normalise: polled customer, emitted before": lambda: normalising.rate(polled),
        "A/A: normalise: polled customer": lambda: normalising.rate(polled),
        "normalise: deal of 5 lines, two entities": lambda: deals.rate(won),
        "decide: customer, nothing differs": lambda: again(samples.customer_event, deciding, customers),
        "decide: order of 5 lines, nothing differs": lambda: again(samples.order_event, orders, few),
        "decide: event settled before": lambda: repeats.rate([samples.customer_event(n) for n in customers]),
    }
    found = await take_turns(contenders, effort.rounds, warm=True)
    goals = {"normalise: polled customer, emitted before": GOAL, "decide: customer, nothing differs": GOAL}
    for name, rates in found.items():
        report.add(name, "per s", rates, goals.get(name))
    first, second = list(found)[:2]
    report.ratio("A/A control", found[second], found[first])
    if effort.profile:
        for name in ("normalise: polled customer, emitted before", "decide: customer, nothing differs"):
            with profiled(name):
                await contenders[name]()
    return report


class Normalising:
    """A normaliser with everything around it but Kafka."""

    def __init__(self, connection: str) -> None:
        system = {samples.ERP: "dynamics_fo", samples.CRM: "pipedrive"}[connection]
        functions = fo_transforms(samples.fo_config()) if connection == samples.ERP else pipedrive_transforms(None)
        kafka, self._producer, self._codec = KafkaSettings(), InstantProducer(), Codec.offline(Schemas(schemas_dir()))
        self._names, self._worker, self._connection = TopicNames(), MemoryWorker(), connection
        self._offsets = count()
        links = Links(kafka, self._names.links, self._codec, self._producer)
        # Records are complete, so the source is never asked.
        source = cast(Source, DynamicsFoConnection(connection, samples.fo_config()).source)
        inbox = Inbox(self._names.inbox(connection), self._producer, self._codec)
        poller = Poller(connection, source, inbox, Cursors(kafka, self._names.cursors, self._codec, self._producer))
        self._normaliser = Normaliser(
            connection,
            source=source,
            mappings=_incoming(SERVICES / "ingest" / "mappings" / system),
            transforms=functions,
            identity=Identity(connection, links, 0.0),
            links=links,
            inbox=inbox,
            producer=self._producer,
            codec=self._codec,
            audit=Audit(self._producer, self._codec, self._names.audit, "bench"),
            names=self._names,
            table=self._worker,
            polls=PollTasks(poller, {}, kafka.partitions),
            files=Files(connection, source, AttachmentStore(kafka, self._names.attachments, self._producer), []),
            finished=self._worker.finished,
            stop=_fail,
        )

    async def warm_up(self, records: list[Record]) -> None:
        """Emit every record for the first time."""
        await self._worker.feed(self._normaliser, list(self._messages(records)))

    async def rate(self, records: list[Record]) -> float:
        """Hand every record over again; return events per second of CPU time.

        Raises:
            RuntimeError: something was written: the path was not the one to be measured.
        """
        messages, before = list(self._messages(records)), self._producer.sent
        started = time.process_time()
        await self._worker.feed(self._normaliser, messages)
        taken = time.process_time() - started
        if self._producer.sent != before:
            raise RuntimeError(f"{self._producer.sent - before} records were written for unchanged ones")
        return len(messages) / taken

    def _messages(self, records: list[Record]) -> Iterator[Message]:
        topic = self._names.inbox(self._connection)
        for record in records:
            delivery = Delivery(
                self._connection,
                record.ref,
                "poll",
                dump_record(record),
                CONTENT_TYPE,
                version=record.version,
                traceparent=samples.TRACE,
            )
            value = self._codec.encode("internal/delivery.v1", _delivery(delivery))
            yield Message(topic, 0, next(self._offsets), delivery.key, value)


class Deciding:
    """A processor with everything around it but Kafka and a target."""

    def __init__(self) -> None:
        self._producer, self._codec = InstantProducer(), Codec.offline(Schemas(schemas_dir()))
        self._names, self._worker, self._offsets = TopicNames(), MemoryWorker(), count()
        self._links = Links(KafkaSettings(), self._names.links, self._codec, self._producer)
        store = TargetStore(cast(StreamWorker, self._worker), self._codec)
        effects = Effects(InstantTarget(), store, Gate(samples.ERP), "bench")
        functions = fo_transforms(samples.fo_config())
        mappings = _outgoing(SERVICES / "dynamics_fo" / "mappings")
        self._processor = Processor(
            samples.ERP,
            codec=self._codec,
            store=store,
            planner=Planner(samples.ERP, mappings, functions, self._links, effects, RateBook().find),
            performer=Performer(samples.ERP, effects, self._links),
            effects=effects,
            parking=Parking(samples.ERP, store, self._producer, self._codec, self._names.parked(samples.ERP), _wake),
            links=self._links,
            audit=Audit(self._producer, self._codec, self._names.audit, "bench"),
            undecodable=Undecodable(samples.ERP, self._producer, self._codec, self._names.parked(samples.ERP)),
            finished=self._worker.finished,
            stop=_fail,
            commands_topic=self._names.commands(samples.ERP),
            concurrency=8,
        )

    async def warm_up(self, events: list[CanonicalEvent]) -> None:
        """Link what orders refer to, then write every event for the first time."""
        for entity, obj, external_id, target, target_id in (
            ("customer", "organization", "7", "CustomersV3", "dataAreaId=usmf,CustomerAccount=US-000007"),
            ("product", "product", "101", "ReleasedProductsV2", "dataAreaId=usmf,ItemNumber=BK-M68B-42"),
        ):
            canonical_id = mint_canonical_id(samples.CRM, obj, external_id)
            await self._links.put(Link(samples.ERP, target, target_id, canonical_id, entity, "written"))
        await self._worker.feed(self._processor, self._messages(events))
        unsettled = [key for key, value in self._worker.items() if self._status(value) != "settled"]
        if unsettled:
            raise RuntimeError(f"{len(unsettled)} of {len(events)} events did not settle")

    async def rate(self, events: list[CanonicalEvent]) -> float:
        """Decide about every event; return events per second of CPU time."""
        messages = self._messages(events)
        started = time.process_time()
        await self._worker.feed(self._processor, messages)
        return len(messages) / (time.process_time() - started)

    def _status(self, value: bytes) -> str:
        return str(self._codec.decode(value)[1]["status"])

    def _messages(self, events: list[CanonicalEvent]) -> list[Message]:
        return [
            Message(
                self._names.canonical(event.meta.entity),
                0,
                next(self._offsets),
                event.key,
                self._codec.encode(f"canonical/{event.meta.entity}.v1", event_to_record(event)),
            )
            for event in events
        ]


def _incoming(folder: Path) -> list[InMapping]:
    return [document for document in load_directory(folder) if isinstance(document, InMapping)]


def _outgoing(folder: Path) -> dict[str, OutMapping]:
    return {each.entity: each for each in load_directory(folder) if isinstance(each, OutMapping)}


def _delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "connection": delivery.connection,
        "object": delivery.ref.object,
        "external_id": delivery.ref.external_id,
        "delivery_id": "",
        "arrival": delivery.arrival,
        "received_at": datetime.now(UTC),
        "content_type": delivery.content_type,
        "body": delivery.body,
        "headers": {},
        "traceparent": delivery.traceparent,
        "version": delivery.version,
    }


def _fail(error: BaseException) -> None:
    raise error


def _wake(canonical_id: str) -> None:
    raise RuntimeError(f"nothing should be parked, but {canonical_id} is")
