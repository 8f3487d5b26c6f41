"""The normaliser of one source connection: deliveries in, canonical events out (design §2.3).

repeated? → complete by a read → map in → identity → echo? → same as emitted? → emit → remember → ack.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from headrace.core.contracts import Record, Source
from headrace.core.errors import RejectRecord, RetryLater, StopConnection
from headrace.core.event import Ref
from headrace.core.ids import event_id, fingerprint
from headrace.mapping.documents import InMapping
from headrace.mapping.inward import map_in
from headrace.mapping.results import Mapped, Skipped
from headrace.mapping.running import Transforms
from headrace.mapping.values import is_empty
from headrace.pipeline.audit import Audit
from headrace.pipeline.decoding import Undecodable, decode
from headrace.pipeline.echoes import contradicted, echoed, renewed, struck
from headrace.pipeline.effects import ATTEMPTS_IN_PLACE
from headrace.pipeline.emitted import EMITTED, LAPSED, Seen, Table, changed, content_of, entry
from headrace.pipeline.files import Files
from headrace.pipeline.gate import Gate, back_off
from headrace.pipeline.identity import Identity
from headrace.pipeline.inbox import LOAD, WEBHOOK, Delivery, Inbox, from_record
from headrace.pipeline.lanes import Lanes
from headrace.pipeline.links import GONE, Link, Links, facts_of
from headrace.pipeline.poll import PollTasks
from headrace.pipeline.telling import told
from headrace.platform import metrics
from headrace.platform.codec import Codec, event_to_record
from headrace.platform.crashpoints import point
from headrace.platform.kafka import Message, Producer
from headrace.platform.record_json import CONTENT_TYPE, load_record
from headrace.platform.topics import TopicNames

logger = logging.getLogger(__name__)

MERGED_INTO = "merged_into"
"""Field of a deleted record's data that names the record it became part of, where its system tells."""

_LOOKS = 3
"""How often a record is looked at that is not what we wrote, before it is believed."""

_REQUESTED = 10_000

T = TypeVar("T")


