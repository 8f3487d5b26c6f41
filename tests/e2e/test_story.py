"""The demo's story on a larger world, with all of its troubles, judged by the ledgers alone."""

from __future__ import annotations

import pytest

from headrace.cli.demo.story import Story

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]


def test_every_won_deal_becomes_exactly_one_order(deploy):
    deployment = deploy()
    told = []
    story = Story(deployment, told.append, deals=40, seed=20261121)
    world, team, latecomer = story.prepare()
    deployment.start_services()
    try:
        verdict = story.play(world, team, latecomer)
    finally:
        team.close()
    assert verdict.clean, verdict.as_json()
    assert verdict.orders == 40
    waited = story.events.pop("orders that waited for an item")
    assert waited >= 1
    assert story.events == {
        "deals won": 40,
        "processor killed": 1,
        "webhooks that came twice": 1,
        "webhooks that never came": 1,
        "replies lost after commit": 2,
    }
    touched = [
        (entry["object"], entry["fields"], {name: entry["before"].get(name) for name in entry["fields"]})
        for entry in deployment.erp.ledger()
        if entry["action"] != "create" and entry["request"]["method"] != "SEED"
    ]
    assert touched == [], "what was written and did not change was written again"
