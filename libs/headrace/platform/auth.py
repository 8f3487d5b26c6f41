"""Sign-in at Microsoft Entra as an application: one token per connection, renewed before it ends.

The application proves itself by a client secret or by a certificate (client credentials grant); msal speaks the
protocol. msal blocks, so it runs in a thread; its HTTP goes through httpx, so that time-outs, trust and proxies are
the same as everywhere else. Source: Microsoft identity platform, "OAuth 2.0 client credentials flow".
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from headrace.core.errors import ConfigurationError, HeadraceError, RetryLater, StopConnection
from headrace.platform.metrics import TOKEN_LEFT_SECONDS

WORLDWIDE_AUTHORITY = "https://login.microsoftonline.com"
RENEWAL_MARGIN = 300.0
"""Seconds before its end at which a token is renewed: longer than any single call may take."""

TIMEOUT = httpx.Timeout(30.0, connect=10.0)

REMEDIES: Mapping[str, str] = {
    "AADSTS7000215": "Set the value of the client secret, not its id, in the connection's configuration.",
    "AADSTS7000222": "The client secret has expired: make a new one in Entra and set it in the configuration.",
    "AADSTS700016": "The application does not exist in this tenant: check client_id and tenant_id.",
    "AADSTS90002": "The tenant does not exist: check tenant_id.",
    "AADSTS900023": "The tenant does not exist: check tenant_id.",
    "AADSTS500011": "The environment is unknown to this tenant: check environment_url (no trailing slash).",
    "AADSTS700027": "The certificate is not registered with the application: upload it in Entra.",
    "AADSTS1002012": "The scope is wrong: it must be the environment's address followed by /.default.",
    "AADSTS7000112": "The application is disabled in Entra: enable it.",
}
"""Entra's error code → what the operator does. Source: Microsoft Entra authentication error codes."""

_TRANSIENT = ("temporarily_unavailable", "server_error", "AADSTS90033", "AADSTS90024", "AADSTS50196")


