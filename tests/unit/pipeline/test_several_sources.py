"""One identity with records in several sources, or several of one: each is its own voice, and none is lost."""

from __future__ import annotations

from dataclasses import replace

from headrace.core.errors import RejectRecord, RetryLater

from .bench import CUSTOMER_ID, Bench, customer, told_by_the_target


def told_by(given, connection, external_id):
    """Return an event as a record of another source tells it."""
    event_id = f"{given.meta.event_id}-{external_id}"
    meta = replace(given.meta, connection=connection, external_id=external_id, event_id=event_id)
    return replace(given, meta=meta)


def book(number, company, **data):
    """Return an event of the record that an ERP keeps of the customer in one company."""
    given = told_by(customer(number, **data), "fo", f"dataAreaId={company},CustomerAccount=1")
    return replace(given, meta=replace(given.meta, object="CustomersV3", legal_entity=company))


def silent(given, *names):
    """Return an event that says nothing of these fields."""
    data = {name: value for name, value in given.data.items() if name not in names}
    return replace(given, data=data, meta=replace(given.meta, asserted=tuple(data)))


def throttled():
    """Return the answers that make an effect give up for now."""
    return [RetryLater("throttled", 0.001) for _ in range(8)]


async def woken(bench, times):
    for _ in range(times):
        bench.processor.wake(CUSTOMER_ID)
        await bench.settled()


async def test_two_companies_of_one_system_are_two_voices():
    """What one company has said all the time is no later word, whatever else changes in its record."""
    bench = Bench(ownership={"customer": {"*": "latest"}})
    await bench.feed(book(1, "usmf", phone="1"), book(2, "demf", phone="77"))
    bench.target.records["T1"]["phone"] = "5"
    await bench.feed(told_by_the_target("T1", customer(20, phone="5"), event_id="by-hand"))
    assert bench.target.records["T1"]["phone"] == "5"
    echo = book(21, "usmf", phone="5")
    await bench.feed(replace(echo, meta=replace(echo.meta, echoed=("phone",))))
    await bench.feed(book(30, "demf", phone="77", name="Berg ASA"))
    assert (bench.target.records["T1"]["name"], bench.target.records["T1"]["phone"]) == ("Berg ASA", "5")


async def test_parked_work_of_one_source_does_not_give_way_to_another():
    bench = Bench()
    bench.target.script = [RejectRecord("bad", "phone of crm")]
    await bench.feed(customer(1))
    assert bench.state(customer()).parked.event_id == "e1-7"
    bench.target.script = [RejectRecord("bad", "phone of shop")]
    await bench.feed(told_by(customer(2, phone="5"), "shop", "S1"))
    assert {parked.source for parked in bench.state(customer()).all_parked} == {"crm:7", "shop:S1"}
    assert ("park", "superseded") not in bench.story()


async def test_what_two_sources_want_is_written_when_the_target_is_ready():
    bench = Bench(ownership={"customer": {"phone": "crm", "name": "shop"}})
    await bench.feed(customer(1))
    bench.target.script = throttled()
    await bench.feed(customer(5, phone="2"))
    assert bench.state(customer()).parked is not None
    bench.target.script = throttled()
    await bench.feed(told_by(customer(6, name="Shop name"), "shop", "S1"))
    await woken(bench, 3)
    assert bench.state(customer()).parked is None
    assert (bench.target.records["T1"]["name"], bench.target.records["T1"]["phone"]) == ("Shop name", "2")


async def test_what_one_company_wants_is_not_settled_by_another():
    bench = Bench()
    await bench.feed(book(1, "usmf", phone="1"))
    bench.target.script = throttled()
    await bench.feed(book(2, "usmf", phone="2"))
    assert bench.state(customer()).parked is not None
    await bench.feed(silent(book(3, "demf"), "phone", "tax_number"))
    await woken(bench, 1)
    assert bench.state(customer()).parked is None
    assert bench.target.records["T1"]["phone"] == "2"
