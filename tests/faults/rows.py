"""The matrix as data: which fault, in which surroundings, meets which kinds of operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headrace.cli.demo.payables import TradeDeployment
from tests.faults import edge_faults as edge
from tests.faults import kafka_faults as kafka
from tests.faults import process_faults as processes
from tests.faults.ledgers import KINDS
from tests.faults.process_faults import Fault
from tests.faults.unprotected import UnprotectedDeployment

OF_CRM = ("create", "update", "order")
OF_ERP = ("create", "update", "order", "invoice")
SESSION = 6.0
"""Seconds without a heartbeat after which a worker is out of its group, in these deployments."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rows of one group share: a stack and a deployment, made for them.

    Attributes:
        nodes: brokers.
        clocks: seconds by which a sandbox's clock is ahead of ours, by its name.
        made: the deployment.
    """

    nodes: int = 1
    clocks: Mapping[str, float] | None = None
    made: type[TradeDeployment] = TradeDeployment


@dataclass(frozen=True, slots=True)
class Row:
    """One fault under one load. The verdict on each kind is a cell of the matrix.

    Attributes:
        name: unique.
        group: of rows that share their surroundings.
        fault: what happens.
        kinds: operations of the load.
        rounds: how often the load does each kind at least, before the fault and after it.
        pause: seconds between two things that the load does.
        control: it must not hold: what protects is switched off, and the oracle has to notice.
    """

    name: str
    group: str
    fault: Fault
    kinds: tuple[str, ...] = KINDS
    rounds: int = 1
    pause: float = 0.25
    control: bool = False


SURROUNDINGS: Mapping[str, Surroundings] = {
    "targets": Surroundings(),
    "processes": Surroundings(),
    "crash points": Surroundings(),
    "one broker": Surroundings(),
    "skewed clocks": Surroundings(clocks={"pipedrive": 300.0, "dynamics_fo": -240.0, "avidxchange": 90.0}),
    "three brokers": Surroundings(nodes=3),
    "control": Surroundings(made=UnprotectedDeployment),
}

_TARGETS = {
    "reply lost after commit": edge.target("drop_reply"),
    "connection dropped before the call was taken": edge.target("drop_request"),
    "connection dropped in the middle of the reply": edge.target("drop_mid_body"),
    "no reply until the deadline, committed": edge.target("hang", each=1),
    "slow target, 3 s for a call": edge.target("delay", each=4, seconds=3.0),
    "503, not taken": edge.target("status", each=6, status=503),
    "503, but committed": edge.target("status", status=503, handle=True),
    "500, but committed": edge.target("status", status=500, handle=True),
    "429 storm, Retry-After in seconds": edge.storm(429),
    "429 storm, Retry-After as a date": edge.storm(429, retry_after="date"),
    "429 storm without Retry-After": edge.storm(429, times=3, retry_after=""),
    "503 for every request": edge.storm(503, retry_after=""),
}
_HOOKS = {
    "webhooks twice": edge.hooks(duplicate_next=12),
    "webhooks in another order": edge.hooks(reorder_next=12),
    "webhooks late": edge.hooks(delay_seconds=4.0),
    "webhooks that never come": edge.hooks(drop_next=8),
    "webhooks held back, then all at once": edge.hooks(paused=True),
    "webhooks that are none": edge.poisonous_hooks,
}
_PROCESSES = {
    "SIGTERM with calls in flight": processes.stopped_with_calls("processor", "ap-processor"),
    "SIGKILL with calls in flight": processes.stopped_with_calls("processor", "ap-processor", kill=True),
    "SIGTERM of ingest and receiver": processes.stopped_with_calls("ingest", "receiver"),
    "worker frozen past its session": processes.frozen("processor"),
    "normaliser frozen past its session": processes.frozen("ingest"),
    "batch worker frozen past its session": processes.frozen("ap-processor"),
    "rebalance storm of processors": processes.rebalance_storm("processor"),
    "rebalance storm of normalisers": processes.rebalance_storm("ingest"),
    "two workers with one instance name": processes.same_name("processor"),
    "two normalisers with one instance name": processes.same_name("ingest"),
    "local state wiped": processes.state_wiped(("processor", "ap-processor", "ingest", "crm-processor")),
}
_ONE_BROKER = {
    "bytes that are no event in the topics": kafka.poisonous_messages,
    "inboxes emptied while ingest is stopped": kafka.retention_passed,
    "registry gone": kafka.registry_gone(),
    "registry gone while services start": kafka.registry_gone("processor", "ingest"),
    "the only broker killed": kafka.broker_killed(1),
    "the only broker paused past the session": kafka.broker_paused(2 * SESSION, 1),
}
_THREE_BROKERS = {
    "a broker killed": kafka.broker_killed(2),
    "each broker killed in turn": kafka.broker_killed(1, 2, 3),
    "a broker paused past the session": kafka.broker_paused(2 * SESSION, 3),
    "two of three brokers paused": kafka.broker_paused(2 * SESSION, 1, 2),
}


def _crash_points() -> Iterator[Row]:
    of_effects = ("before-intent", "before-call", "after-call", "before-verify", "before-done", "after-done")
    points = [f"effects.{each}" for each in of_effects] + ["process.before-link", "process.before-ack"]
    for kind in KINDS:
        name = "ap-processor" if kind == "batch" else "processor"
        for point in points:
            yield _crash(name, point, kind)
        for point in ("normalise.before-emit", "normalise.after-emit", "normalise.before-ack"):
            yield _crash("ingest", point, kind)
        for point in ("poll.before-cursor", "poll.after-cursor"):
            yield _crash("ingest", point, kind)
    for kind in OF_CRM:
        for point in ("receive.before-produce", "receive.after-produce"):
            yield _crash("receiver", point, kind)
    for kind in ("order", "invoice"):
        for point in ("parking.before-park", "parking.after-park"):
            yield _crash("processor", point, kind)


def _crash(name: str, point: str, kind: str) -> Row:
    return Row(f"killed at {point}: {kind}", "crash points", processes.crash(name, point, 2), (kind,), pause=0.7)


ROWS: Sequence[Row] = (
    *(Row(name, "targets", fault) for name, fault in _TARGETS.items()),
    Row("access tokens end early", "targets", edge.tokens_end(), OF_ERP),
    *(Row(name, "targets", fault, OF_CRM) for name, fault in _HOOKS.items()),
    *(Row(name, "processes", fault) for name, fault in _PROCESSES.items()),
    *_crash_points(),
    *(Row(name, "one broker", fault) for name, fault in _ONE_BROKER.items()),
    *(
        Row(f"skewed clocks: {name}", "skewed clocks", fault)
        for name, fault in {
            "reply lost": edge.target("drop_reply"),
            "SIGKILL with calls in flight": processes.stopped_with_calls("processor", "ap-processor", kill=True),
        }.items()
    ),
    *(Row(name, "three brokers", fault) for name, fault in _THREE_BROKERS.items()),
    Row("protocol switched off: reply lost", "control", edge.target("drop_reply"), ("create", "order"), control=True),
)


def chosen(pattern: str = "") -> list[Row]:
    """Return the rows whose name or group holds one of the words between commas; all if there is none.

    Raises:
        ValueError: no row does.
    """
    words = [word.strip() for word in pattern.split(",") if word.strip()]
    found = [row for row in ROWS if not words or any(word in row.name or word == row.group for word in words)]
    if not found:
        raise ValueError(f"no row and no group is called {pattern!r}; groups: {', '.join(SURROUNDINGS)}")
    return found
