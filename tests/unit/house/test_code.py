"""Rules of the house that no linter knows."""

from __future__ import annotations

import re
import statistics
from pathlib import Path

import pytest

from headrace.platform.topics import ENTITIES
from tests.unit.house.files import ROOT, python_files, tracked

LONGEST_MODULE = 400
LONGEST_TEST_MODULE = 500
LONGEST_SERVICE = 40
MEDIAN = 150

CONNECTOR_FILES = {
    "__init__.py",
    "client.py",
    "config.py",
    "connection.py",
    "errors.py",
    "objects.py",
    "source.py",
    "target.py",
}
"""What every connector has under the same name; `ping.py`, `transforms.py` and more as a system needs."""

INVARIANTS = {f"I{number}" for number in range(1, 13)}

_MACHINE = re.compile(r"(?<![\w.$~/}-])/(?:work|root|home/[a-z][\w-]*|Users/\w+)/")
_REGISTRY = re.compile(
    r"\b(?:[\w-]+\.)*(?:pypi\.org|pythonhosted\.org|npmjs\.org|npmjs\.com|crates\.io|proxy\.golang\.org"
    r"|repo1?\.maven\.(?:apache\.)?org|deb\.debian\.org)\b"
)
_LOCKS = {"uv.lock"}
"""Written by a tool that names the public origin of each file in it."""

_UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|NotImplemented" + r"Error)\b")
_RECORD = re.compile(r"\b20\d{6}-[a-z][a-z-]+[a-z]\b")


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        try:
            found.append((path.relative_to(ROOT), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


def test_modules_can_be_read_at_a_sitting() -> None:
    product = {path: lines(path) for folder in ("libs", "services") for path in python_files(folder)}
    tests = {path: lines(path) for path in python_files("tests")}

    assert not {str(path): count for path, count in product.items() if count > LONGEST_MODULE}
    assert not {str(path): count for path, count in tests.items() if count > LONGEST_TEST_MODULE}
    assert statistics.median(product.values()) <= MEDIAN


def test_services_only_wire() -> None:
    files = python_files("services")

    assert files
    assert not {str(path): lines(path) for path in files if lines(path) > LONGEST_SERVICE}


@pytest.mark.parametrize(
    "folder",
    sorted({path.parent for path in python_files("libs/headrace/connectors")} - {ROOT / "libs/headrace/connectors"}),
)
def test_connectors_have_the_same_files(folder: Path) -> None:
    assert {path.name for path in folder.glob("*.py")} >= CONNECTOR_FILES


def test_package_files_stay_tiny() -> None:
    packages = [path for path in python_files("libs") if path.name == "__init__.py"]

    assert not {str(path): lines(path) for path in packages if lines(path) > 30}


def test_nothing_names_a_machine() -> None:
    assert not [f"{path}: {match[0]}" for path, text in texts() if (match := _MACHINE.search(text))]


def test_nothing_names_the_host_of_a_package_registry() -> None:
    found = [f"{path}: {match[0]}" for path, text in texts() if (match := _REGISTRY.search(text))]

    assert not [line for line in found if line.partition(":")[0] not in _LOCKS and "test_code.py" not in line]


def test_the_patterns_find_what_they_are_for() -> None:
    assert _MACHINE.search("see " + "/".join(["", "root", "x"]))
    assert _MACHINE.search('"' + "/".join(["", "home", "anna", "x"]))
    assert not _MACHINE.search("https://example.com/work/items ~/work/x")
    assert _REGISTRY.search("files." + "pythonhosted" + ".org")


def test_nothing_is_unfinished() -> None:
    found = [(path, match[0]) for path, text in texts() if (match := _UNFINISHED.search(text))]

    assert not [f"{path}: {word}" for path, word in found if path.suffix in (".py", ".tmpl", ".yaml", ".yml", ".md")]


def test_every_decision_that_is_named_was_recorded() -> None:
    recorded = {path.stem for path in tracked() if path.parent == ROOT / "libs" / "decisions"}
    named = {
        (str(path), name) for path, text in texts() if path.suffix in (".py", ".md") for name in _RECORD.findall(text)
    }

    assert recorded
    assert not sorted((path, name) for path, name in named if name not in recorded)


def test_records_are_named_by_day_and_matter() -> None:
    names = {path.name for path in tracked() if path.parent == ROOT / "libs" / "decisions"}
    records = sorted(names - {"README.md"})

    assert records
    assert not [name for name in records if not re.fullmatch(_RECORD.pattern.replace(r"\b", "") + r"\.md", name)]


def test_invariants_are_cited_where_they_are_kept() -> None:
    cited = {
        match
        for path in python_files("libs")
        for match in re.findall(r"(?<![\w.])I\d+(?![\w.]*\w)", path.read_text(encoding="utf-8"))
    }

    assert cited >= INVARIANTS, "an invariant that no code claims to keep"


def test_every_canonical_contract_has_a_topic() -> None:
    contracts = {path.name.removesuffix(".v1.avsc") for path in (ROOT / "schemas" / "canonical").glob("*.v1.avsc")}

    assert contracts == set(ENTITIES)


def test_every_folder_of_contracts_is_listed() -> None:
    listed = (ROOT / "schemas" / "README.md").read_text(encoding="utf-8")
    folders = [path.name for path in (ROOT / "schemas").iterdir() if path.is_dir()]

    assert folders
    assert not [name for name in folders if f"`{name}/" not in listed]
