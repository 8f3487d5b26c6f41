"""The locked list of what the stack downloads: coordinates, sizes and SHA-256 sums (`artifacts.lock`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, cast

from headrace.platform.stack.errors import StackError

Part = Literal["kafka", "registry"]

LOCK_FILE = Path(__file__).with_name("artifacts.lock")

_HEADER = """\
# What the local stack runs, pinned. Made by `headrace stack lock`; do not edit.
# part  group:artifact:packaging:classifier:version  bytes  SHA-256
"""


@dataclass(frozen=True, order=True)
class Coordinates:
    """Names one file of a Maven repository.

    Attributes:
        group: Maven groupId.
        artifact: Maven artifactId.
        packaging: file kind, `jar` or `tar.gz`.
        classifier: tells several files of one version apart; empty for the main one.
        version: exact version.
    """

    group: str
    artifact: str
    packaging: str
    classifier: str
    version: str

    def __str__(self) -> str:
        return ":".join((self.group, self.artifact, self.packaging, self.classifier, self.version))

    @property
    def path(self) -> PurePosixPath:
        """Where the file lies in a Maven repository, and in our cache."""
        suffix = f"-{self.classifier}" if self.classifier else ""
        name = f"{self.artifact}-{self.version}{suffix}.{self.packaging}"
        return PurePosixPath(*self.group.split("."), self.artifact, self.version, name)


@dataclass(frozen=True, order=True)
class LockedArtifact:
    """One line of the lock: a file that is fetched as it was when locked, or not at all."""

    part: Part
    coordinates: Coordinates
    size: int
    sha256: str


def read_lock(path: Path = LOCK_FILE) -> list[LockedArtifact]:
    """Return the locked artifacts in the order of the file.

    Raises:
        StackError: the file is missing or has a line that is not understood; nothing is downloaded.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise StackError(f"{path}: {error.strerror}; reinstall headrace or run `headrace stack lock`") from None
    found = [
        _parse(line, f"{path}:{number}")
        for number, line in enumerate(text.splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    missing = {"kafka", "registry"} - {item.part for item in found}
    if missing:
        raise StackError(f"{path}: has no artifact for {', '.join(sorted(missing))}; run `headrace stack lock`")
    return found


def render_lock(artifacts: Iterable[LockedArtifact]) -> str:
    """Return the text of a lock file, sorted, so that two makings of the same list are equal byte by byte."""
    return _HEADER + "".join(
        f"{item.part} {item.coordinates} {item.size} {item.sha256}\n" for item in sorted(artifacts)
    )


def version_of(artifacts: Iterable[LockedArtifact], artifact: str) -> str:
    """Return the locked version of the artifact of this name.

    Raises:
        StackError: the lock does not name it.
    """
    for item in artifacts:
        if item.coordinates.artifact == artifact:
            return item.coordinates.version
    raise StackError(f"{LOCK_FILE.name} does not name {artifact}; run `headrace stack lock`")


def _parse(line: str, where: str) -> LockedArtifact:
    fields = line.split()
    names = fields[1].split(":") if len(fields) == 4 else []
    if len(names) != 5 or fields[0] not in ("kafka", "registry") or not fields[2].isdecimal() or len(fields[3]) != 64:
        raise StackError(
            f"{where}: expected `part group:artifact:packaging:classifier:version bytes sha256`; "
            "run `headrace stack lock` to make the file anew"
        )
    if any("/" in name or "\\" in name or ".." in name for name in names):
        raise StackError(f"{where}: a coordinate must not contain a path")
    return LockedArtifact(cast(Part, fields[0]), Coordinates(*names), int(fields[2]), fields[3])
