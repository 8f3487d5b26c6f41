"""`Stack`: start, look at, hurt and stop the local Kafka and registry of one data folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from headrace.platform.stack import kafka, registry
from headrace.platform.stack.artifacts import read_lock, version_of
from headrace.platform.stack.config import StackConfig
from headrace.platform.stack.errors import StackError
from headrace.platform.stack.fetch import fetch, unpack
from headrace.platform.stack.java import java, java_version, marker
from headrace.platform.stack.layout import assign
from headrace.platform.stack.processes import ask_to_stop, find, kill, spawn, stand_still, wait_gone
from headrace.platform.stack.readiness import await_ready, broker_problem, registry_problem
from headrace.platform.stack.report import Report
from headrace.platform.stack.resources import check_resources
from headrace.platform.stack.state import StackState, load_state, locked, save_state
from headrace.platform.stack.status import Health, ProcessStatus, StackStatus

_PAUSE_SECONDS = 30.0


@dataclass(frozen=True)
class StackInfo:
    """Where a started stack is reached.

    Attributes:
        bootstrap: for Kafka clients, `host:port`, separated by commas.
        registry_url: base address of the Confluent-compatible API.
        data_dir: the stack's data folder.
        nodes: how many brokers.
    """

    bootstrap: str
    registry_url: str
    data_dir: Path
    nodes: int

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that point Headrace's processes at this stack."""
        return {"HEADRACE_KAFKA__BOOTSTRAP": self.bootstrap, "HEADRACE_KAFKA__REGISTRY_URL": self.registry_url}


