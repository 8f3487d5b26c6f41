"""What an operator configures for one AvidXchange company."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, field_validator, model_validator

from headrace.connectors.avidxchange.contract import Contract, load_contract
from headrace.connectors.avidxchange.objects import ORDERS, WRITABLE, Object
from headrace.core.errors import ConfigurationError
from headrace.platform.secrets import Secret
from headrace.platform.settings import Strict

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
Company = Annotated[str, Field(min_length=1, max_length=4, pattern=r"^[A-Za-z0-9_]+$")]

SECRETS: Mapping[str, tuple[str, ...]] = {
    "company_user_tokens": ("company_token", "user_token"),
    "partner_oauth": ("client_id", "client_secret", "company_id"),
    "avidsuite_v1": ("gateway_key", "username", "password"),
}
"""What each way to sign in needs, and nothing else."""


class Auth(Strict):
    """How we sign in.

    `company_user_tokens`: two tokens that are made in AvidSuite under System Setup > Account Information >
    Connections > API. `partner_oauth`: client credentials of a partner. `avidsuite_v1`: a user behind a gateway key.
    """

    profile: Literal["company_user_tokens", "partner_oauth", "avidsuite_v1"] = "company_user_tokens"
    company_token: Secret | None = None
    user_token: Secret | None = None
    client_id: str | None = None
    client_secret: Secret | None = None
    company_id: str | None = None
    gateway_key: Secret | None = None
    username: str | None = None
    password: Secret | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Auth:
        wanted = SECRETS[self.profile]
        given = {name for name in type(self).model_fields if name != "profile" and getattr(self, name) is not None}
        missing = [name for name in wanted if name not in given]
        foreign = sorted(given - set(wanted))
        if missing:
            raise ValueError(f"profile {self.profile} needs {', '.join(missing)}")
        if foreign:
            raise ValueError(f"profile {self.profile} does not use {', '.join(foreign)}")
        for name in wanted:
            value = getattr(self, name)
            text = value.get_secret_value() if isinstance(value, Secret) else value
            if name != "password" and not is_sendable(text):
                raise ValueError(f"{name} is empty, or has characters that no header takes, such as a line end")
        return self


class Entity(Strict):
    """The accounting system that stands for a legal entity: its name in AvidSuite, or its id."""

    accounting_system: str = ""
    accounting_system_id: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_of_them(self) -> Entity:
        if bool(self.accounting_system.strip()) == (self.accounting_system_id is not None):
            raise ValueError("give either accounting_system (its name) or accounting_system_id")
        return self


class Payments(Strict):
    """When a payment counts as settled."""

    post_when: list[str] = Field(
        ["Cleared"], min_length=1, description="Statuses from which a payment is settled; cleared ones always are."
    )


class Codes(Strict):
    """Where the ERP's account and dimension values stand in enterprise codes."""

    erp_field: Literal["value", "description"] = "value"
    gl_group: str = Field("GL Account", min_length=1, description="Group of the main accounts; others are dimensions.")


class Invoices(Strict):
    """How approved invoices are found, and whether their batches are acknowledged."""

    discovery: Literal["closed_batches", "modified"] = "closed_batches"
    acknowledge: bool = Field(True, description="Tell AvidInvoice once all invoices of a batch are durable here.")


class AvidxchangeConfig(Strict):
    """One company. Records of accounting systems that `entities` does not list are neither read nor written."""

    base_url: str = Field(description="https://api.example.com, as AvidXchange gave it at onboarding.")
    auth: Auth
    entities: dict[Company, Entity] = Field(min_length=1, description="Legal entity to accounting system.")
    contract: Path | None = Field(None, description="YAML with what the company's API names otherwise; see ping.")
    verify: Literal[True] | str = Field(True, description="PEM file of the authority to trust.")

    payments: Payments = Payments()
    codes: Codes = Codes()
    invoices: Invoices = Invoices()
    purchase_orders: bool = Field(False, description="Write purchase orders; the API must have them.")
    image_hosts: list[str] = Field(
        default_factory=list, description="Further hosts that images of invoices may lie on; base_url's always may."
    )
    largest_image: int = Field(10_000_000, ge=1, description="Bytes.")

    requests_per_minute: int = Field(120, ge=1)
    concurrency: int = Field(200, ge=1, le=1000, description="Changes under way at once; they go out in bundles.")
    bundle_size: int = Field(500, ge=1, le=500, description="Items of one call.")
    call_deadline: float = Field(60.0, gt=0, description="Seconds for a changing call, with its wait for a bundle.")
    settle_seconds: float = Field(
        60.0, ge=0, description="How long after call_deadline a call may still take effect; then VERIFY is believed."
    )
    read_timeout: float = Field(60.0, gt=0, description="Seconds for an answer.")
    page_size: int = Field(500, ge=1, le=500)
    overlap_days: int = Field(1, ge=1, le=14, description="Days that each poll reads again.")
    history_days: int = Field(365, ge=1, description="How far back the first poll looks.")

    _rules: Contract = PrivateAttr()

    def model_post_init(self, context: Any) -> None:
        """Read the contract."""
        try:
            self._rules = load_contract(self.contract)
        except ConfigurationError as error:
            raise ValueError("; ".join(error.problems)) from None

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value.rstrip("/"))
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.path or parts.query or parts.username:
            raise ValueError("must be an address such as https://api.example.com; a path goes into api_prefix")
        if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
            raise ValueError("must be https: credentials travel with every call")
        return value.rstrip("/")

    @field_validator("entities")
    @classmethod
    def _lower_case(cls, value: dict[str, Entity]) -> dict[str, Entity]:
        found = {company.lower(): entity for company, entity in value.items()}
        if len(found) != len(value):
            raise ValueError("a legal entity is listed twice")
        systems = [(each.accounting_system.strip().casefold(), each.accounting_system_id) for each in found.values()]
        if len(set(systems)) != len(systems):
            raise ValueError("two legal entities share an accounting system; each needs its own")
        return found

    @field_validator("image_hosts")
    @classmethod
    def _bare_hosts(cls, value: list[str]) -> list[str]:
        if any(not each or "/" in each or ":" in each for each in value):
            raise ValueError("hosts without scheme and path, such as images.example.com")
        return [each.lower() for each in value]

    @property
    def rules(self) -> Contract:
        """What is assumed of the API."""
        return self._rules

    @property
    def targets(self) -> Mapping[str, Object]:
        """Objects that are written."""
        return {name: each for name, each in WRITABLE.items() if each is not ORDERS or self.purchase_orders}


def is_sendable(text: object) -> bool:
    """Say whether a text can stand in a header."""
    return isinstance(text, str) and bool(text) and text.isascii() and text.isprintable() and " " not in text
