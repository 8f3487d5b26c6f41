"""Make `artifacts.lock`: resolve once what the stack needs, fetch it, write down sizes and sums."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headrace.platform.stack.artifacts import Coordinates, LockedArtifact, Part
from headrace.platform.stack.errors import ArtifactUnavailable
from headrace.platform.stack.fetch import REPOSITORY_VARIABLE, download, require, sha256_of
from headrace.platform.stack.report import Report

KAFKA_VERSION = "4.1.2"
REGISTRY_VERSION = "3.0.9"


def make_lock(
    kafka_version: str = KAFKA_VERSION, registry_version: str = REGISTRY_VERSION, report: Report | None = None
) -> list[LockedArtifact]:
    """Return the list that pins these versions, from what the repository serves now.

    The broker's jars are resolved from `org.apache.kafka:kafka_2.13` alone. The slf4j binding, which Kafka ships in
    its own archive but does not declare, is added afterwards, in the version of log4j that Kafka asks for: resolved
    together with Kafka, jgo would also take log4j's dependency management, which pins kafka-clients to an older one.

    Raises:
        MissingExtra: jgo is not installed.
        ArtifactUnavailable: something could not be resolved or downloaded.
    """
    report = report or Report()
    with tempfile.TemporaryDirectory(prefix="headrace-lock-") as temporary:
        folder = Path(temporary)
        report.step(f"resolving Kafka {kafka_version}")
        jars = _resolve(f"org.apache.kafka:kafka_2.13:{kafka_version}", folder / "resolved")
        log4j = next(item.version for item in jars if item.artifact == "log4j-core")
        binding = Coordinates("org.apache.logging.log4j", "log4j-slf4j-impl", "jar", "", log4j)
        # Fetched as a file: the parent POM of the registry is not served everywhere, so it cannot be resolved.
        registry = Coordinates("io.apicurio", "apicurio-registry-app", "tar.gz", "all", registry_version)
        wanted: list[tuple[Part, Coordinates]] = [("kafka", item) for item in {*jars, binding}]
        wanted.append(("registry", registry))
        report.step(f"fetching {len(wanted)} artifacts")
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(_locked, part, item, folder / "fetched") for part, item in wanted]
            return sorted(job.result() for job in jobs)


def _resolve(root: str, folder: Path) -> Iterable[Coordinates]:
    maven = require("jgo.maven")
    mirror = os.environ.get(REPOSITORY_VARIABLE)
    context = maven.MavenContext(
        resolver=maven.PythonResolver(),
        repo_cache=folder,
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=60,
    )
    try:
        inputs, transitive = context.resolver.resolve([context.create_dependency(root)])
    except (OSError, RuntimeError) as error:
        raise ArtifactUnavailable(f"cannot resolve {root}: {error}; check the version and the network") from error
    return [
        Coordinates(item.groupId, item.artifactId, item.artifact.packaging, item.artifact.classifier, item.version)
        for item in (*inputs, *transitive)
        if item.scope not in ("test", "provided")
    ]


def _locked(part: Part, coordinates: Coordinates, folder: Path) -> LockedArtifact:
    path = download(coordinates, folder)
    return LockedArtifact(part, coordinates, path.stat().st_size, sha256_of(path))
