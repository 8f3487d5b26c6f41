"""From a signed webhook to 202 after Kafka has confirmed it (acks=all), against a handler that only produces."""

from __future__ import annotations

import asyncio
import pstats
from collections.abc import Callable
from itertools import count
from typing import Any

from headrace.cli.demo.deployment import CRM, ERP, Deployment
from headrace.platform.kafka import read_all
from headrace.platform.local_process import LocalProcess, free_port
from headrace.platform.settings import load_settings
from headrace.platform.topics import TopicNames
from tests.bench.load import Generator, Order, Outcome
from tests.bench.measuring import Effort, Report, take_turns
from tests.bench.world import World, cpu_of

GOAL_RATE, GOAL_OF_FLOOR = 4_000.0, 0.8
SECRET = "relay-secret-of-the-benchmark"


async def run(effort: Effort, world: World) -> Report:
    """Measure throughput and latency of the service's own process, and CPU time per webhook."""
    report = Report("Signed webhook to 202 after acks=all, 64 connections")
    # No sandbox runs, so the certificate that a sandbox would make is not there either.
    settings = {CRM: {"config": {"webhook": {"secret": SECRET}}}, ERP: {"config": {"verify": True}}}
    deployment = await world.deployment("receiver", connections=settings)
    floor = _floor(deployment)
    generator = Generator()
    turns = _Turns(deployment, floor, generator, world, effort.seconds)
    try:
        await asyncio.to_thread(deployment.start_services, ("receiver",))
        floor.start()
        await asyncio.to_thread(floor.wait_ready)
        service, hook = deployment.processes["receiver"], f"/hooks/{CRM}"
        contenders = {
            "receiver": turns.turn("receiver", service, deployment.ports["receiver"], hook),
            "A/A: receiver": turns.turn("A/A: receiver", service, deployment.ports["receiver"], hook),
            "floor: bare handler, same produce": turns.turn("floor", floor, turns.floor_port, "/produce"),
            "floor: bare handler, no produce": turns.turn("no produce", floor, turns.floor_port, "/nothing"),
        }
        found = await take_turns(contenders, effort.rounds, warm=True)
        for name, rates in found.items():
            report.add(name, "webhooks/s", rates, GOAL_RATE if name == "receiver" else None)
        bare = found["floor: bare handler, same produce"]
        report.ratio("receiver / floor", found["receiver"], bare, GOAL_OF_FLOOR)
        report.ratio("A/A control", found["A/A: receiver"], found["receiver"])
        turns.tell(report, effort.rounds)
        report.notes |= {"answered with 202": turns.accepted, "deliveries in the inbox": await _count(deployment)}
        if effort.profile:
            await _profile(deployment, generator, effort.seconds)
    finally:
        await generator.close()
        await asyncio.to_thread(floor.terminate)
        await asyncio.to_thread(deployment.stop)
    return report


class _Turns:
    """Does turns and keeps what else they tell."""

    def __init__(
        self, deployment: Deployment, floor: LocalProcess, generator: Generator, world: World, seconds: float
    ) -> None:
        self.floor_port = int(floor.ready_url.rpartition(":")[2].partition("/")[0])
        self.outcomes: dict[str, list[Outcome]] = {}
        self.cpu: dict[str, list[float]] = {}
        self.kafka_cpu: dict[str, list[float]] = {}
        self.accepted = 0
        self._generator = generator
        self._world = world
        self._seconds = seconds
        self._numbers = count()

    def tell(self, report: Report, rounds: int) -> None:
        """Add latency and CPU time of the turns that counted."""
        for key in ("receiver", "floor"):
            counted = self.outcomes[key][-rounds:]
            report.add(f"{key}: latency p50", "ms", [each.p50 for each in counted])
            report.add(f"{key}: latency p99", "ms", [each.p99 for each in counted])
        for key in ("receiver", "floor", "no produce"):
            report.add(f"{key}: CPU per webhook", "µs", self.cpu[key][-rounds:])
        report.ratio("CPU of floor / CPU of receiver", self.cpu["floor"][-rounds:], self.cpu["receiver"][-rounds:])
        report.add("receiver: CPU of Kafka per webhook", "µs", self.kafka_cpu["receiver"][-rounds:])

    def turn(self, key: str, process: LocalProcess, port: int, path: str) -> Callable[[], Any]:
        """Return one contender's turn."""

        async def measured() -> float:
            order = Order(port, path, self._seconds, f"{key[:3]}{next(self._numbers)}", SECRET)
            before, kafka_before = cpu_of(process), self._world.broker_cpu()
            outcome = await self._generator.run(order)
            kafka_used, used = self._world.broker_cpu() - kafka_before, cpu_of(process) - before
            self.outcomes.setdefault(key, []).append(outcome)
            self.cpu.setdefault(key, []).append(used / outcome.answered * 1e6)
            self.kafka_cpu.setdefault(key, []).append(kafka_used / outcome.answered * 1e6)
            if path.startswith("/hooks/"):
                self.accepted += outcome.answered
            return outcome.rate

        return measured


def _floor(deployment: Deployment) -> LocalProcess:
    port = free_port()
    ready = f"http://127.0.0.1:{port}/health/ready"
    folder = deployment.folder / "logs"
    return LocalProcess("floor", "tests.bench.bare_receiver", [str(port)], deployment.environment, folder, ready)


async def _profile(deployment: Deployment, generator: Generator, seconds: float) -> None:
    """Run a turn against a receiver under cProfile and print what costs most. Its deliveries count for nothing."""
    port, file = free_port(), deployment.folder / "receiver.profile"
    service = LocalProcess(
        "profiled",
        "tests.bench.profiled",
        [str(file)],
        {**deployment.environment, "HEADRACE_PORT": str(port)},
        deployment.folder / "logs",
        f"http://127.0.0.1:{port}/health/ready",
    )
    service.start()
    await asyncio.to_thread(service.wait_ready)
    await generator.run(Order(port, f"/hooks/{CRM}", seconds, "profile", SECRET))
    await asyncio.to_thread(service.terminate)
    pstats.Stats(str(file)).strip_dirs().sort_stats("tottime").print_stats(45)


async def _count(deployment: Deployment) -> int:
    """Return how many deliveries the inbox holds: every 202 must be there (I1)."""
    with deployment.environ():
        kafka = load_settings().kafka
    return sum([1 async for _ in read_all(kafka, [TopicNames(kafka.prefix).inbox(CRM)])])
