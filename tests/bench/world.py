"""What benchmarks run against: one local Kafka and registry, sandboxes and services as processes of their own."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil  # type: ignore[import-untyped]

from headrace.cli.demo.command import prepare_topics
from headrace.cli.demo.deployment import Deployment
from headrace.platform.local_process import LocalProcess
from headrace.platform.stack import Stack, StackConfig, StackInfo


class World:
    """Starts the stack when the first benchmark asks for it; stops everything at the end.

    Kafka runs with Java's own settings, not with those that start fastest.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="headrace-bench-"))
        self._stack = Stack(StackConfig(data_dir=self._folder / "stack", jvm_options=()))
        self._info: StackInfo | None = None
        self._deployments: list[Deployment] = []

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for deployment in self._deployments:
            await asyncio.to_thread(deployment.stop)
        if self._info is not None:
            await asyncio.to_thread(self._stack.down)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def stack(self) -> StackInfo:
        """Return where Kafka and the registry are; they start at the first call."""
        if self._info is None:
            self._info = await asyncio.to_thread(self._stack.up)
        return self._info

    async def deployment(self, name: str, **overrides: Any) -> Deployment:
        """Return a deployment with topics of its own, nothing of it started.

        Args:
            name: topic prefix and folder.
            overrides: merged into the settings, see `Deployment`.
        """
        made = Deployment(await self.stack(), self._folder / name, f"{name}.", overrides)
        self._deployments.append(made)
        made.configure()
        with made.environ():
            await prepare_topics()
        return made

    def broker_cpu(self) -> float:
        """Return the CPU seconds that Kafka has used so far."""
        return sum(_cpu(process.pid) for process in self._stack.status().processes if process.pid is not None)


def process_of(running: LocalProcess) -> psutil.Process:
    """Return a process of a deployment, for what it uses of the machine."""
    return psutil.Process(int((running.log.parent.parent / "pids" / f"{running.name}.pid").read_text()))


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def cpu_of(running: LocalProcess) -> float:
    """Return the CPU seconds that a process has used so far."""
    return _cpu(process_of(running).pid)
