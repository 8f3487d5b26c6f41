"""The instance's one token: https://docs.recordengine.ai/api-reference/authentication.

It has no end of life; a new one makes the old one worthless at once. It is kept in clear, as older webhooks carry it.
"""

from __future__ import annotations

import hmac
import secrets

from headrace.sandbox.recordengine.errors import ApiError
from headrace.sandbox.recordengine.instance import Instance

PREFIX = "re_"


class Access:
    """Checks the token and gives out a new one."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    @property
    def token(self) -> str:
        """Token that is in force."""
        return str(self._instance.own("access").get("token", ""))

    def install(self, token: str) -> None:
        """Set the token of a new instance, inside a transaction."""
        self._instance.keep("access", {"token": token})

    def regenerate(self) -> str:
        """Make and return a new token, inside a transaction."""
        token = PREFIX + secrets.token_hex(20)
        self.install(token)
        self._instance.audit("token_regenerated")
        return token

    def check(self, authorization: str) -> None:
        """Let a call with the right token pass.

        Raises:
            ApiError: 401.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self.token.encode()):
            raise ApiError(401, "Not authenticated", {"WWW-Authenticate": "Bearer"})
