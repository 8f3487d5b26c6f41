"""A whole Headrace on this machine: stack, sandboxes, services; for the demo and for the tests."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from headrace.platform.local_process import LocalProcess, free_port
from headrace.platform.paths import project_root
from headrace.platform.stack import StackInfo

CRM, ERP = "crm", "erp"
TENANT, CLIENT_ID, CLIENT_SECRET = "contoso", "00000000-0000-0000-0000-00000000f0f0", "sandbox-secret"
API_TOKEN = "0123456789abcdef0123456789abcdef01234567"  # noqa: S105 - of a sandbox
HOOK_USER, HOOK_PASSWORD = "pipedrive", "hook-password"
EVENT_CODE = "events-of-the-sandbox-0001"

SANDBOXES = ("pipedrive", "dynamics_fo")
SERVICES = ("receiver", "ingest", "processor", "crm-processor")
MODULES = {
    "receiver": ("services.ingest.receiver", "HEADRACE_PORT"),
    "ingest": ("services.ingest.worker", "HEADRACE_METRICS_PORT"),
    "processor": ("services.dynamics_fo.worker", "HEADRACE_METRICS_PORT"),
    "crm-processor": ("services.pipedrive.worker", "HEADRACE_METRICS_PORT"),
    "ap-processor": ("services.avidxchange.worker", "HEADRACE_METRICS_PORT"),
    "documents-processor": ("services.recordengine.worker", "HEADRACE_METRICS_PORT"),
    "sales-processor": ("services.dataverse.worker", "HEADRACE_METRICS_PORT"),
}
"""Service → what runs it, and the variable that tells it its port."""

_SIGN_IN: Mapping[str, str] = {"dynamics_fo": "signin", "dataverse": "dataverse-signin"}
"""Sandbox → the port of its sign-in service, which is reached by TLS alone."""

OWNERSHIP = {
    "customer": {"number": ERP, "name": "review", "*": "latest"},
    "product": {"*": ERP},
}


class Sandbox:
    """The control side of a running sandbox."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(base_url=url, trust_env=False, timeout=30.0)

    def get(self, path: str, **params: Any) -> Any:
        """Read from the control API."""
        return self._checked(self._client.get(f"/_sandbox/{path}", params=params))

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Order something through the control API."""
        return self._checked(self._client.post(f"/_sandbox/{path}", json=dict(body or {})))

    def edit(self, obj: str, key: str, fields: Mapping[str, Any]) -> None:
        """Change a record as a person does in the system's own screens."""
        self._checked(self._client.patch(f"/_sandbox/records/{obj}/{key}", json=dict(fields)))

    def delete(self, path: str) -> Any:
        """Remove something through the control API."""
        return self._checked(self._client.delete(f"/_sandbox/{path}"))

    def ledger(self, **filters: Any) -> list[dict[str, Any]]:
        """Return every change that was made, in order; `filters` as the control API takes them."""
        entries: list[dict[str, Any]] = []
        after = 0
        while page := self.get("ledger", after=after, limit=1000, **filters)["entries"]:
            entries += page
            after = page[-1]["seq"]
        return entries

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    @staticmethod
    def _checked(response: httpx.Response) -> Any:
        if response.is_error:
            raise RuntimeError(f"{response.request.method} {response.request.url}: {response.text[:500]}")
        return response.json()


