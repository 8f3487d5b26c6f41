"""What documents name exists: targets of make, commands, paths, links."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.unit.house.commands import problem_of
from tests.unit.house.files import ROOT, code_of, documents, links_of, tracked

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z0-9-]*):", MAKEFILE, re.MULTILINE))
SUFFIXES = ("py", "md", "yaml", "yml", "toml", "avsc", "json", "csv", "lock", "cfg", "ini", "sh")
BASES = ("", "libs", "libs/headrace")
"""Folders from which documents name paths."""

EACH = pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))


def read(document: Path) -> str:
    if not document.exists():
        pytest.skip(f"{document.name} is not there yet")
    return document.read_text(encoding="utf-8")


def named_targets(text: str) -> set[str]:
    """Targets of `make x y NAME=value` in code."""
    found: set[str] = set()
    for code in code_of(text):
        for match in re.finditer(r"(?:^|[;&|]\s*)make((?:\s+[\w=.-]+)+)", code):
            found |= {word for word in match[1].split() if re.fullmatch(r"[a-z][a-z0-9-]*", word)}
    return found


def named_commands(text: str) -> set[str]:
    """What stands after `headrace` in code, up to the end of the shell's command."""
    found = set()
    for code in code_of(text):
        for match in re.finditer(r"(?:^|[;&|(]\s*)(?:\.venv/bin/)?headrace\s+([^|;&)#>]+)", code):
            found.add(match[1].replace("…", "").strip())
    return found


def named_paths(text: str) -> set[str]:
    """Code words that can only be paths: they end like a file or a folder, and start in the repository."""
    found = set()
    for code in code_of(text):
        for word in re.split(r"[\s:,;()\"'=]+", code):
            is_file = re.search(rf"\w\.(?:{'|'.join(SUFFIXES)})$", word)
            is_folder = "/" in word and word.endswith("/")
            if (is_file or is_folder) and not re.search(r"[{}$|…~]|^[-/.]|//|\*\*", word):
                found.add(word)
    return found


def exists(word: str, document: Path) -> bool:
    """Say whether a path is there from one of the bases or beside the document; `<x>` and `*` stand for any name.

    A file name without a folder may lie anywhere.
    """
    pattern = re.sub(r"<[^<>]+>|YYYYMMDD-slug", "*", word).rstrip("/")
    if "/" not in pattern and any(fnmatch(path.name, pattern) for path in tracked()):
        return True
    return any(any(base.glob(pattern)) for base in (*(ROOT / name for name in BASES), document.parent))


@EACH
def test_targets_of_make_exist(document: Path) -> None:
    assert not named_targets(read(document)) - TARGETS


@EACH
def test_commands_parse(document: Path) -> None:
    problems = [problem_of(command, names_only=True) for command in sorted(named_commands(read(document)))]

    assert not [problem for problem in problems if problem]


@EACH
def test_paths_exist(document: Path) -> None:
    assert not sorted(word for word in named_paths(read(document)) if not exists(word, document))


@EACH
def test_links_lead_somewhere(document: Path) -> None:
    assert not [link for link in links_of(read(document)) if not (document.parent / link).exists()]


def test_what_is_wrong_is_found() -> None:
    text = (
        "Run `make nonsense`, `headrace fly --high` or\n```\n$ make demo ONCE=1 && headrace stack up --nodes 3\n```\n"
    )
    text += (
        "See `libs/headrace/core/nothing.py`, `libs/headrace/core/`, [it](nowhere.md) and [them](https://example.com)."
    )

    assert named_targets(text) - TARGETS == {"nonsense"}
    assert named_commands(text) == {"fly --high", "stack up --nodes 3"}
    assert "no command fly" in problem_of("fly --high")
    assert "--hihg" in problem_of("stack up --hihg 3", names_only=True)
    assert problem_of("parked", names_only=True) == ""
    assert problem_of("parked") != ""
    assert {word for word in named_paths(text) if not exists(word, ROOT / "README.md")} == {
        "libs/headrace/core/nothing.py"
    }
    assert list(links_of(text)) == ["nowhere.md"]


def test_ci_runs_targets_that_exist() -> None:
    script = ROOT / ".ci" / "run"
    used = set(re.findall(r"\bmake\s+(?:-\S+\s+)*([a-z][a-z0-9-]*)", script.read_text(encoding="utf-8")))

    assert used
    assert not used - TARGETS


def test_every_target_is_listed_by_help() -> None:
    declared = {word for line in re.findall(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE) for word in line.split()}
    told = set(re.findall(r"^([a-z][a-z0-9-]*):.*## ", MAKEFILE, re.MULTILINE))

    assert declared == told == TARGETS
