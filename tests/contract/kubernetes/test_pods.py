"""What pods may do, how long they get, and how Kubernetes learns how they are."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from headrace.cli.reconcile import DIFFERS
from headrace.cli.systems import CONNECTORS
from headrace.pipeline import service as flows
from headrace.platform.health import routes
from headrace.platform.settings import Settings, checked, load_settings
from tests.contract.kubernetes.rendering import (
    EXAMPLE,
    K8S,
    ROOT,
    container,
    containers,
    environment,
    in_example,
    lasting,
    module_of,
    mounts,
    pod,
    render,
    workloads,
)
from tests.unit.house.commands import problem_of

EVERY = pytest.mark.parametrize("name", workloads())
LASTING = pytest.mark.parametrize("name", lasting())
COMMIT, LEAVE, FLUSH, CONNECTIONS = 5, 5, 10, 5
"""Seconds at most: last commit and leaving the group (platform/worker.py), the producer's last records
(platform/kafka.py), open HTTP requests (platform/health.py)."""


def settings() -> Settings:
    return load_settings(EXAMPLE / "headrace.yaml", {}, complete=False)


def call_deadline(workload: str) -> float:
    """The longest that a call of a workload of the example may take: uploads, the slowest, are a processor's alone."""
    systems = {connector.system: connector for connector in CONNECTORS}
    own = workload.replace("-", "_")
    configs: list[Any] = [
        checked(systems[each.system].config, each.config, name)
        for name, each in settings().connections.items()
        if each.system == own or (own not in systems and each.system != "recordengine")
    ]
    return max(config.call_deadline for config in configs)


def test_every_service_runs() -> None:
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for file in (ROOT / "services").glob("*/*.py")
        if file.stem in ("worker", "receiver")
    }

    assert {module_of(workload) for workload in lasting().values()} == modules


