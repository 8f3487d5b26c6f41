"""To a connection: what steps wrote against what their records hold, with a target and tables in memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headrace.core import values
from headrace.core.errors import RejectRecord, StopConnection
from headrace.core.ids import mint_canonical_id
from headrace.mapping.loading import parse
from headrace.pipeline.links import GONE, Link, facts_of
from headrace.pipeline.reconcile import Direction, Finding, Tally, Verdict
from headrace.pipeline.reconcile_repair import plan
from headrace.pipeline.reconcile_run import Comparison
from headrace.pipeline.reconcile_tables import Placed
from headrace.pipeline.reconcile_target import TargetComparison
from headrace.pipeline.state import EffectState, Intent, Parked, Step

from .bench import ORDER, order
from .bench import customer as told
from .doubles import LedgerTarget
from .reconciling import NOW, MemoryTables, Quiet, links, verdicts

WRITTEN = parse("""
direction: out
system: test
entity: customer
version: 1
steps:
  - step: record
    object: Customers
    marker: [alias]
    once: [group]
    fields:
      alias: {marker: 18}
      name: {copy: name}
      phone: {copy: phone}
      group: {copy: customer_group}
""")
READ = parse("""
direction: in
system: test
object: Customers
entity: customer
version: 1
fields: {name: {copy: name}}
""")
KEY = mint_canonical_id("crm", "organization", "7")
SHADOW = {"alias": "M1", "name": "Berg", "phone": None, "group": "10"}


def customer(**more):
    step = Step("record", "Customers", "T1", shadow=dict(SHADOW))
    return replace(EffectState("customer", event_id="e1", steps=(step,)), **more)


class Bench:
    def __init__(self):
        self.target, self.tables, self.links = LedgerTarget(), MemoryTables(), links()
        self.tally, self.watcher = Tally(), Quiet()
        self.on_settle = lambda: None
        self.target.records["T1"] = dict(SHADOW)
        self.tables.settle(KEY, customer())

    async def compare(self, *objects, ins=(READ,)):
        outs = {"customer": WRITTEN, "sales_order": parse(ORDER)}
        target = TargetComparison(
            "erp",
            self.target,
            outs,
            list(ins),
            links=self.links,
            tables=self.tables,
            concurrency=4,
            tally=self.tally,
            watcher=self.watcher,
        )

        async def settle(pending):
            self.on_settle()

        await Comparison(None, target, self.tally, settle).run(objects or ("Customers",))
        return verdicts(self.tally)

    async def link(self, origin, mark=None, obj="Customers", **more):
        await self.links.put(Link("erp", obj, "T1", KEY, "customer", origin, mark, **more))


@pytest.fixture
def bench():
    return Bench()


async def test_what_is_as_it_was_written_is_the_same_however_it_is_spelt(bench):
    bench.target.records["T1"] |= {"name": "Berg ", "phone": "", "other": "theirs"}
    assert await bench.compare() == {"same": 1}


async def test_an_edit_that_nobody_heard_is_named_with_both_values(bench):
    bench.target.records["T1"]["name"] = "Somebody else"
    assert await bench.compare() == {"differs": 1}
    (found,) = bench.tally.differences
    assert dict(found.fields) == {"name": ("Berg", "Somebody else")}
    assert (found.canonical_id, found.step, found.external_id) == (KEY, "record", "T1")


async def test_what_the_target_made_of_our_value_is_no_difference(bench):
    step = Step("record", "Customers", "T1", shadow=dict(SHADOW), held={"name": "BERG"})
    bench.tables.settle(KEY, customer(steps=(step,)))
    bench.target.records["T1"]["name"] = "BERG"
    assert await bench.compare() == {"same": 1}


async def test_what_is_written_once_belongs_to_the_target_afterwards(bench):
    bench.target.records["T1"]["group"] = "20"
    assert await bench.compare() == {"same": 1}


async def test_of_a_record_that_was_there_before_only_what_we_wrote_counts(bench):
    bench.target.records["T1"] |= {"name": "As it was", "phone": "9"}
    await bench.link("matched")
    assert await bench.compare() == {"same": 1}

    bench.tally = Tally()
    await bench.link("matched", values.mark({"phone": "1"}))
    assert await bench.compare() == {"differs": 1}
    assert list(bench.tally.differences[0].fields) == ["phone"]


async def test_a_document_of_somebody_else_is_theirs(bench):
    step = Step("record", "Customers", "T1", shadow=dict(SHADOW), foreign=True)
    bench.tables.settle(KEY, customer(steps=(step,)))
    bench.target.records["T1"]["name"] = "Theirs"
    assert await bench.compare() == {"same": 1}


async def test_what_is_gone_is_told_unless_the_target_told_it_itself(bench):
    bench.target.records.clear()
    assert await bench.compare() == {"gone": 1}

    bench.tally = Tally()
    await bench.links.put(Link("erp", facts_of("Customers"), "T1", KEY, "customer", "adopted", facts={GONE: "deleted"}))
    assert await bench.compare() == {"known to be gone": 1}


async def test_parked_and_open_work_is_counted_and_not_judged(bench):
    bench.target.records.clear()
    parked = Parked("review", "l", "two values", "t", b"", "e2", NOW)
    bench.tables.settle(KEY, customer().with_parked(parked))
    assert await bench.compare() == {"parked": 1}

    bench.tally = Tally()
    intent = Intent("op", "record", "update", "Customers", "T1", {}, {}, "e2", NOW, "w", 1, NOW)
    bench.tables.settle(KEY, customer(intent=intent))
    assert await bench.compare() == {"under way": 1}


async def test_a_write_that_was_on_its_way_is_no_difference(bench):
    bench.target.records["T1"]["name"] = "Newer"
    step = Step("record", "Customers", "T1", shadow={**SHADOW, "name": "Newer"})
    bench.on_settle = lambda: bench.tables.settle(KEY, customer(event_id="e2", steps=(step,)))
    assert await bench.compare() == {"same": 1}


async def test_what_moves_at_each_look_is_under_way(bench):
    def edit():
        bench.target.records["T1"]["name"] = f"at {bench.target.finds}"

    edit()
    bench.on_settle = edit
    assert await bench.compare() == {"under way": 1}


async def test_work_that_parked_meanwhile_is_counted_as_such(bench):
    bench.target.records["T1"]["name"] = "Somebody else"
    parked = Parked("review", "l", "two values", "t", b"", "e2", NOW)
    bench.on_settle = lambda: bench.tables.settle(KEY, customer().with_parked(parked))
    assert await bench.compare() == {"parked": 1}


async def test_a_record_that_cannot_be_looked_up_is_told_and_a_stopped_connection_ends_it(bench):
    async def refuse(operation):
        raise RejectRecord("no key", "its id is no key")

    async def stop(operation):
        raise StopConnection("the credential is refused")

    bench.target.find = refuse
    assert await bench.compare() == {"cannot be read": 1}
    bench.target.find = stop
    with pytest.raises(StopConnection):
        await bench.compare()


# --- what a repair asks for ---


def finding(direction, verdict, obj="Customers", entity="customer", step="", key=KEY, **more):
    return Finding(direction, obj, "T1", entity, verdict, canonical_id=key, step=step, **more)


async def repair(bench, *findings, ins=(READ,)):
    outs = {"customer": WRITTEN, "sales_order": parse(ORDER)}
    return await plan(findings, bench.tables, list(ins), outs)


@pytest.fixture
def kept(bench):
    """A bench on which the last event of the customer is kept."""
    event = replace(told(), meta=replace(told().meta, event_id="e1"))
    bench.tables.told["e1"] = Placed(event, "canonical.customer.v1", 3, 11)
    return bench


async def test_what_the_source_tells_of_is_read_anew_and_the_rest_is_ordered(kept):
    fields = {"name": ("Berg", "Else"), "alias": ("M1", "M2")}
    asked = await repair(
        kept,
        finding(Direction.FROM, Verdict.TOLD_OTHERWISE),
        finding(Direction.TO, Verdict.DIFFERS, step="record", fields=fields),
    )
    assert [ref.external_id for ref in asked.reads] == ["T1"]
    (command,) = asked.commands
    assert command.event_id == "e1"
    place = {"topic": "canonical.customer.v1", "partition": 3, "offset": 11}
    assert command.argument == {"fields": {"record": ["alias"]}, "gone": [], **place}


async def test_what_its_source_has_told_already_is_ordered_whole(kept):
    fields = {"name": ("Berg", "Else")}
    asked = await repair(kept, finding(Direction.TO, Verdict.DIFFERS, step="record", fields=fields))
    assert asked.reads == []
    assert asked.commands[0].fields == {"record": ["name"]}


async def test_a_master_record_that_is_gone_is_told_by_its_source_or_made_again(kept):
    gone = finding(Direction.TO, Verdict.GONE, step="record")
    asked = await repair(kept, finding(Direction.FROM, Verdict.GONE), gone)
    assert (len(asked.reads), asked.commands, asked.left) == (1, [], [])
    asked = await repair(kept, gone, ins=())
    assert asked.commands[0].gone == ["record"]


async def test_a_document_that_is_gone_is_left_to_people(kept):
    key = order().key
    gone = finding(Direction.TO, Verdict.GONE, "Orders", "sales_order", "header", key)
    asked = await repair(kept, gone)
    assert (asked.reads, asked.commands) == ([], [])
    ((left, words),) = asked.left
    assert left is gone
    assert "never created a second time (I12)" in words


async def test_without_its_last_event_nothing_can_be_ordered(bench):
    fields = {"name": ("Berg", "Else")}
    asked = await repair(bench, finding(Direction.TO, Verdict.DIFFERS, step="record", fields=fields))
    assert asked.commands == []
    ((_, words),) = asked.left
    assert "its last event is not kept any more" in words
