"""What several suites share: one local stack for the session, and whole deployments on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.cli.demo.command import prepare_topics
from headrace.cli.demo.deployment import Deployment
from headrace.platform.settings import KafkaSettings
from headrace.platform.stack import Stack, StackConfig, StackInfo


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackInfo]:
    """Real Kafka and a real registry; started once, stopped at the end."""
    started = Stack(StackConfig(data_dir=tmp_path_factory.mktemp("stack")))
    try:
        yield started.up()
    finally:
        started.down()


@pytest.fixture
def kafka(stack: StackInfo, request: pytest.FixtureRequest) -> KafkaSettings:
    """Settings with a topic prefix of this test's own."""
    return KafkaSettings(
        bootstrap=stack.bootstrap,
        registry_url=stack.registry_url,
        prefix=f"{_word(request.node.name)}.",
        partitions=4,
        session_timeout=6.0,
    )


def _deployments(stack: StackInfo, folder: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Deployment]]:
    """Make deployments with sandboxes running and topics made; services are the test's to start."""
    made: list[Deployment] = []

    def make(**overrides: Any) -> Deployment:
        prefix = f"{_word(request.node.name)}-{len(made)}."
        deployment = Deployment(stack, folder / str(len(made)), prefix, overrides)
        made.append(deployment)
        deployment.start_sandboxes()
        deployment.configure()
        with deployment.environ():
            asyncio.run(prepare_topics())
        return deployment

    yield make
    for deployment in made:
        deployment.stop()
        if request.node.stash.get(FAILED, False):
            for process in deployment.processes.values():
                print(f"--- {process.name}\n{process.tail(60)}")


@pytest.fixture
def deploy(stack: StackInfo, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Deployment]]:
    """Deployments of one test."""
    yield from _deployments(stack, tmp_path, request)


@pytest.fixture(scope="module")
def deploy_once(
    stack: StackInfo, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[..., Deployment]]:
    """Deployments that the tests of a module share."""
    yield from _deployments(stack, tmp_path_factory.mktemp("deployment"), request)


LONGEST = (
    "tests/faults/test_crash_points.py",
    "tests/e2e/test_accounts_payable.py",
    "tests/e2e/test_load.py",
    "tests/integration/test_bench_smoke.py",
    "tests/integration/credentials/test_shared_tokens.py",
    "tests/contract/new_system/test_new_system.py",
)
"""Files that take longest, first of all: side by side, nobody waits at the end for the last one to be run alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files; the order within a file stays."""
    ranks = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.location[0], len(LONGEST)))


def _word(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)[-60:].lower()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Remember a failure, so that fixtures can show the logs of its processes."""
    report = yield
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
    return report