class Stack:
    """One local stack: one or three Kafka brokers and a schema registry, as processes of their own.

    The processes outlive the Python process that started them. Topics and schemas survive `down` and `up`.
    All methods block: a program whose event loop must go on calls them in a thread.

    Args:
        config: what to run; None takes the defaults.
        report: told what happens; None tells nobody.
    """

    def __init__(self, config: StackConfig | None = None, report: Report | None = None) -> None:
        config = config or StackConfig()
        self.config = config.model_copy(update={"data_dir": config.data_dir.expanduser().resolve()})
        self._report = report or Report()

    def up(self) -> StackInfo:
        """Start what does not run, wake what is paused, return when everything answers. Does nothing more if it does.

        Raises:
            StackError: the stack cannot run; what this call started was stopped again, and the text names the remedy.
        """
        java()  # tells of a missing extra before anything is touched
        config = self.config
        with locked(config.data_dir, self._report):
            remembered = load_state(config.data_dir)
            running = self._running(remembered)
            state = assign(config, remembered, running)
            if len(running) < len(state.nodes) + 1:
                check_resources(config.data_dir, len(state.nodes))
            started: list[str] = []
            try:
                for process in running.values():
                    process.resume()
                self._start_missing(state, running, started)
                self._await_ready(state)
            except BaseException:
                self._stop({name: handle for name, handle in self._running(state).items() if name in started})
                raise
        return StackInfo(state.bootstrap, state.registry_url, config.data_dir, len(state.nodes))

    def down(self) -> StackStatus:
        """Stop every process: ask with SIGTERM, wait, and kill what has not ended by the deadline, with a warning.

        Returns:
            the status afterwards. Stopping a stack that does not run is no error.
        """
        if self.config.data_dir.is_dir():
            with locked(self.config.data_dir, self._report):
                state = load_state(self.config.data_dir)
                self._stop(self._running(state))
                if state and state.processes:
                    save_state(self.config.data_dir, state.model_copy(update={"processes": {}}))
        return self.status()

    def status(self) -> StackStatus:
        """Return what runs and what answers, without changing anything."""
        state = load_state(self.config.data_dir)
        if state is None:
            return StackStatus(self.config.data_dir)
        running = self._running(state)
        ports = {node.name: node.port for node in state.nodes} | {registry.NAME: state.registry_port}
        with ThreadPoolExecutor(len(ports)) as pool:
            looks = [pool.submit(self._look, name, port, running.get(name), state) for name, port in ports.items()]
        processes = tuple(look.result() for look in looks)
        versions = tuple(sorted(state.versions.items()))
        return StackStatus(self.config.data_dir, processes, state.bootstrap, state.registry_url, versions)

    def kill(self, node: int | str = 1) -> None:
        """End one process at once with SIGKILL, as a crash would; `up` starts it again.

        Args:
            node: number of a broker, or the name of a process: `kafka-1`, `registry`.

        Raises:
            StackError: it does not run.
        """
        kill(self._one(node))

    def pause(self, node: int | str = 1) -> None:
        """Freeze one process (SIGSTOP): it keeps its connections and answers nothing, as in a long pause.

        Raises:
            StackError: it does not run, or does not stand still.
        """
        if not stand_still(self._one(node), _PAUSE_SECONDS):
            raise StackError(f"node {node} was told to stand still and did not within {_PAUSE_SECONDS:g} s")

    def resume(self, node: int | str = 1) -> None:
        """Let a paused process go on.

        Raises:
            StackError: it does not run.
        """
        self._one(node).resume()

    def log(self, node: int | str = 1) -> Path:
        """Return the log file of one process; the log of its run before lies beside it with the suffix `.log.1`."""
        return self.config.data_dir / "logs" / f"{_name(node)}.log"

    def _start_missing(self, state: StackState, running: Mapping[str, Any], started: list[str]) -> None:
        config = self.config
        nodes = [node for node in state.nodes if node.name not in running]
        needs_registry = registry.NAME not in running
        if not nodes and not needs_registry:
            return
        lock = read_lock()
        files = dict(zip(lock, fetch(lock, config.cache_dir, self._report), strict=True))
        state.versions.update(
            kafka=version_of(lock, "kafka_2.13"),
            registry=version_of(lock, "apicurio-registry-app"),
            java=java_version(),
        )
        if needs_registry:  # first: it starts while a new data folder is formatted
            archive = next(item for item in lock if item.part == "registry")
            folder = unpack(files[archive], archive.sha256, config.cache_dir)
            self._launch(state, registry.NAME, registry.command(config, state.registry_port, folder), started)
        classpath = [path for item, path in files.items() if item.part == "kafka"]
        for node in nodes:
            kafka.prepare(config, state, node, classpath)
            self._launch(state, node.name, kafka.command(config, node, classpath), started)

    def _await_ready(self, state: StackState) -> None:
        await_ready(
            self._probes(state),
            alive=lambda name: self._find(state, name) is not None,
            log=self.log,
            seconds=self.config.start_timeout,
            report=self._report,
        )

    def _probes(self, state: StackState) -> dict[str, Callable[[], str | None]]:
        count = len(state.nodes)
        probes: dict[str, Callable[[], str | None]] = {
            node.name: partial(broker_problem, node.port, count) for node in state.nodes
        }
        return probes | {registry.NAME: partial(registry_problem, state.registry_url)}

    def _launch(self, state: StackState, name: str, command: list[str], started: list[str]) -> None:
        self._report.step(f"starting {name}")
        started.append(name)
        state.processes[name] = spawn(command, self.log(name))
        save_state(self.config.data_dir, state)  # at once: a command that is interrupted now leaves nothing unknown

    def _stop(self, handles: Mapping[str, Any]) -> None:
        deadline = time.monotonic() + self.config.stop_timeout
        for handle in handles.values():
            ask_to_stop(handle)
        for name, handle in handles.items():
            self._report.step(f"waiting for {name} to stop")
            if not wait_gone(handle, max(0.0, deadline - time.monotonic())):
                self._report.warn(
                    f"{name} (process {handle.pid}) did not stop within {self.config.stop_timeout:g} s and was killed; "
                    f"it recovers its data at the next start. Its log: {self.log(name)}"
                )
                kill(handle)

    def _running(self, state: StackState | None) -> dict[str, Any]:
        found = {name: self._find(state, name) for name in (state.processes if state else ())}
        return {name: handle for name, handle in found.items() if handle is not None}

    def _find(self, state: StackState | None, name: str) -> Any | None:
        record = state.processes.get(name) if state else None
        return find(record, marker(self.config.data_dir, name))

    def _one(self, node: int | str) -> Any:
        name = _name(node)
        handle = self._find(load_state(self.config.data_dir), name)
        if handle is None:
            raise StackError(f"{name} of {self.config.data_dir} does not run; start it with `headrace stack up`")
        return handle

    def _look(self, name: str, port: int, handle: Any | None, state: StackState) -> ProcessStatus:
        if handle is None:
            return ProcessStatus(name, "stopped", port)
        health: Health = "paused"
        problem = None
        if handle.status() != "stopped":
            problem = self._probes(state)[name]()
            health = "not answering" if problem else "ready"
        return ProcessStatus(name, health, port, handle.pid, handle.memory_info().rss, problem or "")


def _name(node: int | str) -> str:
    return node if isinstance(node, str) else f"kafka-{node}"
