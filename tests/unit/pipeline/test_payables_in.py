"""Records that tell of a thing of several records, and records with files."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from headrace.core.attachments import Attachment
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord, RetryLater
from headrace.core.event import Ref
from headrace.core.ids import mint_canonical_id

from .test_normalise import NOW, Bench, MemorySource, polled

BATCH = """
direction: in
system: test
object: payment
entity: payment_batch
identity: payment-batch
version: 1
when: {payment-not-settled: {field: state, in: [settled]}}
id: {key: {company: {copy: company}, day: {copy: day}}}
fields:
  name: {copy: day, as: string}
"""
INVOICE = """
direction: in
system: test
object: invoice
entity: vendor_invoice
version: 1
when: {invoice-not-approved: {field: status, in: [Approved]}}
fields:
  number: {copy: number}
  attachments:
    each: attachments
    fields:
      attachment_id: {copy: attachment_id}
      name: {copy: name}
      media_type: {copy: media_type}
      content: {copy: content}
"""
DAY = date(2026, 3, 9)


def payment(number, version="v1", **data):
    return Record(Ref("payment", number), {"company": "usmf", "day": DAY, "state": "settled", **data}, version, NOW)


def invoice(version="v1", **data):
    return Record(Ref("invoice", "9"), {"number": "A-9", "status": "Approved", **data}, version, NOW)


class Scans(MemorySource):
    """Each invoice has one image, which is read in parts."""

    def __init__(self):
        super().__init__()
        self.scanned, self.refused, self.id, self.content = 0, [], "9", [b"%PDF-", b"1.7"]

    def attachments(self, record):
        return [Attachment(self.id, f"{self.id}.pdf", "application/pdf")] if record.ref.object == "invoice" else []

    async def read(self, ref, attachment):
        self.scanned += 1
        if self.refused:
            raise self.refused.pop(0)
        for part in self.content:
            yield part


@pytest.fixture
async def bench():
    return Bench(source=Scans(), also=(BATCH, INVOICE))


async def test_every_payment_tells_of_its_batch_and_all_of_them_of_one(bench):
    await bench.deliver(
        polled(payment("1")), polled(payment("2")), polled(payment("1")), polled(payment("3", day=None))
    )
    events = bench.events("payment_batch")
    identity = "company=usmf,day=2026-03-09"
    assert {event.key for event in events} == {mint_canonical_id("crm", "payment-batch", identity)}
    assert [event.meta.external_id for event in events] == [identity, identity]
    # Each is news of its own: a batch whose journal is posted by then needs another.
    assert len({event.meta.event_id for event in events}) == 2
    assert bench.links.get("crm", "payment-batch", identity) is not None


async def test_a_batch_is_not_gone_when_a_payment_leaves_it(bench):
    await bench.deliver(polled(payment("1")), polled(payment("1", "v2", state="void")))
    await bench.deliver(polled(replace(payment("1", "v3"), deleted=True)))
    assert [event.meta.change.value for event in bench.events("payment_batch")] == ["upsert"]


async def test_a_file_is_stored_once_and_named_by_the_event(bench):
    await bench.deliver(polled(invoice()), polled(invoice("v2", number="A-10")))
    first, second = bench.events("vendor_invoice")
    (attachment,) = first.data["attachments"]
    assert (attachment["name"], attachment["content"]["size"], attachment["content"]["parts"]) == ("9.pdf", 8, 1)
    # Read again, for the record is another by now; what holds the same lies where it lay.
    assert second.data["attachments"] == first.data["attachments"]
    await bench.deliver(polled(invoice("v2", number="A-10")))
    assert bench.source.scanned == 2


async def test_another_file_is_news_and_the_same_one_is_not(bench):
    await bench.deliver(polled(invoice()), polled(invoice("v2")))
    assert len(bench.events("vendor_invoice")) == 1
    bench.source.id = "9b"
    await bench.deliver(polled(invoice("v3")))
    assert [event.data["attachments"][0]["name"] for event in bench.events("vendor_invoice")] == ["9.pdf", "9b.pdf"]


async def test_a_file_that_holds_something_else_is_news(bench):
    await bench.deliver(polled(invoice()))
    bench.source.content = [b"%PDF-2.0"]
    await bench.deliver(polled(invoice("v2")))
    first, second = (event.data["attachments"][0]["content"] for event in bench.events("vendor_invoice"))
    assert (first["sha256"] != second["sha256"], second["offset"] > first["offset"]) == (True, True)


async def test_the_file_of_a_record_that_concerns_nobody_is_not_read(bench):
    await bench.deliver(polled(invoice(status="Rejected")))
    assert bench.source.scanned == 0


async def test_a_file_that_cannot_be_read_now_is_read_again(bench):
    bench.source.refused = [RetryLater("busy", 0.001)]
    await bench.deliver(polled(invoice()))
    assert len(bench.events("vendor_invoice")) == 1


async def test_a_file_that_is_not_what_was_said_parks_its_record_alone(bench):
    bench.source.refused = [RejectRecord("no PDF", "image of invoice 9 is no PDF")]
    await bench.deliver(polled(invoice()), polled(payment("1")))
    assert bench.events("vendor_invoice") == []
    assert [record["detail"] for record in bench.parked()] == ["invoice 9: image of invoice 9 is no PDF"]
    assert len(bench.events("payment_batch")) == 1
