"""Every version of the contracts that git remembers, and whether today's can live with all of them.

A contract changes when its own file does and when a shared type does, so whole commits are compared, not files.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from headrace.core.errors import ConfigurationError
from headrace.platform.compatibility import full_compatibility
from headrace.platform.schemas import Schemas

_GIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Version:
    """All contracts as one commit had them."""

    commit: str
    schemas: Schemas


@dataclass(frozen=True, slots=True)
class History:
    """Earlier versions, newest first, and in words what of them could not be looked at."""

    versions: tuple[Version, ...]
    gaps: tuple[str, ...]


def read_history(directory: Path, since: str | None = None) -> History:
    """Return every version of the contracts in `directory` that the history of the current commit holds.

    Args:
        directory: the schemas folder, inside a git work tree.
        since: commit or tag to begin with; None means the first commit.

    Raises:
        ConfigurationError: `since` names no commit.
    """
    try:
        return _read(directory, since)
    except FileNotFoundError:
        return History((), ("git is not installed: earlier versions were not compared",))
    except subprocess.SubprocessError as error:
        return History((), (f"git failed, earlier versions were not compared: {error}",))


def _read(directory: Path, since: str | None) -> History:
    try:
        top = Path(_git(directory, "rev-parse", "--show-toplevel").strip())
    except subprocess.CalledProcessError:
        return History((), (f"{directory} is not in a git work tree: earlier versions were not compared",))
    gaps = []
    folder = directory.resolve().relative_to(top.resolve()).as_posix()
    try:
        commits = _git(top, "log", "--full-history", "--format=%H", "HEAD", "--", folder).split()
    except subprocess.CalledProcessError:
        return History((), ("git has no commit yet: there are no earlier versions",))
    if _git(top, "rev-parse", "--is-shallow-repository").strip() == "true":
        gaps.append("the clone is shallow: versions before it were not compared; run git fetch --unshallow")
    if since is not None:
        commits = _since(top, folder, commits, since)
    versions: list[Version] = []
    texts: dict[str, str] = {}
    for commit in commits:
        try:
            versions.append(Version(commit[:10], Schemas(_files(top, commit, folder, texts))))
        except ConfigurationError as error:
            gaps.append(f"commit {commit[:10]} was not compared, its schemas cannot be read: {error.problems[0]}")
    return History(tuple(versions), tuple(gaps))


def broken_promises(schemas: Schemas, versions: Iterable[Version]) -> list[str]:
    """Return why the contracts are not FULL_TRANSITIVE compatible with earlier versions, each reason once.

    A contract that is gone is a breach too: its records are still in the topics.
    """
    ours = {schemas.subject(name): name for name in schemas.names()}
    compared = {(subject, schemas.flattened(name)) for subject, name in ours.items()}
    problems: dict[str, str] = {}
    for version in versions:
        for old in version.schemas.names():
            subject, text = version.schemas.subject(old), version.schemas.flattened(old)
            if (subject, text) in compared:
                continue
            compared.add((subject, text))
            if subject not in ours:
                problems.setdefault(
                    f"{old}.avsc: was removed; its records are still in topics, keep it", version.commit
                )
                continue
            for found in full_compatibility(text, schemas.flattened(ours[subject])):
                problems.setdefault(f"{ours[subject]}.avsc: {found}", version.commit)
    return [f"{problem}, against commit {commit}" for problem, commit in problems.items()]


def _since(top: Path, folder: str, commits: list[str], since: str) -> list[str]:
    """Return the commits after `since`, and the state of the contracts at it."""
    try:
        start = _git(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{since}^{{commit}}").strip()
    except subprocess.CalledProcessError:
        raise ConfigurationError(f"--since {since}: no such commit or tag") from None
    later = set(_git(top, "rev-list", f"{start}..HEAD", "--", folder).split())
    return [*(commit for commit in commits if commit in later), start]


def _files(top: Path, commit: str, folder: str, texts: dict[str, str]) -> dict[str, str]:
    """Return the contracts' texts of a commit by path below the folder; `texts` keeps blobs that are read already."""
    files = {}
    for line in _git(top, "ls-tree", "-r", "-z", commit, "--", folder).split("\0"):
        meta, _, path = line.partition("\t")
        if path.endswith(".avsc"):
            blob = meta.split()[2]
            if blob not in texts:
                texts[blob] = _git(top, "cat-file", "blob", blob)
            files[path.removeprefix(f"{folder}/")] = texts[blob]
    return files


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, timeout=_GIT_SECONDS)  # noqa: S603 - no shell
    return done.stdout.decode("utf-8", errors="replace")
