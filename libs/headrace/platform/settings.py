"""One YAML file configures a deployment; the environment overrides it; secrets come by reference.

`${NAME}` in a value is replaced by the environment variable NAME, `${file:/run/secrets/x}` by that file's content, and
`${credential:NAME}` by what the credential store holds, so that the file itself holds no secret (I10). Fields of type
`Secret` follow the latter two as they change. `HEADRACE_KAFKA__BOOTSTRAP` and its like override single values.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator

from headrace.core.errors import ConfigurationError
from headrace.platform.secrets import CONTEXT, FileText, Lookup, Part, Reference, Secret, StoredName

Model = TypeVar("Model", bound=BaseModel)
_REFERENCE = re.compile(r"\$\{(?:(file|credential):)?([^}]+)\}")


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
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    user: str = Field("", description="With SASL: who signs in.")
    password: SecretStr = SecretStr("")
    ca_file: Path | None = Field(None, description="With TLS: PEM of the only authority to trust; None: the system's.")
    certificate_file: Path | None = Field(None, description="With TLS: PEM by which this client proves itself (mTLS).")
    private_key_file: Path | None = Field(None, description="PEM of that certificate's key.")

    @property
    def encrypts(self) -> bool:
        """Whether brokers are spoken to over TLS."""
        return self.security_protocol in ("SSL", "SASL_SSL")

    @property
    def signs_in(self) -> bool:
        """Whether user and password are given to the brokers."""
        return self.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL")

    @model_validator(mode="after")
    def _security_is_whole(self) -> KafkaSettings:
        protocol = self.security_protocol
        if self.signs_in and not (self.user and self.password.get_secret_value()):
            raise ValueError(f"security_protocol {protocol} needs user and password")
        if not self.signs_in and (self.user or self.password.get_secret_value()):
            raise ValueError(f"user and password are not used with security_protocol {protocol}; SASL_SSL sends them")
        if not self.encrypts and (self.ca_file or self.certificate_file or self.private_key_file):
            raise ValueError(f"security_protocol {protocol} speaks no TLS: SSL or SASL_SSL use the files")
        if (self.certificate_file is None) != (self.private_key_file is None):
            raise ValueError("certificate_file and private_key_file belong together")
        return self


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


class AcceptSettings(Strict):
    """Which events of one entity a target takes; nothing given: all of them."""

    connections: list[str] = Field(default_factory=list, description="Sources that it takes events from.")
    legal_entities: list[str] = Field(default_factory=list, description="Companies whose events it takes.")


class ConnectionSettings(Strict):
    """One connection: which system, and what its connector's own model says."""

    system: str
    mappings: Path | None = Field(None, description="Takes the place of the top level's, for this connection alone.")
    accepts: dict[str, AcceptSettings] = Field(
        default_factory=dict, description="Entity to what the target takes of it; for several targets of one kind."
    )
    polls: dict[str, PollSettings] = Field(default_factory=dict, description="Object to schedule.")
    retry_seconds: float = Field(30.0, gt=0, description="First rest of parked work that waits for something.")
    source: bool = True
    target: bool = True
    settle_seconds: float = Field(2.0, ge=0, description="How long an unknown record waits for its link (design §6).")
    config: dict[str, Any] = Field(default_factory=dict)


class CredentialSettings(Strict):
    """What opens the credential store. Without a key there is none, and the topic `credentials` is not read."""

    keys: list[Secret] = Field(
        default_factory=list, description="32 random bytes each, URL-safe base64: the first encrypts, all decrypt."
    )
    key_files: list[Path] = Field(default_factory=list, description="Files that hold one key each; after `keys`.")
    lease_seconds: float = Field(
        60.0, ge=1, le=600, description="How long others wait for a process that died while it renewed a token."
    )

    @property
    def given(self) -> bool:
        """Whether there is a key."""
        return bool(self.keys or self.key_files)


