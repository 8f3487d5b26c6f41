"""The demo's story on a Kafka where each process is a user with the rights of its KafkaUser, and no other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka.errors import TopicAuthorizationFailedError
from typer.testing import CliRunner

from headrace.cli.demo.command import prepare_topics
from headrace.cli.demo.deployment import CRM, ERP, SERVICES, Deployment
from headrace.cli.demo.story import Story
from headrace.cli.main import app
from headrace.platform.local_process import LocalProcess
from headrace.platform.settings import load_settings
from headrace.platform.stack import StackInfo
from headrace.platform.topic_access import DEPLOY, OPERATOR, RECONCILE, users
from tests.integration.platform.secure_kafka import PASSWORD, SecureKafka, secure_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.e2e]

PEOPLE_AND_SERVICES = ("ingest-receiver", "ingest-worker", "dynamics-fo", "pipedrive", DEPLOY, OPERATOR, RECONCILE)


def process_of(started: LocalProcess) -> str:
    """The process whose user a running service is: ingest has two, each other service one."""
    _, service, part = started.module.split(".")
    return f"ingest-{part}" if service == "ingest" else service.replace("_", "-")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path / "kafka", [f"headrace-{process}" for process in PEOPLE_AND_SERVICES]) as running:
        yield running


@pytest.fixture
def deployment(stack: StackInfo, broker: SecureKafka, tmp_path: Path) -> Iterator[Deployment]:
    """A deployment on the broker, with rights given and topics made."""
    access = {
        "bootstrap": broker.bootstrap,
        "security_protocol": "SASL_SSL",
        "user": "${KAFKA_USER}",
        "password": PASSWORD,
        "ca_file": str(broker.certificate.authority_file),
    }
    made = Deployment(stack, tmp_path / "deployment", overrides={"kafka": access})
    for name in SERVICES:
        made.processes[name]._environment["KAFKA_USER"] = f"headrace-{process_of(made.processes[name])}"
    made.start_sandboxes()
    made.configure()
    try:
        made.environment["KAFKA_USER"] = f"headrace-{DEPLOY}"
        with made.environ():
            asyncio.run(_prepare(broker))
        made.environment["KAFKA_USER"] = f"headrace-{OPERATOR}"
        yield made
    finally:
        made.stop()


async def _prepare(broker: SecureKafka) -> None:
    """The broker learns of rights one after the other: once it knows the last user's it knows them all."""
    known = [user for user in users(load_settings()) if user.process in PEOPLE_AND_SERVICES]
    await broker.allow(sorted(known, key=lambda user: user.process == DEPLOY))
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(TopicAuthorizationFailedError):
                await prepare_topics()
                return


def test_each_process_does_its_work_with_its_own_rights(deployment: Deployment) -> None:
    told: list[str] = []
    story = Story(deployment, told.append, deals=20, seed=20261121)
    world, team, latecomer = story.prepare()
    deployment.start_services()
    try:
        verdict = story.play(world, team, latecomer)
    finally:
        team.close()

    assert verdict.clean, verdict.as_json()
    for name in SERVICES:
        assert "uthorizationFailed" not in deployment.processes[name].log.read_text()

    deployment.environment["KAFKA_USER"] = f"headrace-{RECONCILE}"
    for name in (CRM, ERP):
        with deployment.environ():
            compared = CliRunner().invoke(app, ["reconcile", name], env={"COLUMNS": "250"})
        assert compared.exit_code == 0, compared.output
