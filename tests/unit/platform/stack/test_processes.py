import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.platform.stack.processes import ask_to_stop, find, kill, spawn, tail, wait_gone
from headrace.platform.stack.state import ProcessRecord
from headrace.testing.waiting import wait_until

MARKER = "-Dheadrace.test=1"
PATIENT = "import time; print('ready', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)


class Spawned:
    def __init__(self, folder: Path) -> None:
        self.log = folder / "logs" / "it.log"
        self.records: list[ProcessRecord] = []

    def __call__(self, code: str) -> ProcessRecord:
        self.records.append(spawn([sys.executable, "-c", code, MARKER], self.log))
        wait_until(lambda: "ready" in tail(self.log), "the start", seconds=20, seen=lambda: tail(self.log))
        return self.records[-1]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Spawned]:
    spawned = Spawned(tmp_path)
    yield spawned
    for record in spawned.records:
        if handle := find(record, MARKER):
            kill(handle)


def running(record: ProcessRecord) -> Any:
    handle = find(record, MARKER)
    assert handle is not None
    return handle


def test_process_is_found_until_it_ends_and_runs_in_its_own_session(run: Spawned) -> None:
    record = run(PATIENT)
    handle = running(record)
    assert os.getsid(record.pid) == record.pid != os.getsid(0)
    ask_to_stop(handle)
    assert wait_gone(handle, 20)
    assert find(record, MARKER) is None


def test_ended_child_that_nobody_waited_for_counts_as_gone(run: Spawned) -> None:
    record = run("print('ready', flush=True)")
    wait_until(lambda: find(record, MARKER) is None, "the end", seconds=20)


def test_reused_process_id_is_not_ours(run: Spawned) -> None:
    record = run(PATIENT)
    assert find(record.model_copy(update={"started": record.started - 60}), MARKER) is None
    assert find(record, "-Dheadrace.test=2") is None
    assert find(record.model_copy(update={"pid": os.getpid()}), MARKER) is None
    assert find(None, MARKER) is None


def test_process_that_ignores_the_request_is_still_there_until_killed(run: Spawned) -> None:
    handle = running(run(STUBBORN))
    ask_to_stop(handle)
    assert not wait_gone(handle, 0.2)
    kill(handle)
    assert find(run.records[0], MARKER) is None


def test_paused_process_hears_the_request_to_stop(run: Spawned) -> None:
    handle = running(run(PATIENT))
    handle.suspend()
    ask_to_stop(handle)
    assert wait_gone(handle, 20)


def test_log_of_the_run_before_is_kept(run: Spawned) -> None:
    kill(running(run("print('first'); " + PATIENT)))
    run(PATIENT)
    assert "first" in tail(run.log.with_suffix(".log.1"))
    assert "first" not in tail(run.log)


def test_stray_variables_do_not_reach_the_process(run: Spawned, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARKUS_HTTP_PORT", "1")
    run("import os; print('QUARKUS_HTTP_PORT' in os.environ, 'PATH' in os.environ); " + PATIENT)
    assert "False True" in tail(run.log)


def test_tail_of_a_missing_log_says_so(tmp_path: Path) -> None:
    assert tail(tmp_path / "none.log") == "(no log was written)"
