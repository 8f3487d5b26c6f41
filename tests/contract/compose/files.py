"""docker-compose.yml as Compose reads it: merged, with variables of the shell filled in by their defaults."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = ROOT / "docker-compose.yml"
CONFIG = ROOT / "services" / "compose" / "headrace.yaml"
OWN_IMAGE = "headrace:dev"

_VARIABLE = re.compile(r"\$(?:(?P<literal>\$)|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")

Service = dict[str, Any]


def interpolate(value: Any) -> Any:
    """Return a value with `$$` and `${NAME:-default}` replaced; a variable without a default is a KeyError."""
    if isinstance(value, dict):
        return {name: interpolate(item) for name, item in value.items()}
    if isinstance(value, list):
        return [interpolate(item) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        if match["literal"]:
            return "$"
        if match["default"] is None:
            raise KeyError(f"{match['name']} has no default: docker compose would put an empty text there")
        return match["default"]

    return _VARIABLE.sub(replace, value)


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = interpolate(yaml.safe_load(COMPOSE.read_text(encoding="utf-8")))
    return loaded


def services() -> dict[str, Service]:
    found: dict[str, Service] = document()["services"]
    return found


def own_services() -> dict[str, Service]:
    """The services that run our image."""
    return {name: service for name, service in services().items() if service["image"] == OWN_IMAGE}


def module_of(service: Service) -> str:
    """The module that a service runs with `python -m`, "" if it runs something else."""
    command = service.get("command", [])
    return str(command[2]) if command[:2] == ["python", "-m"] else ""


def lasting() -> dict[str, Service]:
    """Our services that go on, unlike one-shots."""
    return {name: service for name, service in own_services().items() if module_of(service)}


def listens_on(service: Service) -> int:
    """The plain HTTP port on which one of our services answers health checks."""
    command, environment = service["command"], service.get("environment", {})
    if "--port" in command:
        return int(command[command.index("--port") + 1])
    return int(environment.get("HEADRACE_METRICS_PORT") or environment["HEADRACE_PORT"])


def mounts(service: Service) -> list[tuple[str, str]]:
    """Source and target of every mount, of either spelling."""
    found = []
    for mount in service.get("volumes", []):
        if isinstance(mount, dict):
            found.append((mount["source"], mount["target"]))
        else:
            source, target = mount.split(":")[:2]
            found.append((source, target))
    return found
