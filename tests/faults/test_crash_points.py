"""Processes killed with SIGKILL at each named point, in the middle of real work (design D3; I1–I4, I12)."""

from __future__ import annotations

import signal
from dataclasses import replace

import pytest

from headrace.cli.demo.world import DealLine, Item, released_product
from tests.faults.harness import Trade

pytestmark = [pytest.mark.kafka, pytest.mark.faults]

POINTS = [
    ("processor", "effects.before-intent", 3),
    ("processor", "effects.before-call", 3),
    ("processor", "effects.after-call", 2),
    ("processor", "effects.after-call", 5),
    ("processor", "process.before-link", 2),
    ("processor", "effects.before-done", 2),
    ("processor", "effects.after-done", 2),
    ("processor", "process.before-ack", 2),
    ("ingest", "normalise.before-emit", 3),
    ("ingest", "normalise.after-emit", 3),
    ("ingest", "normalise.before-ack", 3),
    ("ingest", "poll.before-cursor", 1),
    ("ingest", "poll.after-cursor", 1),
    ("receiver", "receive.before-produce", 2),
    ("receiver", "receive.after-produce", 2),
]


@pytest.fixture(scope="module")
def trade(deploy_once):
    deployment = deploy_once()
    deployment.crm.post("settings", {"retry_time_scale": 0.1})
    trade = Trade(deployment)
    deployment.start_services()
    yield trade
    trade.close()


@pytest.mark.parametrize(("name", "point", "count"), POINTS, ids=[f"{point}-{count}" for _, point, count in POINTS])
def test_killed_at(trade, name, point, count):
    process = trade.deployment.processes[name]
    process.terminate()
    process.start(HEADRACE_CRASH_AT=f"{point}:{count}")
    if name != "ingest":  # its pollers work, and may reach the point, before it is ready
        process.wait_ready()
    trade.sell(3)
    trade.wait_until(lambda: not process.running, f"the crash at {point}")
    assert process.returncode == -signal.SIGKILL
    process.start()
    process.wait_ready()
    trade.wait_complete()
    verdict = trade.quiet_verdict()
    assert verdict.clean, verdict.as_json()


def test_unknown_crash_points_are_refused(trade):
    """A misspelt point would kill nothing and prove nothing."""
    process = trade.deployment.processes["processor"]
    process.terminate()
    process.start(HEADRACE_CRASH_AT="effects.no-such-point")
    assert process.wait_ended() not in (0, None)
    process.start()
    process.wait_ready()


def rearmed(trade, point):
    process = trade.deployment.processes["processor"]
    process.terminate()
    process.start(HEADRACE_CRASH_AT=point)
    process.wait_ready()
    return process


def back(trade, process, point):
    trade.wait_until(lambda: not process.running, f"the crash at {point}")
    assert process.returncode == -signal.SIGKILL
    process.start()
    process.wait_ready()


def test_killed_before_a_lost_reply_is_looked_up(trade):
    fault = {"match": {"method": "POST", "path": "/data/SalesOrderHeadersV2"}, "times": 1, "kind": "drop_reply"}
    trade.deployment.erp.post("faults", fault)
    process = rearmed(trade, "effects.before-verify")
    trade.sell(2)
    back(trade, process, "effects.before-verify")
    trade.wait_complete()
    assert trade.deployment.erp.get("faults")["faults"][-1]["hits"] == 1
    verdict = trade.quiet_verdict()
    assert verdict.clean, verdict.as_json()


@pytest.mark.parametrize("point", ["parking.before-park", "parking.after-park"])
def test_killed_while_it_parks(trade, point):
    template = trade.world.deals[0]
    item = Item(f"LATE-{point.partition('.')[2]}", "Comes later", template.lines[0].price)
    line = DealLine(item, 1, item.price, template.lines[0].discount)
    trade.team.add_item(item)
    process = rearmed(trade, point)
    trade.sell_this(replace(template, title=point, lines=(template.lines[0], line)))
    back(trade, process, point)
    company = template.reseller.company
    trade.deployment.erp.post(
        "seed",
        {
            "records": {
                "ProductsV2": [{"ProductNumber": item.number, "ProductName": item.name}],
                "ReleasedProductsV2": [released_product(item, company)],
            }
        },
    )
    trade.wait_complete()
    verdict = trade.quiet_verdict()
    assert verdict.clean, verdict.as_json()
