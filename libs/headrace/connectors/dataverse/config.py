"""What an operator configures for one Dataverse environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from headrace.connectors.dataverse.objects import READABLE
from headrace.platform.auth import WORLDWIDE_AUTHORITY
from headrace.platform.secrets import Secret
from headrace.platform.settings import Strict

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
SHORTEST_SECRET = 16
_COLUMN = re.compile(r"[a-z_][a-z0-9_]*")


class NamedSecret(Strict):
    """A header, or a parameter of the query, with the value that proves the sender."""

    name: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    value: Secret


class Webhook(Strict):
    """How the environment's service endpoint proves itself.

    Deliveries carry no signature. The endpoint's authentication is WebhookKey (`?code=…`), HttpHeader or
    HttpQueryString; several values let an operator change them without a gap, and the first one is registered.
    """

    codes: list[Secret] = Field(default_factory=list, description="Accepted values of `code` in the URL (WebhookKey).")
    headers: list[NamedSecret] = Field(default_factory=list, description="Accepted headers (HttpHeader).")
    queries: list[NamedSecret] = Field(default_factory=list, description="Accepted parameters (HttpQueryString).")
    url: str = Field(
        "", description="Where Dataverse delivers to; ports 80 and 443 only. `headrace ping` looks for it."
    )

    @model_validator(mode="after")
    def _not_open(self) -> Webhook:
        given = [*self.codes, *(each.value for each in (*self.headers, *self.queries))]
        if not given:
            raise ValueError("give at least one of codes, headers, queries; an open webhook would believe anybody")
        if any(len(secret.get_secret_value()) < SHORTEST_SECRET for secret in given):
            raise ValueError(f"a value has at least {SHORTEST_SECRET} characters, so that it cannot be guessed")
        return self


class Documents(Strict):
    """Which files of opportunities are handed on: those of notes, once an opportunity is in one of these stages."""

    stages: list[str] = Field(default_factory=list, description="Values of stage_column, such as 3-Propose.")
    largest_file: int = Field(100_000_000, ge=1, description="Bytes; a larger one parks its opportunity.")

    def concerns(self, stage: object) -> bool:
        """Say whether files of an opportunity in this stage are handed on."""
        return isinstance(stage, str) and stage.strip().casefold() in {each.strip().casefold() for each in self.stages}


class DataverseConfig(Strict):
    """One environment, reached as an application user whose security role says what it may do."""

    environment_url: str = Field(description="https://org.crm4.dynamics.com")
    tenant_id: str
    client_id: str
    client_secret: Secret | None = None
    certificate_file: Path | None = Field(None, description="PEM; with private_key_file instead of client_secret.")
    private_key_file: Path | None = None
    authority: str = Field(WORLDWIDE_AUTHORITY, description="Sign-in service, without the tenant.")
    instance_discovery: bool = Field(True, description="False for a sign-in service that is not Microsoft's cloud.")
    resource: str = Field("", description="Audience of the token; empty: environment_url.")
    verify: Literal[True] | str = Field(True, description="PEM file of the authority to trust.")

    webhook: Webhook | None = None
    objects: list[str] = Field(
        default_factory=lambda: list(READABLE), min_length=1, description="Tables that are read."
    )
    stage_column: str = Field("stepname", description="Column of an opportunity that tells its stage.")
    documents: Documents = Documents()
    summaries: Literal["note", "task"] = Field("note", description="What the object `summary` is written as.")

    requests_per_second: float | None = Field(None, gt=0, description="None: as fast as the environment bears.")
    concurrency: int = Field(8, ge=1, le=52, description="Calls in flight; more than 52 are refused by the service.")
    call_deadline: float = Field(60.0, gt=0, description="Seconds for a changing call.")
    settle_seconds: float = Field(
        120.0, ge=0, description="How long after call_deadline a call may still take effect; then VERIFY is believed."
    )
    read_timeout: float = Field(60.0, gt=0, description="Seconds for an answer.")
    page_size: int = Field(1000, ge=1, le=5000)
    overlap_seconds: int = Field(
        300, ge=1, description="How far polls of tables without change tracking look back behind the last one."
    )

    @field_validator("environment_url", "authority", "resource")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value.rstrip("/"))
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.username:
            raise ValueError("must be an address such as https://org.crm4.dynamics.com")
        if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
            raise ValueError("must be https: the token travels with every call")
        return value.rstrip("/")

    @field_validator("environment_url")
    @classmethod
    def _no_path(cls, value: str) -> str:
        if urlsplit(value).path:
            raise ValueError("the address of the environment alone, without /api/data")
        return value

    @field_validator("stage_column")
    @classmethod
    def _is_column(cls, value: str) -> str:
        if not _COLUMN.fullmatch(value):
            raise ValueError("a logical name: lower case, as in the table's metadata, such as stepname")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> DataverseConfig:
        certificate = self.certificate_file is not None and self.private_key_file is not None
        if (self.client_secret is None) != certificate:
            raise ValueError("give either client_secret or both certificate_file and private_key_file")
        unknown = sorted(set(self.objects) - set(READABLE))
        if unknown:
            raise ValueError(f"objects: unknown object {', '.join(unknown)}; known are {', '.join(READABLE)}")
        return self

    @property
    def scope(self) -> str:
        """What the token is asked for."""
        return f"{self.resource or self.environment_url}/.default"

    @property
    def host(self) -> str:
        """Host of the environment."""
        return urlsplit(self.environment_url).hostname or ""

    def record_url(self, table: str, id_: str) -> str:
        """Return where people see a record."""
        return f"{self.environment_url}/main.aspx?etn={table}&id={id_}"
