"""A processor with a target in memory, and events to feed it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from headrace.core.event import CanonicalEvent, Change, Meta
from headrace.core.ids import mint_canonical_id
from headrace.core.ownership import Ownership, Rule
from headrace.mapping.loading import parse
from headrace.pipeline.audit import Audit
from headrace.pipeline.decoding import Undecodable
from headrace.pipeline.effects import Effects
from headrace.pipeline.gate import Gate
from headrace.pipeline.links import Links
from headrace.pipeline.parking import Parking
from headrace.pipeline.performing import Performer
from headrace.pipeline.planning import Planner
from headrace.pipeline.process import Processor
from headrace.pipeline.rates import Rates
from headrace.pipeline.renewing import Renewing
from headrace.platform.codec import Codec, event_to_record
from headrace.platform.kafka import Message
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import KafkaSettings
from headrace.testing.waiting import eventually

from .doubles import LedgerTarget, MemoryProducer, MemoryStore

CUSTOMER = """
direction: out
system: test
entity: customer
version: 1
on_delete: review
steps:
  - step: record
    object: Customers
    marker: [alias]
    match: [[vat]]
    fields:
      alias: {marker: 18}
      vat: {copy: tax_number}
      name: {copy: name, required: true}
      phone: {copy: phone}
"""
ORDER = """
direction: out
system: test
entity: sales_order
version: 1
on_change: review
when: {order-not-confirmed: {field: status, in: [confirmed]}}
steps:
  - step: header
    object: Orders
    marker: [reference]
    fields:
      reference: {copy: reference}
      customer: {link: {to: customer, object: Customers, part: id}}
  - step: line
    each: lines
    id: {copy: line_id}
    object: Lines
    marker: [order, line]
    fields:
      order: {from_step: header, field: id}
      line: {copy: line_id}
      quantity: {copy: quantity}
"""
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
CUSTOMER_ID = mint_canonical_id("crm", "organization", "7")


def event(entity, external_id, data, *, number=1, change=Change.UPSERT, connection="crm", obj="organization", **more):
    canonical_id = mint_canonical_id("crm", obj, external_id)
    meta = Meta(
        event_id=f"e{number}-{external_id}",
        entity=entity,
        canonical_id=canonical_id,
        connection=connection,
        object=obj,
        external_id=external_id,
        source_version=f"v{number:04d}",
        occurred_at=NOW + timedelta(minutes=number),
        observed_at=NOW,
        change=change,
        legal_entity=None,
        asserted=tuple(data),
        trace_id="",
        **more,
    )
    return CanonicalEvent(meta, data)


def customer(number=1, **data):
    return event("customer", "7", {"name": "Berg AS", "tax_number": "NO1", "phone": "1", **data}, number=number)


def order(number=1, quantity=2, lines=1, status="confirmed"):
    reference = {
        "entity": "customer",
        "connection": "crm",
        "object": "organization",
        "external_id": "7",
        "canonical_id": CUSTOMER_ID,
    }
    items = [{"line_id": str(index), "quantity": Decimal(quantity)} for index in range(1, lines + 1)]
    data = {"reference": "crm/deal/55", "status": status, "customer": reference, "lines": items}
    return event("sales_order", "55", data, number=number, obj="deal-order")


def told_by_the_target(target_id, given, **more):
    meta = replace(given.meta, connection="erp", object="Customers", external_id=target_id, source_version="", **more)
    return replace(given, meta=meta)


class Bench:
    """A processor and everything around it."""

    def __init__(self, mappings=(CUSTOMER, ORDER), ownership=None, routes=None, target=None):
        self.asked = []
        self.target, self.store, self.producer = target or LedgerTarget(), MemoryStore(), MemoryProducer()
        self.codec = Codec.offline(Schemas(schemas_dir()))
        self.links = Links(KafkaSettings(), "links", self.codec, self.producer)
        self.acked, self.failures, self.offset = [], [], 0
        self.audit = Audit(self.producer, self.codec, "audit", "w1")
        effects = Effects(self.target, self.store, Gate("erp", 0.01), "w1")
        documents = [parse(text) for text in mappings]
        self.rates = Rates(KafkaSettings(), "rates", self.codec)
        planner = Planner("erp", {each.entity: each for each in documents}, {}, self.links, effects, self.rates.find)
        self.parking = Parking(
            "erp",
            self.store,
            self.producer,
            self.codec,
            "parked",
            lambda key: self.processor.wake(key),
            30.0,
            Renewing("erp", planner, self.producer, self.codec, "commands"),
        )
        self.rates.watch(self.parking.arrived)
        self.processor = Processor(
            "erp",
            codec=self.codec,
            store=self.store,
            planner=planner,
            performer=Performer("erp", effects, self.links, self.ask),
            effects=effects,
            parking=self.parking,
            links=self.links,
            audit=self.audit,
            undecodable=Undecodable("erp", self.producer, self.codec, "parked"),
            finished=self.acked.append,
            stop=self.failures.append,
            commands_topic="commands",
            concurrency=4,
            ownership={
                entity: Ownership({name: Rule.parse(rule) for name, rule in rules.items()})
                for entity, rules in (ownership or {}).items()
            },
            routes=routes or {},
        )

    async def ask(self, obj, external_id):
        self.asked.append((obj, external_id))

    def message(self, given):
        self.offset += 1
        value = self.codec.encode(f"canonical/{given.meta.entity}.v1", event_to_record(given))
        message = Message(f"canonical.{given.meta.entity}.v1", 0, self.offset, given.key, value)
        self.store.messages[message.topic, 0, self.offset] = message
        return message

    async def feed(self, *events):
        for given in events:
            self.processor.on_message(given if isinstance(given, Message) else self.message(given))
        await self.settled()

    async def settled(self):
        await eventually(
            lambda: not self.processor.pending, "an end of the work", seen=lambda: f"{self.processor.pending} pending"
        )
        assert self.failures == []

    async def command(self, canonical_id, action, argument="{}", event_id=""):
        record = {
            "command_id": "c",
            "event_id": event_id,
            "connection": "erp",
            "canonical_id": canonical_id,
            "action": action,
            "argument": argument,
            "operator": "ada",
            "reason": "because",
            "at": NOW,
        }
        self.offset += 1
        value = self.codec.encode("internal/command.v1", record)
        await self.feed(Message("commands", 0, self.offset, canonical_id, value))

    async def ordered(self):
        """Feed the commands that the processor gave, as they would come back; return how many there were."""
        orders = [(key, value) for topic, key, value in self.producer.sent if topic == "commands"]
        self.producer.sent = [each for each in self.producer.sent if each[0] != "commands"]
        for key, value in orders:
            self.offset += 1
            await self.feed(Message("commands", 0, self.offset, key, value))
        return len(orders)

    def state(self, given):
        return self.store.get(given.key)

    def story(self):
        return [
            (record["phase"], record["outcome"])
            for value in self.producer.on("audit")
            if "phase" in (record := self.codec.decode(value)[1])
        ]
