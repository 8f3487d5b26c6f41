"""Whether the brokers and the registry really answer, asked as their users ask."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event

import httpx
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from headrace.platform.stack.errors import NotReady, ProcessDied
from headrace.platform.stack.processes import tail
from headrace.platform.stack.report import Report

_PAUSE = 0.05


def broker_problem(port: int, brokers: int) -> str | None:
    """Return why the cluster is not ready, seen from the broker on this port; None when all `brokers` are in service.

    Safe to call from a thread that has no event loop.
    """
    if not _listens(port):  # first, because the client logs an error for each refused connection
        return f"nothing listens on port {port}"
    return asyncio.run(_metadata_problem(port, brokers))


def registry_problem(url: str) -> str | None:
    """Return why the registry is not ready; None when its Confluent API lists its subjects."""
    try:
        answer = httpx.get(f"{url}/subjects", timeout=5, trust_env=False)
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return None if answer.status_code == 200 else f"HTTP {answer.status_code}"


def await_ready(
    probes: Mapping[str, Callable[[], str | None]],
    alive: Callable[[str], bool],
    log: Callable[[str], Path],
    seconds: float,
    report: Report,
) -> None:
    """Return when every process answers; ask all of them at once.

    Args:
        probes: for each process a question that returns None when it is ready, else why not.
        alive: whether a process still runs; waiting for a dead one is pointless.
        log: where a process writes, for the error.
        seconds: how long to go on.
        report: told what is still waited for.

    Raises:
        ProcessDied: a process ended; the others are not waited for any longer.
        NotReady: a process did not answer in time.
    """
    deadline = time.monotonic() + seconds
    given_up = Event()

    def wait_for(name: str) -> None:
        while (problem := probes[name]()) is not None and not given_up.is_set():
            if not alive(name):
                raise ProcessDied(name, log(name), tail(log(name)))
            if time.monotonic() > deadline:
                raise NotReady(name, seconds, problem, log(name), tail(log(name)))
            given_up.wait(_PAUSE)

    waiting = sorted(probes)
    with ThreadPoolExecutor(len(waiting)) as pool:
        report.step(f"waiting for {', '.join(waiting)}")
        questions = {pool.submit(wait_for, name): name for name in waiting}
        try:
            for done in as_completed(questions):
                done.result()
                waiting.remove(questions[done])
                if waiting:
                    report.step(f"waiting for {', '.join(waiting)}")
        finally:
            given_up.set()


async def _metadata_problem(port: int, brokers: int) -> str | None:
    client = AIOKafkaAdminClient(bootstrap_servers=f"127.0.0.1:{port}", request_timeout_ms=5000)
    try:
        await client.start()
        found = len((await client.describe_cluster())["brokers"])
    except (KafkaError, OSError, TimeoutError) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        await client.close()
    return None if found == brokers else f"{found} of {brokers} brokers in service"


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False
