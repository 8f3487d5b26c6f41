"""The three ways to sign in that were reported of AvidXchange.

Nothing of an answer to a sign-in is ever told (I10): the service has been seen to repeat user name and password in it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextvars import ContextVar
from urllib.parse import urlencode, urljoin, urlsplit

import httpx

from headrace.connectors.avidxchange.config import Auth, AvidxchangeConfig, is_sendable
from headrace.core.errors import OutcomeUnknown, RetryLater, StopConnection
from headrace.platform.budget import Budget
from headrace.platform.http import HttpClient, Timeouts, parse_json
from headrace.platform.metrics import TOKEN_LEFT_SECONDS
from headrace.platform.retry_after import retry_after
from headrace.platform.secrets import Secret

RENEWAL_MARGIN = 60.0
"""Seconds before its end at which a token is renewed; a quarter of its life if that is less."""
_USED: ContextVar[str] = ContextVar("used", default="")
"""The token that a call of this task was made with: a 401 that comes late is about that one, not about a new one."""
_TIMEOUTS = Timeouts(connect=10.0, read=30.0, write=10.0)
_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_REMEDIES = {
    "partner_oauth": "Check client_id and client_secret, and token_url in the contract.",
    "avidsuite_v1": "Check gateway_key, username and password, and authorizations in the contract.",
}


class Access:
    """Gives the headers of every call."""

    def __init__(self, connection: str, config: AvidxchangeConfig) -> None:
        self._connection = connection
        self._auth = config.auth
        self._names = config.rules.auth
        self._token = ""
        self._expires = 0.0
        self._renewal = asyncio.Lock()
        self._url = ""
        self._http: HttpClient | None = None
        if self.renewable:
            partner = self._auth.profile == "partner_oauth"
            self._url = urljoin(config.base_url, self._names.token_url if partner else self._names.authorizations)
            parts = urlsplit(self._url)
            self._http = HttpClient(
                connection,
                f"{parts.scheme}://{parts.netloc}",
                budget=Budget(connection, concurrency=1),
                headers=self._proof,
                timeouts=_TIMEOUTS,
                verify=config.verify,
                concurrency=1,
            )

    def __repr__(self) -> str:
        return f"Access({self._connection!r}, {self._auth.profile})"

    @property
    def renewable(self) -> bool:
        """Whether there is a token that can be renewed: company and user tokens cannot."""
        return self._auth.profile != "company_user_tokens"

    async def headers(self) -> Mapping[str, str]:
        """Return the headers that prove who calls.

        Raises:
            StopConnection: sign-in is refused. RetryLater: it cannot be reached.
        """
        names, auth = self._names, self._auth
        if auth.profile == "company_user_tokens":
            return {
                names.company_token_header: _text(auth, "company_token"),
                names.user_token_header: _text(auth, "user_token"),
            }
        if not self._token or time.monotonic() >= self._expires:
            await self._renew(self._token)
        _USED.set(self._token)
        if auth.profile == "partner_oauth":
            return {"Authorization": f"Bearer {self._token}", names.company_id_header: str(auth.company_id)}
        return {**await self._proof(), names.user_authorization_header: f"Bearer {self._token}"}

    async def renew(self) -> None:
        """Get a new token after a 401, unless there is one by now; callers at the same time share it.

        Raises:
            StopConnection, RetryLater: as `headers`.
        """
        await self._renew(_USED.get())

    async def _renew(self, refused: str) -> None:
        async with self._renewal:
            if self._token != refused:
                return
            self._token, life = await self._ask()
            self._expires = time.monotonic() + life - min(RENEWAL_MARGIN, life / 4)
            TOKEN_LEFT_SECONDS.labels(self._connection).set_function(self.seconds_left)

    def seconds_left(self) -> float:
        """Return how long the token at hand is used; zero if there is none."""
        return max(0.0, self._expires - time.monotonic())

    async def close(self) -> None:
        """Close the connection to the sign-in service and forget the token."""
        self._token = ""
        if self._http is not None:
            await self._http.close()

    async def _proof(self) -> Mapping[str, str]:
        """Return what a call for a token itself carries."""
        return {} if self._auth.gateway_key is None else {"Authorization": f"Bearer {_text(self._auth, 'gateway_key')}"}

    async def _ask(self) -> tuple[str, float]:
        """Ask for a token once; return it with its life in seconds. A body is never part of an error (I10)."""
        if self._http is None:
            raise StopConnection(f"{self._connection} signs in with tokens that cannot be renewed", "Replace them.")
        remedy = _REMEDIES[self._auth.profile]
        try:
            response = await self._http.change(
                "POST", self._url, operation="sign-in", content=urlencode(self._form()).encode(), headers=_FORM
            )
        except OutcomeUnknown as unknown:  # a token more or less changes nothing
            raise RetryLater(unknown.reason) from None
        except StopConnection:
            raise StopConnection(f"sign-in of {self._connection} is refused with 401", remedy) from None
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
            text = f"the sign-in service answers with {response.status_code}"
            raise RetryLater(text, retry_after(response.headers))
        if not response.is_success:
            raise StopConnection(f"sign-in of {self._connection} is refused with {response.status_code}", remedy)
        try:
            answer = parse_json(response)
        except ValueError:
            answer = None
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not is_sendable(token):
            raise RetryLater("the sign-in service answers without a token")
        life = answer.get("expires_in") if isinstance(answer, dict) else None
        return str(token), float(life) if isinstance(life, int) and life > 0 else float("inf")

    def _form(self) -> Mapping[str, str]:
        auth = self._auth
        if auth.profile == "partner_oauth":
            secret = _text(auth, "client_secret")
            return {"grant_type": "client_credentials", "client_id": str(auth.client_id), "client_secret": secret}
        return {"grant_type": "password", "username": str(auth.username), "password": _text(auth, "password")}


def _text(auth: Auth, name: str) -> str:
    """Return a secret as it is now: what it refers to may have been exchanged."""
    value = getattr(auth, name)
    text = value.get_secret_value() if isinstance(value, Secret) else ""
    if name != "password" and not is_sendable(text):
        raise StopConnection(f"{name} is empty, or has characters that no header takes", "Correct what it refers to.")
    return text
