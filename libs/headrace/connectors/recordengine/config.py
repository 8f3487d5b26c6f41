"""What an operator configures for one RecordEngine instance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PrivateAttr, StringConstraints, field_validator, model_validator

from headrace.connectors.recordengine.contract import Contract, load_contract
from headrace.core.errors import ConfigurationError
from headrace.platform.secrets import Secret
from headrace.platform.settings import Strict

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
SHORTEST_CODE = 32
Company = Annotated[str, StringConstraints(min_length=1, max_length=4, pattern=r"^[A-Za-z0-9_]+$", to_lower=True)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Word = Annotated[str, BeforeValidator(lambda word: str(word) if isinstance(word, int) else word), Field(min_length=1)]
"""A name; YAML reads some as numbers."""
Decimals = Literal["auto", "point", "comma"]
Percent = Annotated[int, Field(ge=0, le=100)]


class Webhook(Strict):
    """How deliveries prove themselves. RecordEngine signs nothing: it sends a Bearer token.

    Older instances send their API token, newer ones what an administrator typed under Webhook Auth; two are accepted
    while one is being replaced. Where Webhook Auth is left blank, `codes` stand in our address: `?code=…`.
    """

    mode: Literal["v1", "v2", "auto"] = Field("auto", description="Generation of bodies that is taken in.")
    tokens: list[Secret] = Field(default_factory=list, max_length=2, description="Empty: api_token, unless codes are.")
    codes: list[Secret] = Field(default_factory=list, max_length=2)
    signature_secret: Secret | None = Field(None, description="Of a proxy that signs: webhook.hmac of the contract.")
    largest_body: int = Field(1_000_000, ge=1, description="Bytes; the receiver takes no more than 1,048,576.")

    @model_validator(mode="after")
    def _not_open(self) -> Webhook:
        if any(len(code.get_secret_value()) < SHORTEST_CODE for code in self.codes):
            raise ValueError(f"codes have at least {SHORTEST_CODE} characters")
        if not all(is_token(token.get_secret_value()) for token in self.tokens):
            raise ValueError("a token is empty, or has characters that no token has, such as a space or a line end")
        return self


class Confidence(Strict):
    """From which score, 0 to 100, a document is written without a human; a missing score counts as 0."""

    minimum: Percent = 80
    by_type: dict[str, Percent] = Field(default_factory=dict, description="By type of document.")

    def wanted(self, doc_type: str | None) -> int:
        """Return the score that a type of document needs."""
        return int(named(self.by_type, doc_type, self.minimum))


class LegalEntities(Strict):
    """Which company a document is of that does not name one: by its folder, else by its contact, else `default`."""

    default: Company | None = None
    folders: dict[int, Company] = Field(default_factory=dict, description="By id of the folder.")
    contacts: dict[int, Company] = Field(default_factory=dict, description="By id of the contact.")


class Filing(Strict):
    """Where files go: ids of RecordEngine's contact and folder; without `profile` the contact's own counts."""

    contact: int = Field(ge=1)
    folder: int = Field(ge=1)
    profile: int | None = Field(None, ge=1)


class Filings(Strict):
    """Where files go: by name or number of the customer, else by type of the record, else `default`."""

    default: Filing | None = None
    by_customer: dict[Word, Filing] = Field(default_factory=dict)
    by_type: dict[str, Filing] = Field(default_factory=dict, description="By type of the record, such as opportunity.")

    @property
    def all(self) -> Mapping[str, Filing]:
        """Every one of them by its place in the configuration."""
        found = {f"by_customer.{name}": each for name, each in self.by_customer.items()}
        found |= {f"by_type.{name}": each for name, each in self.by_type.items()}
        return found if self.default is None else {"default": self.default, **found}


class Amounts(Strict):
    """How amounts are read that can be read in two ways, such as 1,280: `auto` asks a human."""

    decimal: Decimals = "auto"
    by_contact: dict[int, Decimals] = Field(default_factory=dict, description="By id of the contact.")
    credit_types: list[str] = Field(
        ["Credit Note", "Credit Memo", "Vendor Credit Note", "Customer Credit Note"],
        description="Types of documents whose amounts count negative though they are shown without a sign.",
    )


class Dates(Strict):
    """The order of dates that are not written as 2026-02-25; None asks a human."""

    order: Literal["dmy", "mdy"] | None = None


class Currencies(Strict):
    """The currency of documents that name none, and what signs stand for: $ and ¥ are those of several."""

    default: Currency | None = None
    by_company: dict[Company, Currency] = Field(default_factory=dict)
    signs: dict[str, Currency] = Field(default_factory=dict, description='Such as {"€": EUR}.')


class Accounts(Strict):
    """Main accounts of lines that name none: by type of the document, else `default`."""

    default: Word | None = None
    by_type: dict[str, Word] = Field(default_factory=dict)


class RecordengineConfig(Strict):
    """One instance, reached with its API token."""

    base_url: str = Field(description="https://re.company.com")
    api_token: Secret = Field(description="Settings > API; whoever regenerates it there, replaces it here.")
    webhook: Webhook = Webhook()
    verify_by_readback: Literal[True] = Field(
        True, description="A delivery only names its document: what is told of it is read, as a token protects no body."
    )
    contract: Path | None = Field(None, description="YAML with what the instance's API names otherwise; see ping.")
    verify: Literal[True] | str = Field(True, description="PEM file of the authority to trust.")

    confidence: Confidence = Confidence()
    legal_entities: LegalEntities = LegalEntities()
    filing: Filings = Filings()
    amounts: Amounts = Amounts()
    dates: Dates = Dates()
    currencies: Currencies = Currencies()
    accounts: Accounts = Accounts()

    requests_per_minute: int = Field(60, ge=1)
    concurrency: int = Field(4, ge=1, le=64)
    call_deadline: float = Field(180.0, gt=0, description="Seconds for an upload.")
    settle_seconds: float = Field(
        120.0,
        ge=0,
        description="How long after call_deadline it may still take effect; then VERIFY is believed.",
    )
    read_timeout: float = Field(60.0, gt=0, description="Seconds for an answer.")
    page_size: int = Field(50, ge=1, le=200)
    history_days: int = Field(90, ge=1, description="Days of uploads that are read as a whole, once a day.")
    lookup_days: int = Field(7, ge=1, description="Days of uploads among which one is looked for that may be there.")
    stuck_days: int = Field(3, ge=1, description="`ping` tells of documents that wait longer for people.")

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
            raise ValueError("must be an address such as https://re.company.com")
        if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
            raise ValueError("must be https: the token travels with every call")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _can_be_sent(self) -> RecordengineConfig:
        if not is_token(self.api_token.get_secret_value()):
            raise ValueError("api_token is empty, or has characters that no token has, such as a space or a line end")
        if self._rules.webhook.hmac.enabled and self.webhook.signature_secret is None:
            raise ValueError("webhook.hmac is enabled in the contract: give webhook.signature_secret")
        return self

    @property
    def rules(self) -> Contract:
        """What is assumed of the API."""
        return self._rules

    @property
    def host(self) -> str:
        """Host of the instance, in small letters."""
        return (urlsplit(self.base_url).hostname or "").lower()


def is_token(text: str) -> bool:
    """Say whether a text can be sent as a token."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def named(table: Mapping[str, Any], name: str | None, otherwise: Any = None) -> Any:
    """Return the entry of a name, which may be in other letters; else `otherwise`."""
    wanted = (name or "").strip().casefold()
    return next((value for key, value in table.items() if key.strip().casefold() == wanted), otherwise)
