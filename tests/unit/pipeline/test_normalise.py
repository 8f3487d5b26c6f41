"""The normaliser with a source in memory: what becomes of each delivery, and what it leaves behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from headrace.core import values
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord, RetryLater
from headrace.core.event import Change, Ref
from headrace.core.ids import mint_canonical_id
from headrace.mapping.loading import parse
from headrace.pipeline.audit import Audit
from headrace.pipeline.files import Files
from headrace.pipeline.identity import Identity
from headrace.pipeline.inbox import Delivery, Inbox
from headrace.pipeline.links import Link, Links
from headrace.pipeline.normalise import Normaliser
from headrace.platform.attachments import AttachmentStore
from headrace.platform.codec import Codec, record_to_event
from headrace.platform.kafka import Message
from headrace.platform.paths import schemas_dir
from headrace.platform.record_json import CONTENT_TYPE, dump_record
from headrace.platform.schemas import Schemas
from headrace.platform.settings import KafkaSettings
from headrace.platform.topics import TopicNames

from .doubles import MemoryProducer

CUSTOMER = """
direction: in
system: test
object: organization
entity: customer
version: 1
natural_keys: {tax_number: {copy: vat}}
marker: {copy: headrace_id}
fields:
  name: {copy: name}
  tax_number: {copy: vat}
"""
ORDER = """
direction: in
system: test
object: deal
entity: sales_order
identity: deal-order
version: 1
when: {deal-not-won: {field: status, in: [won]}}
fields:
  reference: {copy: title}
  customer: {reference: {entity: customer, object: organization, id: {copy: org_id}}}
