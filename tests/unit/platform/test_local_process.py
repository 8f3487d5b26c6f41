"""Processes that are started for the demo and the tests: what reaches them does not depend on who started them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.platform.local_process import LocalProcess
from headrace.testing.waiting import wait_until

PATIENT = "import signal\nprint('ready', flush=True)\nsignal.pause()\n"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[LocalProcess]:
    (tmp_path / "patient.py").write_text(PATIENT, encoding="utf-8")
    made = LocalProcess("patient", "patient", [], {"PYTHONPATH": str(tmp_path)}, tmp_path / "logs", ready_url="")
    yield made
    made.kill()


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["terminal", "background"])
def started_from(request: pytest.FixtureRequest) -> Iterator[None]:
    """A shell lets its background jobs ignore SIGINT (POSIX, Shell Command Language, §2.11)."""
    handler: Any = request.param
    before = signal.signal(signal.SIGINT, handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("started_from")
def test_an_interrupt_ends_it_wherever_it_was_started(process: LocalProcess) -> None:
    process.start()
    wait_until(lambda: "ready" in process.tail(), "the start", seconds=20, seen=process.tail)
    process.interrupt()
    assert process.wait_ended(20) == -signal.SIGINT
    assert "KeyboardInterrupt" in process.tail()
