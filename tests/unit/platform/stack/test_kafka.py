import base64
import uuid
from pathlib import Path

import pytest

from headrace.platform.stack.kafka import new_cluster_id, properties
from headrace.platform.stack.state import Node

NODES = [Node(number=n, port=20000 + n, controller_port=21000 + n) for n in (1, 2, 3)]


def parsed(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


def test_one_broker_can_keep_a_promise_alone() -> None:
    found = parsed(properties(NODES[0], NODES[:1], Path("/data")))
    assert found["controller.quorum.voters"] == "1@127.0.0.1:21001"
    assert found["listeners"] == "PLAINTEXT://127.0.0.1:20001,CONTROLLER://127.0.0.1:21001"
    assert found["auto.create.topics.enable"] == "false"
    assert {found[name] for name in found if "replication.factor" in name or "min.i" in name} == {"1"}


def test_three_brokers_need_two_in_sync_for_everything() -> None:
    found = parsed(properties(NODES[1], NODES, Path("/data")))
    assert found["node.id"] == "2"
    assert found["controller.quorum.voters"].count("@") == 3
    assert {found[name] for name in found if "replication.factor" in name} == {"3"}
    assert {found[name] for name in found if "min.insync" in name or name.endswith("min.isr")} == {"2"}


def test_cluster_id_has_the_form_that_kafka_accepts() -> None:
    assert len(base64.urlsafe_b64decode(new_cluster_id() + "==")) == 16
    assert new_cluster_id() != new_cluster_id()


def test_no_cluster_id_looks_like_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """One in 64 random ids begins with a dash, and the format tool refuses it."""
    ids = iter([uuid.UUID(bytes=b"\xfb" * 16), uuid.UUID(bytes=b"\x01" * 16)])
    monkeypatch.setattr("headrace.platform.stack.kafka.uuid.uuid4", lambda: next(ids))
    assert new_cluster_id() == "AQEBAQEBAQEBAQEBAQEBAQ"
