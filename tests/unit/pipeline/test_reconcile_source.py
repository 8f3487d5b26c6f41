"""From a connection: each record against what was told of it, with a source and tables in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from headrace.core import values
from headrace.core.contracts import Page, Record
from headrace.core.errors import RejectRecord, RetryLater
from headrace.core.event import CanonicalEvent, Change, Meta, Ref
from headrace.core.ids import event_id, mint_canonical_id
from headrace.mapping.inward import map_in
from headrace.mapping.loading import parse
from headrace.pipeline.emitted import LAPSED, content_of
from headrace.pipeline.files import Files
from headrace.pipeline.identity import Identity
from headrace.pipeline.links import GONE, Link, facts_of
from headrace.pipeline.reconcile import Tally, Verdict
from headrace.pipeline.reconcile_run import Comparison
from headrace.pipeline.reconcile_source import SourceComparison
from headrace.pipeline.reconcile_tables import Waiting
from headrace.platform.codec import event_to_record, record_to_event

from .reconciling import CODEC, NOW, MemoryTables, Quiet, links, verdicts

ORGANIZATION = parse("""
direction: in
system: test
object: organization
entity: customer
version: 1
when: {not-a-customer: {field: lead, not_in: [true]}}
fields:
  name: {copy: name, required: true}
  phone: {copy: phone}
""")
ORDER = parse("""
direction: in
system: test
object: deal
entity: sales_order
version: 1
fields:
  title: {copy: title}
  customer: {reference: {entity: customer, object: organization, id: {copy: org}, name: {copy: org_name}}}
  sales_origin: {copy: seller}
  lines:
    each: lines
    fields:
      line_id: {copy: id}
      unit: {copy: unit}
      quantity: {copy: quantity, as: decimal}