class Normaliser:
    """Handles the messages of one source's stream worker."""

    def __init__(
        self,
        connection: str,
        *,
        source: Source,
        mappings: Sequence[InMapping],
        transforms: Transforms,
        identity: Identity,
        links: Links,
        inbox: Inbox,
        producer: Producer,
        codec: Codec,
        audit: Audit,
        names: TopicNames,
        table: Table,
        polls: PollTasks,
        files: Files,
        finished: Callable[[Message], None],
        stop: Callable[[BaseException], None],
        concurrency: int = 16,
        capacity: int = 512,
        drain_seconds: float = 10.0,
    ) -> None:
        self._connection = connection
        self._source = source
        self._mappings: dict[str, list[InMapping]] = {}
        for document in mappings:
            self._mappings.setdefault(document.object, []).append(document)
            for rule in document.when:
                metrics.SKIPPED.labels(connection, document.entity, rule)
        own = [document for document in reversed(mappings) if document.program.of_record]
        self._objects = {document.identity: document.object for document in own}
        self._identity = identity
        self._links = links
        self._inbox = inbox
        self._producer = producer
        self._codec = codec
        self._audit = audit
        self._names = names
        self._table = table
        self._polls = polls
        self._files = files
        self._finished = finished
        self._stop = stop
        self._undecodable = Undecodable(connection, producer, codec, names.parked(connection))
        self._gate = Gate(connection)
        self._drain_seconds = drain_seconds
        self._requested: OrderedDict[str, None] = OrderedDict()
        self._transforms = transforms
        self._lanes = Lanes(concurrency, capacity, self._failed)

    # --- the worker's side ---

    async def on_assigned(self, partitions: frozenset[int]) -> None:
        """Start the polls that now belong to this worker; what was not acked comes again by itself."""
        metrics.REBALANCES.labels(self._connection).inc()
        self._polls.start(partitions)

    @property
    def has_room(self) -> bool:
        """Whether more deliveries may come."""
        return self._lanes.has_room

    def on_message(self, message: Message) -> None:
        """Queue a delivery behind what its record already has."""
        self._lanes.submit(message.key, partial(self._work, message))

    async def on_revoked(self, seconds: float) -> None:
        """Finish or cancel what is under way; nothing here changes a system, so all of it can come again."""
        self._polls.cancel()
        await self._lanes.drain(min(seconds, self._drain_seconds))

    def _failed(self, key: str, error: BaseException) -> None:
        logger.error("normalising failed unexpectedly", exc_info=error, extra={"key": key})
        self._stop(error)

    # --- one delivery ---

    async def _work(self, message: Message) -> None:
        arrival = "unknown"
        try:
            delivery = from_record(await decode(self._codec, message.value or b""))
        except RejectRecord as error:
            await self._park(message, None, error)
            result = "parked"
        else:
            arrival = delivery.arrival
            try:
                result = await self._normalise(delivery)
            except RejectRecord as error:
                await self._park(message, delivery, error)
                result = "parked"
            except RetryLater:
                # One record that cannot be read must not hold a place and the commit for ever: it goes to the end.
                await self._inbox.put(delivery)
                result = "requeued"
            else:
                if delivery.arrival == "command":
                    await self._undecodable.resumed(message, delivery.ref.object)
        await self._audit.flush(message.key)
        point("normalise.before-ack")
        metrics.NORMALISED.labels(self._connection, arrival, result).inc()
        self._finished(message)

    async def _normalise(self, delivery: Delivery) -> str:
        seen = self._seen(delivery.key)
        if delivery.version and delivery.version < seen.version:
            return await self._ended(delivery, "repeated", "a newer state was told before")
        documents = self._mappings.get(delivery.ref.object)
        if documents is None:
            return "ignored"
        record = await self._current(documents, delivery, seen)
        if record is None:
            return await self._ended(delivery, "ignored", "not there any more")
        if record.version and record.version < seen.version:
            # An older state than was emitted: a delayed delivery.
            return await self._ended(delivery, "repeated", "a newer state was told before")
        results = set()
        for document in documents:
            result = await self._emit(document, record, delivery, seen)
            results.add(result)
            left = struck(self._link(document, record), record.data)
            if result in ("emitted", "echo") and left is not None:
                await self._links.put(left)
        await self._remember(delivery, record, seen)
        return min(results, key=("emitted", "echo", "repeated", "skipped").index)

    async def _current(self, documents: Sequence[InMapping], delivery: Delivery, seen: Seen) -> Record | None:
        """Return the whole record: from the delivery if it carries it, else by reading it now.

        One that is not what our processor left there may be from before that write: then it is read again, after the
        write (I7). What still differs is somebody's own word.
        """
        marks = self._marks(documents, delivery)
        record = self._carried(delivery)
        read = record is None
        for _ in range(_LOOKS):
            if read:
                record = await self._read(delivery, seen)
            if record is None or record.deleted:
                return record
            data, now = record.data, self._marks(documents, delivery)
            if not any(contradicted(link, data) for link in now) or (
                read and now == marks and not any(link.writing for link in now)
            ):
                return record
            for link in now:
                if link.writing:
                    await self._links.written(*link.address, self._identity.settle_seconds)
            marks, read = self._marks(documents, delivery), True
        return record

    def _marks(self, documents: Sequence[InMapping], delivery: Delivery) -> list[Link]:
        links = (self._links.get(self._connection, each.identity, delivery.ref.external_id) for each in documents)
        return [link for link in links if link is not None]

    def _link(self, document: InMapping, record: Record) -> Link | None:
        return self._links.get(self._connection, document.identity, record.ref.external_id)

    def _carried(self, delivery: Delivery) -> Record | None:
        """Return the record that a delivery carries whole, None if it must be read.

        A sender may name any content type: what it sends is never taken for a record that we read ourselves.
        """
        if delivery.content_type == CONTENT_TYPE and delivery.arrival != WEBHOOK:
            record: Record | None = load_record(delivery.body)
        else:
            record = self._source.decode(delivery.ref, delivery.body) if delivery.body else None
        return record if record is not None and (record.complete or record.deleted) else None

    async def _read(self, delivery: Delivery, seen: Seen) -> Record | None:
        fetched = await self._patiently(lambda: self._source.fetch(delivery.ref))
        if fetched is None and seen.entities:
            return Record(delivery.ref, {}, modified_at=delivery.received_at, deleted=True)
        return fetched

    async def _patiently(self, read: Callable[[], Awaitable[T]]) -> T:
        attempt = 1
        while True:
            try:
                found = await read()
            except RetryLater as later:
                if attempt % ATTEMPTS_IN_PLACE == 0:
                    raise
                await asyncio.sleep(back_off(attempt, later.after))
            except StopConnection as stop:
                await self._gate.closed(stop)
            else:
                self._gate.opened()
                return found
            attempt += 1

    async def _emit(self, document: InMapping, record: Record, delivery: Delivery, seen: Seen) -> str:
        known = (seen.entities or {}).get(document.entity)
        mapped = map_in(document, record, self._identity, self._transforms, told=known is not None)
        if isinstance(mapped, Mapped) and self._files.concern(document, record):
            whole = record
            record = await self._patiently(lambda: self._files.complete(whole, seen))
            mapped = map_in(document, record, self._identity, self._transforms, told=known is not None)
        if isinstance(mapped, Skipped):
            metrics.SKIPPED.labels(self._connection, document.entity, mapped.rule).inc()
        reason = "" if not record.deleted else "merged" if record.data.get(MERGED_INTO) else "deleted"
        if not document.program.of_record and (isinstance(mapped, Skipped) or mapped.id is None or record.deleted):
            return await self._ended(delivery, "skipped", reason or "tells of none", document)
        if isinstance(mapped, Skipped):
            if known is None:
                return await self._ended(delivery, "skipped", mapped.rule, document)
            # It was emitted and no longer passes: for this entity it is gone, and targets hear of it.
            reason = reason or mapped.rule
            record, mapped = replace(record, deleted=True), LAPSED
        external_id = mapped.id or record.ref.external_id
        canonical_id = await self._identity.resolve(
            document.entity,
            document.identity,
            external_id,
            mapped.marker,
            dict(mapped.natural_keys),
            share=document.same_keys == "share",
        )
        facts = {GONE: reason} if record.deleted else dict(mapped.facts)
        await self._state_facts(document, external_id, canonical_id, facts)
        if not record.deleted:
            await self._request_references(mapped)
        content = content_of(mapped, record)
        link, reads = self._link(document, record), document.program.reads
        anew = () if record.deleted else renewed(reads, mapped.asserted, link, record.data)
        again = known is not None and (known["fingerprint"], known["canonical_id"]) == (content, canonical_id)
        if again and not anew:
            return await self._ended(delivery, "repeated", "the same as told before", document)
        ours = () if record.deleted else echoed(reads, mapped.asserted, link, record.data)
        news = [name for name, value in mapped.data.items() if name not in ours and reads[name] and not is_empty(value)]
        result = "echo" if ours and not news else "emitted"
        event = told(self._connection, document, record, mapped, canonical_id, content, delivery, reason)
        if again and link is not None:  # the same content once more, against what we wrote since: another event
            other = fingerprint(f"{content} {link.written_fingerprint}".encode())
            anew_id = event_id(event.key, event.meta.entity, event.meta.source_version, other)
            event = replace(event, meta=replace(event.meta, event_id=anew_id))
        event = replace(event, meta=replace(event.meta, echoed=ours, renewed=anew))
        seen.entities = {**(seen.entities or {}), document.entity: entry(event, content)}
        point("normalise.before-emit")
        value = self._codec.encode(f"canonical/{document.entity}.v1", event_to_record(event))
        topic = self._names.canonical(document.entity)
        await self._producer.send(topic, event.key, value, {"traceparent": event.meta.trace_id})
        point("normalise.after-emit")
        metrics.EVENTS.labels(self._connection, document.entity).inc()
        await self._audit.event(self._connection, event.meta, "normalise", result, detail=delivery.arrival)
        await self._audit.flush(canonical_id)
        return result

    async def _ended(self, delivery: Delivery, result: str, detail: str, document: InMapping | None = None) -> str:
        """Tell how a loaded record ended that becomes no event; of live traffic the metrics tell enough."""
        if delivery.arrival == LOAD:
            await self._audit.attempt(
                self._connection,
                delivery.key,
                "normalise",
                result,
                entity=document.entity if document else "",
                source_connection=self._connection,
                source_object=document.identity if document else delivery.ref.object,
                external_id=delivery.ref.external_id,
                detail=detail,
                trace_id=delivery.traceparent,
            )
        return result

    async def _state_facts(
        self, document: InMapping, external_id: str, canonical_id: str, facts: dict[str, str]
    ) -> None:
        """Keep what others must know of the record before they use it; work that it holds back hears of a change."""
        address = (self._connection, facts_of(document.identity), external_id)
        if facts or self._links.get(*address) is not None:
            await self._links.put(Link(*address, canonical_id, document.entity, "adopted", facts=facts))

    async def _request_references(self, mapped: Mapped) -> None:
        """Ask for records that this one refers to and that nobody has seen, so that nothing waits for ever."""
        for reference in mapped.references:
            address = (self._connection, reference.object, reference.external_id)
            key = ":".join(address)
            obj = self._objects.get(reference.object)
            if self._links.get(*address) is not None or key in self._requested or obj is None:
                continue
            self._requested[key] = None
            if len(self._requested) > _REQUESTED:
                self._requested.popitem(last=False)
            await self._inbox.put(Delivery(self._connection, Ref(obj, reference.external_id), "reference"))

    # --- state and parking ---

    def _seen(self, key: str) -> Seen:
        value = self._table.get(key)
        return Seen() if value is None else Seen.of(self._codec.decode(value)[1])

    async def _remember(self, delivery: Delivery, record: Record, seen: Seen) -> None:
        stored = {
            "connection": self._connection,
            "object": delivery.ref.object,
            "external_id": delivery.ref.external_id,
            "version": max(record.version, seen.version),
            "entities": list((seen.entities or {}).values()),
            "files": list(seen.files.values()),
            "delivery_id": delivery.delivery_id,
            "updated_at": datetime.now(UTC),
        }
        before = self._table.get(delivery.key)
        if before is None or changed(self._codec.decode(before)[1], stored):
            await self._table.put(delivery.key, self._codec.encode(EMITTED, stored))

    async def _park(self, message: Message, delivery: Delivery | None, error: RejectRecord) -> None:
        ref = delivery.ref if delivery else Ref("", message.key)
        traceparent = delivery.traceparent if delivery else ""
        await self._undecodable.park(
            message, error, entity=ref.object, name=f"{ref.object} {ref.external_id}", traceparent=traceparent
        )
        await self._audit.attempt(
            self._connection,
            message.key,
            "normalise",
            "parked",
            detail=error.detail,
            source_connection=self._connection,
            source_object=ref.object,
            external_id=ref.external_id,
            trace_id=traceparent,
        )
