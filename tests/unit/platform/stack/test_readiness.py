from pathlib import Path

import pytest

from headrace.platform.stack.errors import NotReady, ProcessDied
from headrace.platform.stack.readiness import await_ready
from headrace.platform.stack.report import Report


class Steps(Report):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def step(self, text: str) -> None:
        self.texts.append(text)


def log_in(folder: Path, text: str) -> Path:
    path = folder / "it.log"
    path.write_text(text)
    return path


def test_returns_when_all_are_ready_and_tells_what_is_left(tmp_path: Path) -> None:
    left = {"a": 0, "b": 3}

    def probe(name: str) -> str | None:
        left[name] -= 1
        return "not yet" if left[name] >= 0 else None

    report = Steps()
    await_ready(
        {"a": lambda: probe("a"), "b": lambda: probe("b")}, lambda _: True, lambda _: tmp_path / "x.log", 30, report
    )
    assert report.texts[0] == "waiting for a, b"
    assert report.texts[-1] == "waiting for b"


def test_dead_process_ends_the_wait_for_all_and_shows_its_log(tmp_path: Path) -> None:
    log = log_in(tmp_path, "one\nOutOfMemoryError\n")
    with pytest.raises(ProcessDied, match=r"a ended while starting; the end of .*it\.log:\none\nOutOfMemoryError"):
        await_ready({"a": lambda: "no", "b": lambda: "no"}, lambda name: name == "b", lambda _: log, 3600, Report())


def test_silence_ends_at_the_deadline_with_the_last_answer(tmp_path: Path) -> None:
    log = log_in(tmp_path, "still loading\n")
    with pytest.raises(NotReady, match=r"within 0\.1 s \(last: HTTP 503\)(.|\n)*still loading"):
        await_ready({"a": lambda: "HTTP 503"}, lambda _: True, lambda _: log, 0.1, Report())
