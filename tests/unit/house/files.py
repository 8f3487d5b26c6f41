"""What git tracks, and what documents say in code."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CHANGELOG.md")
"""Documents that must hold what they say; the tests also take in every other Markdown file."""

_FENCE = re.compile(r"^(```|~~~)[^\n]*\n(.*?)^\1", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that git tracks and that is there, below the root."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)  # noqa: S607
    names = [name.decode() for name in done.stdout.split(b"\0") if name]
    return tuple(ROOT / name for name in names if (ROOT / name).is_file())


def python_files(folder: str) -> list[Path]:
    """Tracked Python files below a folder of the root."""
    return [path for path in tracked() if path.suffix == ".py" and path.is_relative_to(ROOT / folder)]


def documents() -> list[Path]:
    """Tracked Markdown files and those named above, whether they are there yet or not."""
    found = [path for path in tracked() if path.suffix == ".md" and "tests" not in path.relative_to(ROOT).parts]
    return [*found, *(ROOT / name for name in DOCUMENTS if ROOT / name not in found)]


def code_of(text: str) -> Iterator[str]:
    """Yield each line of fenced code and each inline code span of a Markdown text."""
    for match in _FENCE.finditer(text):
        for line in match[2].replace("\\\n", " ").splitlines():
            if line.strip():
                yield line.strip().removeprefix("$ ")
    for match in _SPAN.finditer(_FENCE.sub("", text)):
        yield match[1].strip()


def links_of(text: str) -> Iterator[str]:
    """Yield the targets of links that stay within the repository."""
    for match in _LINK.finditer(_FENCE.sub("", text)):
        if not re.match(r"[a-z]+:", match[1]):
            yield match[1]
