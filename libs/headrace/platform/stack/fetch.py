"""Bring the locked artifacts into the user's cache: verified, never half, several at once."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import stamina

from headrace.platform.stack.artifacts import Coordinates, LockedArtifact
from headrace.platform.stack.errors import ArtifactMismatch, ArtifactUnavailable, LowResources, MissingExtra
from headrace.platform.stack.report import Report

REPOSITORY_VARIABLE = "HEADRACE_MAVEN_REPOSITORY"
_PARALLEL = 4
_TIMEOUT = 60
_ATTEMPTS = 3
_ABANDONED = 86_400  # seconds


def fetch(artifacts: Sequence[LockedArtifact], cache: Path, report: Report | None = None) -> list[Path]:
    """Return the local files of `artifacts`, in their order, downloading those that the cache lacks.

    A file appears in the cache under its name only after its size and SHA-256 are the locked ones, by a rename on one
    file system: an interrupted download leaves nothing that could be taken for a whole file. A cached file that is no
    longer the locked one is fetched anew. `$HEADRACE_MAVEN_REPOSITORY` names a mirror to ask instead of the default.

    Args:
        artifacts: what to bring.
        cache: the user's cache folder; made when missing.
        report: told about the bytes as they arrive.

    Raises:
        MissingExtra: jgo is not installed.
        LowResources: the disk of the cache has too little room.
        ArtifactUnavailable: a file could not be downloaded after several tries.
        ArtifactMismatch: a file arrived that is not the locked one.
    """
    report = report or Report()
    folder = cache / "artifacts"
    targets = [folder / item.coordinates.path for item in artifacts]
    with ThreadPoolExecutor(_PARALLEL) as pool:
        whole = list(pool.map(_is_whole, targets, artifacts))
        lacking = [(item, target) for item, target, here in zip(artifacts, targets, whole, strict=True) if not here]
        if lacking:
            size = sum(item.size for item, _ in lacking)
            _check_room(folder, size)
            _sweep(folder)
            report.download_started(len(lacking), size)
            try:
                jobs = [pool.submit(_bring, item, target, folder, report.downloaded) for item, target in lacking]
                for job in as_completed(jobs):
                    job.result()
            finally:
                pool.shutdown(cancel_futures=True)
                report.download_finished()
    return targets


def unpack(archive: Path, sha256: str, cache: Path) -> Path:
    """Return the folder with the content of a verified `.tar.gz`, unpacked once for each content.

    Args:
        archive: the file, already verified.
        sha256: its sum; names the folder, so that another content never meets an old folder.
        cache: the user's cache folder.
    """
    folder = cache / "unpacked" / f"{archive.name.removesuffix('.tar.gz')}-{sha256[:16]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unpacking-") as temporary:
        with tarfile.open(archive) as content:
            content.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            content.extractall(Path(temporary) / "content")  # noqa: S202 - a verified archive, and filtered
        try:
            (Path(temporary) / "content").rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was first: its folder is as good
                raise
    return folder


def download(coordinates: Coordinates, folder: Path, advance: Callable[[int], None] | None = None) -> Path:
    """Download one file into `folder`, a repository layout that jgo fills, and return its path. Not verified.

    Raises:
        MissingExtra: jgo is not installed.
        ArtifactUnavailable: the repository did not serve the file after several tries.
    """
    maven = require("jgo.maven")
    progress = _progress(advance) if advance else None
    mirror = os.environ.get(REPOSITORY_VARIABLE)
    context = maven.MavenContext(
        resolver=maven.PythonResolver(progress_callback=progress),
        repo_cache=folder,
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=_TIMEOUT,
    )
    try:
        for attempt in stamina.retry_context(
            on=OSError, attempts=_ATTEMPTS, timeout=None
        ):  # requests' errors are OSErrors
            with attempt:
                shutil.rmtree(folder / coordinates.path.parent, ignore_errors=True)
                component = context.project(coordinates.group, coordinates.artifact).at_version(coordinates.version)
                found = component.artifact(classifier=coordinates.classifier, packaging=coordinates.packaging).resolve()
    except (OSError, RuntimeError) as error:
        raise ArtifactUnavailable(
            f"cannot download {coordinates}: {error}; check the network and proxy settings, "
            f"or name a mirror in {REPOSITORY_VARIABLE}"
        ) from error
    return Path(found)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def require(module: str) -> Any:
    """Import a package of the extra `stack`, which only machines that run the stack need.

    Raises:
        MissingExtra: it is not installed; the text names the extra.
    """
    try:
        return import_module(module)
    except ImportError:
        raise MissingExtra(module.partition(".")[0]) from None


def _is_whole(path: Path, artifact: LockedArtifact) -> bool:
    return path.is_file() and path.stat().st_size == artifact.size and sha256_of(path) == artifact.sha256


def _bring(artifact: LockedArtifact, target: Path, folder: Path, advance: Callable[[int], None]) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
        arrived = download(artifact.coordinates, Path(temporary), advance)
        found = sha256_of(arrived)
        if found != artifact.sha256:
            raise ArtifactMismatch(
                f"{artifact.coordinates}: downloaded {arrived.stat().st_size} bytes with SHA-256 {found}, "
                f"the lock says {artifact.size} bytes with {artifact.sha256}; the file was thrown away. "
                "A proxy may have answered in its place; if the lock is wrong, make it anew with `headrace stack lock`"
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        arrived.replace(target)


def _sweep(folder: Path) -> None:
    """Remove what downloads that were killed left behind; younger folders may belong to a running one."""
    for left in folder.glob(".download-*"):
        if time.time() - left.stat().st_mtime > _ABANDONED:
            shutil.rmtree(left, ignore_errors=True)


def _check_room(folder: Path, size: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    needed = size * 2 + 100_000_000  # the archive is unpacked beside itself
    if free < needed:
        raise LowResources(
            f"{folder}: {free / 1e9:.1f} GB free, the download needs {needed / 1e9:.1f} GB; "
            "free some, or move the cache with HEADRACE_CACHE"
        )


def _progress(advance: Callable[[int], None]) -> Callable[[str, int], Any]:
    @contextmanager
    def track(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        arrived = 0

        def update(count: int) -> None:
            nonlocal arrived
            arrived += count
            advance(count)

        try:
            yield update
        except BaseException:
            advance(-arrived)
            raise

    return track
