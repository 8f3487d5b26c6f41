"""Items that stay in the target when they are gone at their source: what was sent stays sent."""

from __future__ import annotations

import pytest

from .bench import Bench, event

UPLOADS = """
direction: out
system: test
entity: opportunity
version: 1
steps:
  - step: file
    each: attachments
    id: {copy: attachment_id}
    keep: true
    object: Uploads
    identity: upload
    marker: [key]
    match: [[key]]
    fields:
      key: {copy: media_type}
      name: {copy: name}
"""


@pytest.fixture
def bench():
    return Bench((UPLOADS,))


def deal(number=1, *names):
    files = [{"attachment_id": name, "name": f"{name}.pdf", "media_type": name} for name in names]
    return event("opportunity", "55", {"title": "Pumps", "attachments": files}, number=number, obj="opportunity")


async def test_what_was_sent_stays_and_what_comes_is_sent_once(bench):
    given = deal(1, "a", "b")
    await bench.feed(given, deal(2, "b"), deal(3), deal(4, "b", "c"))
    assert [action for action, _ in bench.target.ledger] == ["create", "create", "create"]
    assert sorted(record["key"] for record in bench.target.records.values()) == ["a", "b", "c"]
    assert bench.links.get("erp", "upload", "T1").canonical_id == given.key


async def test_the_same_file_twice_is_sent_once(bench):
    first, second = deal(1, "a", "b").data["attachments"]
    files = [first, {**first, "attachment_id": "a2", "name": "copy of a.pdf"}, second]
    await bench.feed(event("opportunity", "55", {"title": "Pumps", "attachments": files}, obj="opportunity"))
    assert sorted(record["name"] for record in bench.target.records.values()) == ["a.pdf", "b.pdf"]


async def test_an_item_that_is_there_is_not_sent_again(bench):
    bench.target.records["X1"] = {"key": "a", "name": "a.pdf"}
    given = deal(1, "a")
    await bench.feed(given)
    assert bench.target.ledger == []
    assert bench.state(given).parked is None
