"""A running deployment under a load, for faults to happen to: stack, sandboxes, services, and who restarts them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from headrace.cli.demo.command import prepare_topics
from headrace.cli.demo.payables import TradeDeployment
from headrace.platform.local_process import LocalProcess
from headrace.platform.stack import Stack, StackInfo
from tests.faults.business import Business
from tests.faults.ledgers import Ledger, Ledgers
from tests.faults.oracle import Verdict, Wish, Written, judge

PATIENCE = 240.0
"""Seconds after which what did not come is taken for missing."""
STILL = 3.0
"""Seconds without a new row after which no more is expected; what comes later is judged with the next row."""


class NeverCame(AssertionError):
    """Something that a row waits for did not happen."""


class Supervisor:
    """Starts again what ended, as Kubernetes does; `counts` tells how often."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._watched: dict[str, LocalProcess] = {}
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def watch(self, process: LocalProcess) -> None:
        """Keep a process running from now on."""
        with self._lock:
            self._watched[process.name] = process

    @contextmanager
    def leaving(self, process: LocalProcess) -> Iterator[None]:
        """Leave a process alone."""
        with self._lock:
            watched = self._watched.pop(process.name, None)
        try:
            yield
        finally:
            if watched is not None:
                self.watch(watched)

    def forget(self, process: LocalProcess) -> None:
        """Leave a process alone for good."""
        with self._lock:
            self._watched.pop(process.name, None)

    def stop(self) -> None:
        """Restart nothing more."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            with self._lock:
                for name, process in self._watched.items():
                    if not process.running:
                        process.start()
                        self.counts[name] += 1


class Site:
    """Everything that a row needs.

    Args:
        stack: runs, and may be hurt.
        info: where it is.
        folder: for configuration, data and logs.
        prefix: of topics.
        seed: of the load.
        overrides: of the settings.
        clocks: seconds by which a sandbox's clock is ahead, by its name.
        made: another deployment of the same systems.
    """

    def __init__(
        self,
        stack: Stack | None,
        info: StackInfo,
        folder: Path,
        prefix: str,
        seed: int,
        *,
        overrides: Mapping[str, Any] | None = None,
        clocks: Mapping[str, float] | None = None,
        made: type[TradeDeployment] = TradeDeployment,
    ) -> None:
        self.stack = stack
        self.seed = seed
        self.deployment = made(info, folder, prefix, overrides)
        self._clocks = clocks or {}
        self.business = Business(self.deployment, seed)
        self.supervisor = Supervisor()
        self.lifted_at: datetime | None = None

    def start(self) -> None:
        """Start all of it and wait until masters have arrived."""
        deployment = self.deployment
        deployment.start_sandboxes()
        for name, seconds in self._clocks.items():
            deployment.control(name).post("clock", {"advance_seconds": seconds})
        crm, erp, ap = (
            Ledger(deployment.control(name), skew=self._clocks.get(name, 0.0)) for name in deployment.sandboxes
        )
        self.ledgers = Ledgers(crm, erp, ap)
        deployment.configure()
        with deployment.environ():
            asyncio.run(prepare_topics())
        self.business.open()
        deployment.start_services()
        for name in deployment.services:
            self.supervisor.watch(deployment.processes[name])
        codes = self.business.masters
        self.wait(lambda: self._codes() >= codes, "the codes in AvidXchange")
        self.wait(lambda: all(each.complete for each in self.judge().values()), "what there is at the beginning")

    def stop(self) -> None:
        """Stop all of it but the stack."""
        self.supervisor.stop()
        self.business.close()
        for process in self.deployment.processes.values():
            process.resume()
        self.deployment.stop()

    # --- processes ---

    def process(self, name: str) -> LocalProcess:
        """Return a process of the deployment."""
        return self.deployment.processes[name]

    def restart(self, name: str, **environment: str) -> int:
        """Ask a process to stop, start it with these variables, and return how it ended."""
        process = self.process(name)
        with self.supervisor.leaving(process):
            ended = process.terminate()
            process.start(**environment)
        return ended

    def wait_ready(self) -> None:
        """Wait until every service works."""
        for name in self.deployment.services:
            self.wait(lambda name=name: self._is_ready(name), f"{name} ready")

    # --- judging ---

    def judge(self, since: datetime | None = None, *, requests: bool = False) -> dict[str, Verdict]:
        """Return the oracle's verdicts on records of which the sources said something since a time."""
        self.ledgers.read()
        wishes, written = self.scope(since)
        return judge(wishes, written, self.ledgers.requests() if requests else ())

    def scope(self, since: datetime | None) -> tuple[list[Wish], list[Written]]:
        """Return what was said of records that have news since a time, all rows of these, and new rows of nobody."""
        wishes, written = self.ledgers.wishes(), self.ledgers.written()
        if since is None:
            return wishes, written
        names = {each.name for each in wishes}
        new = {each.name for each in wishes if each.versions[-1].at >= since}
        return (
            [each for each in wishes if each.name in new],
            [each for each in written if each.name in new or (each.name not in names and each.at >= since)],
        )

    def settle(self, since: datetime) -> dict[str, Verdict]:
        """Wait until all is there or the time is up, then until nothing more comes; return the verdicts."""
        deadline = time.monotonic() + PATIENCE
        while not all(each.complete for each in self.judge(since).values()) and time.monotonic() < deadline:
            time.sleep(0.3)
        length, still = self.ledgers.read(), time.monotonic()
        while time.monotonic() - still < STILL:
            time.sleep(0.2)
            if (now := self.ledgers.read()) != length:
                length, still = now, time.monotonic()
        return self.judge(since, requests=True)

    # --- waiting ---

    def lift(self) -> None:
        """Note that the fault ends now."""
        self.lifted_at = datetime.now(UTC)

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait until something is so. Raises NeverCame."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise NeverCame(f"{what} did not come within {seconds:g} s\n{self.logs()}")
            time.sleep(0.05)

    def logs(self) -> str:
        """Return the end of every service's log."""
        names = [name for name in self.deployment.processes if name not in self.deployment.sandboxes]
        return "\n".join(f"--- {name}\n{self.process(name).tail(8)}" for name in names)

    def _is_ready(self, name: str) -> bool:
        try:
            return httpx.get(self.process(name).ready_url, trust_env=False, timeout=2.0).status_code == 200
        except httpx.TransportError:
            return False

    def _codes(self) -> int:
        return int(self.deployment.control("avidxchange").get("records").get("enterpriseCodes", 0))
