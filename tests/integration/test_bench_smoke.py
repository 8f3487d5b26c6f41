"""`make bench` runs: every benchmark, in a minute, with numbers that hang together. How good they are is not asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.platform.paths import project_root

pytestmark = pytest.mark.kafka


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    output: Path = tmp_path_factory.mktemp("bench") / "bench.json"
    command = [sys.executable, "-m", "tests.bench", "--quick", "--output", str(output)]
    done = subprocess.run(command, cwd=project_root(), capture_output=True, text=True, timeout=280, check=False)  # noqa: S603 - ours
    assert done.returncode == 0, done.stdout + done.stderr
    assert "A/A control" in done.stdout
    return json.loads(output.read_text(encoding="utf-8"))


def test_every_benchmark_tells_machine_samples_and_control(found):
    assert set(found["benchmarks"]) == {"codec", "unchanged", "receiver", "effects", "memory"}
    assert found["machine"]["cores"] >= 1
    assert found["machine"]["cpu"]
    for name, benchmark in found["benchmarks"].items():
        names = [each["name"] for each in benchmark["measurements"]]
        assert any("A/A" in each for each in names), name
        assert len(names) == len(set(names)), name
        for each in benchmark["measurements"]:
            assert min(each["samples"]) <= each["median"] <= max(each["samples"]), (name, each["name"])
            assert each["met"] is (None if each["goal"] is None else each["median"] >= each["goal"])


def test_what_was_counted_is_what_was_kept(found):
    receiver, effects = (found["benchmarks"][name]["notes"] for name in ("receiver", "effects"))
    assert receiver["answered with 202"] == receiver["deliveries in the inbox"] > 0
    assert effects["changes made"] == effects["changes in the sandbox's ledger"] > 0


def test_the_rates_that_goals_are_set_for_are_there(found):
    goals = {
        (name, each["name"])
        for name, benchmark in found["benchmarks"].items()
        for each in benchmark["measurements"]
        if each["goal"] is not None
    }
    assert goals == {
        ("receiver", "receiver"),
        ("receiver", "receiver / floor"),
        ("unchanged", "normalise: polled customer, emitted before"),
        ("unchanged", "decide: customer, nothing differs"),
        ("effects", "no latency, read back: protocol"),
        ("effects", "no latency, answered with the row: protocol"),
        ("effects", "100 ms, read back: protocol / possible"),
        ("effects", "100 ms, answered with the row: protocol / possible"),
    }
