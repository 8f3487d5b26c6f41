"""The OAuth 2 endpoints: authorization code, refresh, revocation.

Source: https://pipedrive.readme.io/docs/marketplace-oauth-authorization. The consent page answers by itself, as the
switch `oauth_decision` says.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from headrace.sandbox.common.control import json_response
from headrace.sandbox.pipedrive.access import ALL_SCOPES, digest
from headrace.sandbox.pipedrive.account import Account, Data

CODE_SECONDS = 300
DEFAULT_CLIENT_ID = "sandbox-client"
DEFAULT_CLIENT_SECRET = "sandbox-secret"  # noqa: S105  # of the sandbox's own first app


class OAuthError(Exception):
    """A refused OAuth request, with the vendor's text."""


class OAuth:
    """Serves /oauth/*."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def routes(self) -> list[Route]:
        """Return the three endpoints."""
        return [
            Route("/oauth/authorize", self.authorize, methods=["GET"]),
            Route("/oauth/token", self.token, methods=["POST"]),
            Route("/oauth/revoke", self.revoke, methods=["POST"]),
        ]

    async def authorize(self, request: Request) -> Response:
        """Redirect to the app's callback with a code, or with `error=user_denied`."""
        asked = request.query_params
        client = self._account.store.get("oauth_client", asked.get("client_id", ""))
        redirect_uri = asked.get("redirect_uri", "")
        if client is None:
            return _error("Invalid client: client is invalid")
        if not urlsplit(redirect_uri).scheme:
            return _error("Invalid request: redirect_uri is not a valid URI")
        if client.data["redirect_uris"] and redirect_uri not in client.data["redirect_uris"]:
            return _error("Invalid request: redirect_uri is invalid")
        answer = {"state": asked["state"]} if "state" in asked else {}
        if self._account.settings.oauth_decision == "deny":
            answer["error"] = "user_denied"
        else:
            answer["code"] = self._new_code(client.key, redirect_uri)
        separator = "&" if urlsplit(redirect_uri).query else "?"
        return RedirectResponse(f"{redirect_uri}{separator}{urlencode(answer)}", 302)

    def _new_code(self, client_id: str, redirect_uri: str) -> str:
        code, account = secrets.token_hex(20), self._account
        expires = account.clock.now() + timedelta(seconds=CODE_SECONDS)
        user = min(item["id"] for item in account.living("user") if item["is_admin"])
        data = {"client_id": client_id, "redirect_uri": redirect_uri, "user_id": user}
        with account.store.transaction():
            account.store.put("oauth_code", digest(code), data | {"expires_at": expires.isoformat()}, expires)
        return code

    async def token(self, request: Request) -> Response:
        """Exchange a code or a refresh token for an access token."""
        try:
            form = await _form(request)
            client_id = self._client(request, form)
            grant = form.get("grant_type")
            if grant is None:
                raise OAuthError("Missing parameter: grant_type")
            if grant == "authorization_code":
                grantor = self._redeem_code(form, client_id)
            elif grant == "refresh_token":
                grantor = self._redeem_refresh(form, client_id)
            else:
                raise OAuthError("Unsupported grant type: grant_type is invalid")
        except OAuthError as error:
            return _error(str(error))
        return json_response(self._issue(grantor, client_id, _origin(request)))

    def _redeem_code(self, form: dict[str, str], client_id: str) -> Data:
        account, key = self._account, digest(form.get("code", ""))
        found = account.store.get("oauth_code", key)
        if found is None or found.data["client_id"] != client_id:
            raise OAuthError("Invalid grant: authorization_code is invalid")
        with account.store.transaction():
            account.store.delete("oauth_code", key)
        if found.data["expires_at"] <= account.clock.now().isoformat():
            raise OAuthError("Invalid grant: authorization_code has expired")
        if found.data["redirect_uri"] != form.get("redirect_uri"):
            raise OAuthError("Invalid request: redirect_uri is invalid")
        return {"user_id": found.data["user_id"], "refresh_token": None}

    def _redeem_refresh(self, form: dict[str, str], client_id: str) -> Data:
        account, text = self._account, form.get("refresh_token", "")
        found = account.store.get("oauth_token", digest(text))
        expired = found is not None and found.data["expires_at"] <= account.clock.now().isoformat()
        if found is None or expired or found.data["kind"] != "refresh" or found.data["client_id"] != client_id:
            raise OAuthError("Invalid grant: refresh_token is invalid")
        rotate = account.settings.rotate_refresh_token
        if rotate:
            with account.store.transaction():
                account.store.delete("oauth_token", digest(text))
        return {"user_id": found.data["user_id"], "refresh_token": None if rotate else text}

    def _issue(self, grantor: Data, client_id: str, origin: str) -> Data:
        account = self._account
        now, settings = account.clock.now(), account.settings
        access, refresh = f"v1u:{secrets.token_urlsafe(48)}", grantor["refresh_token"]
        if refresh is None:
            refresh = f"{grantor['user_id']}:{account.company()['id']}:{secrets.token_hex(20)}"
        client = account.store.get("oauth_client", client_id)
        scope = client.data["scope"] if client else ALL_SCOPES
        common = {"client_id": client_id, "user_id": grantor["user_id"], "scope": scope}
        ends = {
            (access, "access"): now + timedelta(seconds=settings.access_token_seconds),
            (refresh, "refresh"): now + timedelta(days=settings.refresh_token_days),
        }
        with account.store.transaction():
            for (token, kind), end in ends.items():
                data = {**common, "kind": kind, "expires_at": end.isoformat()}
                account.store.put("oauth_token", digest(token), data, now)
        return {
            "access_token": access,
            "token_type": "Bearer",
            "refresh_token": refresh,
            "scope": scope,
            "expires_in": settings.access_token_seconds,
            "api_domain": origin,
        }

    async def revoke(self, request: Request) -> Response:
        """Revoke a token; the refresh token takes everything of the app with it. 200 also for an unknown token."""
        try:
            form = await _form(request)
            client_id = self._client(request, form)
        except OAuthError as error:
            return _error(str(error))
        store = self._account.store
        found = store.get("oauth_token", digest(form.get("token", "")))
        if found is not None and found.data["client_id"] == client_id:
            gone = [found]
            if found.data["kind"] == "refresh":
                gone = [token for token in store.list("oauth_token") if token.data["client_id"] == client_id]
            with store.transaction():
                for token in gone:
                    store.delete("oauth_token", token.key)
        return json_response({"success": True})

    def _client(self, request: Request, form: dict[str, str]) -> str:
        client_id, secret = form.get("client_id"), form.get("client_secret")
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                client_id = None
        if not client_id or secret is None:
            raise OAuthError("Invalid client: cannot retrieve client credentials")
        client = self._account.store.get("oauth_client", client_id)
        if client is None or not secrets.compare_digest(client.data["secret_digest"], digest(secret)):
            raise OAuthError("Invalid client: client is invalid")
        return client_id


async def _form(request: Request) -> dict[str, str]:
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise OAuthError("Invalid request: content must be application/x-www-form-urlencoded")
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _error(text: str) -> Response:
    body: dict[str, Any] = {"success": False, "error": text.partition(":")[0], "message": text}
    return json_response(body, 400)