class EntraCredentials:
    """Access tokens of one application in one tenant for one scope.

    Args:
        connection: label of the metric `headrace_token_left_seconds`.
        tenant: id or domain of the tenant.
        client_id: id of the application.
        scope: what the token is for, such as `https://contoso.operations.dynamics.com/.default`.
        secret: client secret, read anew at each sign-in as the files are; or give both `certificate` and `private_key`.
        certificate: PEM file of the certificate that is registered with the application.
        private_key: PEM file of its private key, without passphrase.
        authority: address of the sign-in service without the tenant; it must be https.
        verify: False or the PEM file of the authority to trust instead of the public ones.
        instance_discovery: False for an authority that is not one of Microsoft's clouds; msal asks Microsoft else.
    """

    def __init__(
        self,
        connection: str,
        tenant: str,
        client_id: str,
        *,
        scope: str,
        secret: SecretStr | None = None,
        certificate: Path | None = None,
        private_key: Path | None = None,
        authority: str = WORLDWIDE_AUTHORITY,
        verify: bool | str = True,
        instance_discovery: bool = True,
    ) -> None:
        if (secret is None) == (certificate is None or private_key is None):
            raise ConfigurationError(
                f"connection {connection}: give either a client secret or both a certificate and its private key"
            )
        self._connection = connection
        self._tenant = tenant
        self._client_id = client_id
        self._scope = scope
        self._secret = secret
        self._certificate = certificate
        self._private_key = private_key
        self._authority = f"{authority.rstrip('/')}/{tenant}"
        self._verify = verify
        self._instance_discovery = instance_discovery
        self._token = ""
        self._expires = 0.0
        self._renewed = 0.0
        self._renewal = asyncio.Lock()
        self._http: _MsalHttp | None = None
        self._application: Any = None
        self._proof: str | dict[str, str] | None = None

    def __repr__(self) -> str:
        return f"EntraCredentials({self._connection!r}, client_id={self._client_id!r})"

    async def headers(self) -> Mapping[str, str]:
        """Return the `Authorization` header for a call made now; errors as in `token`."""
        return {"Authorization": f"Bearer {await self.token()}"}

    async def token(self) -> str:
        """Return a token with at least five minutes to live, from memory if there is one.

        A renewal that fails for now is no error as long as the old token lives.

        Raises:
            StopConnection: Entra refuses the application; the text says what an operator does.
            RetryLater: Entra cannot be reached or is overloaded.
        """
        if self.seconds_left() > RENEWAL_MARGIN:
            return self._token
        try:
            await self._renew(asked=time.monotonic())
        except RetryLater:
            if self.seconds_left() <= 0:
                raise
        return self._token

    async def renew(self) -> None:
        """Get a new token although the old one has not ended: a call was answered with 401.

        Callers that ask while a renewal is under way share it. Errors as in `token`.
        """
        await self._renew(asked=time.monotonic())

    def seconds_left(self) -> float:
        """Return how long the token at hand lives, in seconds; zero if there is none."""
        return max(0.0, self._expires - time.monotonic())

    async def close(self) -> None:
        """Forget the token and close the connection to the sign-in service."""
        self._token, self._expires, self._application, self._proof = "", 0.0, None, None
        if self._http is not None:
            await asyncio.to_thread(self._http.close)
            self._http = None

    async def _renew(self, asked: float) -> None:
        async with self._renewal:
            if self._renewed > asked:
                return
            started = time.monotonic()
            try:
                answer = await asyncio.to_thread(self._acquire)
            except HeadraceError:
                # msal remembers refusals for a minute; after a failure the next attempt asks Entra itself.
                self._application = None
                raise
            self._token = answer["access_token"]
            self._expires = started + float(answer["expires_in"])
            self._renewed = time.monotonic()
            TOKEN_LEFT_SECONDS.labels(self._connection).set_function(self.seconds_left)

    def _acquire(self) -> dict[str, Any]:
        """Ask Entra for a token, past msal's own cache; runs in a thread."""
        msal = _import_msal(self._connection)
        try:
            proof = self._credential()
            if self._application is None or proof != self._proof:  # unequal: it was exchanged meanwhile
                self._proof = proof
                self._application = self._new_application(msal, proof)
            self._application.remove_tokens_for_client()
            answer: dict[str, Any] = self._application.acquire_token_for_client(scopes=[self._scope])
        except (httpx.TransportError, msal.exceptions.MsalError, RuntimeError) as error:
            # MsalError is what msal makes of a 5xx.
            raise RetryLater(f"sign-in service not reached: {type(error).__name__} {self._clean(str(error))}") from None
        except ValueError as error:
            # msal reports an unknown tenant, an unusable authority and unreadable key material like this.
            raise StopConnection(
                f"sign-in cannot start: {self._clean(str(error))}",
                "Check tenant_id, authority and the certificate files.",
            ) from None
        if "access_token" in answer:
            return answer
        raise self._refusal(str(answer.get("error", "")), str(answer.get("error_description", "")))

    def _new_application(self, msal: Any, proof: str | dict[str, str]) -> Any:
        if self._http is None:
            self._http = _MsalHttp(trust(self._verify))
        return msal.ConfidentialClientApplication(
            self._client_id,
            authority=self._authority,
            client_credential=proof,
            instance_discovery=None if self._instance_discovery else False,
            http_client=self._http,
        )

    def _credential(self) -> str | dict[str, str]:
        if self._secret is not None:
            return self._secret.get_secret_value()
        if self._certificate is None or self._private_key is None:
            raise AssertionError("checked in __init__")
        try:
            return {
                "private_key": self._private_key.read_text(encoding="ascii"),
                "public_certificate": self._certificate.read_text(encoding="ascii"),
            }
        except OSError as error:
            raise StopConnection(
                f"cannot read {error.filename}: {error.strerror}", "Check certificate_file and private_key_file."
            ) from None

    def _refusal(self, error: str, description: str) -> HeadraceError:
        """Return the error for Entra's answer: `error` is the OAuth code, `description` starts with AADSTS…:."""
        text = f"{error}: {self._clean(description)}"
        if any(mark in text for mark in _TRANSIENT):
            return RetryLater(f"sign-in service: {text}")
        code = description.partition(":")[0]
        return StopConnection(
            f"Entra refuses application {self._client_id}: {text}",
            REMEDIES.get(code, "Check tenant_id, client_id and the secret or certificate."),
        )

    def _clean(self, text: str) -> str:
        """Return the first sentence of a text without the secret, should a server ever repeat it (I10)."""
        if isinstance(self._proof, str):
            text = text.replace(self._proof, "***")
        return text.partition(" Trace ID:")[0].replace("\r", " ").replace("\n", " ")[:300]


class _MsalHttp:
    """The HTTP that msal calls, through httpx."""

    def __init__(self, verify: ssl.SSLContext | bool) -> None:
        self._client = httpx.Client(verify=verify, timeout=TIMEOUT, trust_env=False)

    def get(self, url: str, params: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        """Make a GET request."""
        return self._client.get(url, params=params, headers=headers)

    def post(self, url: str, params: Any = None, data: Any = None, headers: Any = None, **_: Any) -> httpx.Response:
        """Make a POST request; msal gives a client assertion as bytes, which httpx would write as their repr."""
        form = {name: value.decode() if isinstance(value, bytes) else value for name, value in (data or {}).items()}
        return self._client.post(url, params=params, data=form, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _import_msal(connection: str) -> Any:
    """Return msal, which only connections to Microsoft's clouds need."""
    try:
        import msal
    except ImportError:
        raise ConfigurationError(
            f"connection {connection}: sign-in at Microsoft Entra needs an extra: pip install 'headrace[dynamics]'"
        ) from None
    return msal


def trust(verify: bool | str) -> ssl.SSLContext | bool:
    """Return what httpx takes as `verify`: a PEM file of authorities becomes an SSL context.

    Raises:
        ConfigurationError: the file cannot be read or holds no certificate.
    """
    if isinstance(verify, bool):
        return verify
    try:
        return ssl.create_default_context(cafile=verify)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"verify: cannot use {verify} as authority: {error}") from None
