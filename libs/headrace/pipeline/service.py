"""Runs the flows of one process: start, health, signals, drain. The services only say which."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any

from aiokafka.errors import KafkaConnectionError
from starlette.applications import Starlette

from headrace.core.contracts import Connection, Connector, Source
from headrace.core.errors import ConfigurationError, RetryLater
from headrace.mapping.documents import InMapping, OutMapping
from headrace.pipeline.assembly import (
    choose,
    converts,
    open_connection,
    source_flow,
    source_mappings,
    target_flow,
    target_mappings,
)
from headrace.pipeline.names import check_names
from headrace.pipeline.receive import Application, Receiver
from headrace.pipeline.shared import Shared
from headrace.platform.health import HttpServer, routes
from headrace.platform.logging import configure
from headrace.platform.settings import Settings, load_settings
from headrace.platform.worker import StreamWorker

logger = logging.getLogger(__name__)

STALLED_SECONDS = 300.0
"""An event older than this that still holds back the commit makes the process not ready, and shows in the metrics."""


class Process:
    """One process: asks to stop on SIGTERM and SIGINT, and fails on the first unexpected error."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = asyncio.Event()
        self.error: BaseException | None = None
        self.workers: dict[str, StreamWorker] = {}
        self.watched: list[Callable[[], BaseException | None]] = []
        """Each returns the error that ended a task of this process, None while it works."""

    def fail(self, error: BaseException) -> None:
        """Stop the process because of an error; the restart begins again from the acks."""
        if self.error is None:
            self.error = error
        self.stopping.set()

    def live(self) -> dict[str, str]:
        """Return what a restart would mend."""
        crashed = {name: repr(worker.failed) for name, worker in self.workers.items() if worker.failed}
        return {**crashed, **({"process": repr(self.error)} if self.error else {})}

    def ready(self) -> dict[str, str]:
        """Return what keeps the process from working."""
        if self.stopping.is_set():
            return {"process": "stopping"}
        slow = {
            name: f"an event is {age:.0f} s old"
            for name, worker in self.workers.items()
            if (age := worker.offsets.oldest_age()) > STALLED_SECONDS
        }
        return slow | {name: "recovering" for name, worker in self.workers.items() if not worker.ready.is_set()}

    async def until_stopped(self) -> None:
        """Wait for a signal or an error."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stopping.set)
        while not self.stopping.is_set():
            for worker in self.workers.values():
                if worker.failed:
                    self.fail(worker.failed)
            for watch in self.watched:
                if (error := watch()) is not None:
                    self.fail(error)
            try:
                async with asyncio.timeout(1.0):
                    await self.stopping.wait()
            except TimeoutError:
                continue


async def receive(connectors: Sequence[Connector], settings: Settings, only: str = "") -> None:
    """Run the webhook receiver for every source connection."""
    process, shared = Process(settings), Shared(settings, "receiver")
    await shared.start(links=False)
    process.watched = [shared.failed]
    opened = {
        name: open_connection(settings, name, connector, shared.credentials)[0]
        for name, connector in choose(settings, connectors, lambda each: each.source, only).items()
    }
    sources: dict[str, Source] = {name: each.source for name, each in opened.items() if each.source is not None}
    receiver = Receiver(sources, {name: shared.inbox(name) for name in sources})
    server = HttpServer(Application(receiver, routes(process.live, process.ready)), settings.host, settings.port)
    try:
        await server.start()
        calm_collector()
        await process.until_stopped()
        await receiver.drain(settings.drain_seconds)
    finally:
        await server.stop()
        for each in opened.values():
            await each.close()
        await shared.stop()
    if process.error is not None:
        raise process.error


async def ingest(connectors: Sequence[Connector], settings: Settings, only: str = "") -> None:
    """Run normalisers and pollers for every source connection."""
    process, shared = Process(settings), Shared(settings, "ingest")
    await shared.start()
    chosen = choose(settings, connectors, lambda each: each.source, only)
    flows = {name: source_flow(shared, name, connector, process.fail) for name, connector in chosen.items()}
    process.workers = {name: flow.worker for name, flow in flows.items()}
    process.watched = [shared.failed, *(flow.polls.failed for flow in flows.values())]
    checks = [
        _checking(name, each, flows[name].connection, source_mappings(settings, name, each))
        for name, each in chosen.items()
    ]
    try:
        await _run(process, shared)
    finally:
        for check in checks:
            check.cancel()
        for flow in flows.values():
            await flow.connection.close()
        await shared.stop()


async def process_targets(connectors: Sequence[Connector], settings: Settings, only: str = "") -> None:
    """Run the processors of every target connection of these systems."""
    process, shared = Process(settings), Shared(settings, "processor")
    await shared.start()
    chosen = choose(settings, connectors, lambda each: each.target, only)
    if converts(settings, chosen):
        await shared.rates.start()
    flows = {name: target_flow(shared, name, connector, process.fail) for name, connector in chosen.items()}
    process.workers = {name: flow.worker for name, flow in flows.items()}
    process.watched = [shared.failed]
    timers: list[asyncio.Task[object]] = [asyncio.create_task(flow.parking.run_timers()) for flow in flows.values()]
    timers += [
        _checking(name, each, flows[name].connection, target_mappings(settings, name, each).values())
        for name, each in chosen.items()
    ]
    try:
        await _run(process, shared)
    finally:
        for timer in timers:
            timer.cancel()
        for flow in flows.values():
            await flow.connection.close()
        await shared.stop()


def _checking(
    name: str, connector: Connector, connection: Connection, documents: Iterable[InMapping | OutMapping]
) -> asyncio.Task[object]:
    return asyncio.create_task(check_names(name, connector, connection, documents))


async def _run(process: Process, shared: Shared) -> None:
    settings = process.settings
    for name, worker in process.workers.items():
        worker.show_as(name)
    server = HttpServer(Starlette(routes=routes(process.live, process.ready)), settings.host, settings.metrics_port)
    await server.start()
    logger.info("health and metrics", extra={"port": server.port})
    calming = asyncio.create_task(_calm_when_recovered(process))
    try:
        await asyncio.gather(*(worker.start() for worker in process.workers.values()))
        await process.until_stopped()
    finally:
        calming.cancel()
        await asyncio.gather(*(worker.stop() for worker in process.workers.values()), return_exceptions=True)
        await server.stop()
    if process.error is not None:
        raise process.error


async def _calm_when_recovered(process: Process) -> None:
    for worker in process.workers.values():
        await worker.ready.wait()
    calm_collector()


def calm_collector() -> None:
    """Leave what start-up made to itself and look for cycles rarely.

    Requests and events make next to none, their objects die by reference counting, and each look stops the process
    while it goes through all states and links. `make bench` calls it where it measures what a service does in process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def main(service: str, flow: Any, connectors: Sequence[Connector], arguments: Sequence[str]) -> None:
    """Entry point of every service: configuration, logs, run; exits 78 (EX_CONFIG) on wrong configuration.

    Args:
        service: name for the logs.
        flow: `receive`, `ingest` or `process_targets`.
        connectors: the systems that this process knows.
        arguments: command line; an optional connection name restricts the process to it.
    """
    configure(service)
    try:
        coroutine: Coroutine[Any, Any, None] = flow(connectors, load_settings(), arguments[0] if arguments else "")
        asyncio.run(coroutine)
    except ConfigurationError as error:
        for problem in error.problems:
            logger.error(problem)
        raise SystemExit(78) from None
    except (RetryLater, KafkaConnectionError) as error:
        logger.error("cannot work yet", extra={"reason": str(error)})
        raise SystemExit(75) from None