@LASTING
def test_command_starts_a_flow(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(flows, "main", lambda _, flow, known, words: started.append((flow, known, words)))
    workload = lasting()[name]
    monkeypatch.setattr(sys, "argv", container(workload)["command"][2:])
    assert importlib.util.find_spec(module_of(workload)) is not None

    runpy.run_module(module_of(workload), run_name="__main__")

    ((flow, connectors, words),) = started
    assert connectors
    assert list(words) == []
    assert (workload["kind"] == "Deployment") == (flow is flows.receive), "workers keep their names"
    assert ("HEADRACE_INSTANCE" in environment(workload)) == (flow is not flows.receive)


def test_job_runs_commands_that_parse() -> None:
    program, option, script = container(workloads()["headrace-deploy"])["command"]
    commands = [command.strip() for command in script.split(";")]

    assert (program, option) == ("sh", "-euc"), "the first that fails ends it"
    assert commands == ["headrace schemas register", "headrace topics apply"]
    assert [problem_of(command.removeprefix("headrace ")) for command in commands] == ["", ""]


def test_each_connection_is_compared_every_night() -> None:
    nightly = {name: each["spec"] for name, each in workloads().items() if each["kind"] == "CronJob"}

    assert set(nightly) == {f"reconcile-{name}" for name in settings().connections}
    for name, spec in nightly.items():
        command = container(workloads()[name])["command"]
        assert command == ["headrace", "reconcile", name.removeprefix("reconcile-"), "--json"]
        assert problem_of(command[1:]) == ""
        assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 2 * * *", "Etc/UTC", "Forbid")
        (rule,) = spec["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
        assert rule["onExitCodes"]["values"] == [DIFFERS, 2, 78], "what would come out the same again"
        assert rule["onExitCodes"]["containerName"] == container(workloads()[name])["name"]


@EVERY
def test_is_held_short(name: str) -> None:
    spec = pod(workloads()[name])

    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "a Service named headrace would set HEADRACE_PORT"
    assert spec["serviceAccountName"] == "headrace"
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    security = spec["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert f"USER {security['runAsUser']}:{security['runAsGroup']}" in (ROOT / "services" / "Dockerfile").read_text()
    for each in containers(workloads()[name]):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert set(each["resources"]) == {"requests", "limits"}
        for part in each["resources"].values():
            assert set(part) == {"cpu", "memory"}


@EVERY
def test_image_comes_from_one_place(name: str) -> None:
    wanted = "registry.example.com/headrace:0.1.0" if name in in_example() else "headrace"

    assert {each["image"] for each in containers(workloads()[name])} == {wanted}


def test_image_is_named_once() -> None:
    named = [
        f"{file.relative_to(K8S)}: {line.strip()}"
        for file in K8S.rglob("*.yaml")
        for line in file.read_text(encoding="utf-8").splitlines()
        if re.match(r"\s*(?:- )?(?:image|newName|newTag):", line) and line.strip() != "image: headrace"
    ]

    assert named == [
        "example/kustomization.yaml: newName: registry.example.com/headrace",
        "example/kustomization.yaml: newTag: 0.1.0",
    ]


@EVERY
def test_writes_only_to_folders_that_may_be_lost(name: str) -> None:
    written = {path: volume for path, volume in mounts(workloads()[name]).items() if "emptyDir" in volume}
    dockerfile = (ROOT / "services" / "Dockerfile").read_text(encoding="utf-8")
    state = re.search(r"HEADRACE_STATE_DIR=(\S+)", dockerfile)

    assert state is not None
    assert set(written) == {state[1], "/tmp"}  # noqa: S108 - in a container
    assert all(volume["emptyDir"]["sizeLimit"] for volume in written.values())
    for each in container(workloads()[name])["volumeMounts"]:
        assert each["mountPath"] in written or each["readOnly"] is True


@LASTING
def test_probes_ask_what_the_service_answers(name: str) -> None:
    each = container(lasting()[name])
    paths = {route.path for route in routes(dict, dict) if isinstance(route, Route)}
    (port,) = each["ports"]
    probes = {kind: each[f"{kind}Probe"] for kind in ("startup", "readiness", "liveness")}

    assert {kind: probe["httpGet"]["path"] for kind, probe in probes.items()} == {
        "startup": "/health/live",  # more workers than partitions, or one that is stuck, must not be killed for it
        "readiness": "/health/ready",
        "liveness": "/health/live",
    }
    assert {probe["httpGet"]["path"] for probe in probes.values()} <= paths
    assert {probe["httpGet"]["port"] for probe in probes.values()} == {port["name"]}
    assert all({"periodSeconds", "timeoutSeconds", "failureThreshold"} <= set(probe) for probe in probes.values())


@LASTING
def test_listens_where_its_port_says(name: str) -> None:
    workload = lasting()[name]
    variable = "HEADRACE_PORT" if workload["kind"] == "Deployment" else "HEADRACE_METRICS_PORT"

    assert [str(port["containerPort"]) for port in container(workload)["ports"]] == [environment(workload)[variable]]
    assert not {"HEADRACE_PORT", "HEADRACE_METRICS_PORT"} - {variable} & set(environment(workload))


@LASTING
def test_workers_have_the_time_to_end_a_call(name: str) -> None:
    workload = lasting()[name]
    grace = pod(workload)["terminationGracePeriodSeconds"]
    ending = settings().drain_seconds + CONNECTIONS + FLUSH
    if workload["kind"] == "Deployment":
        before = container(workload)["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert grace >= before + ending
    else:
        assert grace >= settings().drain_seconds + call_deadline(name) + COMMIT + LEAVE + FLUSH + CONNECTIONS


def test_the_seconds_are_those_of_the_code() -> None:
    platform = ROOT / "libs" / "headrace" / "platform"
    worker, kafka, health = ((platform / name).read_text() for name in ("worker.py", "kafka.py", "health.py"))

    assert f"_KAFKA_GONE_SECONDS = {COMMIT}.0" in worker
    assert worker.count("asyncio.timeout(_KAFKA_GONE_SECONDS)") == 2, "commit and leaving"
    assert f"asyncio.timeout({FLUSH})" in kafka
    assert f"timeout_graceful_shutdown={CONNECTIONS}" in health


@LASTING
def test_names_of_members_are_those_of_the_pods(name: str) -> None:
    workload = lasting()[name]
    if workload["kind"] == "StatefulSet":
        assert environment(workload)["HEADRACE_INSTANCE"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_namespace_refuses_what_would_ask_for_more() -> None:
    (namespace,) = [each for each in render(EXAMPLE) if each["kind"] == "Namespace"]

    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {each["metadata"].get("namespace") for each in render(EXAMPLE) if each["kind"] != "Namespace"} == {
        namespace["metadata"]["name"]
    }


def test_only_the_example_says_where() -> None:
    assert not [
        file for file in K8S.rglob("kustomization.yaml") if "namespace:" in file.read_text() and file.parent != EXAMPLE
    ]


def test_no_file_is_left_out() -> None:
    """A manifest that no kustomization names is never applied, and nobody notices."""
    missing = []
    for file in (each for each in K8S.rglob("*.yaml") if re.search(r"^kind: ", each.read_text(), re.MULTILINE)):
        beside = file.parent / "kustomization.yaml"
        if file != beside and not re.search(rf"(?:- |path: |\[){re.escape(file.name)}\b", Path(beside).read_text()):
            missing.append(str(file.relative_to(K8S)))

    assert missing == []


def test_systems_have_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    known: set[str] = set()

    def main(_: str, flow: Any, connectors: Sequence[Any], __: Sequence[str]) -> None:
        if flow is flows.process_targets:
            known.update(connector.system for connector in connectors)

    monkeypatch.setattr(flows, "main", main)
    for workload in in_example().values():
        if module_of(workload):
            runpy.run_module(module_of(workload), run_name="__main__")

    assert known >= {each.system for each in settings().connections.values() if each.target}
