"""Updates through the effect protocol on the F&O sandbox, against the same calls made by bare httpx.

The protocol writes INTENT and outcome to real Kafka, each awaited, and lines of audit. Between both stands the
connector alone (`target.apply`), so that it shows what the protocol costs and what the connector does. F&O may answer
an update with the row or with nothing; then the connector reads it, and a change is two calls one after the other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from typing import Any

import httpx

from headrace.connectors.dynamics_fo import CONNECTOR
from headrace.connectors.dynamics_fo.connection import DynamicsFoConnection
from headrace.connectors.dynamics_fo.objects import CUSTOMERS
from headrace.connectors.dynamics_fo.odata import key_path, parse_target_id
from headrace.core.contracts import Action, Operation, Target
from headrace.core.ids import operation_id
from headrace.core.outcome import Status
from headrace.pipeline.assembly import open_connection
from headrace.pipeline.effects import Effects
from headrace.pipeline.gate import Gate
from headrace.pipeline.shared import Shared
from headrace.pipeline.store import TargetStore
from headrace.platform.kafka import Message
from headrace.platform.settings import Settings, load_settings
from headrace.platform.worker import StreamWorker
from tests.bench import samples
from tests.bench.measuring import Effort, Report, profiled, take_turns
from tests.bench.world import World, cpu_of

GOAL_RATE, GOAL_OF_POSSIBLE = 700.0, 0.9
IN_FLIGHT, LATENCY = 50, 0.1
CUSTOMERS_THERE = 200
CONNECTIONS_PER_CLIENT = 5
"""Of the bare clients: httpx's own pool costs more per call the more connections it has; this is where it is best."""

Change = Callable[[int, str], Awaitable[None]]
"""Changes the phone number of the customer with this number."""


async def run(effort: Effort, world: World) -> Report:
    """Measure without latency and with 100 ms, 50 changes in flight, each counted in the sandbox's ledger."""
    report = Report("Updates of customers in the F&O sandbox, one worker")
    settings = {"concurrency": IN_FLIGHT, "call_deadline": 30.0}
    deployment = await world.deployment("effects", connections={samples.ERP: {"config": settings}})
    sandbox = deployment.processes["dynamics_fo"]
    sandbox.start()
    await asyncio.to_thread(sandbox.wait_ready)
    deployment.erp.post("seed", _seed())
    with deployment.environ():
        bench = Bench(load_settings())
    await bench.start()
    try:
        before = deployment.erp.get("ledger", limit=1)["last"]
        for latency in (0.0, LATENCY):
            if latency:
                rule = {"kind": "delay", "seconds": latency, "times": None, "match": {"path": "/data/"}}
                deployment.erp.post("faults", rule)
            for calls in (1, 2):
                deployment.erp.post("settings", {"patch_representation": calls == 1})
                await _compare(report, bench, effort, latency, calls, lambda: cpu_of(sandbox))
        if effort.profile:
            deployment.erp.delete("faults")
            with profiled("effects without latency", 40):
                await bench.rate(bench.effect, effort.seconds)
        made = deployment.erp.get("ledger", limit=1)["last"] - before
        report.notes |= {"changes made": bench.made, "changes in the sandbox's ledger": made}
    finally:
        await bench.stop()
        await asyncio.to_thread(deployment.stop)
    return report


