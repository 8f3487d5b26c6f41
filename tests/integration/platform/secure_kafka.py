"""A broker that lets nobody in without TLS, a password and the right for what is done."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from headrace.platform.settings import KafkaSettings
from headrace.platform.stack import kafka
from headrace.platform.stack.artifacts import read_lock
from headrace.platform.stack.config import StackConfig
from headrace.platform.stack.fetch import fetch
from headrace.platform.stack.ports import choose_port
from headrace.platform.stack.readiness import await_ready, broker_problem
from headrace.platform.stack.report import Report
from headrace.platform.stack.state import Node, StackState
from headrace.platform.topic_access import User
from headrace.sandbox.common.tls import LocalCertificate, local_certificate

PASSWORD = "password-of-a-user"
_RESOURCE = {"topic": 2, "group": 3}
_OPERATION = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
_LITERAL, _ALLOW = 3, 3
"""Codes of Kafka's protocol (org.apache.kafka.common: ResourceType, AclOperation, PatternType, AclPermissionType)."""


@dataclass(frozen=True)
class SecureKafka:
    """Where it is. `open` is for the tests alone: everybody may do everything there, as an operator of Kafka would."""

    bootstrap: str
    open: str
    certificate: LocalCertificate

    def settings(self, user: str, password: str = PASSWORD, **others: object) -> KafkaSettings:
        """What a client of this user is configured with."""
        values = {
            "bootstrap": self.bootstrap,
            "security_protocol": "SASL_SSL",
            "user": user,
            "password": password,
            "ca_file": self.certificate.authority_file,
            "session_timeout": 6.0,
        }
        return KafkaSettings.model_validate({**values, **others})

    async def allow(self, users: Iterable[User]) -> None:
        """Give users their rights, as Strimzi does from their KafkaUser."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.open)
        await admin.start()
        try:
            for user in users:
                for right in user.rights:
                    for operation in right.operations:
                        answer = await admin._send_request(
                            CreateAclsRequest(
                                _RESOURCE[right.kind],
                                right.name,
                                _LITERAL,
                                f"User:{user.name}",
                                "*",
                                _OPERATION[operation],
                                _ALLOW,
                            )
                        )
                        assert answer.creation_responses[0][0] == 0, answer
        finally:
            await admin.close()


@contextmanager
def secure_kafka(folder: Path, users: Iterable[str]) -> Iterator[SecureKafka]:
    """Run one broker whose users all have `PASSWORD` and, at first, no rights."""
    ports = [choose_port() for _ in range(3)]
    config, node = StackConfig(data_dir=folder), Node(number=1, port=ports[0], controller_port=ports[1])
    state = StackState(cluster_id=kafka.new_cluster_id(), nodes=[node], registry_port=1)
    certificate = local_certificate(folder / "tls")
    lock = read_lock()
    files = zip(lock, fetch(lock, config.cache_dir, Report()), strict=True)
    classpath = [path for item, path in files if item.part == "kafka"]
    kafka.prepare(config, state, node, classpath)
    home = folder / node.name
    shutil.rmtree(home / "data")  # made without users; passwords are part of formatting
    with (home / "server.properties").open("a", encoding="utf-8") as properties:
        properties.write(_secured(node, ports[2], certificate, folder))
    start = kafka.command(config, node, classpath)
    tool = [*start[:-2], "kafka.tools.StorageTool", "format", "-t", state.cluster_id, "-c", start[-1]]
    for user in users:
        tool += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={PASSWORD}]"]
    done = subprocess.run(tool, capture_output=True, text=True, check=False)  # noqa: S603 - our own command line
    assert done.returncode == 0, done.stderr or done.stdout
    with (folder / "broker.log").open("wb") as log, subprocess.Popen(start, stdout=log, stderr=log) as process:  # noqa: S603
        try:
            await_ready(
                {node.name: lambda: broker_problem(node.port, 1)},
                alive=lambda _: process.poll() is None,
                log=lambda _: folder / "broker.log",
                seconds=60,
                report=Report(),
            )
            yield SecureKafka(f"localhost:{ports[2]}", f"127.0.0.1:{node.port}", certificate)
        finally:
            process.terminate()


def _secured(node: Node, port: int, certificate: LocalCertificate, folder: Path) -> str:
    """Settings of a second listener and of rights. Later lines of a properties file win over earlier ones."""
    pair = folder / "broker.pem"
    pair.touch(mode=0o600)
    pair.write_bytes(certificate.key_file.read_bytes() + certificate.certificate_file.read_bytes())
    plain, controller = f"PLAINTEXT://127.0.0.1:{node.port}", f"CONTROLLER://127.0.0.1:{node.controller_port}"
    secure = f"SECURE://localhost:{port}"
    values = {
        "listeners": f"{plain},{controller},{secure}",
        "advertised.listeners": f"{plain},{secure}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
        "listener.name.secure.ssl.keystore.type": "PEM",
        "listener.name.secure.ssl.keystore.location": pair,
        "listener.name.secure.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secure.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": "User:ANONYMOUS",
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())
