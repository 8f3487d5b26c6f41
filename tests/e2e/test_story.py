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
    assert verdict.numbered == 40
    assert story.events == {
        "items from the ERP": len(world.items) - 1,
        "customers from the ERP": 1,
        "fields edited on both sides": 1,
        "deals won": 40,
        "processor killed": 1,
        "webhooks that came twice": 1,
        "webhooks that never came": 1,
        "replies lost after commit": 2,
    }
    touched = [
        (entry["object"], entry["fields"], {name: entry["before"].get(name) for name in entry["fields"]})
        for entry in deployment.erp.ledger()
        if entry["action"] != "create" and entry["request"]["method"] not in ("SEED", "PERSON")
    ]
    edited = [fields for obj, fields, _ in touched if obj == "CustomersV3" and set(fields) == {"PrimaryContactPhone"}]
    assert len(touched) == len(edited) <= 1, f"what was written and did not change was written again: {touched}"