async def _compare(
    report: Report, bench: Bench, effort: Effort, latency: float, calls: int, sandbox_cpu: Callable[[], float]
) -> None:
    when = f"{latency * 1000:.0f} ms" if latency else "no latency"
    when += ", answered with the row" if calls == 1 else ", read back"
    own: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}

    def turn(name: str, change: Change) -> Callable[[], Awaitable[float]]:
        async def measured() -> float:
            made, used, sandbox_used = bench.made, time.process_time(), sandbox_cpu()
            rate = await bench.rate(change, effort.seconds)
            changes = bench.made - made
            own.setdefault(name, []).append((time.process_time() - used) / changes * 1e6)
            theirs.setdefault(name, []).append((sandbox_cpu() - sandbox_used) / changes * 1e6)
            return rate

        return measured

    contenders = {
        "protocol": bench.effect,
        "A/A: protocol": bench.effect,
        "connector": bench.apply,
        "bare httpx": bench.bare,
    }
    turns = {name: turn(name, change) for name, change in contenders.items()}
    found = await take_turns(turns, effort.rounds, warm=True)
    for name, rates in found.items():
        goal = GOAL_RATE if name == "protocol" and not latency else None
        report.add(f"{when}: {name}", "changes/s", rates, goal)
    if latency:
        for name, in_a_row, goal in (("protocol", calls, GOAL_OF_POSSIBLE), ("bare httpx", 1, None)):
            possible = [IN_FLIGHT / (latency * in_a_row)] * effort.rounds
            report.ratio(f"{when}: {name} / possible", found[name], possible, goal)
    report.ratio(f"{when}: protocol / bare httpx", found["protocol"], found["bare httpx"])
    report.ratio(f"{when}: protocol / connector", found["protocol"], found["connector"])
    report.ratio(f"{when}: A/A control", found["A/A: protocol"], found["protocol"])
    for name in ("protocol", "connector", "bare httpx"):
        report.add(f"{when}: {name}, own CPU per change", "µs", own[name][-effort.rounds :])
    report.add(f"{when}: sandbox's CPU per change", "µs", theirs["protocol"][-effort.rounds :])


