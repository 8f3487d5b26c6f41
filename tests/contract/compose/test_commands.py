"""Commands run: their modules exist, their arguments parse, their health checks look where they listen."""

import importlib.util
import re
import runpy
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.applications import Starlette

from headrace.core.contracts import Connector
from headrace.pipeline import service as flows
from headrace.platform.health import HttpServer, routes
from headrace.platform.settings import Settings
from headrace.sandbox.common import serve as serving
from tests.contract.compose.files import ROOT, lasting, listens_on, module_of, own_services, services
from tests.unit.house.commands import problem_of

SANDBOX = "services.sandbox.app"
FLOWS = [name for name, service in lasting().items() if module_of(service) != SANDBOX]
SANDBOXES = [name for name, service in lasting().items() if module_of(service) == SANDBOX]


@pytest.mark.parametrize("name", lasting())
def test_module_exists(name: str) -> None:
    assert importlib.util.find_spec(module_of(lasting()[name])) is not None


@pytest.mark.parametrize("name", [name for name in own_services() if name not in lasting()])
def test_one_shots_are_commands_that_parse(name: str) -> None:
    command = own_services()[name]["command"]

    assert command[0] == "headrace"
    assert problem_of(command[1:], own_services()[name]["environment"]) == ""


@pytest.mark.parametrize("name", FLOWS)
def test_flow_starts_with_its_connectors(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[Any, Sequence[Connector], Sequence[str]]] = []
    monkeypatch.setattr(flows, "main", lambda _, flow, known, words: started.append((flow, known, words)))
    command = services()[name]["command"]

    monkeypatch.setattr(sys, "argv", command[2:])
    runpy.run_module(module_of(services()[name]), run_name="__main__")

    ((flow, connectors, words),) = started
    assert connectors
    assert list(words) == command[3:]
    environment = services()[name]["environment"]
    assert ("HEADRACE_PORT" in environment) == (flow is flows.receive)
    assert ("HEADRACE_METRICS_PORT" in environment) == (flow is not flows.receive)
    assert ("HEADRACE_INSTANCE" in environment) == (flow is not flows.receive), "a worker that restarts keeps its name"


def test_instances_are_unique() -> None:
    instances = [
        service["environment"]["HEADRACE_INSTANCE"]
        for service in lasting().values()
        if "HEADRACE_INSTANCE" in service.get("environment", {})
    ]

    assert len(set(instances)) == len(instances) > 0


@pytest.mark.parametrize("name", SANDBOXES)
def test_sandbox_serves_its_system(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    served: list[tuple[Any, ...]] = []

    async def serve(application: Starlette, *where: Any) -> None:
        served.append((application.state.sandbox, *where))
        application.state.sandbox.store.close()

    monkeypatch.setattr(serving, "serve", serve)
    command = [str(tmp_path) if word == "/var/lib/headrace" else word for word in services()[name]["command"]]

    monkeypatch.setattr(sys, "argv", command[2:])
    runpy.run_module(SANDBOX, run_name="__main__")

    ((sandbox, host, port, tls_port, data),) = served
    assert f"sandbox-{sandbox.system.replace('_', '-')}" == name
    assert services()[name]["hostname"] == name, "the certificate names the host"
    assert (host, port, tls_port, data) == ("0.0.0.0", 8080, 8443, tmp_path)  # noqa: S104 - in a container


@pytest.mark.parametrize("name", lasting())
def test_health_check_asks_where_the_service_listens(name: str) -> None:
    service = lasting()[name]
    url = re.search(r"http://127\.0\.0\.1:(\d+)(/[\w/]+)", service["healthcheck"]["test"][-1])

    assert url is not None
    assert int(url[1]) == listens_on(service)
    assert url[2] == ("/_sandbox/health" if module_of(service) == SANDBOX else "/health/ready")
    assert service["ports"][0].endswith(f":{listens_on(service)}")


@pytest.mark.parametrize(("problems", "healthy"), [({}, True), ({"state": "recovering"}, False)])
async def test_health_check_tells_ready_from_not_ready(problems: dict[str, str], healthy: bool) -> None:
    import asyncio

    program, *options, code = lasting()["ingest-worker"]["healthcheck"]["test"][1:]
    assert program == "python"
    server = HttpServer(Starlette(routes=routes(dict, lambda: problems)), "127.0.0.1", 0)
    await server.start()
    try:
        asked = code.replace(":9100/", f":{server.port}/")
        process = await asyncio.create_subprocess_exec(
            sys.executable, *options, asked, stderr=subprocess.DEVNULL, env={"PATH": ""}
        )
        assert (await process.wait() == 0) is healthy
    finally:
        await server.stop()


def test_prometheus_scrapes_every_flow_where_it_listens() -> None:
    document = yaml.safe_load((ROOT / "services" / "compose" / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = [job for job in document["scrape_configs"] if job["job_name"] == "headrace"]
    targets = {target for group in job["static_configs"] for target in group["targets"]}

    assert targets == {f"{name}:{listens_on(services()[name])}" for name in FLOWS}


def test_ports_fit_the_settings() -> None:
    for name in FLOWS:
        Settings(port=listens_on(services()[name]))
