"""What the flows count: each story moves the metrics that tell of it, and no label holds a word of its own making."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from aiokafka.errors import KafkaTimeoutError
from prometheus_client import REGISTRY

from headrace.core.errors import RejectRecord, RetryLater, StopConnection
from headrace.pipeline.deciding import Accepts
from headrace.pipeline.links import Link, facts_of
from headrace.pipeline.receive import Application, Receiver
from headrace.platform.kafka import Message
from tests.unit.platform.declared_metrics import DECLARED, WORDS

from .bench import CUSTOMER, CUSTOMER_ID, ORDER, Bench, customer, order, told_by_the_target
from .test_normalise import Bench as NormaliserBench
from .test_normalise import organization, polled, webhook, written
from .test_payables_in import INVOICE, Scans, invoice
from .test_receive import MemoryInbox, SecretSource, post

Moved = Callable[..., float]


@pytest.fixture
def moved() -> Iterator[Moved]:
    """How much a sample grew since the test began, as in `moved("headrace_effects_total", outcome="created")`.

    At the end every label of closed words must hold one of them.
    """

    def total(name: str, labels: dict[str, str]) -> float:
        return sum(
            sample.value
            for family in REGISTRY.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    before = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
    }

    def since(name: str, **labels: str) -> float:
        was = sum(value for key, value in before.items() if key[0] == name and set(labels.items()) <= set(key[1:]))
        return total(name, labels) - was

    yield since
    for (name, label), words in WORDS.items():
        at = DECLARED[name]._labelnames.index(label)
        assert {values[at] for values in DECLARED[name]._metrics} <= words


async def test_an_event_is_counted_by_what_became_of_it(moved):
    bench = Bench()
    first = bench.message(customer(1))
    await bench.feed(first, customer(2), customer(3, phone="2"), first)
    for outcome in ("created", "unchanged", "updated", "skipped"):
        assert moved("headrace_effects_total", connection="erp", entity="customer", outcome=outcome) == 1
    assert moved("headrace_dismissed_total", rule="seen") == 1
    assert moved("headrace_event_age_seconds_count", connection="erp") == 4


async def test_what_rarely_happens_is_shown_before_it_happens():
    """Prometheus sees no increase in a series that begins with 1."""
    Bench(ownership={"customer": {"*": "latest"}})
    Receiver({"crm": SecretSource()}, {"crm": MemoryInbox()})
    for name, labels in (
        ("headrace_unknown_outcomes_total", {"connection": "erp"}),
        ("headrace_unverified", {"connection": "erp"}),
        ("headrace_verified_total", {"connection": "erp", "result": "found"}),
        ("headrace_messages_parked_total", {"connection": "erp", "reason": "undecodable"}),
        ("headrace_parked", {"connection": "erp", "reason": "unknown"}),
        ("headrace_conflicts_total", {"connection": "erp", "entity": "customer", "outcome": "review"}),
        ("headrace_deliveries_repeated_total", {"connection": "crm"}),
        ("headrace_deliveries_refused_total", {"connection": "crm", "status": "503"}),
    ):
        assert REGISTRY.get_sample_value(name, labels) is not None


async def test_a_lost_reply_is_unknown_until_it_is_verified(moved):
    bench = Bench()
    bench.target.script = ["lost reply"]
    look, seen = bench.target.find, []

    async def find(given):
        seen.append(moved("headrace_unverified"))
        return await look(given)

    bench.target.find = find
    await bench.feed(customer())
    assert moved("headrace_unknown_outcomes_total") == 1
    assert moved("headrace_verified_total", result="found") == 1
    assert seen[-1] == 1
    assert moved("headrace_unverified") == 0


async def test_a_lost_request_is_verified_as_not_found(moved):
    bench = Bench()
    bench.target.script = ["lost request"]
    await bench.feed(customer())
    assert moved("headrace_verified_total", result="not found") == 1


async def test_waiting_work_is_shown_with_what_it_waits_for_and_for_how_long(moved):
    bench = Bench()
    await bench.feed(order())
    assert moved("headrace_parked", reason="waiting") == 1
    assert moved("headrace_waiting", what="customer") == 1
    assert REGISTRY.get_sample_value("headrace_parked_oldest_seconds", {"connection": "erp", "reason": "waiting"}) > 0
    assert REGISTRY.get_sample_value("headrace_waiting_oldest_seconds", {"connection": "erp", "what": "customer"}) > 0
    assert bench.parking.oldest_age("waiting", "product") == 0
    await bench.feed(customer())
    assert moved("headrace_parked", reason="waiting") == 0
    assert moved("headrace_waiting", what="customer") == 0
    assert REGISTRY.get_sample_value("headrace_parked_oldest_seconds", {"connection": "erp", "reason": "waiting"}) == 0
    assert REGISTRY.get_sample_value("headrace_waiting_oldest_seconds", {"connection": "erp", "what": "customer"}) == 0


async def test_refused_and_undecodable_work_is_shown_by_its_reason(moved):
    bench = Bench()
    bench.target.script = [RejectRecord("bad value", "no such group")]
    await bench.feed(customer(), Message("canonical.customer.v1", 0, 99, "k", b"rubbish"))
    assert moved("headrace_parked", reason="rejected") == 1
    assert moved("headrace_messages_parked_total", connection="erp", reason="undecodable") == 1
    bench.parking.clear()
    assert moved("headrace_parked") == 0


async def test_a_target_that_is_not_ready_is_waited_for(moved):
    bench = Bench()
    bench.target.script = [RetryLater("busy", 0.001)] * 8
    await bench.feed(customer())
    assert moved("headrace_waiting", what="target") == 1
    bench.parking.clear()


async def test_conflicts_are_counted_by_whose_value_counts(moved):
    bench = Bench(ownership={"customer": {"*": "latest"}})
    await bench.feed(customer(1))
    await bench.feed(told_by_the_target("T1", customer(2), event_id="own", echoed=("name", "tax_number", "phone")))
    bench.target.records["T1"]["phone"] = "99"
    await bench.feed(customer(5, phone="2"))
    assert moved("headrace_waiting", what="own word") == 1
    await bench.feed(told_by_the_target("T1", customer(9, phone="99"), event_id="edit"))
    assert moved("headrace_conflicts_total", connection="erp", entity="customer", outcome="target") == 1
    assert moved("headrace_dismissed_total", rule="own change") == 2
    assert moved("headrace_waiting", what="own word") == 0


async def test_what_is_not_the_targets_to_change_is_counted_as_put_back(moved):
    bench = Bench(ownership={"customer": {"*": "crm"}})
    await bench.feed(customer(1))
    await bench.feed(told_by_the_target("T1", customer(2), event_id="own", echoed=("name", "tax_number", "phone")))
    bench.target.records["T1"]["phone"] = "99"
    await bench.feed(told_by_the_target("T1", customer(9, phone="99"), event_id="edit"))
    assert moved("headrace_conflicts_total", outcome="put back") == 1


async def test_events_that_a_target_does_not_take_share_one_word(moved):
    """The rule itself names a legal entity of the event, which nobody bounds."""
    bench = Bench((CUSTOMER,), routes={"customer": Accepts(legal_entities=frozenset({"usmf"}))})
    await bench.feed(customer())
    assert moved("headrace_dismissed_total", rule="not taken") == 1


async def test_a_new_record_that_a_fact_keeps_back_is_counted_by_the_rule(moved):
    hold = "holds: {on-hold: {of: customer, object: Customers, fact: on_hold, in: [All], then: wait}}\n"
    bench = Bench((CUSTOMER, ORDER + hold))
    await bench.feed(customer())
    await bench.links.put(
        Link("erp", facts_of("Customers"), "T1", CUSTOMER_ID, "customer", "adopted", facts={"on_hold": "All"})
    )
    await bench.feed(order())
    assert moved("headrace_holds_total", connection="erp", rule="on-hold") == 2, (
        "tried again at once: its link is fresh"
    )
    assert moved("headrace_waiting", what="customer") == 1
    bench.parking.clear()


async def test_a_stopped_connection_is_shown_while_it_is_stopped(moved):
    bench = Bench()
    bench.target.script = [StopConnection("bad secret")]
    apply, seen = bench.target.apply, []

    async def watched(given):
        seen.append(moved("headrace_connection_stopped", connection="erp"))
        return await apply(given)

    bench.target.apply = watched
    await bench.feed(customer())
    assert seen == [0, 1]
    assert moved("headrace_connection_stopped", connection="erp") == 0


async def test_assignments_are_counted(moved):
    await Bench().processor.on_assigned(frozenset({0}))
    await NormaliserBench().normaliser.on_assigned(frozenset({0}))
    assert moved("headrace_rebalances_total", connection="erp") == 1
    assert moved("headrace_rebalances_total", connection="crm") == 1


async def test_deliveries_are_counted_by_arrival_and_result(moved):
    bench = NormaliserBench()
    bench.source.holds(organization())
    await bench.deliver(polled(organization()), webhook(organization().ref), webhook(organization().ref, b"rubbish"))
    assert moved("headrace_normalised_total", arrival="poll", result="emitted") == 1
    assert moved("headrace_normalised_total", arrival="webhook", result="repeated") == 1
    assert moved("headrace_normalised_total", arrival="webhook", result="parked") == 1
    assert moved("headrace_events_total", connection="crm", entity="customer") == 1
    assert moved("headrace_messages_parked_total", connection="crm", reason="undecodable") == 1


async def test_what_a_mapping_does_not_let_through_is_counted_by_the_rule(moved):
    labels = {"connection": "crm", "entity": "vendor_invoice", "rule": "invoice-not-approved"}
    bench = NormaliserBench(source=Scans(), also=(INVOICE,))
    assert REGISTRY.get_sample_value("headrace_skipped_total", labels) is not None, "before it happens"
    await bench.deliver(polled(invoice(status="Rejected")))
    assert moved("headrace_skipped_total", **labels) == 1


async def test_files_are_counted_by_their_bytes(moved):
    bench = NormaliserBench(source=Scans(), also=(INVOICE,))
    await bench.deliver(polled(invoice()), polled(invoice()))
    assert moved("headrace_attachment_bytes_total", connection="crm") == len(b"%PDF-1.7"), "it is stored once"


async def test_what_nobody_can_read_has_no_arrival(moved):
    bench = NormaliserBench()
    bench.normaliser.on_message(Message("inbox.crm", 0, 1, "organization:7", b"rubbish"))
    await bench.settled()
    assert moved("headrace_normalised_total", arrival="unknown", result="parked") == 1


async def test_own_writes_that_come_back_are_echoes(moved):
    bench = NormaliserBench()
    await bench.links.put(written({"name": "Berg AS", "vat": "NO1"}))
    await bench.deliver(polled(organization()))
    assert moved("headrace_normalised_total", connection="crm", result="echo") == 1


async def test_webhooks_are_counted_as_taken_in_repeated_or_refused(moved):
    inbox = MemoryInbox()
    receiver = Receiver({"crm": SecretSource()}, {"crm": inbox}, produce_timeout=0.2)
    transport = httpx.ASGITransport(Application(receiver, []))
    async with httpx.AsyncClient(transport=transport, base_url="http://hooks") as client:
        for _ in range(2):
            await post(client, **{"x-delivery": "d1"})
        await post(client, **{"x-secret": "wrong"})
        await post(client, path="/hooks/nobody")
        inbox.broken = KafkaTimeoutError()
        await post(client)
        await receiver.drain(0.1)
        await post(client)
    assert moved("headrace_deliveries_total", connection="crm", arrival="webhook") == 1
    assert moved("headrace_deliveries_repeated_total", connection="crm") == 1
    assert moved("headrace_deliveries_refused_total", connection="crm", status="401") == 1
    assert moved("headrace_deliveries_refused_total", connection="crm", status="503") == 2
    assert moved("headrace_deliveries_refused_total", connection="", status="404") == 1
    assert moved("headrace_receive_seconds_count", connection="crm") == 4
