"""The manifests below k8s/ as kustomize renders them, and what is in them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
K8S = ROOT / "k8s"
EXAMPLE = K8S / "example"
KUSTOMIZE = ROOT / "build" / "bin" / "kustomize"
NAME, PART_OF = "app.kubernetes.io/name", "app.kubernetes.io/part-of"

Manifest = dict[str, Any]


@cache
def render(folder: Path) -> tuple[Manifest, ...]:
    """Every manifest that `kubectl apply -k` would send for a folder."""
    assert KUSTOMIZE.exists(), "there is no kustomize: run `make kustomize`"
    # No program of the surroundings may take part, and no network: what is rendered is in the repository.
    done = subprocess.run(  # noqa: S603 - our own command line
        [str(KUSTOMIZE), "build", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "HOME": os.devnull},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "kustomize warns"
    return tuple(manifest for manifest in yaml.safe_load_all(done.stdout) if manifest)


@cache
def everything() -> tuple[Manifest, ...]:
    """The example overlay, and after it each service that it leaves out."""
    example = render(EXAMPLE)
    there = {(manifest["kind"], manifest["metadata"]["name"]) for manifest in example}
    others = [
        manifest
        for folder in services()
        for manifest in render(folder)
        if manifest["kind"] != "ConfigMap" and (manifest["kind"], manifest["metadata"]["name"]) not in there
    ]
    return (*example, *others)


def services() -> list[Path]:
    """The folders of single services."""
    return sorted((K8S / "services").iterdir())


def of(kind: str, manifests: tuple[Manifest, ...] | None = None) -> list[Manifest]:
    """Every manifest of a kind."""
    return [manifest for manifest in (manifests or everything()) if manifest["kind"] == kind]


def workloads() -> dict[str, Manifest]:
    """Everything that runs pods, by name."""
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob")
    return {manifest["metadata"]["name"]: manifest for kind in kinds for manifest in of(kind)}


def lasting() -> dict[str, Manifest]:
    """Workloads that go on, unlike jobs."""
    return {name: manifest for name, manifest in workloads().items() if not manifest["kind"].endswith("Job")}


def in_example() -> dict[str, Manifest]:
    """Workloads of the example overlay."""
    there = {manifest["metadata"]["name"] for manifest in render(EXAMPLE)}
    return {name: manifest for name, manifest in workloads().items() if name in there}


def template(workload: Manifest) -> dict[str, Any]:
    """What a workload makes pods of."""
    spec = workload["spec"]["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else workload["spec"]
    found: dict[str, Any] = spec["template"]
    return found


def pod(workload: Manifest) -> dict[str, Any]:
    """A workload's pod."""
    found: dict[str, Any] = template(workload)["spec"]
    return found


def pod_labels(workload: Manifest) -> dict[str, str]:
    """The labels of a workload's pods."""
    found: dict[str, str] = template(workload)["metadata"]["labels"]
    return found


def containers(workload: Manifest) -> Iterator[dict[str, Any]]:
    """Every container of a workload's pods, those that only prepare included."""
    yield from pod(workload).get("initContainers", [])
    yield from pod(workload)["containers"]


def container(workload: Manifest) -> dict[str, Any]:
    """The one container of a workload's pods."""
    (found,) = containers(workload)
    return found


def environment(workload: Manifest) -> dict[str, Any]:
    """Variables of a workload's container: value, or the reference in its place."""
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container(workload)["env"]}


def mounts(workload: Manifest) -> dict[str, dict[str, Any]]:
    """Mount path to volume."""
    volumes = {volume["name"]: volume for volume in pod(workload)["volumes"]}
    return {each["mountPath"]: volumes[each["name"]] for each in container(workload)["volumeMounts"]}


def module_of(workload: Manifest) -> str:
    """The module that a workload runs."""
    command = container(workload)["command"]
    return str(command[2]) if command[:2] == ["python", "-m"] else ""
