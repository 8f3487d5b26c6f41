from pathlib import Path

import pytest

from headrace.platform.stack import StackConfig, StackError
from headrace.platform.stack.layout import assign
from headrace.platform.stack.state import StackState


def ports(state: StackState) -> list[int]:
    return [port for node in state.nodes for port in (node.port, node.controller_port)] + [state.registry_port]


def test_new_stack_gets_distinct_ports_below_those_of_outgoing_connections(tmp_path: Path) -> None:
    found = ports(assign(StackConfig(data_dir=tmp_path, nodes=3), None, ()))
    assert len(set(found)) == 7
    assert all(20000 <= port < 32000 for port in found)


def test_restart_keeps_ports_and_identity(tmp_path: Path) -> None:
    first = assign(StackConfig(data_dir=tmp_path, nodes=3), None, ())
    assert assign(StackConfig(data_dir=tmp_path), first, ()) == first


def test_zero_chooses_anew_and_a_number_is_taken(tmp_path: Path) -> None:
    first = assign(StackConfig(data_dir=tmp_path), None, ())
    free = assign(StackConfig(data_dir=tmp_path), first, ()).nodes[0].controller_port
    # The remembered port of the registry goes to the broker, so that the registry has to get another one.
    moved = assign(StackConfig(data_dir=tmp_path, kafka_port=first.registry_port, registry_port=0), first, ())
    assert moved.nodes[0].port == first.registry_port != moved.registry_port
    assert moved.nodes[0].controller_port == free
    assert moved.cluster_id == first.cluster_id


def test_number_of_brokers_is_fixed_with_the_data(tmp_path: Path) -> None:
    first = assign(StackConfig(data_dir=tmp_path), None, ())
    with pytest.raises(StackError, match=r"was made with 1 broker\(s\), not 3"):
        assign(StackConfig(data_dir=tmp_path, nodes=3), first, ())


def test_running_process_is_not_moved(tmp_path: Path) -> None:
    first = assign(StackConfig(data_dir=tmp_path), None, ())
    with pytest.raises(StackError, match="kafka-1 runs on port"):
        assign(StackConfig(data_dir=tmp_path, kafka_port=first.nodes[0].port + 1), first, {"kafka-1", "registry"})
    same = StackConfig(data_dir=tmp_path, kafka_port=first.nodes[0].port, registry_port=0)
    assert assign(same, first, {"kafka-1", "registry"}) == first


def test_one_port_for_both_is_refused(tmp_path: Path) -> None:
    port = assign(StackConfig(data_dir=tmp_path), None, ()).registry_port
    with pytest.raises(StackError, match="another part of this stack"):
        assign(StackConfig(data_dir=tmp_path, kafka_port=port, registry_port=port), None, ())