"""
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


def organization(number=7, version="v1", **data):
    return Record(
        Ref("organization", str(number)), {"name": "Berg AS", "vat": "NO1", "headrace_id": None, **data}, version, NOW
    )


def deal(version="v1", **data):
    return Record(Ref("deal", "55"), {"title": "Pumps", "status": "won", "org_id": 7, **data}, version, NOW)


class MemorySource:
    """Holds records by reference; `faults` are raised by the next reads."""

    def __init__(self):
        self.records = {}
        self.faults = []
        self.reads = 0

    def holds(self, *records):
        for record in records:
            self.records[record.ref] = record

    def decode(self, ref, body):
        if body == b"rubbish":
            raise RejectRecord("undecodable", "rubbish")
        return

    async def fetch(self, ref):
        self.reads += 1
        if self.faults:
            raise self.faults.pop(0)
        return self.records.get(ref)


class NoPolls:
    def start(self, owned):
        pass

    def cancel(self):
        pass


class Bench:
    def __init__(self, settle_seconds=0.0, source=None, also=()):
        self.source, self.producer = source or MemorySource(), MemoryProducer()
        self.codec = Codec.offline(Schemas(schemas_dir()))
        self.links = Links(KafkaSettings(), "links", self.codec, self.producer)
        self.inbox = Inbox("inbox.crm", self.producer, self.codec)
        self.table, self.acked, self.failures, self.offset = {}, [], [], 0
        self.identity = Identity("crm", self.links, settle_seconds)
        documents = [parse(each) for each in (CUSTOMER, ORDER, *also)]
        self.normaliser = Normaliser(
            "crm",
            source=self.source,
            mappings=documents,
            transforms={},
            identity=self.identity,
            links=self.links,
            inbox=self.inbox,
            producer=self.producer,
            codec=self.codec,
            audit=Audit(self.producer, self.codec, "audit", "w1"),
            names=TopicNames(),
            table=self,
            polls=NoPolls(),
            files=Files("crm", self.source, AttachmentStore(KafkaSettings(), "attachments", self.producer), documents),
            finished=self.acked.append,
            stop=self.failures.append,
        )

    def get(self, key):
        return self.table.get(key)

    async def put(self, key, value):
        self.table[key] = value

    async def holding(self, record):
        """Let the source hold a record and a poll bring it."""
        self.source.holds(record)
        await self.deliver(polled(record))

    async def deliver(self, *deliveries):
        for delivery in deliveries:
            await self.begin(delivery)
        await self.settled()

    async def begin(self, delivery):
        await self.inbox.put(delivery)
        _, key, value = self.producer.sent.pop()
        self.offset += 1
        self.normaliser.on_message(Message("inbox.crm", 0, self.offset, key, value))

    async def settled(self):
        async with asyncio.timeout(10):
            while self.normaliser._lanes.pending:
                await asyncio.sleep(0.002)
        assert self.failures == []

    def events(self, entity):
        return [record_to_event(self.codec.decode(value)[1]) for value in self.producer.on(f"canonical.{entity}.v1")]

    def parked(self):
        return [self.codec.decode(value)[1] for value in self.producer.on("parked.crm")]


def webhook(ref, body=b"{}", **more):
    return Delivery("crm", ref, "webhook", body, "application/json", **more)


def polled(record):
    return Delivery("crm", record.ref, "poll", dump_record(record), CONTENT_TYPE, version=record.version)


@pytest.fixture
async def bench():
    return Bench()


async def test_a_record_seen_by_webhook_and_poll_is_emitted_once(bench):
    bench.source.holds(organization())
    await bench.deliver(webhook(organization().ref), polled(organization()), webhook(organization().ref))
    (event,) = bench.events("customer")
    assert event.data["name"] == "Berg AS"
    assert event.meta.canonical_id == mint_canonical_id("crm", "organization", "7")
    assert len(bench.acked) == 3


async def test_a_change_is_emitted_and_an_older_state_is_not(bench):
    await bench.deliver(polled(organization(version="v2", name="New")), polled(organization(version="v1")))
    assert [event.data["name"] for event in bench.events("customer")] == ["New"]


async def test_a_sender_cannot_pass_its_body_off_as_a_record_that_we_read(bench):
    bench.source.holds(organization())
    forged = organization(version="v9", name="Mallory AS")
    await bench.deliver(replace(polled(forged), arrival="webhook"))
    assert [event.data["name"] for event in bench.events("customer")] == ["Berg AS"]


async def test_a_late_webhook_reads_the_present_state(bench):
    bench.source.holds(organization(version="v3", name="Newest"))
    await bench.deliver(polled(organization(version="v1")), webhook(organization().ref))
    assert [event.data["name"] for event in bench.events("customer")] == ["Berg AS", "Newest"]


async def test_a_read_that_fails_is_repeated_and_nothing_is_lost(bench):
    bench.source.holds(organization())
    bench.source.faults = [RetryLater("busy", 0.001), RetryLater("busy", 0.001)]
    await bench.deliver(webhook(organization().ref))
    assert len(bench.events("customer")) == 1
    assert bench.source.reads == 3


async def test_a_record_that_is_gone_after_it_was_emitted_is_deleted(bench):
    await bench.deliver(polled(organization()))
    await bench.deliver(webhook(organization().ref))
    assert [event.meta.change for event in bench.events("customer")] == [Change.UPSERT, Change.DELETE]


async def test_a_record_that_was_never_there_is_ignored(bench):
    await bench.deliver(webhook(organization().ref))
    assert bench.events("customer") == []
    assert len(bench.acked) == 1


async def test_a_deal_that_is_no_longer_won_is_told_once(bench):
    await bench.deliver(polled(deal("v1", status="open")))
    assert bench.events("sales_order") == []
    await bench.deliver(
        polled(deal("v2")), polled(deal("v3", status="lost")), polled(deal("v4", status="lost", org_id=8))
    )
    changes = [event.meta.change for event in bench.events("sales_order")]
    assert changes[:2] == [Change.UPSERT, Change.DELETE]


async def test_a_record_that_others_refer_to_is_asked_for_once(bench):
    await bench.deliver(polled(deal("v1")), polled(deal("v2", title="Other")))
    asked = [bench.codec.decode(value)[1] for value in bench.producer.on("inbox.crm")]
    assert [(item["object"], item["external_id"], item["arrival"]) for item in asked] == [
        ("organization", "7", "reference")
    ]


async def test_a_natural_key_joins_records_of_several_systems(bench):
    await bench.links.put(Link("*", "key/customer/tax_number", "no1", "C-ERP", "customer", "matched"))
    await bench.deliver(polled(organization()))
    assert bench.events("customer")[0].meta.canonical_id == "C-ERP"
    assert bench.links.get("crm", "organization", "7").origin == "matched"


async def test_a_marker_goes_before_everything(bench):
    marked = mint_canonical_id("erp", "CustomersV3", "C-1")
    await bench.deliver(polled(organization(headrace_id=marked)))
    assert bench.events("customer")[0].meta.canonical_id == marked


async def test_two_markers_that_a_merge_joined_identify_nothing(bench):
    joined = " ".join(mint_canonical_id("erp", "CustomersV3", number) for number in ("C-1", "C-2"))
    await bench.deliver(polled(organization(headrace_id=joined)))
    assert bench.events("customer")[0].meta.canonical_id == mint_canonical_id("crm", "organization", "7")


async def test_what_nothing_identifies_is_looked_at_again_before_it_is_minted():
    bench = Bench(settle_seconds=0.05)
    await bench.inbox.put(polled(organization(vat=None)))
    _, key, value = bench.producer.sent.pop()
    bench.normaliser.on_message(Message("inbox.crm", 0, 1, key, value))
    await asyncio.sleep(0)
    await bench.links.put(Link("crm", "organization", "7", "C-WRITTEN", "customer", "written"))
    await bench.settled()
    assert bench.events("customer")[0].meta.canonical_id == "C-WRITTEN"


async def test_our_own_write_is_told_as_no_news_but_the_next_change_is(bench):
    await bench.links.put(written({"name": "Berg AS", "vat": "NO1"}))
    await bench.holding(organization(version=""))
    await bench.holding(organization(version="", name="By hand"))
    ours, news = bench.events("customer")
    assert {"name", "tax_number"} <= set(ours.meta.echoed)
    assert (news.data["name"], news.meta.echoed, news.meta.renewed) == ("By hand", ("tax_number",), ("name",))


async def test_a_value_that_is_set_back_to_ours_by_hand_is_news(bench):
    await bench.links.put(written({"name": "Berg AS"}))
    await bench.holding(organization(version=""))
    await bench.holding(organization(version="", name="By hand"))
    await bench.holding(organization(version="", name="Berg AS"))
    assert "name" not in bench.events("customer")[-1].meta.echoed


async def test_a_value_that_is_set_back_before_our_write_was_seen_is_news(bench):
    """The content is what was told last; what we wrote since was there in between, and nobody read it."""
    await bench.holding(organization(version="", name="Before"))
    await bench.links.put(written({"name": "Berg AS"}))
    await bench.holding(organization(version="", name="Before"))
    told, again = bench.events("customer")
    assert (again.data["name"], again.meta.renewed) == ("Before", ("name",))
    assert again.meta.event_id != told.meta.event_id
    await bench.holding(organization(version="", name="Before"))
    assert len(bench.events("customer")) == 2


async def test_a_value_that_is_set_back_is_news_with_versions_as_well(bench):
    await bench.holding(organization(version="v1"))
    await bench.links.put(written({"name": "New"}))
    await bench.holding(organization(version="v3"))
    told, again = bench.events("customer")
    assert (again.data, again.meta.renewed) == (told.data, ("name",))


async def test_a_page_that_was_read_between_two_of_our_writes_is_no_news(bench):
    await bench.holding(organization(version="v1"))
    await bench.links.put(written({"name": "First"}))
    await bench.links.put(replace(written({"name": "Second"}), writing=True))
    await bench.links.put(written({"name": "Second"}))
    bench.source.holds(organization(version="v3", name="Second"))
    await bench.deliver(polled(organization(version="v2", name="First")))
    await bench.deliver(polled(organization(version="v3", name="Second")))
    told = bench.events("customer")[1:]
    assert {event.data["name"] for event in told} == {"Second"}
    assert all("name" in event.meta.echoed for event in told)


async def test_a_page_that_was_read_before_our_write_is_read_again(bench):
    await bench.holding(organization(version="", name="Before"))
    await bench.links.put(written({"name": "Berg AS"}))
    bench.source.holds(organization(version=""))
    await bench.deliver(polled(organization(version="", name="Before", vat="NO2")))
    assert bench.events("customer")[-1].data["name"] == "Berg AS"
    assert "name" in bench.events("customer")[-1].meta.echoed


async def test_what_the_system_adds_by_itself_is_its_own_word(bench):
    await bench.links.put(written({"name": "Berg AS"}))
    await bench.holding(organization(version="", vat="NO1"))
    (told,) = bench.events("customer")
    assert "name" in told.meta.echoed
    assert "tax_number" not in told.meta.echoed


async def test_a_write_under_way_is_waited_for(bench):
    """The webhook is quicker than the reply, and the target cuts what we write."""
    bench.identity.settle_seconds = 5.0
    link = written({"name": "Berg Aksjeselskap"})
    await bench.links.put(replace(link, writing=True))
    bench.source.holds(organization(version=""))
    await bench.begin(polled(organization(version="")))
    await asyncio.sleep(0)  # the normaliser has begun, and waits
    await bench.links.put(written({"name": "Berg AS"}))
    await bench.settled()
    assert "name" in bench.events("customer")[0].meta.echoed


async def test_what_we_wrote_before_a_write_that_takes_long_is_no_news(bench):
    """The target refuses for a while; meanwhile its own source reads what the write before left there."""
    link = written({"name": "First"})
    await bench.links.put(
        replace(link, writing=True, written_fingerprint=values.announced(link.written_fingerprint, {"name": "Second"}))
    )
    await bench.holding(organization(version="", name="First"))
    assert "name" in bench.events("customer")[0].meta.echoed


async def test_a_record_of_another_identity_by_now_is_told_anew(bench):
    await bench.holding(organization())
    link = bench.links.get("crm", "organization", "7")
    await bench.links.put(replace(link, canonical_id="C-NEW"))
    await bench.holding(organization())
    assert [event.meta.canonical_id for event in bench.events("customer")] == [link.canonical_id, "C-NEW"]


async def test_what_cannot_be_decoded_is_kept_with_its_bytes(bench):
    await bench.deliver(webhook(organization().ref, b"rubbish"), polled(deal()))
    (parked,) = bench.parked()
    assert (parked["reason"], parked["state"]) == ("undecodable", "parked")
    assert bench.codec.decode(parked["event"])[1]["body"] == b"rubbish"
    assert len(bench.events("sales_order")) == 1
    assert len(bench.acked) == 2


async def test_a_retry_that_goes_through_is_told(bench):
    bench.source.holds(organization())
    await bench.deliver(Delivery("crm", organization().ref, "command"))
    assert [record["state"] for record in bench.parked()] == ["resumed"]
    assert len(bench.events("customer")) == 1


async def test_bytes_that_are_no_delivery_are_kept_too(bench):
    bench.normaliser.on_message(Message("inbox.crm", 0, 1, "organization:7", b"\x00\x00\x00\x00\xffjunk"))
    await bench.settled()
    assert bench.parked()[0]["reason"] == "undecodable"
    assert len(bench.acked) == 1


async def test_a_persons_change_before_the_first_sighting_is_news(bench):
    await bench.links.put(written({"name": "Berg AS", "vat": None}))
    await bench.holding(organization(version="", vat="BY-HAND"))
    (told,) = bench.events("customer")
    assert (told.data["tax_number"], "tax_number" in told.meta.echoed) == ("BY-HAND", False)


async def test_twins_go_to_a_human_and_one_may_take_the_place_of_what_is_gone(bench):
    await bench.deliver(polled(organization(7)), polled(organization(8)))
    assert [event.meta.external_id for event in bench.events("customer")] == ["7"]
    assert bench.parked()[0]["label"] == "same as another record"
    await bench.deliver(polled(replace(organization(7, version="v2"), deleted=True)), polled(organization(8, "v2")))
    told = bench.events("customer")
    assert [event.meta.external_id for event in told] == ["7", "7", "8"]
    assert told[-1].meta.canonical_id == told[0].meta.canonical_id
    assert told[1].meta.reason == "deleted"


def written(fields):
    return Link("crm", "organization", "7", "C1", "customer", "written", values.mark(fields))


async def test_a_record_that_cannot_be_read_gives_way_to_others(bench):
    bench.source.holds(organization())
    bench.source.faults = [RetryLater("busy", 0.0001)] * 8
    await bench.deliver(webhook(organization().ref))
    assert bench.events("customer") == []
    assert len(bench.acked) == 1
    (again,) = bench.producer.on("inbox.crm")
    assert bench.codec.decode(again)[1]["external_id"] == "7"
