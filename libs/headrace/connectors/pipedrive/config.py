"""What an operator configures for one Pipedrive company account."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from headrace.connectors.pipedrive.objects import OBJECT_NAMES
from headrace.platform.secrets import Secret
from headrace.platform.settings import Strict

SHORTEST_SECRET = 8
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
BURST_WINDOW = 2.0
"""Seconds over which Pipedrive counts a burst."""


class Login(Strict):
    """Name and password that Pipedrive sends with each delivery (`http_auth_user`, `http_auth_password`)."""

    user: str = Field(min_length=1)
    password: Secret


class Webhook(Strict):
    """How deliveries prove themselves.

    Pipedrive signs nothing: it sends Basic credentials (`user`, `password`). A relay of our own in front may sign
    instead: HMAC-SHA256 of the raw body with `secret`, hexadecimal, in `signature_header`. While a credential is
    being changed, `logins` and `secrets` hold further ones that are accepted as well.
    """

    version: Literal["1", "2", "both"] = "2"
    user: str = Field("", description="Basic user that Pipedrive sends.")
    password: Secret | None = None
    secret: Secret | None = Field(None, description="HMAC key of a relay.")
    logins: list[Login] = Field(default_factory=list, description="Further Basic credentials.")
    secrets: list[Secret] = Field(default_factory=list, description="Further HMAC keys.")
    signature_header: str = Field("x-headrace-signature", pattern=r"^[A-Za-z0-9-]+$")
    url: str = Field("", description="Where Pipedrive delivers to; `headrace ping` then looks for its subscriptions.")

    @field_validator("version", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        return str(value) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _not_open(self) -> Webhook:
        if bool(self.user) != (self.password is not None):
            raise ValueError("give user and password together")
        if not self.all_logins and not self.all_secrets:
            raise ValueError("give user and password, or a secret; an open webhook would believe anybody")
        given = [login.password for login in self.all_logins] + self.all_secrets
        if any(len(secret.get_secret_value()) < SHORTEST_SECRET for secret in given):
            raise ValueError(f"passwords and secrets have at least {SHORTEST_SECRET} characters")
        return self

    @property
    def all_logins(self) -> list[Login]:
        """Every accepted pair of Basic credentials."""
        first = [] if self.password is None else [Login(user=self.user, password=self.password)]
        return first + self.logins

    @property
    def all_secrets(self) -> list[Secret]:
        """Every accepted HMAC key."""
        return ([] if self.secret is None else [self.secret]) + self.secrets

    def accepts(self, version: Literal["1", "2"]) -> bool:
        """Say whether payloads of this webhook version are taken in."""
        return self.version in (version, "both")


class OAuth(Strict):
    """An app of the Developer Hub that a user of the account authorizes: `headrace pipedrive authorize`.

    Its tokens are kept in the credential store, which needs `credentials.keys`.
    """

    client_id: str = Field(min_length=1)
    client_secret: Secret
    redirect_uri: str = Field(
        "http://127.0.0.1:8765/pipedrive", description="Callback URL of the app; at this machine, it is listened on."
    )
    url: str = Field("https://oauth.pipedrive.com", description="Sign-in service, without a slash at its end.")

    @field_validator("redirect_uri", "url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username or parts.fragment:
            raise ValueError("must be an address such as https://hooks.example.com/pipedrive")
        if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
            raise ValueError("must be https: secrets travel there")
        return value


class PipedriveConfig(Strict):
    """One company account, reached with the API token of one user, or as an app that this user authorized.

    The token's user should be an admin who does nothing else: its permissions decide what is seen, and its id
    tells our own changes from those of people.
    """

    base_url: str = Field(description="https://company.pipedrive.com")
    api_token: Secret | None = None
    oauth: OAuth | None = Field(None, description="Instead of api_token.")
    integration_user_id: int | None = Field(None, description="Id of the token's user; its changes are our own.")
    webhook: Webhook | None = None

    requests_per_2_seconds: int | None = Field(
        None, ge=2, description="Burst limit to keep. None: that of the plan (20 to 120), as Pipedrive's answers tell."
    )
    concurrency: int = Field(8, ge=1, le=64)
    daily_reserve: int = Field(
        0, ge=0, description="API tokens of the company's daily budget that are left to others: below, calls pause."
    )
    call_deadline: float = Field(60.0, gt=0, description="Seconds for a changing call.")
    read_timeout: float = Field(60.0, gt=0, description="Seconds for an answer.")
    page_size: int = Field(500, ge=1, le=500)
    verify: Literal[True] | str = Field(True, description="PEM file of the authority to trust.")

    objects: list[str] = Field(default_factory=lambda: list(OBJECT_NAMES), min_length=1)
    overlap_seconds: int = Field(120, ge=1, description="How far each poll looks back behind the last one.")
    deleted_deals: bool = Field(True, description="Polls also look for deleted deals (one more list call).")
    archived_deals: bool = Field(False, description="Polls also read archived deals (at double cost).")

    markers: dict[str, str] = Field(
        default_factory=dict, description="By object, the custom field that carries the canonical id."
    )
    search_lag_seconds: int = Field(
        900, ge=0, description="Records younger than this are also looked for in lists, as the search index lags."
    )
    custom_fields: dict[str, list[str]] = Field(
        default_factory=dict, description="By object, custom fields that `ping` looks for beside those of the mappings."
    )

    @field_validator("base_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value.rstrip("/"))
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.path or parts.query or parts.username:
            raise ValueError("must be an address such as https://company.pipedrive.com")
        if parts.scheme == "http" and parts.hostname not in LOCAL_HOSTS:
            raise ValueError("must be https: the token travels with every call")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _known_objects(self) -> PipedriveConfig:
        for option, names in (
            ("objects", self.objects),
            ("markers", [*self.markers]),
            ("custom_fields", [*self.custom_fields]),
        ):
            unknown = sorted(set(names) - set(OBJECT_NAMES))
            if unknown:
                raise ValueError(f"{option}: unknown object {', '.join(unknown)}; known are {', '.join(OBJECT_NAMES)}")
        if (self.api_token is None) == (self.oauth is None):
            raise ValueError("give either api_token or oauth")
        if self.api_token is not None and not is_token(self.api_token.get_secret_value()):
            raise ValueError("api_token is empty, or has characters that no token has, such as a space or a line end")
        return self


def is_token(text: str) -> bool:
    """Say whether a text can be sent as a token."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text
