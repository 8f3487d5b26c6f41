"""The initial load with a source in memory: what it puts, when it rests, where it goes on, what it holds back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headrace.core.contracts import Page, Record
from headrace.core.errors import RetryLater
from headrace.core.event import Ref
from headrace.mapping.loading import parse
from headrace.pipeline.audit import Audit
from headrace.pipeline.backlog import Backlog
from headrace.pipeline.history import History, NotDated, Span
from headrace.pipeline.inbox import Inbox
from headrace.pipeline.links import Link, Links
from headrace.pipeline.loading import Loader, LoadState, LoadUnderWay, last_load
from headrace.pipeline.twins import Twins
from headrace.platform.codec import Codec
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import KafkaSettings
from headrace.platform.topics import TopicNames

from .doubles import MemoryProducer

ORGANIZATION = """
direction: in
system: test
object: organization
entity: customer
version: 1
natural_keys: {tax_number: {copy: vat}}
fields: {name: {copy: name}, tax_number: {copy: vat}}
"""
DAY = datetime(2020, 1, 1, tzinfo=UTC)


def organization(number, vat=None, version="v1", **more):
    data = {"name": f"Berg {number}", "vat": vat or f"NO{number}"}
    return Record(Ref("organization", str(number)), data, version, DAY + timedelta(days=number), **more)


class MemoryHistory:
    """Pages of records; the cursor counts them. `faults` are raised before the page of that number."""

    def __init__(self, *pages, faults=()):
        self.pages_, self.faults, self.asked = pages, dict(faults), []

    async def changes(self, obj, cursor):
        begin = int(cursor.get("page", "0"))
        self.asked.append(begin)
        for number, records in enumerate(self.pages_[begin:], begin + 1):
            if number in self.faults:
                raise self.faults.pop(number)
            yield Page(records, {"page": str(number)})

    def cursor_at(self, obj, since):
        return {"page": str((since - DAY).days)}


class MemoryCursors:
    def __init__(self):
        self.values, self.written = {}, []

    async def get(self, connection, obj):
        return self.values.get((connection, obj), {})

    async def put(self, connection, obj, values):
        self.values[connection, obj] = dict(values)
        self.written.append((connection, dict(values)))


class ScriptedLag:
    """Groups are as far behind as the script says, call by call; then they are done."""

    def __init__(self, *counts):
        self.counts = list(counts)

    async def ends(self, topics):
        return {}

    async def behind(self, group, ends):
        return self.counts.pop(0) if self.counts else 0


class Watcher:
    def __init__(self):
        self.states, self.waits, self.rests = [], [], []

    def at(self, state):
        self.states.append(state)

    def behind(self, behind):
        self.rests.append(dict(behind))

    def later(self, reason, seconds):
        self.waits.append(reason)


class Bench:
    def __init__(self, source, span=None, lag=None, ahead=4):
        self.producer, self.cursors, self.watcher = MemoryProducer(), MemoryCursors(), Watcher()
        self.codec = Codec.offline(Schemas(schemas_dir()))
        self.links = Links(KafkaSettings(), "links", self.codec, self.producer)
        self.span = span or Span()
        self.loader = Loader(
            "crm",
            "organization",
            history=History("crm", source, "organization", self.span),
            inbox=Inbox("inbox.crm", self.producer, self.codec),
            cursors=self.cursors,
            backlog=Backlog(lag or ScriptedLag(), TopicNames(), "crm", {}),
            twins=Twins("crm", [parse(ORGANIZATION)], {}, self.links),
            audit=Audit(self.producer, self.codec, "audit", "w1"),
            ahead=ahead,
            watcher=self.watcher,
        )

    async def run(self, state=None):
        return await self.loader.run(state or LoadState(DAY, {}, self.span))

    def put(self):
        return [self.codec.decode(value)[1] for value in self.producer.on("inbox.crm")]

    def ids(self):
        return [record["external_id"] for record in self.put()]

    def told(self):
        return [self.codec.decode(value)[1] for value in self.producer.on("audit")]


async def test_every_record_goes_into_the_inbox_before_the_cursor_moves():
    bench = Bench(MemoryHistory([organization(1), organization(2)], [organization(3)]))
    seen = []
    put = bench.cursors.put

    async def watched(connection, obj, values):
        seen.append((connection, values.get("read"), len(bench.put())))
        await put(connection, obj, values)

    bench.cursors.put = watched
    state = await bench.run()
    assert seen == [
        ("load:crm", "0", 0),
        ("load:crm", "2", 2),
        ("load:crm", "3", 3),
        ("crm", None, 3),  # the poll goes on where the load ended
        ("load:crm", "3", 3),
    ]
    assert {record["arrival"] for record in bench.put()} == {"load"}
    assert state.finished_at is not None
    assert bench.cursors.values["crm", "organization"] == {"page": "2"}


async def test_it_goes_on_from_the_last_durable_page_and_after_not_now():
    source = MemoryHistory([organization(1)], [organization(2)], faults={2: RetryLater("busy", 0.001)})
    bench = Bench(source)
    await bench.run()
    assert source.asked == [0, 1]
    assert bench.ids() == ["1", "2"]
    assert bench.watcher.waits == ["busy"]

    bench = Bench(source)
    state = LoadState.from_values(LoadState(DAY, {"audit": [7]}, cursor={"page": "1"}, read=1).to_values())
    done = await bench.run(state)
    assert bench.ids() == ["2"]
    assert (done.read, done.marks, done.started_at) == (2, {"audit": [7]}, DAY)


async def test_it_rests_while_a_worker_is_behind():
    lag = ScriptedLag(9, 5, 3, 0)
    bench = Bench(MemoryHistory([organization(number) for number in range(4)]), lag=lag, ahead=4)
    await bench.run()
    rests = [behind["ingest.crm"] for behind in bench.watcher.rests]
    assert rests == [9, 5, 3, 0], "two portions: the first waits until less than four are under way"
    assert bench.ids() == ["0", "1", "2", "3"]


async def test_records_without_a_version_do_not_rest_after_they_were_read():
    lag = ScriptedLag(0, 99)
    bench = Bench(MemoryHistory([organization(number, version="") for number in range(9)]), lag=lag, ahead=2)
    await bench.run()
    assert len(bench.watcher.rests) == 1
    assert len(bench.ids()) == 9


async def test_what_is_deleted_or_outside_of_the_span_is_left_out():
    source = MemoryHistory([organization(1), organization(2)], [organization(3, deleted=True), organization(4)])
    bench = Bench(source, Span(DAY + timedelta(days=1), DAY + timedelta(days=4)))
    state = await bench.run()
    assert source.asked == [1]
    assert bench.ids() == []
    assert state.read == 0
    assert ("crm", "organization") not in bench.cursors.values, "what changed after the span is still to be polled"

    bench = Bench(source, Span(until=DAY + timedelta(days=2)))
    await bench.run()
    assert bench.ids() == ["1"]


async def test_a_poll_that_runs_already_keeps_its_cursor():
    bench = Bench(MemoryHistory([organization(1)]))
    await bench.cursors.put("crm", "organization", {"page": "77"})
    await bench.run()
    assert bench.cursors.values["crm", "organization"] == {"page": "77"}


async def test_a_source_that_tells_no_times_cannot_be_limited():
    record = Record(Ref("organization", "1"), {"name": "Berg", "vat": "NO1"})
    bench = Bench(MemoryHistory([record]), Span(until=DAY))
    with pytest.raises(NotDated, match="does not tell when organization 1 changed"):
        await bench.run()
    assert bench.ids() == []


async def test_another_span_needs_a_restart():
    cursors = MemoryCursors()
    assert await last_load(cursors, "crm", "organization", Span(DAY)) is None
    begun = LoadState(DAY, {}, Span(DAY), read=5)
    await cursors.put("load:crm", "organization", begun.to_values())
    assert await last_load(cursors, "crm", "organization", Span()) == begun
    with pytest.raises(LoadUnderWay, match="--since 2020-01-01T00:00:00"):
        await last_load(cursors, "crm", "organization", Span(DAY + timedelta(days=1)))


async def test_records_that_share_a_natural_key_are_held_back_and_told():
    bench = Bench(MemoryHistory([organization(1, "NO1"), organization(2, " no1"), organization(3)]))
    state = await bench.run()
    assert bench.ids() == ["1", "3"]
    assert (state.read, state.held) == (3, 1)
    (line,) = bench.told()
    assert (line["phase"], line["outcome"], line["external_id"]) == ("load", "held back", "2")
    assert "organization 2 has the tax_number of organization 1" in line["detail"]


async def test_a_twin_of_a_record_that_was_known_before_is_held_back_unless_a_link_says_what_it_is():
    bench = Bench(MemoryHistory([organization(2, "NO1"), organization(3, "NO1")]))
    await bench.links.put(Link("crm", "organization", "1", "C1", "customer", "minted"))
    await bench.links.put(Link("*", "key/customer/tax_number", "no1", "C1", "customer", "matched"))
    await bench.links.put(Link("crm", "organization", "3", "C1", "customer", "operator"))
    await bench.run()
    assert bench.ids() == ["3"]


async def test_records_of_several_legal_entities_may_share_a_key():
    def account(company):
        return Record(Ref("organization", f"dataAreaId={company},id=1"), {"name": "Berg", "vat": "NO1"}, "v1", DAY)

    bench = Bench(MemoryHistory([account("usmf"), account("demf")]))
    await bench.run()
    assert len(bench.ids()) == 2