""")


class Crm:
    """A source whose records lie in a dictionary; `script` says what the next reads of a record raise."""

    def __init__(self):
        self.records, self.script, self.fetched, self.on_fetch = {}, {}, [], None

    def put(self, obj, number, version="v1", **data):
        self.records[obj, str(number)] = Record(Ref(obj, str(number)), data, version, NOW)

    async def changes(self, obj, cursor):
        found = [record for (name, _), record in self.records.items() if name == obj]
        yield Page([replace(record, complete=obj != "deal") for record in found], {})
        yield Page(found[:1], {})  # pages overlap

    async def fetch(self, ref):
        if script := self.script.get(ref.external_id):
            raise script.pop(0)
        self.fetched.append(ref)
        if self.on_fetch:
            self.on_fetch()
        return self.records.get((ref.object, ref.external_id))


class Bench:
    def __init__(self):
        self.source, self.tables, self.links = Crm(), MemoryTables(), links()
        self.watcher, self.tally, self.settled = Quiet(), Tally(), 0
        self.on_settle = lambda: None

    async def tell(self, obj="organization", number=1, document=ORGANIZATION):
        """Let a record be told as it is now, and linked."""
        record = self.source.records[obj, str(number)]
        mapped = map_in(document, record, Identity("crm", self.links, 0.0), {})
        content = content_of(mapped, record)
        key = mint_canonical_id("crm", obj, str(number))
        event = CanonicalEvent(meta(document.entity, obj, str(number), key, content, mapped), mapped.data)
        event = record_to_event(
            CODEC.decode(CODEC.encode(f"canonical/{document.entity}.v1", event_to_record(event)))[1]
        )
        self.tables.tell(obj, str(number), record.version, (event, content))
        await self.links.put(Link("crm", document.identity, str(number), key, document.entity, "minted"))

    async def compare(self, *objects, certain=("organization", "deal")):
        mappings = [ORGANIZATION, ORDER]
        source = SourceComparison(
            "crm",
            self.source,
            mappings,
            {},
            links=self.links,
            tables=self.tables,
            codec=CODEC,
            files=Files("crm", self.source, None, mappings),
            certain=certain,
            concurrency=4,
            tally=self.tally,
            watcher=self.watcher,
        )

        async def settle(pending):
            self.settled += 1
            self.on_settle()

        await Comparison(source, None, self.tally, settle).run(objects or ("organization",))
        return verdicts(self.tally)

    @property
    def found(self):
        (found,) = self.tally.differences
        return found


def meta(entity, obj, external_id, key, content, mapped):
    return Meta(
        event_id=event_id(key, entity, "v1", content),
        entity=entity,
        canonical_id=key,
        connection="crm",
        object=obj,
        external_id=external_id,
        source_version="v1",
        occurred_at=NOW,
        observed_at=NOW,
        change=Change.UPSERT,
        legal_entity=mapped.legal_entity,
        asserted=mapped.asserted,
        trace_id="",
    )


@pytest.fixture
async def bench():
    """One organization that was told as it is."""
    bench = Bench()
    bench.source.put("organization", 1, name="Berg", phone="1")
    await bench.tell()
    return bench


async def test_what_was_told_is_the_same_and_is_read_once(bench):
    assert await bench.compare() == {"same": 1}
    assert (bench.settled, bench.source.fetched) == (0, [])


async def test_a_lost_change_is_named_with_both_values(bench):
    bench.source.put("organization", 1, "v2", name="Berg", phone="2")
    assert await bench.compare() == {"told otherwise": 1}
    assert dict(bench.found.fields) == {"phone": ("1", "2")}
    assert bench.settled == 1


async def test_without_the_event_that_told_it_the_fields_are_not_known(bench):
    bench.source.put("organization", 1, "v2", name="Berg", phone="2")
    bench.tables.told.clear()
    assert await bench.compare() == {"told otherwise": 1}
    assert "not kept any more" in bench.found.detail


async def test_what_nobody_heard_of_is_not_told(bench):
    bench.source.put("organization", 2, name="New")
    assert await bench.compare() == {"same": 1, "not told": 1}
    assert bench.found.external_id == "2"


async def test_what_is_not_there_any_more_is_gone_though_its_system_never_tells_of_deletions(bench):
    """An invoice that left a reopened batch is heard of this way, each night."""
    bench.source.records.clear()
    assert await bench.compare() == {"gone": 1}
    assert bench.found.canonical_id == mint_canonical_id("crm", "organization", "1")


async def test_a_deletion_that_was_told_is_known(bench):
    bench.source.records.clear()
    key = mint_canonical_id("crm", "organization", "1")
    facts = {GONE: "deleted"}
    await bench.links.put(Link("crm", facts_of("organization"), "1", key, "customer", "adopted", facts=facts))
    assert await bench.compare() == {"known to be gone": 1}
    assert bench.source.fetched == [], "those of all time are not read each night"


async def test_what_a_list_does_not_show_but_is_there_is_not_gone(bench):
    hidden = bench.source.records.pop(("organization", "1"))
    bench.on_settle = lambda: bench.source.records.update({("organization", "1"): hidden})
    assert await bench.compare() == {"same": 1}


async def test_a_rule_of_the_mapping_skips_what_was_never_told(bench):
    bench.source.put("organization", 2, name="Lead", lead=True)
    assert await bench.compare() == {"same": 1, "skipped": 1}


async def test_what_a_rule_no_longer_takes_was_told_otherwise_until_that_is_told(bench):
    bench.source.put("organization", 1, "v2", name="Berg", phone="1", lead=True)
    assert await bench.compare() == {"told otherwise": 1}
    assert bench.found.detail == "told, and no longer taken: not-a-customer"

    gone = next(iter(bench.tables.told.values())).event
    lapsed = content_of(LAPSED, Record(Ref("organization", "1"), {}, deleted=True))
    bench.tables.tell("organization", "1", "v2", (gone, lapsed))
    bench.tally = Tally()
    assert await bench.compare() == {"skipped": 1}


async def test_what_cannot_be_mapped_is_told_with_its_reason_and_known_once_it_is_parked(bench):
    bench.source.put("organization", 2, phone="7")
    assert await bench.compare() == {"same": 1, "cannot be mapped": 1}
    assert "name" in bench.found.detail

    bench.tables.waiting["organization:2"] = Waiting(NOW + timedelta(seconds=1), "name is required")
    bench.tally = Tally()
    assert await bench.compare() == {"same": 1, "parked": 1}


async def test_a_parked_delivery_of_an_earlier_state_explains_nothing(bench):
    bench.source.put("organization", 1, "v2", name="Berg", phone="2")
    bench.tables.waiting["organization:1"] = Waiting(NOW - timedelta(hours=1), "it was wrong then")
    assert await bench.compare() == {"told otherwise": 1}


async def test_what_cannot_be_read_is_told_and_others_go_on(bench):
    for number in (1, 2):
        bench.source.put("deal", number, title=f"Deal {number}", org=1)
    refused = RejectRecord("not visible", "deal 1 is not visible")
    bench.source.script = {"1": [refused, RetryLater("busy", 0.0), refused]}
    assert await bench.compare("deal") == {"cannot be read": 1, "not told": 1}
    assert ("later", "busy", 0.0) in bench.watcher.heard


async def test_live_traffic_is_no_difference(bench):
    """It changed while it was read, and the workers told of it before it was looked at again."""
    bench.source.put("organization", 1, "v2", name="Berg", phone="2")
    record = bench.source.records["organization", "1"]
    mapped = map_in(ORGANIZATION, record, Identity("crm", bench.links, 0.0), {})
    event = next(iter(bench.tables.told.values())).event
    bench.on_settle = lambda: bench.tables.tell("organization", "1", "v2", (event, content_of(mapped, record)))
    assert await bench.compare() == {"same": 1}
    assert bench.settled == 1


async def test_what_changes_at_each_look_is_under_way(bench):
    def edit():
        phone = str(len(bench.source.fetched))
        bench.source.put("organization", 1, f"w{phone}", name="Berg", phone=f"x{phone}")

    edit()
    bench.source.on_fetch = edit
    assert await bench.compare() == {"under way": 1}
    assert bench.tally.differences == []


async def test_an_older_state_than_was_told_is_not_believed(bench):
    bench.source.put("organization", 1, "v0", name="Berg", phone="0")
    assert await bench.compare() == {"same": 1}


async def test_our_own_write_that_nobody_heard_back_is_no_difference(bench):
    bench.source.put("organization", 1, "v2", name="Berg", phone="ours")
    key = mint_canonical_id("crm", "organization", "1")
    mark = values.mark({"phone": "ours"})
    await bench.links.put(Link("crm", "organization", "1", key, "customer", "minted", mark))
    assert await bench.compare() == {"same": 1}


async def test_changed_back_from_what_we_wrote_is_a_difference_though_it_was_told_before(bench):
    key = mint_canonical_id("crm", "organization", "1")
    mark = values.mark({"phone": "ours"})
    await bench.links.put(Link("crm", "organization", "1", key, "customer", "minted", mark))
    assert await bench.compare() == {"told otherwise": 1}
    assert bench.found.detail == "no longer what was written there: phone"


async def test_an_identity_that_turned_out_to_be_another_is_told_anew(bench):
    other = mint_canonical_id("erp", "Customers", "9")
    await bench.links.put(Link("crm", "organization", "1", other, "customer", "written"))
    assert await bench.compare() == {"told otherwise": 1}
    assert other in bench.found.detail


async def test_another_name_or_identity_of_a_referenced_record_is_no_difference(bench):
    bench.source.put("deal", 5, title="Deal", org=1, org_name="Berg")
    await bench.tell("deal", 5, ORDER)
    bench.source.put("deal", 5, title="Deal", org=1, org_name="Berg AS")
    await bench.links.put(Link("crm", "organization", "1", "another", "customer", "matched"))
    assert await bench.compare("deal") == {"same": 1}

    bench.source.put("deal", 5, "v2", title="Deal", org=2, org_name="Berg AS")
    bench.tally = Tally()
    assert await bench.compare("deal") == {"told otherwise": 1}
    assert list(bench.found.fields) == ["customer"]


async def test_of_a_record_that_has_not_changed_only_numbers_days_and_items_count(bench):
    """Names and units are lent by other records: they are of today, and were told as they were then."""
    bench.source.put("deal", 5, title="Deal", org=1, seller="Ada", lines=[{"id": "1", "unit": None, "quantity": 2}])
    await bench.tell("deal", 5, ORDER)
    later = {"title": "Deal", "org": 1, "seller": "Eva"}
    bench.source.put("deal", 5, **later, lines=[{"id": "1", "unit": "ea", "quantity": 2}])
    assert await bench.compare("deal") == {"same": 1}

    for version, lines in (
        ("v1", [{"id": "1", "unit": "ea", "quantity": 3}]),
        ("v1", [{"id": "2", "unit": "ea", "quantity": 2}]),
        ("v1", []),
        ("v2", [{"id": "1", "unit": "ea", "quantity": 2}]),
    ):
        bench.tally = Tally()
        bench.source.put("deal", 5, version, **later, lines=lines)
        assert await bench.compare("deal") == {"told otherwise": 1}
        assert "lines" in bench.found.fields


async def test_an_object_that_nobody_uses_is_left_out_and_said(bench):
    bench.source.put("deal", 5, title="Deal")
    assert await bench.compare("deal", certain=()) == {}
    assert ("left_out", "deal") in bench.watcher.heard
    assert await bench.compare("deal") == {Verdict.NOT_TOLD.value: 1}
