"""Who calls: the three reported ways to sign in.

- `company_user_tokens`: two tokens as headers with every call.
- `partner_oauth`: client credentials at /oauth2/token, then bearer token and company id.
- `avidsuite_v1`: user name and password at /v1/authorizations behind a gateway key, then two bearer headers.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from headrace.sandbox.avidxchange.errors import ApiError, Reply, Unauthorized
from headrace.sandbox.avidxchange.suite import Suite
from headrace.sandbox.common.store import Record

COMPANIES = "#companies"
AUTHORIZATIONS, TOKEN = "/v1/authorizations", "/oauth2/token"
Header = Callable[[str], str]
"""Gives the value of a request's header by its usual name."""


class Access:
    """Gives out tokens and checks credentials; tokens are forgotten when the sandbox restarts, as if they had ended."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def register(self, company: str, credentials: Mapping[str, Any]) -> Record:
        """Add a company or change its credentials, inside a transaction; only digests are kept.

        Args:
            company: its id.
            credentials: of company_token, user_token, client_id, client_secret, gateway_key, username, password.
        """
        found = self._suite.store.get(COMPANIES, company)
        digests = {name: _digest(str(value)) for name, value in credentials.items()}
        data = {**(found.data if found else {}), **digests}
        return self._suite.store.put(COMPANIES, company, data, self._suite.now())

    def expire_tokens(self) -> int:
        """Let all tokens end and return how many there were."""
        count = len(self._tokens)
        self._tokens.clear()
        return count

    # Signing in

    def sign_in(self, path: str, header: Header, body: bytes) -> Reply | None:
        """Answer a request for a token; None if the path is none that gives tokens under the profile in force.

        Raises:
            Unauthorized: the gateway key is missing or wrong.
        """
        profile = self._suite.settings.auth_profile
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        if profile == "partner_oauth" and path == TOKEN:
            return self._client_credentials(header, form)
        if profile == "avidsuite_v1" and path == AUTHORIZATIONS:
            return self._password(header, form)
        return None

    def _client_credentials(self, header: Header, form: Mapping[str, str]) -> Reply:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, encoded = header("authorization").partition(" ")
        if scheme.lower() == "basic":
            client, secret = _basic(encoded)
        if form.get("grant_type") != "client_credentials":
            return _oauth_error(400, "unsupported_grant_type", "grant_type must be client_credentials")
        if not any(_holds(each.data, client_id=client, client_secret=secret) for each in self._companies()):
            return _oauth_error(401, "invalid_client", "Client authentication failed")
        token = self._issue(_digest(client))
        lifetime = self._suite.settings.access_token_seconds
        return Reply({"access_token": token, "token_type": "Bearer", "expires_in": lifetime})

    def _password(self, header: Header, form: Mapping[str, str]) -> Reply:
        self._gateway_key(header)
        if self._suite.settings.authorizations_unavailable:
            # As seen: the body repeats what was sent, in clear.
            echo = "&".join(f"{name}={value}" for name, value in form.items())
            return Reply(f"Service Unavailable: {echo}".encode(), 503, {}, "text/plain; charset=utf-8")
        if form.get("grant_type") != "password":
            return Reply({"error_description": "grant_type must be password"}, 400)
        name, password = form.get("username", ""), form.get("password", "")
        if not any(_holds(each.data, username=name, password=password) for each in self._companies()):
            return Reply({"error_description": "The user name or password is incorrect."}, 400)
        return Reply({"access_token": self._issue(_digest(name))})

    def _issue(self, owner: str) -> str:
        token = secrets.token_urlsafe(32)
        lifetime = timedelta(seconds=self._suite.settings.access_token_seconds)
        self._tokens[_digest(token)] = (owner, self._suite.now() + lifetime)
        return token

    # Checking

    def company(self, header: Header) -> str:
        """Return the company that a request is for.

        Raises:
            Unauthorized: a credential is missing, unknown or ended.
            ApiError: 403, the credentials are good but not for this company.
        """
        profile = self._suite.settings.auth_profile
        if profile == "company_user_tokens":
            return self._by_tokens(header)
        return self._by_client(header) if profile == "partner_oauth" else self._by_user(header)

    def _by_tokens(self, header: Header) -> str:
        company_token, user_token = header("X-Avid-Company-Token"), header("X-Avid-User-Token")
        if not (company_token and user_token):
            name = "user" if company_token else "company"
            raise Unauthorized(f"Missing {name} token", missing=True)
        companies = [each for each in self._companies() if _holds(each.data, company_token=company_token)]
        users = [each for each in self._companies() if _holds(each.data, user_token=user_token)]
        if not companies:
            raise Unauthorized("Invalid company token")
        if not users:
            raise Unauthorized("Invalid user token")
        for each in companies:
            if each in users:
                return each.key
        raise ApiError(403, "The user does not belong to this company")

    def _by_client(self, header: Header) -> str:
        client = self._owner(header("authorization"))
        company = header("X-Avid-Company-Id")
        found = self._suite.store.get(COMPANIES, company)
        if found is None or found.data.get("client_id") != client:
            raise ApiError(403, "The client may not act for this company" if company else "Missing company id")
        return found.key

    def _by_user(self, header: Header) -> str:
        self._gateway_key(header)
        user = self._owner(header("AvidAuthorization"))
        return next(each.key for each in self._companies() if each.data.get("username") == user)

    def _gateway_key(self, header: Header) -> None:
        key = _bearer(header("authorization"))
        if not any(_holds(each.data, gateway_key=key) for each in self._companies()):
            raise Unauthorized("Invalid gateway key", missing=not key)

    def _owner(self, authorization: str) -> str:
        token = _bearer(authorization)
        owner, ends = self._tokens.get(_digest(token), ("", self._suite.now()))
        if ends <= self._suite.now():
            self._tokens.pop(_digest(token), None)
            raise Unauthorized("Invalid or expired access token", missing=not token)
        return owner

    def _companies(self) -> list[Record]:
        return self._suite.store.list(COMPANIES)


def _holds(company: Mapping[str, Any], **given: str) -> bool:
    return all(hmac.compare_digest(str(company.get(name, "")), _digest(value)) for name, value in given.items())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _basic(encoded: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def _oauth_error(status: int, error: str, description: str) -> Reply:
    return Reply({"error": error, "error_description": description}, status)
