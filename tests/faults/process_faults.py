"""Faults of our own processes: killed, stopped, frozen, doubled, robbed of their local state."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Callable, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient

from headrace.cli.demo.deployment import ERP
from headrace.cli.demo.payables import AP
from headrace.platform.broker_access import client_options
from headrace.platform.settings import load_settings
from headrace.platform.topics import TopicNames
from tests.faults.business import Load
from tests.faults.edge_faults import clear, lose_replies, slow_down, waiting_document
from tests.faults.site import Site

Evidence = dict[str, Any]
Fault = Callable[[Site, Load], Evidence]
"""Injects a fault, waits until it has bitten, lifts it; returns what shows that it bit, or raises NeverCame."""

GROUPS = {"processor": ERP, "ap-processor": AP, "ingest": "ingest.crm"}
"""Service → a worker of it, by whose consumer group others see that it is gone."""
CALLS = 3
"""Calls under way in a slow target when its processor is asked to stop."""


def crash(name: str, point: str, count: int = 1) -> Fault:
    """SIGKILL at a named point, on the very line."""

    def inject(site: Site, load: Load) -> Evidence:
        if point == "effects.before-verify":
            lose_replies(site, load.kinds)
        late = waiting_document(site, load.kinds[0]) if point.startswith("parking.") else None
        process = site.process(name)
        with site.supervisor.leaving(process):
            process.terminate()
            process.start(HEADRACE_CRASH_AT=f"{point}:{count}")
            if late is not None:
                late.enter()
            site.wait(lambda: not process.running, f"the crash at {point}")
            ended = process.returncode
            site.lift()
            process.start()
        if late is not None:
            late.release()
        if ended != -signal.SIGKILL:
            raise AssertionError(f"{name} ended with {ended} instead of the kill at {point}:\n{process.tail()}")
        return {"killed": name, "at": point}

    return inject


def stopped_with_calls(*names: str, kill: bool = False) -> Fault:
    """SIGTERM (or SIGKILL) while the targets take their time over calls."""

    def inject(site: Site, load: Load) -> Evidence:
        ends = {}
        for name in names:
            hits = slow_down(site, load.kinds, 1.5)
            goal = hits() + CALLS
            site.wait(lambda goal=goal, hits=hits: hits() >= goal, f"{CALLS} calls under way")
            process = site.process(name)
            with site.supervisor.leaving(process):
                if kill:
                    process.kill()
                    ends[name] = process.returncode
                else:
                    ends[name] = process.terminate()
                site.lift()
                process.start()
            clear(site)
        wanted = -signal.SIGKILL if kill else 0
        if any(end != wanted for end in ends.values()):
            raise AssertionError(f"ended with {ends} instead of {wanted}\n{site.logs()}")
        return {"ended": ends}

    return inject


def frozen(name: str) -> Fault:
    """SIGSTOP until another worker has taken over and works, then SIGCONT."""

    def inject(site: Site, load: Load) -> Evidence:
        process = site.process(name)
        other = site.deployment.another(name, f"{name}-1")
        other.start()
        site.wait(lambda: members(site, name) == 2, "a second worker")
        hits = slow_down(site, load.kinds, 0.5)
        goal = hits() + 1
        site.wait(lambda: hits() >= goal, "a call under way")
        process.pause()
        site.wait(lambda: members(site, name) == 1, "the frozen worker's end in its group")
        clear(site)
        load.goes_on(site.wait)
        site.lift()
        restarts = site.supervisor.counts[name]
        process.resume()
        site.wait(lambda: members(site, name) == 2, "the frozen worker's return")
        other.terminate()
        return {"frozen": name, "restarted": site.supervisor.counts[name] - restarts}

    return inject


def rebalance_storm(name: str, rounds: int = 4) -> Fault:
    """Add a worker and take it away again, by SIGTERM and by SIGKILL in turn, while both work."""

    def inject(site: Site, load: Load) -> Evidence:
        for place in range(rounds):
            other = site.deployment.another(name, f"{name}-{place + 1}")
            other.start()
            site.wait(lambda: members(site, name) == 2, "a second worker")
            load.goes_on(site.wait)
            if place % 2:
                other.kill()
            else:
                other.terminate()
            load.goes_on(site.wait)
        site.lift()
        site.wait(lambda: members(site, name) == 1, "one worker alone")
        return {"rounds": rounds}

    return inject


def same_name(name: str) -> Fault:
    """Let two processes run under one instance name, both sure that the partitions are theirs."""

    def inject(site: Site, load: Load) -> Evidence:
        before = site.supervisor.counts.total()
        instance = f"{site.deployment.prefix}{name}-0"
        twin = site.deployment.another(name, f"{name}-twin", instance)
        twin.start()
        site.supervisor.watch(twin)
        site.wait(lambda: site.supervisor.counts.total() >= before + 2, "two of them thrown out of the group")
        site.supervisor.forget(twin)
        site.lift()
        twin.terminate()
        return {"thrown out": site.supervisor.counts.total() - before}

    return inject


def state_wiped(names: Sequence[str]) -> Fault:
    """SIGKILL, and nothing left on the local disk."""

    def inject(site: Site, load: Load) -> Evidence:
        folder = site.deployment.folder / "state"
        for name in names:
            site.supervisor.forget(site.process(name))
            site.process(name).kill()
        there = sum(1 for _ in folder.rglob("*"))
        shutil.rmtree(folder)
        site.lift()
        for name in names:
            site.process(name).start()
            site.supervisor.watch(site.process(name))
        return {"killed": list(names), "files and folders removed": there}

    return inject


def members(site: Site, name: str) -> int:
    """Return how many workers a service's consumer group has, by the broker's word."""

    async def ask() -> int:
        settings = load_settings()
        admin = AIOKafkaAdminClient(**client_options(settings.kafka))
        await admin.start()
        try:
            group = TopicNames(settings.kafka.prefix).group(GROUPS[name])
            described = await admin.describe_consumer_groups([group])
            return sum(len(found[5]) for response in described for found in response.groups)
        finally:
            await admin.close()

    with site.deployment.environ():
        return asyncio.run(ask())
