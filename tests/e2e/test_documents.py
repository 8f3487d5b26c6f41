"""Documents between Dataverse, RecordEngine and F&O, with two processors killed on the way and webhooks twice or late.

Proposals of opportunities go to RecordEngine once; what was read comes back to the opportunities with a note for each
version; papers of vendors become invoices and orders of the ERP. Only the systems' own records and ledgers judge.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.cli.demo.command import prepare_topics
from headrace.cli.demo.documents import SALES, DocumentsDeployment
from headrace.cli.demo.documents_story import DocumentsStory
from headrace.cli.demo.purchasing import payables_seed
from headrace.cli.demo.world import draw, erp_seed
from headrace.platform.stack import StackInfo
from headrace.testing.waiting import wait_unchanged, wait_until
from tests.e2e.parked import parked

pytestmark = [pytest.mark.kafka, pytest.mark.e2e, pytest.mark.timeout(600)]

PATIENCE = 120.0


@pytest.fixture(scope="module")
def deployment(
    stack: StackInfo, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[DocumentsDeployment]:
    made = DocumentsDeployment(stack, tmp_path_factory.mktemp("documents"), "documents.")
    try:
        made.start_sandboxes()
        made.configure()
        with made.environ():
            asyncio.run(prepare_topics())
        yield made
    finally:
        made.stop()
        if request.session.testsfailed:
            for process in made.processes.values():
                print(f"--- {process.name}\n{process.tail(40)}")


@pytest.fixture(scope="module")
def played(deployment: DocumentsDeployment) -> tuple[DocumentsStory, list[str], list[int | None]]:
    """The whole story, what the oracle says of it, and how the killed processors ended."""
    erp, ended = deployment.erp, []
    erp.post("seed", erp_seed(draw(1, 20), []))
    erp.post("seed", payables_seed(6, orders=0))

    def until(condition: Any, what: str) -> None:
        def holds() -> bool:
            for process in deployment.processes.values():
                assert process.running, f"{process.name} ended with {process.returncode}:\n{process.tail()}"
            return bool(condition())

        wait_until(holds, what, seconds=PATIENCE, seen=lambda: logs(deployment), every=0.2)

    def kill(name: str) -> None:
        process = deployment.processes[name]
        process.kill()
        ended.append(process.returncode)
        process.start()
        process.wait_ready()

    story = DocumentsStory(deployment, print, until, kill, deals=12, invoices=8)
    story.prepare()
    deployment.start_services()
    wrong = story.play()
    sizes = (deployment.sales, deployment.documents, erp)
    wait_unchanged(
        lambda: [len(each.ledger()) for each in sizes], "the ledgers' growth", still=3.0, seconds=PATIENCE, every=0.5
    )
    return story, [*wrong, *story.verdict()], ended


def logs(deployment: DocumentsDeployment) -> str:
    return "\n".join(f"--- {process.name}\n{process.tail(15)}" for process in deployment.processes.values())


def test_nothing_is_lost_doubled_or_wrong(played):
    story, wrong, _ = played
    assert not wrong, "\n".join(wrong[:40])
    assert story.events == {"proposals sent": 15, "opportunities completed": 10, "papers of vendors": 10}


def test_the_processors_were_killed_on_the_way(played):
    _, _, ended = played
    assert ended == [-signal.SIGKILL, -signal.SIGKILL]


def test_what_is_doubtful_or_closed_waits_for_people_with_the_remedy(deployment, played):
    story, _, _ = played
    doubtful = sum(len(deal.papers) - 1 for deal in story.proposed if deal is not story.lost)
    reasons = [each.detail for each in parked(deployment, SALES).values()]
    assert sum("read-without-confidence" in reason for reason in reasons) == doubtful
    assert sum(story.lost.id in reason and "then retry" in reason for reason in reasons) == 1
    assert len(reasons) == doubtful + 1, reasons
