"""What an operator configures for one Finance and Operations environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from headrace.connectors.dynamics_fo.objects import ENTITY_SETS
from headrace.platform.auth import WORLDWIDE_AUTHORITY
from headrace.platform.secrets import Secret
from headrace.platform.settings import Strict

MAIN_ACCOUNT = "MainAccount"
"""How a ledger dimension format names the main account."""

Company = Annotated[str, Field(min_length=1, max_length=4, pattern=r"^[A-Za-z0-9_]+$")]


class BasicLogin(Strict):
    """Name and password that a relay in front of the webhook sends."""

    user: str
    password: Secret


class EventRule(Strict):
    """Which record a business event is about.

    `key` maps each key field of the object to the event's contract field that holds it. The company comes from the
    event's `LegalEntity`, else from `BusinessEventLegalEntity`.
    """

    object: str
    key: dict[str, str]

    @model_validator(mode="after")
    def _key_is_complete(self) -> EventRule:
        if self.object not in ENTITY_SETS:
            raise ValueError(f"object {self.object} is not one of {', '.join(ENTITY_SETS)}")
        entity_set = ENTITY_SETS[self.object]
        wanted = {name for name in entity_set.key if name != entity_set.company}
        if set(self.key) != wanted:
            raise ValueError(f"key of {self.object} must name exactly {', '.join(sorted(wanted))}")
        return self


DEFAULT_EVENTS = {
    "SalesInvoicePostedBusinessEvent": EventRule(
        object="SalesOrderHeadersV2", key={"SalesOrderNumber": "SalesOrderId"}
    ),
}
"""Only events whose contract is confirmed. Others are configured from the environment's own catalogue of events."""


class Webhook(Strict):
    """How the environment's HTTPS endpoint proves itself.

    Business events carry no signature, so the secret stands in the endpoint's URL (`?code=…`), or a relay adds Basic
    credentials. Several values let an operator change them without a gap.
    """

    codes: list[Secret] = Field(default_factory=list, description="Accepted values of `code` in the URL.")
    basic: list[BasicLogin] = Field(default_factory=list)

    @model_validator(mode="after")
    def _not_open(self) -> Webhook:
        if not self.codes and not self.basic:
            raise ValueError("give at least one code or one Basic login; an open webhook would believe anybody")
        if any(len(code.get_secret_value()) < 16 for code in self.codes):
            raise ValueError("a code has at least 16 characters, so that it cannot be guessed")
        return self


class DimensionFormat(Strict):
    """The environment's active default dimension format: the order of the dimensions and what separates them.

    It is kept under "Financial dimension configuration for integrating applications"; `headrace ping` compares.
    """

    dimensions: list[str] = Field(min_length=1)
    delimiter: str = Field("-", min_length=1, max_length=1)
    aliases: dict[str, str] = Field(
        default_factory=dict, description="Other systems' names of dimensions: {Cost center: CostCenter}."
    )

    @model_validator(mode="after")
    def _consistent(self) -> DimensionFormat:
        if len({name.casefold() for name in self.dimensions}) != len(self.dimensions):
            raise ValueError("a dimension is named twice")
        if self.delimiter == "\\":
            raise ValueError("the delimiter cannot be the backslash, which escapes it")
        unknown = sorted(set(self.aliases.values()) - set(self.dimensions))
        if unknown:
            raise ValueError(f"aliases point at dimensions that the format lacks: {', '.join(unknown)}")
        return self


class Poll(Strict):
    """How changes of one object are read.

    `auto`: by a modification time where the environment publishes one (the BI entities), else all of it.
    `modified`, `created`: insist on that time. `full`: read all every time and let content tell.
    """

    strategy: Literal["auto", "modified", "created", "full"] = "auto"
    full_every_hours: float = Field(
        24.0, ge=0, description="A sweep that finds what no modification time shows, such as addresses. 0: never."
    )


