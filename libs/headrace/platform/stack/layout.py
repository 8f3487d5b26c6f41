"""Decide which broker and registry listen where: remembered ports kept, wanted ones checked, the rest chosen."""

from __future__ import annotations

from collections.abc import Collection

from headrace.platform.stack.config import StackConfig
from headrace.platform.stack.errors import StackError
from headrace.platform.stack.kafka import new_cluster_id
from headrace.platform.stack.ports import choose_port, claim, is_free
from headrace.platform.stack.registry import NAME as REGISTRY
from headrace.platform.stack.state import Node, StackState


def assign(config: StackConfig, remembered: StackState | None, running: Collection[str]) -> StackState:
    """Return the state to start with: the remembered one with every port settled.

    Args:
        config: what the operator wants.
        remembered: the content of `stack.json`; None for a new data folder.
        running: names of processes that run already; their ports stay as they are.

    Raises:
        StackError: the number of brokers, or a port of a running process, would have to change.
        PortTaken: a wanted or remembered port is in use by another program.
    """
    count = config.nodes or (len(remembered.nodes) if remembered else 1)
    if remembered and len(remembered.nodes) != count:
        raise StackError(
            f"{config.data_dir}: was made with {len(remembered.nodes)} broker(s), not {count}; the number is fixed "
            "with the data: use another data folder, or delete this one with all its topics and schemas"
        )
    taken: set[int] = set()
    nodes = [_node(config, remembered, running, number, taken) for number in range(1, count + 1)]
    registry_port = remembered.registry_port if remembered else None
    if REGISTRY in running and registry_port is not None:
        _must_stay("the registry", config.registry_port, registry_port)
    else:
        registry_port = claim("the registry", "--registry-port", config.registry_port, registry_port, taken)
    if remembered is None:
        return StackState(cluster_id=new_cluster_id(), nodes=nodes, registry_port=registry_port)
    return remembered.model_copy(update={"nodes": nodes, "registry_port": registry_port})


def _node(
    config: StackConfig, remembered: StackState | None, running: Collection[str], number: int, taken: set[int]
) -> Node:
    old = remembered.nodes[number - 1] if remembered else None
    wanted = config.kafka_port if number == 1 else None
    if old and old.name in running:
        _must_stay(old.name, wanted, old.port)
        taken |= {old.port, old.controller_port}
        return old
    port = claim(f"kafka-{number}", "--kafka-port", wanted, old.port if old else None, taken)
    taken.add(port)
    controller_port = old.controller_port if old else 0
    if not controller_port or controller_port in taken or not is_free(controller_port):
        if any(name.startswith("kafka-") for name in running):
            raise StackError(
                f"port {controller_port}, on which the running brokers expect kafka-{number}'s controller, is in use; "
                "stop the program that holds it, or stop the stack and start it again"
            )
        controller_port = choose_port(taken)  # nobody outside was told this one, so another serves as well
    taken.add(controller_port)
    return Node(number=number, port=port, controller_port=controller_port)


def _must_stay(name: str, wanted: int | None, port: int) -> None:
    if wanted and wanted != port:
        raise StackError(f"{name} runs on port {port}, not {wanted}; stop the stack first to move it")
