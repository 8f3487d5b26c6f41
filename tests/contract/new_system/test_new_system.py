"""The skeleton of a new system: clean where tools look, red where its contract looks, green once it is real."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from headrace.cli.new_system import new_system, remaining_edits
from headrace.core.errors import ConfigurationError
from headrace.testing.suites import SourceSuite, TargetSuite

ROOT = Path(__file__).resolve().parents[3]
FILLED = Path(__file__).parent / "filled"
BIN = Path(sys.executable).parent
NAME = "acme_books"
LONG = "a_system_whose_name_is_so_long"
LAST = "zz"

SHOWN = (
    "test_ping_tells_a_right_credential_from_a_wrong_one",
    "test_fetch_gives_the_whole_record",
    "test_missing_record_is_none",
    "test_values_are_exact_and_storable",
    "test_find_by_marker_when_there_is_none",
    "test_find_by_marker_when_there_are_two",
    "test_amounts_are_exact",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which systems were made."""
    root = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("libs", "services", "schemas"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", root)
    for name in (NAME, LONG, LAST):
        new_system(name, root)
    return root


def run(project: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"libs{os.pathsep}.", "HEADRACE_ROOT": str(project)}
    return subprocess.run(  # noqa: S603 - our own command line
        [str(word) for word in command], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


def contract(project: Path) -> subprocess.CompletedProcess[str]:
    """Run some quick behaviours of the contract of the new system."""
    return run(project, sys.executable, "-m", "pytest", f"tests/contract/{NAME}", "-k", " or ".join(SHOWN))


def folders(name: str) -> list[str]:
    homes = ("libs/headrace/connectors", "libs/headrace/sandbox", "services", "tests/contract")
    return [f"{home}/{name}" for home in homes]


@pytest.mark.parametrize("name", [NAME, LONG, LAST])
def test_keeps_the_house_style(project: Path, name: str) -> None:
    for command in (["check"], ["format", "--check"]):
        done = run(project, BIN / "ruff", *command, *folders(name))
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.timeout(180)
def test_keeps_types_and_layers(project: Path) -> None:
    for command in ([BIN / "mypy", "--no-incremental", *folders(NAME)], [BIN / "lint-imports", "--no-cache"]):
        done = run(project, *command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_is_nine_code_files_at_most(project: Path) -> None:
    code = [
        file for home in folders(NAME)[:-1] for file in (project / home).rglob("*.py") if file.name != "__init__.py"
    ]

    assert 0 < len(code) <= 9
    assert len((project / f"services/{NAME}/worker.py").read_text(encoding="utf-8").splitlines()) <= 40


def test_it_inherits_every_behaviour(project: Path) -> None:
    done = run(project, sys.executable, "-m", "pytest", "--collect-only", f"tests/contract/{NAME}")

    assert done.returncode == 0, done.stdout
    for suite, name in ((SourceSuite, "TestSource"), (TargetSuite, "TestTarget")):
        collected = set(re.findall(rf"::{name}::test_(\w+)", done.stdout))
        assert collected == suite.behaviours()


def test_its_contract_is_red_and_says_what_to_write(project: Path) -> None:
    done = contract(project)

    assert done.returncode == 1, done.stdout
    assert f" {len(SHOWN)} failed" in f" {done.stdout.splitlines()[-1]}"
    for file in ("source", "target", "connection"):
        assert re.search(rf"Write \w+ in connectors/{NAME}/{file}.py", done.stdout)


def test_its_contract_turns_green_where_it_is_real(project: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    shutil.copytree(project, real, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    connector = real / f"libs/headrace/connectors/{NAME}"
    for name in ("source", "target", "connection"):
        shutil.copy(FILLED / f"{name}.py.txt", connector / f"{name}.py")
    shutil.copy(FILLED / "app.py.txt", real / f"libs/headrace/sandbox/{NAME}/app.py")

    done = contract(real)

    assert done.returncode == 0, done.stdout
    assert f"{len(SHOWN)} passed" in done.stdout.splitlines()[-1]


def test_its_mappings_hold_against_both_sides(project: Path) -> None:
    systems = project / "libs/headrace/cli/systems.py"
    before = systems.read_text(encoding="utf-8")
    line = f"from headrace.connectors.{NAME} import CONNECTOR as NEW\n"
    added = before.replace("from headrace.core", f"{line}from headrace.core").replace("= (", "= (NEW, ")
    assert added.count("NEW") == 2
    systems.write_text(added, encoding="utf-8")
    alone = project / "alone"
    shutil.copytree(project / f"services/{NAME}/mappings", alone / NAME / "mappings")
    shutil.copytree(project / f"services/ingest/mappings/{NAME}", alone / "ingest" / "mappings" / NAME)
    try:
        done = run(project, sys.executable, "-m", "headrace.cli.main", "mapping", "check", "--dir", alone)
    finally:
        systems.write_text(before, encoding="utf-8")

    assert (done.returncode, done.stdout) == (0, "2 mappings checked, no problem\n"), done.stderr


@pytest.mark.parametrize(
    "name", ["", "Sales", "1c", "dynamics-gp", "dynamics__gp", "_gp", "gp_", "../gp", "class", "match", "ü", "x" * 31]
)
def test_a_name_that_cannot_be_a_package_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="NAME="):
        new_system(name, tmp_path)

    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["pipedrive", "dynamics_fo", "ingest", "sandbox", "common", "compose"])
def test_a_name_that_is_taken_is_refused(project: Path, name: str) -> None:
    before = _files(project)

    with pytest.raises(ConfigurationError, match=f"{name} exists"):
        new_system(name, project)

    assert _files(project) == before


def test_the_command_names_what_is_left_to_do(project: Path) -> None:
    done = run(project, sys.executable, "-m", "headrace.cli.new_system", "third_party")

    assert done.returncode == 0, done.stderr
    written = done.stdout.split()
    assert written
    assert all((project / name).is_file() for name in written)
    for edit in remaining_edits("third_party"):
        assert edit in done.stderr
    assert run(project, sys.executable, "-m", "headrace.cli.new_system", "third_party").returncode == 1


def test_the_files_that_are_edited_by_hand_exist() -> None:
    named = _paths(remaining_edits(NAME))

    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


def _paths(texts: Sequence[str]) -> list[str]:
    return [path for text in texts for path in re.findall(r"[\w.-]+/[\w./-]+\.\w+|[\w-]+\.(?:yml|toml)", text)]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if "__pycache__" not in path.parts)