class DynamicsFoConfig(Strict):
    """One environment. Records of companies that `legal_entities` does not list are neither read nor written."""

    environment_url: str = Field(description="https://contoso.operations.dynamics.com")
    tenant_id: str
    client_id: str
    client_secret: Secret | None = None
    certificate_file: Path | None = Field(None, description="PEM; with private_key_file instead of client_secret.")
    private_key_file: Path | None = None
    authority: str = Field(WORLDWIDE_AUTHORITY, description="Sign-in service, without the tenant.")
    instance_discovery: bool = Field(True, description="False for a sign-in service that is not Microsoft's cloud.")
    verify: Literal[True] | str = Field(
        True, description="PEM file of the authority to trust for sign-in and environment."
    )
    resource: str = Field("", description="Audience of the token; empty: environment_url.")

    legal_entities: list[Company] = Field(min_length=1)
    requests_per_second: float | None = Field(None, gt=0, description="None: as fast as the environment bears.")
    concurrency: int = Field(8, ge=1, le=52)
    call_deadline: float = Field(60.0, gt=0, description="Seconds for a changing call.")
    settle_seconds: float = Field(
        60.0, ge=0, description="How long after call_deadline a call may still take effect; then VERIFY is believed."
    )
    read_timeout: float = Field(120.0, gt=0, description="Seconds; the first call after a restart is slow.")
    page_size: int = Field(1000, ge=1, le=10_000)

    dimension_format: DimensionFormat | None = None
    ledger_format: DimensionFormat | None = Field(
        None, description="The same of the active ledger dimension format, which has MainAccount among its dimensions."
    )
    dimensions: list[str] = Field(
        default_factory=list, description="Dimensions whose values are read, besides those of the formats."
    )
    sizes: dict[str, dict[str, int]] = Field(
        default_factory=dict, description="Longest text by object and field, where the environment's differs."
    )
    absent_fields: dict[str, list[str]] = Field(
        default_factory=dict, description="Fields by object that this environment's version lacks; they are not read."
    )
    webhook: Webhook | None = None
    events: dict[str, EventRule] = Field(default_factory=lambda: dict(DEFAULT_EVENTS))
    polls: dict[str, Poll] = Field(default_factory=dict)
    overlap_seconds: int = Field(300, ge=1, description="How far each poll looks back behind the last one.")

    @field_validator("environment_url", "authority", "resource")
    @classmethod
    def _address(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value.rstrip("/"))
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.username:
            raise ValueError("must be an address such as https://contoso.operations.dynamics.com")
        if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("must be https: the token travels with every call")
        return value.rstrip("/")

    @field_validator("legal_entities")
    @classmethod
    def _lower_case(cls, value: list[str]) -> list[str]:
        return list(dict.fromkeys(company.lower() for company in value))

    @model_validator(mode="after")
    def _consistent(self) -> DynamicsFoConfig:
        certificate = self.certificate_file is not None and self.private_key_file is not None
        if (self.client_secret is None) != certificate:
            raise ValueError("give either client_secret or both certificate_file and private_key_file")
        if self.ledger_format is not None:
            if MAIN_ACCOUNT not in self.ledger_format.dimensions:
                raise ValueError(f"ledger_format: {MAIN_ACCOUNT} is not among its dimensions")
            if self.dimension_format is not None and self.dimension_format.delimiter != self.ledger_format.delimiter:
                raise ValueError("dimension_format and ledger_format: an environment has one delimiter")
        for option in ("sizes", "polls", "absent_fields"):
            unknown = sorted(set(getattr(self, option)) - set(ENTITY_SETS))
            if unknown:
                raise ValueError(f"{option}: unknown object {', '.join(unknown)}; known are {', '.join(ENTITY_SETS)}")
        return self

    @property
    def delimiter(self) -> str:
        """What separates the parts of display values, and is escaped in account numbers."""
        layout = self.dimension_format or self.ledger_format
        return layout.delimiter if layout else "-"

    @property
    def read_dimensions(self) -> list[str]:
        """Financial dimensions whose values are read."""
        formats = [layout for layout in (self.dimension_format, self.ledger_format) if layout is not None]
        named = [name for layout in formats for name in layout.dimensions if name != MAIN_ACCOUNT]
        return list(dict.fromkeys((*named, *self.dimensions)))

    @property
    def scope(self) -> str:
        """What the token is asked for."""
        return f"{self.resource or self.environment_url}/.default"

    def poll(self, obj: str) -> Poll:
        """Return how changes of an object are read."""
        return self.polls.get(obj, Poll())

    def select(self, obj: str) -> tuple[str, ...]:
        """Return the fields that are read of an object."""
        absent = self.absent_fields.get(obj, [])
        fields = ENTITY_SETS[obj].fields
        return tuple(name for name in fields if name not in absent and fields[name].kind != "binary")

    def size(self, obj: str, name: str) -> int | None:
        """Return how long the text of a field may be; None if that is not known."""
        return self.sizes.get(obj, {}).get(name, ENTITY_SETS[obj].field(name).size)