class Settings(Strict):
    """The whole of `headrace.yaml`."""

    kafka: KafkaSettings = KafkaSettings()
    credentials: CredentialSettings = CredentialSettings()
    connections: dict[str, ConnectionSettings] = Field(default_factory=dict)
    ownership: dict[str, dict[str, str | list[str]]] = Field(
        default_factory=dict, description="Entity, then field or *, to who may write it (I8)."
    )
    mappings: Path = Field(Path("services"), description="Folder below which <service>/mappings/**.yaml lie.")
    state_dir: Path = Field(Path(".headrace"), description="Folder for rebuildable local files.")
    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of /metrics and health of a worker; 0 picks a free one."
    )
    drain_seconds: float = Field(20.0, gt=0, description="How long a stopping process finishes what it has begun.")


def load_settings(
    path: Path | None = None, environment: Mapping[str, str] | None = None, *, complete: bool = True
) -> Settings:
    """Return the checked settings.

    Args:
        path: the file; None takes `$HEADRACE_CONFIG`, else `headrace.yaml` in the current folder.
        environment: variables; None takes the process environment.
        complete: False leaves a reference to a file or variable that is not there as it is written: for what needs the
            shape of a deployment and none of its secrets.

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
    if problems and complete:
        raise ConfigurationError(problems)
    return checked(Settings, document, str(file))


def checked(model: type[Model], values: Mapping[str, Any], where: str, lookup: Lookup | None = None) -> Model:
    """Return `values` as `model`; all problems at once, without the values themselves, which may be secret (I10).

    Args:
        model: the configuration model.
        values: as `load_settings` leaves them: fields of type `Secret` follow their references.
        where: file and place, for messages.
        lookup: gives stored credentials; None if the store is not open.

    Raises:
        ConfigurationError: one line for each problem: place, field, what is wrong.
    """
    try:
        made = model.model_validate(values, context={CONTEXT: lookup})
    except ValidationError as error:
        raise ConfigurationError(
            [f"{where}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors(include_input=False)]
        ) from None
    if problems := list(_not_followed(made, where)):
        raise ConfigurationError(problems)
    return made


def _not_followed(value: Any, where: str) -> Iterator[str]:
    """Yield where a stored credential is named in a field that would take the name for the value."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            if not (isinstance(value, ConnectionSettings) and name == "config"):  # its connector's model tells
                yield from _not_followed(getattr(value, name), f"{where}: {name}")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _not_followed(item, f"{where}: {name}")
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _not_followed(item, where)
    elif not isinstance(value, Secret):
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        if "${credential:" in text:
            yield f"{where}: a stored credential can stand only where a secret is expected; write the value itself"


def _resolved(value: Any, variables: Mapping[str, str], where: str, problems: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _resolved(item, variables, f"{where}: {name}", problems) for name, item in value.items()}
    if isinstance(value, list):
        return [_resolved(item, variables, where, problems) for item in value]
    if not isinstance(value, str):
        return value

    parts = [part for part in _parts(value, variables, where, problems) if part != ""]
    return "".join(map(str, parts)) if all(isinstance(part, str) for part in parts) else Reference(parts)


def _parts(text: str, variables: Mapping[str, str], where: str, problems: list[str]) -> Iterator[Part]:
    position = 0
    for match in _REFERENCE.finditer(text):
        yield text[position : match.start()]
        position = match.end()
        kind, name = match.groups()
        if kind == "credential":
            yield StoredName(name)
        elif kind == "file":
            try:
                yield FileText(Path(name))
            except (OSError, UnicodeDecodeError) as error:
                problems.append(f"{where}: cannot read {name}: {getattr(error, 'strerror', '') or 'it is not UTF-8'}")
                yield match[0]
        elif name not in variables:
            problems.append(f"{where}: the environment variable {name} is not set")
            yield match[0]
        else:
            yield variables[name]
    yield text[position:]


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
