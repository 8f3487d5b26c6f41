"""Faults of the ground that we stand on: brokers and the registry, and what lies in topics that should not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from headrace.cli.demo.deployment import CRM, ERP
from headrace.platform.broker_access import client_options
from headrace.platform.lag import Lag
from headrace.platform.settings import load_settings
from headrace.platform.stack import Stack
from headrace.platform.topics import TopicNames
from tests.faults.business import Load
from tests.faults.site import Site

Evidence = dict[str, Any]

POISON = (
    b"",
    b"\x00",
    b"not avro at all",
    b"\x00\x7f\xff\xff\xff" + b"unknown schema",
    b"\x00\x00\x00\x00\x01" + b"\xff" * 40,
)
"""No magic byte, no schema id, a schema that the registry never saw, and bytes that its schema does not fit."""


def broker_killed(*nodes: int) -> Callable[[Site, Load], Evidence]:
    """SIGKILL brokers one after the other; each is started again once the load has gone on without it."""

    def inject(site: Site, load: Load) -> Evidence:
        stack = _stack(site)
        for node in nodes:
            stack.kill(node)
            load.goes_on(site.wait, 2)
            site.lift()
            stack.up()
        return {"killed": list(nodes)}

    return inject


def broker_paused(seconds: float, *nodes: int) -> Callable[[Site, Load], Evidence]:
    """SIGSTOP brokers all at once, for longer than a session lasts: connections stay and nothing answers."""

    def inject(site: Site, load: Load) -> Evidence:
        stack = _stack(site)
        for node in nodes:
            stack.pause(node)
        until = time.monotonic() + seconds
        load.goes_on(site.wait, 2)
        site.wait(lambda: time.monotonic() >= until, f"{seconds:g} s")  # the length is the fault
        site.lift()
        for node in nodes:
            stack.resume(node)
        return {"paused": list(nodes), "seconds": seconds}

    return inject


def registry_gone(*restarted: str) -> Callable[[Site, Load], Evidence]:
    """End the registry, and have these services start while there is none."""

    def inject(site: Site, load: Load) -> Evidence:
        stack = _stack(site)
        stack.kill("registry")
        for name in restarted:
            site.restart(name)
        load.goes_on(site.wait, 3)
        site.lift()
        stack.up()
        return {"restarted meanwhile": list(restarted)}

    return inject


def poisonous_messages(site: Site, load: Load) -> Evidence:
    """Write bytes that are no event into the inbox, the canonical topics and the commands, under keys of their own."""

    async def write() -> int:
        settings = load_settings()
        names = TopicNames(settings.kafka.prefix)
        topics = [names.inbox(CRM), names.canonical("customer"), names.canonical("sales_order"), names.commands(ERP)]
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.bootstrap, acks="all")
        await producer.start()
        try:
            for topic in topics:
                for number, value in enumerate(POISON):
                    await producer.send_and_wait(topic, value, key=f"poison-{number}".encode())
        finally:
            await producer.stop()
        return len(topics) * len(POISON)

    with site.deployment.environ():
        written = asyncio.run(write())
    load.goes_on(site.wait, 2)
    site.lift()
    return {"messages": written}


def retention_passed(site: Site, load: Load) -> Evidence:
    """Delete everything from the inboxes while ingest is stopped, as retention does to who is away for too long."""

    async def delete() -> int:
        settings = load_settings()
        names = TopicNames(settings.kafka.prefix)
        lag, admin = Lag(settings.kafka), AIOKafkaAdminClient(**client_options(settings.kafka))
        await lag.start()
        await admin.start()
        try:
            ends = await lag.ends(names.inbox(name) for name in settings.connections)
            await admin.delete_records({tp: RecordsToDelete(end) for tp, end in ends.items()})
        finally:
            await admin.close()
            await lag.stop()
        return sum(ends.values())

    process = site.process("ingest")
    with site.supervisor.leaving(process):
        process.terminate()
        load.goes_on(site.wait, 3)
        with site.deployment.environ():
            deleted = asyncio.run(delete())
        site.lift()
        process.start()
    return {"deliveries deleted": deleted}


def _stack(site: Site) -> Stack:
    if site.stack is None:
        raise RuntimeError("this row needs a stack of its own: run it by make faults")
    return site.stack
