"""Who calls: API tokens and OAuth access tokens. Tokens are stored as SHA-256 only (I10)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.sandbox.pipedrive.account import Account
from headrace.sandbox.pipedrive.errors import bad_request, unauthorized

DEFAULT_API_TOKEN = "sandbox-api-token"  # noqa: S105  # of the sandbox's own first user
ALL_SCOPES = "base,deals:full,contacts:full,products:full,activities:full,recents:read,search:read,users:read,admin"
ADD = {
    "deal": "can_add_deals",
    "organization": "can_add_organizations",
    "person": "can_add_people",
    "product": "can_add_products",
}
"""Permission to create an object; without it a create is answered with 403."""
PERMISSIONS = (
    *ADD.values(),
    "can_delete_deals",
    "can_edit_other_users_deals",
    "can_edit_other_users_organizations",
    "can_edit_other_users_people",
    "can_edit_other_users_products",
    "can_use_api",
)
"""Those of a user that the sandbox knows. Source: changelog of 21 June and 4 July 2023."""


def permitted(user: Mapping[str, Any], name: str) -> bool:
    """Whether a user has a permission: an admin has all, others those that were not taken from them."""
    return bool(user["is_admin"] or user.get("permissions", {}).get(name, True))


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller whose credentials were accepted; `scopes` is None for an API token, which may do what its user may."""

    user_id: int
    token: str
    is_admin: bool
    scopes: frozenset[str] | None = None
    client_id: str | None = None


def digest(secret: str) -> str:
    """Return the form in which a token is stored."""
    return hashlib.sha256(secret.encode()).hexdigest()


def identify(account: Account, headers: Mapping[str, str], query: Mapping[str, str]) -> Identity:
    """Return the caller. The API key wins over a bearer token, as in the vendor's client.

    Raises:
        ApiError: 401 of the gateway, 400 for an Authorization header of another form.
    """
    token = headers.get("x-api-token")
    if token is None and account.settings.accept_api_token_query:
        token = query.get("api_token")
    if token is not None:
        return _of_user(account, _stored(account, "api_token", token), digest(token))
    authorization = headers.get("authorization")
    if authorization is None:
        raise unauthorized()
    scheme, _, bearer = authorization.partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip():
        raise bad_request("Bad request: the Authorization header is malformed")
    found = _stored(account, "oauth_token", bearer.strip())
    if found["kind"] != "access" or found["expires_at"] <= account.clock.now().isoformat():
        raise unauthorized()
    return _of_user(account, found, digest(bearer.strip()))


def _stored(account: Account, object_: str, token: str) -> Mapping[str, Any]:
    record = account.store.get(object_, digest(token))
    if record is None:
        raise unauthorized()
    return record.data


def _of_user(account: Account, found: Mapping[str, Any], token: str) -> Identity:
    user = account.get("user", found["user_id"])
    if user is None or not user["active_flag"]:
        raise unauthorized()
    scopes = frozenset(found["scope"].split(",")) if "scope" in found else None
    return Identity(user["id"], token, user["is_admin"], scopes, found.get("client_id"))


def is_allowed(scopes: frozenset[str] | None, wanted: tuple[str, ...], method: str) -> bool:
    """Whether the scopes cover an endpoint: `x:full` covers both, `x:read` reading only, a bare name is exact."""
    if scopes is None or not wanted:
        return True
    for name in wanted:
        if name in scopes or f"{name}:full" in scopes or (method == "GET" and f"{name}:read" in scopes):
            return True
    return False
