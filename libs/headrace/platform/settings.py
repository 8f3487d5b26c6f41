"""One YAML file configures a deployment; the environment overrides it; secrets come by reference.

`${NAME}` in a value is replaced by the environment variable NAME, `${file:/run/secrets/x}` by that file's content,
so that the file itself holds no secret (I10). `HEADRACE_KAFKA__BOOTSTRAP` and its like override single values.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import yaml
from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from headrace.core.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)
_REFERENCE = re.compile(r"\$\{(?:(file):)?([^}]+)\}")


class Strict(BaseModel):
    """Base of every configuration model: an unknown name is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Strict):
    """Where Kafka and the registry are, and how topics are made."""

    bootstrap: str = "localhost:9092"
    registry_url: str = "http://localhost:8081/apis/ccompat/v7"
    prefix: str = Field(
        "", description="Put before every topic and group name; lets several deployments share a cluster."
    )
    partitions: int = Field(8, ge=1, le=256, description="One count for all canonical and state topics (design §3).")
    replication: int = Field(1, ge=1, le=7)
    min_insync: int = Field(1, ge=1, le=7)
    session_timeout: float = Field(10.0, gt=1, description="Seconds; also the lease of a worker (design §5).")


class PollSettings(Strict):
    """When an object is polled; neither given: only on demand (`headrace poll`)."""

    seconds: float = Field(0.0, ge=0, description="Seconds between the end of a poll and the next.")
    cron: str = Field("", description="Five-field cron expression, UTC; takes the place of seconds.")

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        if value:
            try:
                CronSim(value, datetime.now(UTC))
            except CronSimError as error:
                raise ValueError(f"{value!r} is not a cron expression: {error}") from None
        return value


class ConnectionSettings(Strict):
    """One connection: which system, and what its connector's own model says."""

    system: str
    polls: dict[str, PollSettings] = Field(default_factory=dict, description="Object to schedule.")
    retry_seconds: float = Field(30.0, gt=0, description="First rest of parked work that waits for something.")
    source: bool = True
    target: bool = True
    settle_seconds: float = Field(2.0, ge=0, description="How long an unknown record waits for its link (design §6).")
    config: dict[str, Any] = Field(default_factory=dict)


class Settings(Strict):
    """The whole of `headrace.yaml`."""

    kafka: KafkaSettings = KafkaSettings()
    connections: dict[str, ConnectionSettings] = Field(default_factory=dict)
    mappings: Path = Field(Path("services"), description="Folder below which <service>/mappings/**.yaml lie.")
    state_dir: Path = Field(Path(".headrace"), description="Folder for rebuildable local files.")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of /metrics and health of a worker; 0 picks a free one."
    )
    drain_seconds: float = Field(20.0, gt=0, description="How long a stopping process finishes what it has begun.")


def load_settings(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the checked settings.

    Args:
        path: the file; None takes `$HEADRACE_CONFIG`, else `headrace.yaml` in the current folder.
        environment: variables; None takes the process environment.

    Raises:
        ConfigurationError: with every problem at once; the process must not start.
    """
    variables = os.environ if environment is None else environment
    file = path or Path(variables.get("HEADRACE_CONFIG", "headrace.yaml"))
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise ConfigurationError(f"{file}: not found; copy headrace.example.yaml or set HEADRACE_CONFIG") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{file}: {error}") from None
    if not isinstance(document, dict):
        raise ConfigurationError(f"{file}: expected a mapping of names to values")
    problems: list[str] = []
    document = _resolved(document, variables, str(file), problems)
    _override(document, variables)
    if problems:
        raise ConfigurationError(problems)
    return checked(Settings, document, str(file))


def checked(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """Return `values` as `model`; all problems at once, without the values themselves, which may be secret (I10).

    Raises:
        ConfigurationError: one line for each problem: place, field, what is wrong.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(
            [f"{where}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)]
        ) from None


def _resolved(value: Any, variables: Mapping[str, str], where: str, problems: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _resolved(item, variables, f"{where}: {name}", problems) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, variables, where, problems) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        kind, name = match.groups()
        if kind == "file":
            try:
                return Path(name).read_text(encoding="utf-8").strip()
            except OSError as error:
                problems.append(f"{where}: cannot read {name}: {error.strerror}")
                return ""
        if name not in variables:
            problems.append(f"{where}: the environment variable {name} is not set")
            return ""
        return variables[name]

    return _REFERENCE.sub(replace, value)


def _override(document: dict[str, Any], variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        if not name.startswith("HEADRACE_") or name in _RESERVED:
            continue
        *path, last = name.removeprefix("HEADRACE_").lower().split("__")
        place = document
        for part in path:
            place = place.setdefault(part, {})
        if last in (KafkaSettings if path == ["kafka"] else Settings).model_fields:
            place[last] = value


_RESERVED = {"HEADRACE_CONFIG", "HEADRACE_ROOT", "HEADRACE_CACHE"}
