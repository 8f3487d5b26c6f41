"""Runs rows: a load before, through and after each fault, and then the oracle."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headrace.platform.stack import Stack, StackConfig
from tests.faults.business import Load
from tests.faults.oracle import Verdict, recovery
from tests.faults.randomised import Plan
from tests.faults.rows import SURROUNDINGS, Row, Surroundings
from tests.faults.site import Site

AFTERWARDS = "judged once more: "


@dataclass(slots=True)
class Result:
    """How a row ended. Empty `trouble` and clean verdicts: it held."""

    row: str
    group: str
    seed: int
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)
    load: dict[str, int] = field(default_factory=dict)
    restarts: dict[str, int] = field(default_factory=dict)
    recovery: float | None = None
    seconds: float = 0.0
    busy: float = 0.0
    """The machine's load average when it ended."""
    trouble: str = ""
    control: bool = False

    @property
    def held(self) -> bool:
        """Whether the fault bit and the promise was kept; of a control, whether the oracle noticed."""
        clean = all(verdict.clean for verdict in self.verdicts.values())
        return not self.trouble and clean is not self.control

    def as_json(self) -> dict[str, Any]:
        """Return it for `build/faults.json`."""
        return {
            "row": self.row,
            "group": self.group,
            "held": self.held,
            "control": self.control,
            "seed": self.seed,
            "cells": {kind: verdict.as_json() for kind, verdict in sorted(self.verdicts.items())},
            "evidence": self.evidence,
            "load": self.load,
            "restarts": self.restarts,
            "recovery_seconds": self.recovery,
            "seconds": self.seconds,
            "machine_load": self.busy,
            "trouble": self.trouble,
        }


@contextmanager
def surroundings(group: str, wanted: Surroundings, folder: Path, seed: int) -> Iterator[Site]:
    """Make stack and deployment of a group, and take them down again."""
    stack = Stack(StackConfig(data_dir=folder / "stack", nodes=3 if wanted.nodes == 3 else 1, start_timeout=180.0))
    info = stack.up()
    site = Site(
        stack,
        info,
        folder / "site",
        f"{_word(group)}.",
        seed,
        overrides=_overrides(wanted),
        clocks=wanted.clocks,
        made=wanted.made,
    )
    try:
        site.start()
        yield site
    finally:
        try:
            site.stop()
        finally:
            stack.up()  # wakes what is paused
            stack.down()


def run(site: Site, row: Row) -> Result:
    """Run one row; what goes wrong is in the result."""
    result, started, since = Result(row.name, row.group, site.seed), time.monotonic(), datetime.now(UTC)
    result.control = row.control
    restarts = dict(site.supervisor.counts)
    site.lifted_at = None
    try:
        with Load(site.business, row.kinds, row.pause) as load:
            load.goes_on(site.wait, row.rounds)
            result.evidence = row.fault(site, load)
            load.goes_on(site.wait, row.rounds)
        result.load = dict(load.done)
    except Exception as error:
        result.trouble = f"{type(error).__name__}: {error}"
        _quieten(site)
    result.verdicts = site.settle(since)
    result.recovery = recovery(*site.scope(since), site.lifted_at) if site.lifted_at else None
    silent = [kind for kind in row.kinds if kind not in result.verdicts and kind != "update"]
    if silent and not result.trouble:
        result.trouble = f"the load did nothing of {', '.join(silent)}: the row proves nothing"
    if not all(verdict.clean for verdict in result.verdicts.values()):
        result.evidence["logs"] = site.logs()
    result.restarts = {name: count - restarts.get(name, 0) for name, count in site.supervisor.counts.items()}
    result.restarts = {name: count for name, count in result.restarts.items() if count}
    result.seconds, result.busy = round(time.monotonic() - started, 1), round(os.getloadavg()[0], 1)
    return result


def afterwards(site: Site, group: str) -> Result:
    """Judge everything that ever happened at a site: what came late, after its own row was judged, shows here."""
    result = Result(f"{AFTERWARDS}all of {group}", group, site.seed)
    result.verdicts = site.settle(datetime.min.replace(tzinfo=UTC))
    return result


def run_all(rows: Iterable[Row], folder: Path, seed: int) -> Iterator[Result]:
    """Run rows, those of a group together in surroundings of their own."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    for group, members in groups.items():
        with surroundings(group, SURROUNDINGS[group], folder / _word(group), seed) as site:
            for row in members:
                yield run(site, row)
            if not any(row.control for row in members):
                yield afterwards(site, group)


def run_plan(plan: Plan, folder: Path) -> Iterator[Result]:
    """Run the rounds that a seed draws, and judge once more at the end."""
    with surroundings(plan.group, plan.surroundings, folder / _word(plan.group), plan.seed) as site:
        for row in plan.rows:
            yield run(site, row)
        yield afterwards(site, plan.group)


def _quieten(site: Site) -> None:
    """Lift whatever a row that broke off has left behind."""
    if site.stack is not None:
        site.stack.up()
    for name in site.deployment.sandboxes:
        site.deployment.control(name).delete("faults")
    for process in site.deployment.processes.values():
        process.resume()
    site.deployment.crm.post("webhooks", {"paused": False, "delay_seconds": 0.0})
    for name in site.deployment.services:
        site.supervisor.watch(site.process(name))


def _overrides(wanted: Surroundings) -> dict[str, Any]:
    return {"kafka": {"replication": 3, "min_insync": 2, "partitions": 4} if wanted.nodes == 3 else {"partitions": 4}}


def _word(name: str) -> str:
    return name.replace(" ", "-")
