"""Random runs: a seed draws brokers, load, and rounds of faults on top of each other. The same seed, the same plan.

What a seed cannot repeat is how far the machine has got when a fault comes: one that failed is run several times before
it is believed to be mended.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults import edge_faults as edge
from tests.faults import kafka_faults as kafka
from tests.faults import process_faults as processes
from tests.faults.business import Load
from tests.faults.ledgers import KINDS
from tests.faults.process_faults import Evidence, Fault
from tests.faults.rows import SESSION, Row, Surroundings
from tests.faults.site import Site

ROUNDS = 4
Chance = random.Random


@dataclass(frozen=True, slots=True)
class Plan:
    """What a seed draws."""

    seed: int
    surroundings: Surroundings
    rows: Sequence[Row]

    @property
    def group(self) -> str:
        """Name of the run."""
        return f"seed {self.seed}"


def plan(seed: int, rounds: int = ROUNDS) -> Plan:
    """Return the rounds of a seed."""
    chance = Chance(seed)
    nodes = chance.choice((1, 1, 3))
    rows = [_round(seed, number, nodes, chance) for number in range(1, rounds + 1)]
    return Plan(seed, Surroundings(nodes=nodes), rows)


def _round(seed: int, number: int, nodes: int, chance: Chance) -> Row:
    kinds = tuple(kind for kind in KINDS if chance.random() < 0.8) or KINDS
    troubles = chance.sample(list(_TROUBLES), chance.randint(0, 3))
    drawn = {name: _TROUBLES[name](chance) for name in troubles}
    name, fault = _main_fault(nodes, kinds, chance)
    words = " + ".join([name, *troubles])
    fault = _together(fault, drawn)
    return Row(f"seed {seed}, round {number}: {words}", f"seed {seed}", fault, kinds, pause=chance.uniform(0.1, 0.8))


def _together(fault: Fault, troubles: dict[str, dict[str, Any]]) -> Fault:
    """Have the systems around us in trouble while a fault happens."""

    def inject(site: Site, load: Load) -> Evidence:
        for trouble in troubles.values():
            for name, body in trouble.items():
                sandbox, _, path = name.partition(" ")
                site.deployment.control(sandbox).post(path, body)
        evidence = fault(site, load)
        edge.clear(site)
        site.deployment.crm.post("webhooks", {"paused": False, "delay_seconds": 0.0, "reorder_next": 0, "drop_next": 0})
        return evidence | {"troubles": troubles}

    return inject


def _on_targets(**rule: Any) -> dict[str, Any]:
    return {"dynamics_fo faults": rule, "avidxchange faults": rule}


_CHANGES = {"method": "POST"}
_TROUBLES: dict[str, Callable[[Chance], dict[str, Any]]] = {
    "lost replies": lambda chance: _on_targets(
        kind="drop_reply", match=_CHANGES, skip=chance.randint(0, 5), times=chance.randint(1, 4)
    ),
    "dropped calls": lambda chance: _on_targets(kind="drop_request", times=chance.randint(1, 6)),
    "half replies": lambda chance: _on_targets(
        kind="drop_mid_body", match=_CHANGES, skip=chance.randint(0, 5), times=chance.randint(1, 3)
    ),
    "503": lambda chance: _on_targets(kind="status", status=503, times=chance.randint(1, 12)),
    "429": lambda chance: _on_targets(
        kind="status", status=429, headers={"Retry-After": "1"}, times=chance.randint(1, 12)
    ),
    "500 after commit": lambda chance: _on_targets(
        kind="status", status=500, match=_CHANGES, handle=True, skip=chance.randint(0, 5), times=chance.randint(1, 3)
    ),
    "slow": lambda chance: _on_targets(kind="delay", seconds=chance.uniform(0.1, 2.0), times=chance.randint(5, 30)),
    "webhooks twice": lambda chance: {"pipedrive webhooks": {"duplicate_next": chance.randint(1, 10)}},
    "webhooks gone": lambda chance: {"pipedrive webhooks": {"drop_next": chance.randint(1, 5)}},
    "webhooks reordered": lambda chance: {"pipedrive webhooks": {"reorder_next": chance.randint(2, 6)}},
    "webhooks late": lambda chance: {"pipedrive webhooks": {"delay_seconds": chance.uniform(0.5, 4.0)}},
}


def _main_fault(nodes: int, kinds: Sequence[str], chance: Chance) -> tuple[str, Fault]:
    worker = chance.choice(("processor", "ingest") if set(kinds) != {"batch"} else ("ap-processor", "ingest"))
    faults: dict[str, Callable[[], Fault]] = {
        f"kill {worker}": lambda: _killed(worker, chance.randint(1, 3)),
        f"rebalance storm of {worker}": lambda: processes.rebalance_storm(worker, chance.randint(1, 3)),
        f"freeze {worker}": lambda: processes.frozen(worker),
        "state wiped": lambda: processes.state_wiped((worker,)),
        "poison": lambda: kafka.poisonous_messages,
        "registry gone": lambda: kafka.registry_gone(),
    }
    if nodes == 3:
        node = chance.randint(1, 3)
        faults |= {
            f"broker {node} killed": lambda: kafka.broker_killed(node),
            f"broker {node} paused": lambda: kafka.broker_paused(chance.uniform(2.0, 2 * SESSION), node),
        }
    else:
        faults |= {
            "broker killed": lambda: kafka.broker_killed(1),
            "broker paused": lambda: kafka.broker_paused(chance.uniform(2.0, 2 * SESSION), 1),
        }
    name = chance.choice(list(faults))
    return name, faults[name]()


def _killed(name: str, times: int) -> Fault:
    """SIGKILL at whatever moment it is."""

    def inject(site: Site, load: Load) -> Evidence:
        for _ in range(times):
            load.goes_on(site.wait)
            before = site.supervisor.counts[name]
            site.process(name).kill()
            site.lift()
            site.wait(lambda before=before: site.supervisor.counts[name] > before, f"{name} started again")
        return {"killed": name, "times": times}

    return inject
