"""The broker: its properties, the format of its data folder, its command line."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from headrace.platform.stack.config import StackConfig
from headrace.platform.stack.errors import StackError
from headrace.platform.stack.java import jvm
from headrace.platform.stack.state import Node, StackState

_INTERNAL_PARTITIONS = 8  # of the offsets and transaction topics; Kafka's 50 cost files and start time on one machine

_LOGGING = """\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}{UTC} %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = out
# Hundreds of lines of unchanged settings at every start.
logger.config.name = org.apache.kafka.common.config.AbstractConfig
logger.config.level = warn
"""


def new_cluster_id() -> str:
    """Return a fresh cluster id in Kafka's form: 16 random bytes in URL-safe base64 without padding.

    Never one that begins with a dash: the format tool would take it for an option.
    """
    while True:
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode("ascii")
        if not made.startswith("-"):
            return made


def properties(node: Node, nodes: Sequence[Node], folder: Path) -> str:
    """Return `server.properties` of one broker, which is also a controller (KRaft, static quorum).

    Every topic is as durable as the number of brokers allows: three replicas of which two must have a record before
    `acks=all` is answered, or one. Topics are never made by accident: a wrong name is an error.
    """
    replicas = len(nodes)
    in_sync = 2 if replicas >= 3 else 1
    values = {
        "process.roles": "broker,controller",
        "node.id": node.number,
        "listeners": f"PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{node.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": ",".join(f"{peer.number}@127.0.0.1:{peer.controller_port}" for peer in nodes),
        "log.dirs": folder,
        "auto.create.topics.enable": "false",
        "default.replication.factor": replicas,
        "min.insync.replicas": in_sync,
        "unclean.leader.election.enable": "false",
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": _INTERNAL_PARTITIONS,
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": _INTERNAL_PARTITIONS,
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": _INTERNAL_PARTITIONS,
        "group.initial.rebalance.delay.ms": 0,
        # A broker that was killed may register again only when its old session has ended, and its partitions move only
        # then: 3 s instead of Kafka's 9 s, because on one machine no network can be slow.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
    return "".join(f"{name}={_escaped(str(value))}\n" for name, value in values.items())


def prepare(config: StackConfig, state: StackState, node: Node, classpath: Sequence[Path]) -> None:
    """Write the node's files and, once in the life of the data folder, format its log folder.

    Raises:
        StackError: the format tool refused; the text carries what it said.
    """
    folder = config.data_dir / node.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.properties").write_text(properties(node, state.nodes, folder / "data"), encoding="utf-8")
    (folder / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
    if (folder / "data" / "meta.properties").exists():
        return
    tool = ["kafka.tools.StorageTool", "format", "-t", state.cluster_id, "-c", str(folder / "server.properties")]
    done = subprocess.run(  # noqa: S603 - our own command line
        _java(config, node, classpath, [*tool, "--ignore-formatted"]), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise StackError(f"cannot format {folder / 'data'}: {(done.stderr or done.stdout).strip()[-2000:]}")


def command(config: StackConfig, node: Node, classpath: Sequence[Path]) -> list[str]:
    """Return the command line that runs the prepared node."""
    return _java(config, node, classpath, ["kafka.Kafka", str(config.data_dir / node.name / "server.properties")])


def _java(config: StackConfig, node: Node, classpath: Sequence[Path], main: Sequence[str]) -> list[str]:
    logging = f"-Dlog4j2.configurationFile={config.data_dir / node.name / 'log4j2.properties'}"
    joined = os.pathsep.join(map(str, classpath))
    return jvm(config.data_dir, node.name, config.kafka_heap_mb, config.jvm_options, [logging, "-cp", joined, *main])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
