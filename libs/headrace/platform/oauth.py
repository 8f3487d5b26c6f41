"""OAuth 2 tokens of one connection, kept in the credential store and shared by all processes (RFC 6749, §6).

An access token lives for minutes; the refresh token that renews it may be exchanged for another each time. So one
process at a time renews, and what it gets is durable before anybody uses it. If that process dies between the
exchange and the write, the next one tries the old refresh token: a server that keeps refresh tokens takes it, one that
exchanges them refuses it, and then only a human can authorize anew.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any, TypeGuard

from headrace.core.errors import RetryLater, StopConnection
from headrace.core.secrets import Secrets, Stored
from headrace.platform.metrics import TOKEN_LEFT_SECONDS

RENEWAL_MARGIN = 300.0
"""Seconds before its end at which an access token is renewed; a quarter of its life if that is less."""
_REST = 10.0
"""Seconds between attempts to renew a token that still lives."""


def stored_name(connection: str) -> str:
    """Return the name under which a connection's tokens are stored; `headrace credentials set` cannot write it."""
    return f"oauth:{connection}"


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave. Times are seconds since 1970 UTC; `api_domain` is "" where the vendor tells none."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    issued_at: float
    expires_at: float
    api_domain: str = ""
    scope: str = ""

    def dump(self) -> str:
        """Return the text that is stored."""
        return json.dumps(asdict(self))

    @staticmethod
    def load(text: str) -> Tokens:
        """Return the tokens of a stored text.

        Raises:
            ValueError: it holds none.
        """
        try:
            return Tokens(**json.loads(text))
        except TypeError:
            raise ValueError("no tokens") from None

    def seconds_left(self) -> float:
        """Return how long the access token lives."""
        return max(0.0, self.expires_at - time.time())

    def is_due(self) -> bool:
        """Say whether it is time to renew."""
        return self.seconds_left() <= max(0.0, min(RENEWAL_MARGIN, (self.expires_at - self.issued_at) / 4))


Redeem = Callable[[str], Awaitable[Tokens | None]]
"""Exchanges a refresh token once; None: it is not accepted any more. Raises RetryLater or StopConnection."""


class SharedTokens:
    """The tokens of one connection.

    Args:
        connection: its name.
        secrets: the credential store.
        redeem: asks the vendor.
        remedy: what an operator does when there are no tokens, or the refresh token is not accepted any more.
    """

    def __init__(self, connection: str, secrets: Secrets, redeem: Redeem, remedy: str) -> None:
        self._connection = connection
        self._name = stored_name(connection)
        self._secrets = secrets
        self._redeem = redeem
        self._remedy = remedy
        self._parsed: tuple[int, Tokens] | None = None
        self._given = 0
        self._resting_until = 0.0
        self._renewal: asyncio.Task[Stored | None] | None = None
        self._exchanging = False

    def __repr__(self) -> str:
        return f"SharedTokens({self._connection!r})"

    async def current(self) -> Tokens:
        """Return tokens whose access token lives, renewed if that is due.

        A renewal that fails for now is no error as long as the old token lives.

        Raises:
            StopConnection: never authorized, or not any more. RetryLater: the vendor or Kafka cannot be reached.
        """
        tokens = self._stored()
        left = tokens.seconds_left()
        if tokens.is_due() and (left <= 0 or time.monotonic() >= self._resting_until):
            try:
                tokens = await self._renewed(wait=left <= 0)
            except RetryLater:
                if left <= 0:
                    raise
                self._resting_until = time.monotonic() + _REST
        return tokens

    async def renew(self) -> None:
        """Renew the tokens that were given out last, unless others are there by now: a call was answered with 401.

        Raises:
            StopConnection, RetryLater: as `current`.
        """
        await self._renewed(wait=True)

    def seconds_left(self) -> float:
        """Return how long the access token that was given out last lives; zero if none was."""
        return self._parsed[1].seconds_left() if self._parsed else 0.0

    async def close(self) -> None:
        """Let an exchange that has begun end, for what it gives is the only copy; wait for nobody else."""
        if self._renewal is not None:
            if not self._exchanging:
                self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)

    async def _renewed(self, *, wait: bool) -> Tokens:
        """Renew in a task of its own, which a caller that is cancelled does not take with it."""
        if self._renewal is None or self._renewal.done():
            self._exchanging = False
            self._renewal = asyncio.create_task(
                self._secrets.replace(self._name, self._given, self._make, wait=wait), name=f"renew {self._name}"
            )
        if await asyncio.shield(self._renewal) is None:
            raise StopConnection(f"the refresh token of {self._connection} is not accepted any more", self._remedy)
        return self._stored()

    async def _make(self, old: str) -> str | None:
        self._exchanging = True
        tokens = await self._redeem(Tokens.load(old).refresh_token)
        return None if tokens is None else tokens.dump()

    def _stored(self) -> Tokens:
        found = self._secrets.stored(self._name)
        if found is None:
            raise StopConnection(f"{self._connection} is not authorized", self._remedy)
        self._given = found.revision
        if self._parsed is None:
            TOKEN_LEFT_SECONDS.labels(self._connection).set_function(self.seconds_left)
        if self._parsed is None or self._parsed[0] != found.revision:
            try:
                self._parsed = found.revision, Tokens.load(found.value)
            except ValueError:
                raise StopConnection(f"what is stored as {self._name} holds no tokens", self._remedy) from None
        return self._parsed[1]


def tokens_of(answer: Any, asked: float, refresh_token: str = "") -> Tokens:
    """Return the tokens of a token endpoint's answer (RFC 6749, §5.1).

    Args:
        answer: the decoded body.
        asked: when it was asked, seconds since 1970 UTC: a slow answer shortens the life.
        refresh_token: stays in force if the answer has none.

    Raises:
        ValueError: it is no such answer; the text holds nothing of it.
    """
    if not isinstance(answer, dict):
        raise ValueError("no JSON object")
    access, refresh = answer.get("access_token"), answer.get("refresh_token") or refresh_token
    if not _sendable(access) or not _sendable(refresh):
        raise ValueError("no usable access_token and refresh_token")
    try:
        life = float(answer.get("expires_in") or 0)
    except (TypeError, ValueError):
        raise ValueError("expires_in is no number") from None
    return Tokens(
        access, refresh, asked, asked + life, str(answer.get("api_domain") or ""), str(answer.get("scope") or "")
    )


def _sendable(token: Any) -> TypeGuard[str]:
    return isinstance(token, str) and token.isascii() and token.isprintable() and bool(token) and " " not in token
