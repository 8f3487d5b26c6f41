"""Memory of a worker process, idle and with settled ids, and how long it takes to recover them after a start."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import psutil  # type: ignore[import-untyped]

from headrace.cli.demo.deployment import Deployment
from headrace.pipeline.links import SCHEMA as LINK
from headrace.pipeline.shared import Shared
from headrace.pipeline.state import SCHEMA as STATE
from headrace.pipeline.state import to_record
from headrace.platform.settings import load_settings
from tests.bench import samples
from tests.bench.measuring import Effort, Report
from tests.bench.world import World, process_of

MIB = 1024 * 1024
_TOGETHER = 2_000


async def run(effort: Effort, world: World) -> Report:
    """Start the processor's own process with an empty state, then with states, then with their links as well."""
    report = Report(f"The processor's process with {effort.ids:,} settled customers")
    settings = {samples.ERP: {"config": {"verify": True}}}
    deployment = await world.deployment("memory", connections=settings)
    starts = 1 if effort.quick else 3
    await _starts(deployment, 1)  # the first start of a consumer group takes longer: not counted
    empty = await _starts(deployment, starts)
    with deployment.environ():
        state_bytes = await _fill_states(effort.ids)
    states = await _starts(deployment, starts)
    with deployment.environ():
        link_bytes = await _fill_links(effort.ids)
    links = await _starts(deployment, starts)

    base, start = empty[0].rss, statistics.median(each.seconds for each in empty)
    report.add("idle RSS, nothing in the state", "MiB", [each.rss / MIB for each in empty])
    report.add("A/A: RSS of other starts / RSS of the first", "ratio", [each.rss / base for each in empty])
    report.add("idle CPU", "% of a core", [each.idle_cpu * 100 for each in [*empty, *states]])
    report.add("RSS with states", "MiB", [each.rss / MIB for each in states])
    report.add("RSS with states and links", "MiB", [each.rss / MIB for each in links])
    report.add("memory per settled id", "bytes", [(each.rss - base) / effort.ids for each in states])
    both = [(each.rss - base) / effort.ids for each in links]
    report.add("memory per settled id with two links and a natural key", "bytes", both)
    report.add("state on Kafka per id", "bytes", [state_bytes / effort.ids])
    report.add("links on Kafka per id", "bytes", [link_bytes / effort.ids])
    report.add("start until ready, nothing to recover", "s", [each.seconds for each in empty])
    report.add(f"recovery of {effort.ids:,} states", "s", [each.seconds - start for each in states])
    report.add(f"recovery of {effort.ids:,} states and their links", "s", [each.seconds - start for each in links])
    report.add("states recovered", "ids/s", [effort.ids / max(0.1, each.seconds - start) for each in states])
    return report


class _Start:
    """What one start took: seconds until ready, resident bytes, and share of a core when there is nothing to do."""

    def __init__(self, seconds: float, rss: int, idle_cpu: float) -> None:
        self.seconds = seconds
        self.rss = rss
        self.idle_cpu = idle_cpu


async def _starts(deployment: Deployment, times: int) -> list[_Start]:
    return [await _start(deployment) for _ in range(times)]


async def _start(deployment: Deployment) -> _Start:
    service = deployment.processes["processor"]
    started = time.monotonic()
    service.start()
    try:
        await asyncio.to_thread(service.wait_ready, 300.0)
        seconds = time.monotonic() - started
        process = process_of(service)
        return _Start(seconds, process.memory_info().rss, await _idle_cpu(process))
    finally:
        await asyncio.to_thread(service.terminate)


async def _idle_cpu(process: psutil.Process) -> float:
    return float(await asyncio.to_thread(process.cpu_percent, 2.0)) / 100


async def _fill_states(count: int) -> int:
    async with _shared() as shared:
        settled = ((number, samples.settled_state(number)) for number in range(count))
        records = (
            (samples.customer_event(number).key, shared.codec.encode(STATE, to_record(state, samples.START)))
            for number, state in settled
        )
        return await _produce(shared, shared.names.state(samples.ERP), records)


async def _fill_links(count: int) -> int:
    """Write what identity and processor leave of each customer: its two records and its tax number."""
    async with _shared() as shared:

        def records() -> Iterable[tuple[str, bytes]]:
            for number in range(count):
                canonical_id = samples.customer_event(number).key
                target_id = f"dataAreaId=usmf,CustomerAccount=US-{number:06d}"
                for connection, obj, external_id in (
                    (samples.CRM, "organization", str(number)),
                    (samples.ERP, "CustomersV3", target_id),
                    ("*", "key/customer/tax_number", f"us{number:09d}"),
                ):
                    link = {
                        "connection": connection,
                        "object": obj,
                        "external_id": external_id,
                        "canonical_id": canonical_id,
                        "entity": "customer",
                        "origin": "written",
                        "written_fingerprint": None,
                        "updated_at": samples.START,
                    }
                    yield f"{connection}:{obj}:{external_id}", shared.codec.encode(LINK, link)

        return await _produce(shared, shared.names.links, records())


async def _produce(shared: Shared, topic: str, records: Iterable[tuple[str, bytes]]) -> int:
    pending = []
    size = 0
    for key, value in records:
        size += len(key) + len(value)
        pending.append(await shared.producer.send_soon(topic, key, value))
        if len(pending) == _TOGETHER:
            await asyncio.gather(*pending)
            pending.clear()
    await asyncio.gather(*pending)
    return size


@asynccontextmanager
async def _shared() -> AsyncIterator[Shared]:
    shared = Shared(load_settings(), "bench")
    await shared.start(links=False)
    try:
        yield shared
    finally:
        await shared.stop()
