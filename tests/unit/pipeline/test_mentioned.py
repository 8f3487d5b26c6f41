"""References to what nobody tells as a record of its own, such as the sender that is written on a document."""

from __future__ import annotations

import pytest

from headrace.core.ids import mint_canonical_id
from headrace.pipeline.links import Link

from .bench import Bench, event

INVOICE = """
direction: out
system: test
entity: vendor_invoice
version: 1
steps:
  - step: header
    object: Invoices
    marker: [reference]
    fields:
      reference: {copy: source_number}
      vendor:
        link:
          to: vendor
          object: Vendors
          by:
            - {account: {copy: vendor.number}}
            - {tax: {copy: vendor.tax_number}}
            - {name: {copy: vendor.name}}
"""
SENDER = "company=usmf,name=lakeside"


@pytest.fixture
def bench():
    return Bench((INVOICE,))


def invoice(number=1, name="9", **vendor):
    sender = {
        "entity": "vendor",
        "connection": "documents",
        "object": "sender",
        "external_id": SENDER,
        "canonical_id": mint_canonical_id("documents", "sender", SENDER),
    }
    data = {"source_number": f"D{name}", "vendor": {**sender, "name": "Lakeside", **vendor}}
    return event("vendor_invoice", name, data, number=number, obj="document")


async def link_of_the_erp(bench, target_id="V1"):
    await bench.links.put(Link("erp", "Vendors", target_id, "vendor-of-the-erp", "vendor", "minted"))


async def test_it_is_the_record_that_its_name_finds(bench):
    bench.target.records["V1"] = {"account": "001", "tax": "DE1", "name": "Lakeside"}
    await link_of_the_erp(bench)
    await bench.feed(invoice())
    (_, written) = bench.target.ledger[-1]
    assert bench.target.records[written]["vendor"] == "V1"
    assert bench.links.canonical_id("documents", "sender", SENDER) == "vendor-of-the-erp"


async def test_the_keys_are_tried_in_their_order(bench):
    bench.target.records["V1"] = {"account": "001", "tax": "DE1", "name": "Lakeside"}
    bench.target.records["V2"] = {"account": "002", "tax": "DE2", "name": "Lakeside of old"}
    await bench.feed(invoice(tax_number="DE2"))
    (_, written) = bench.target.ledger[-1]
    assert bench.target.records[written]["vendor"] == "V2"


async def test_two_of_one_name_are_a_humans_matter(bench):
    for target_id in ("V1", "V2"):
        bench.target.records[target_id] = {"name": "Lakeside"}
    given = invoice()
    await bench.feed(given)
    assert bench.target.ledger == []
    assert bench.state(given).parked.reason == "review"


async def test_what_is_told_as_a_record_of_its_own_is_never_joined(bench):
    bench.target.records["V1"] = {"name": "Lakeside"}
    await link_of_the_erp(bench)
    await bench.links.put(Link("documents", "sender", SENDER, "told-by-its-source", "vendor", "minted"))
    given = invoice()
    await bench.feed(given)
    assert bench.target.ledger == []
    assert "belongs to another" in bench.state(given).parked.label


async def test_what_is_not_there_is_waited_for(bench):
    given = invoice()
    await bench.feed(given)
    assert bench.state(given).parked.reason == "waiting"
    bench.target.records["V1"] = {"name": "Lakeside"}
    await bench.command(given.key, "retry")
    assert bench.state(given).parked is None