class Bench:
    """One worker's effect path: a member of the target's group with its state on Kafka, and the real target."""

    def __init__(self, settings: Settings) -> None:
        opened, _ = open_connection(settings, samples.ERP, CONNECTOR)
        if not isinstance(opened, DynamicsFoConnection) or opened.target is None:
            raise RuntimeError("this benchmark is about F&O")
        self._connection, self._target = opened, _target(opened)
        self._shared = Shared(settings, "bench")
        names = self._shared.names
        self._worker = StreamWorker(
            settings.kafka,
            names.group(samples.ERP),
            [names.commands(samples.ERP)],
            names.state(samples.ERP),
            self._shared.producer,
            state_dir=settings.state_dir / "workers",
            instance="bench",
        )
        self._worker.handle_with(_Idle())
        self._store = TargetStore(self._worker, self._shared.codec)
        self._effects = Effects(self._target, self._store, Gate(samples.ERP), self._shared.owner)
        self._states = {number: samples.settled_state(number) for number in range(CUSTOMERS_THERE)}
        self._events = {number: samples.customer_event(number) for number in range(CUSTOMERS_THERE)}
        self._bare = [_bare_client(opened.config.verify) for _ in range(IN_FLIGHT // CONNECTIONS_PER_CLIENT)]
        self._in_use = [0] * len(self._bare)
        self._headers: dict[str, str] = {}
        self._numbers = count(1)
        self.made = 0

    async def start(self) -> None:
        """Join, recover, sign in."""
        await self._shared.start(links=False)
        await self._worker.start()
        async with asyncio.timeout(60):
            await self._worker.ready.wait()
        credentials = await self._connection.credentials.headers()
        self._headers = {**credentials, "Accept": "application/json", "Content-Type": "application/json"}

    async def stop(self) -> None:
        """Leave."""
        await self._worker.stop()
        for client in self._bare:
            await client.aclose()
        await self._connection.close()
        await self._shared.stop()

    async def rate(self, change: Change, seconds: float) -> float:
        """Keep 50 changes under way, each of another customer; return changes per second."""
        started, made = time.monotonic(), self.made
        deadline = started + seconds

        async def lane(lane_number: int) -> None:
            number = lane_number
            while time.monotonic() < deadline:
                await change(number, f"+1 415 {next(self._numbers):08d}")
                self.made += 1
                number = (number + IN_FLIGHT) % CUSTOMERS_THERE

        async with asyncio.TaskGroup() as lanes:
            for lane_number in range(IN_FLIGHT):
                lanes.create_task(lane(lane_number))
        return (self.made - made) / (time.monotonic() - started)

    async def effect(self, number: int, phone: str) -> None:
        """Change it as the processor does: INTENT, call, outcome, audit."""
        event = self._events[number]

        async def note(phase: str, outcome: str, operation: Operation | None = None, **more: Any) -> None:
            if operation is not None:
                more = {"op_id": operation.op_id, "step": operation.step, "object": operation.object, **more}
            await self._shared.audit.event(samples.ERP, event.meta, phase, outcome, **more)

        done = await self._effects.run(self._states[number], self._operation(number, phone), note)
        settled = self._states[number] = replace(done.state, status=Status.SETTLED, outcome="updated")
        await self._store.put(event.key, settled)
        await note("settle", "updated", target_id=settled.steps[0].target_id)
        await self._shared.audit.flush(event.key)

    async def apply(self, number: int, phone: str) -> None:
        """Change it by the connector alone."""
        await self._target.apply(self._operation(number, phone))

    async def bare(self, number: int, phone: str) -> None:
        """Change it by httpx alone, over many small clients, with one call."""
        key = parse_target_id(CUSTOMERS, self._states[number].steps[0].target_id)
        url = f"{self._connection.config.environment_url}/data/{key_path(CUSTOMERS, key)}?cross-company=true"
        index = min(range(len(self._in_use)), key=self._in_use.__getitem__)
        self._in_use[index] += 1
        try:
            body = b'{"PrimaryContactPhone":"%s"}' % phone.encode()
            answer = await self._bare[index].patch(url, content=body, headers=self._headers)
        finally:
            self._in_use[index] -= 1
        answer.raise_for_status()

    def _operation(self, number: int, phone: str) -> Operation:
        event, step = self._events[number], self._states[number].steps[0]
        return Operation(
            op_id=operation_id(event.meta.event_id, samples.ERP, phone),
            connection=samples.ERP,
            entity="customer",
            canonical_id=event.key,
            step=step.step,
            action=Action.UPDATE,
            object=step.object,
            fields={"PrimaryContactPhone": phone},
            key={"dataAreaId": "usmf", "NameAlias": step.shadow["NameAlias"]},
            target_id=step.target_id,
            event_id=event.meta.event_id,
            traceparent=samples.TRACE,
        )


class _Idle:
    """Gets no messages: the benchmark hands changes over itself."""

    async def on_assigned(self, partitions: frozenset[int]) -> None:
        """Do nothing."""

    has_room = True

    def on_message(self, message: Message) -> None:
        """Do nothing."""

    async def on_revoked(self, seconds: float) -> None:
        """Do nothing."""


def _target(connection: DynamicsFoConnection) -> Target:
    if connection.target is None:
        raise RuntimeError("the connection has no target")
    return connection.target


def _bare_client(verify: bool | str) -> httpx.AsyncClient:
    limits = httpx.Limits(
        max_connections=CONNECTIONS_PER_CLIENT, max_keepalive_connections=CONNECTIONS_PER_CLIENT, keepalive_expiry=15.0
    )
    context = httpx.create_ssl_context(verify=verify, trust_env=False)
    return httpx.AsyncClient(limits=limits, verify=context, trust_env=False, timeout=30.0)


def _seed() -> dict[str, Any]:
    rows = []
    for number in range(CUSTOMERS_THERE):
        state = samples.settled_state(number).steps[0]
        account = parse_target_id(CUSTOMERS, state.target_id)
        rows.append({**account, **{name: value for name, value in state.shadow.items() if value is not None}})
    return {"companies": {"usmf": {"name": "Contoso", "currency": "USD"}}, "records": {"CustomersV3": rows}}
