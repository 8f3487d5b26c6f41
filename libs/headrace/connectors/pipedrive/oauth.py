"""Sign-in as an app that a user of the account has authorized.

Source: https://pipedrive.readme.io/docs/marketplace-oauth-authorization. Scopes belong to the app's registration. The
documentation says that a refresh keeps the refresh token, and lists "already exchanged" among the errors: whatever
comes back is stored.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.core.errors import ConfigurationError, OutcomeUnknown, RetryLater, StopConnection
from headrace.core.secrets import Secrets
from headrace.platform.budget import Budget
from headrace.platform.http import HttpClient, Timeouts, parse_json
from headrace.platform.oauth import SharedTokens, Tokens, tokens_of

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
"""Without a slash at its end: that would be redirected, and a redirected POST becomes a GET."""
_TIMEOUTS = Timeouts(connect=10.0, read=20.0, write=10.0)
"""Well below the lease of a claim on the tokens."""
_FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
_HOME = "pipedrive.com"


class TokenEndpoint:
    """Asks for tokens, once each time: an exchange is a change, since it may use the code or the token up."""

    def __init__(self, connection: str, config: PipedriveConfig) -> None:
        if config.oauth is None:
            raise ConfigurationError(f"connections.{connection}.config.oauth: not set; it has an API token instead")
        self._oauth = config.oauth
        self._http = HttpClient(
            connection,
            config.oauth.url,
            budget=Budget(connection, concurrency=1),
            headers=self._credentials,
            timeouts=_TIMEOUTS,
            verify=config.verify,
            concurrency=1,
        )

    def authorize_url(self, state: str) -> str:
        """Return where the user is sent to authorize the app; `state` comes back with the code."""
        query = {"client_id": self._oauth.client_id, "redirect_uri": self._oauth.redirect_uri, "state": state}
        return f"{self._oauth.url}/oauth/authorize?{urlencode(query)}"

    async def redeem_code(self, code: str) -> Tokens:
        """Exchange a code, which lives for five minutes and serves once.

        Raises:
            StopConnection: refused. RetryLater: not now, or nobody knows: authorize anew.
        """
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self._oauth.redirect_uri}
        tokens = await self._ask(form)
        if tokens is None:
            raise StopConnection(
                "the code is not accepted", "Authorize again, within five minutes; check redirect_uri."
            )
        return tokens

    async def redeem_refresh_token(self, refresh_token: str) -> Tokens | None:
        """Exchange a refresh token; None if it is not accepted any more.

        Raises:
            StopConnection: the app is refused. RetryLater: not now, or nobody knows.
        """
        return await self._ask({"grant_type": "refresh_token", "refresh_token": refresh_token}, refresh_token)

    async def close(self) -> None:
        """Close the connection."""
        await self._http.close()

    async def _ask(self, form: Mapping[str, str], refresh_token: str = "") -> Tokens | None:
        asked = time.time()
        try:
            response = await self._http.change(
                "POST", TOKEN_PATH, operation="oauth.token", content=urlencode(form).encode(), headers=_FORM
            )
        except OutcomeUnknown as unknown:
            # Of the exchange, not of the call that waits for the token; whether it took place, the next one tells.
            raise RetryLater(f"sign-in: {unknown.reason}") from None
        if response.is_success:
            try:
                return tokens_of(parse_json(response), asked, refresh_token)
            except (ValueError, RecursionError) as error:
                text = str(error) if type(error) is ValueError else "no JSON"
                raise RetryLater(f"sign-in: answered with {response.status_code}: {text}") from None
        _only_the_grant_is_refused(response)
        return None

    async def _credentials(self) -> Mapping[str, str]:
        secret = self._oauth.client_secret.get_secret_value()
        pair = base64.b64encode(f"{self._oauth.client_id}:{secret}".encode()).decode()
        return {"authorization": f"Basic {pair}"}


class OAuthAccess:
    """Gives headers and address of a call made now."""

    def __init__(self, connection: str, config: PipedriveConfig, secrets: Secrets | None) -> None:
        if secrets is None:
            raise ConfigurationError(
                f"connections.{connection}.config.oauth: tokens are kept in the credential store; set credentials.keys"
            )
        self._base_url = config.base_url
        self._endpoint = TokenEndpoint(connection, config)
        remedy = f"Authorize it again: headrace pipedrive authorize {connection}."
        self._tokens = SharedTokens(connection, secrets, self._endpoint.redeem_refresh_token, remedy)

    async def credentials(self) -> tuple[Mapping[str, str], str]:
        """Return the `Authorization` header, and the address that the tokens are for.

        Raises:
            StopConnection: not authorized, or the address is not Pipedrive's. RetryLater: not now.
        """
        tokens = await self._tokens.current()
        return {"authorization": f"Bearer {tokens.access_token}"}, _address(tokens.api_domain, self._base_url)

    async def renew(self) -> None:
        """Renew after a 401; errors as in `credentials`."""
        await self._tokens.renew()

    async def close(self) -> None:
        """Let a renewal end, then close the connection."""
        await self._tokens.close()
        await self._endpoint.close()


def _address(api_domain: str, base_url: str) -> str:
    """Return the address that the token is sent to: the account's own one at Pipedrive, or the configured one."""
    if not api_domain or api_domain.rstrip("/") == base_url:
        return base_url
    parts = urlsplit(api_domain)
    host, plain = parts.hostname or "", not (parts.username or parts.query or parts.path.strip("/"))
    if parts.scheme == "https" and (host == _HOME or host.endswith(f".{_HOME}")) and parts.netloc == host and plain:
        return f"https://{host}"
    raise StopConnection(
        f"the tokens are for {parts.scheme}://{host}, which is neither at {_HOME} nor base_url",
        "Do not authorize this; check oauth.url, and who answers there.",
    )


def _only_the_grant_is_refused(response: httpx.Response) -> None:
    """Return if it is the code or the refresh token that is not accepted.

    Raises:
        StopConnection: the app is refused. RetryLater: all that may pass.
    """
    error = _error(response)
    if response.status_code == httpx.codes.BAD_REQUEST and error.startswith("invalid_grant"):
        return
    if response.status_code in (400, 401, 403, 404):
        raise StopConnection(
            f"sign-in is answered with {response.status_code} {error}".rstrip(),
            "Check oauth.client_id, oauth.client_secret and oauth.redirect_uri against the app's registration.",
        )
    raise RetryLater(f"sign-in: answered with {response.status_code}")


def _error(response: httpx.Response) -> str:
    """Return the error code in the form of RFC 6749; Pipedrive documents texts such as "Invalid grant: …"."""
    try:
        body: Any = parse_json(response)
        texts = [str(body.get(name) or "") for name in ("error", "message", "error_description")]
    except (ValueError, RecursionError, AttributeError):
        return ""
    codes = [text.partition(":")[0].strip().lower().replace(" ", "_") for text in texts]
    return next((code for code in codes if code in _CODES), "")


_CODES = ("invalid_grant", "invalid_client", "invalid_request", "unauthorized_client", "unsupported_grant_type")