class Deployment:
    """Sandboxes and services over a running stack.

    Args:
        stack: where Kafka and the registry are.
        folder: for configuration, sandbox data, logs and local state.
        prefix: topic prefix, so that several deployments share a stack.
        overrides: merged into the settings, for tests: {"kafka": {...}, "connections": {"erp": {"config": {...}}}}.
    """

    sandboxes: tuple[str, ...] = SANDBOXES
    services: tuple[str, ...] = SERVICES
    modules: Mapping[str, tuple[str, str]] = MODULES

    def __init__(
        self, stack: StackInfo, folder: Path, prefix: str = "", overrides: Mapping[str, Any] | None = None
    ) -> None:
        self.stack = stack
        self.folder = folder
        self.prefix = prefix
        self._overrides = overrides or {}
        self.ports = {name: free_port() for name in (*self.sandboxes, *_SIGN_IN.values(), *self.services)}
        self.config_file = folder / "headrace.yaml"
        self.environment = {"HEADRACE_CONFIG": str(self.config_file), "HEADRACE_ROOT": str(project_root())}
        self.processes = {name: self._sandbox(name) for name in self.sandboxes} | self._services()
        self._controls = {name: Sandbox(self._url(name)) for name in self.sandboxes}

    @property
    def crm(self) -> Sandbox:
        """The control side of Pipedrive."""
        return self.control("pipedrive")

    @property
    def erp(self) -> Sandbox:
        """The control side of Finance and Operations."""
        return self.control("dynamics_fo")

    def control(self, sandbox: str) -> Sandbox:
        """Return the control side of a sandbox."""
        return self._controls[sandbox]

    def start_sandboxes(self) -> None:
        """Start the sandboxes and wait until they answer."""
        self._start(self.sandboxes)

    def configure(self) -> None:
        """Write the settings file that all services and the command line use."""
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = merged(self._settings(), self._overrides)
        self.config_file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")

    def start_services(self, names: Sequence[str] | None = None) -> None:
        """Start services, all of them where none is named, and wait until they are ready."""
        self._start(self.services if names is None else names)

    def stop(self) -> None:
        """Stop services, then sandboxes."""
        added = [name for name in self.processes if name not in self.sandboxes]
        for group in (added, self.sandboxes):
            with ThreadPoolExecutor() as pool:
                list(pool.map(lambda name: self.processes[name].terminate(), group))
        for control in self._controls.values():
            control.close()

    @contextmanager
    def environ(self) -> Iterator[None]:
        """Point this process's own command line at the deployment."""
        before = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})

    @property
    def hook_url(self) -> str:
        """Where webhooks of connections go."""
        return f"{self._url('receiver')}/hooks"

    def _start(self, names: Sequence[str]) -> None:
        for name in names:
            self.processes[name].start()
        for name in names:
            self.processes[name].wait_ready()

    def _url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def _sandbox(self, name: str) -> LocalProcess:
        arguments = [name, "--port", str(self.ports[name]), "--data", str(self.folder / "sandbox" / name)]
        if name in _SIGN_IN:
            arguments += ["--tls-port", str(self.ports[_SIGN_IN[name]])]
        ready = f"{self._url(name)}/_sandbox/health"
        return LocalProcess(name, "services.sandbox.app", arguments, self.environment, self.folder / "logs", ready)

    def another(self, service: str, name: str, instance: str = "") -> LocalProcess:
        """Return one more process of a service, not started yet, with a port of its own; `processes` holds it now.

        Args:
            service: which one.
            name: of the process; its log has it, too.
            instance: its name in the consumer group; its own unless one is given, which then two processes have.
        """
        self.ports[name] = free_port()
        self.processes[name] = self._service(service, name, instance or f"{self.prefix}{name}")
        return self.processes[name]

    def _services(self) -> dict[str, LocalProcess]:
        return {name: self._service(name, name, f"{self.prefix}{name}-0") for name in self.services}

    def _service(self, service: str, name: str, instance: str) -> LocalProcess:
        module, port = self.modules[service]
        return LocalProcess(
            name,
            module,
            [],
            {**self.environment, port: str(self.ports[name]), "HEADRACE_INSTANCE": instance},
            self.folder / "logs",
            f"{self._url(name)}/health/ready",
        )

    def _settings(self) -> dict[str, Any]:
        return {
            "kafka": {
                "bootstrap": self.stack.bootstrap,
                "registry_url": self.stack.registry_url,
                "prefix": self.prefix,
                "session_timeout": 6.0,
            },
            "state_dir": str(self.folder / "state"),
            "ownership": OWNERSHIP,
            "connections": self._connections(),
        }

    def _connections(self) -> dict[str, Any]:
        return {CRM: self._crm(), ERP: self._erp()}

    def _crm(self) -> dict[str, Any]:
        return {
            "system": "pipedrive",
            "settle_seconds": 1.0,
            "retry_seconds": 5.0,
            "polls": {name: {"seconds": 10} for name in ("organization", "person", "product", "deal")},
            "config": {
                "base_url": self._url("pipedrive"),
                "api_token": API_TOKEN,
                "webhook": {"user": HOOK_USER, "password": HOOK_PASSWORD},
            },
        }

    def _erp(self) -> dict[str, Any]:
        return {
            "system": "dynamics_fo",
            "settle_seconds": 1.0,
            "retry_seconds": 5.0,
            "polls": {
                "CustomersV3": {"seconds": 5},
                "ReleasedProductsV2": {"seconds": 5},
                "SalesOrderHeadersV2": {"seconds": 5},
            },
            "config": {
                "environment_url": self._url("dynamics_fo"),
                "authority": f"https://localhost:{self.ports['signin']}",
                "instance_discovery": False,
                "verify": str(self.folder / "sandbox" / "dynamics_fo" / "tls" / "ca.pem"),
                "tenant_id": TENANT,
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "legal_entities": ["usmf", "demf", "gbsi"],
                "call_deadline": 5.0,
                "settle_seconds": 1.0,
                "dimension_format": {
                    "dimensions": ["Department", "CostCenter"],
                    "aliases": {"Cost center": "CostCenter"},
                },
                "webhook": {"codes": [EVENT_CODE]},
            },
        }


def merged(base: Any, over: Any) -> Any:
    """Return settings with those of `over` in place of their own, at every depth."""
    if not isinstance(base, dict) or not isinstance(over, Mapping):
        return over
    return {**base, **{name: merged(base.get(name), value) for name, value in over.items()}}
