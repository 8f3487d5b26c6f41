"""Client of a schema registry that speaks Confluent's API (Apicurio, Karapace, Confluent).

API: Confluent Platform documentation, "Schema Registry API Reference"; Apicurio serves it under `/apis/ccompat/v7`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx

from headrace.core.errors import ConfigurationError, RetryLater

FULL_TRANSITIVE = "FULL_TRANSITIVE"
"""Every version can read every other: long-kept topics are replayed by old and new programs alike."""

_MEDIA_TYPE = "application/vnd.schemaregistry.v1+json"
_ABSENT_SECONDS = 10.0


class Registry:
    """One registry; used as a context manager or closed by `close`.

    Args:
        url: base address, such as `settings.kafka.registry_url`; may hold user and password, which no error repeats.
        client: for tests and special transports; the registry closes only a client that it made itself.
        clock: seconds that never go back.
    """

    def __init__(
        self, url: str, client: httpx.AsyncClient | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url.rstrip("/")
        self._shown = str(httpx.URL(self._url).copy_with(userinfo=b""))  # I10
        self._own = client is None
        self._client = client or httpx.AsyncClient(timeout=httpx.Timeout(10.0))
        self._clock = clock
        self._schemas: dict[int, str] = {}
        self._absent: dict[int, float] = {}

    async def __aenter__(self) -> Registry:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the HTTP client; no call may follow."""
        if self._own:
            await self._client.aclose()

    async def register(self, subject: str, schema: str) -> int:
        """Register a schema and return its id; a schema that is there already keeps its id.

        Raises:
            ConfigurationError: it is not compatible with what is registered, or not valid; deployment stops.
            RetryLater: the registry is down.
        """
        path = f"/subjects/{quote(subject, safe='')}/versions"
        answer = await self._call("POST", path, {"schema": schema}, subject)
        number = int(answer["id"])
        self._schemas.setdefault(number, schema)
        return number

    async def by_id(self, number: int) -> str | None:
        """Return the schema with an id, None if there is none.

        A schema never changes under its id, so it is kept for ever; that there is none is believed for 10 seconds.

        Raises:
            RetryLater: the registry is down.
        """
        known = self._schemas.get(number)
        if known is not None:
            return known
        if self._clock() < self._absent.get(number, float("-inf")):
            return None
        answer = await self._call("GET", f"/schemas/ids/{number}", None, f"schema id {number}", absent=True)
        if answer is None:
            self._absent[number] = self._clock() + _ABSENT_SECONDS
            return None
        self._absent.pop(number, None)
        return self._schemas.setdefault(number, str(answer["schema"]))

    async def registered(self, subject: str, schema: str) -> int | None:
        """Return the id under which exactly this schema is registered for a subject, None if it is not.

        Raises:
            ConfigurationError: the registry refuses the question. RetryLater: the registry is down.
        """
        path = f"/subjects/{quote(subject, safe='')}"
        answer = await self._call("POST", path, {"schema": schema}, subject, absent=True)
        return None if answer is None else int(answer["id"])

    async def check_compatibility(self, subject: str, schema: str) -> list[str]:
        """Return why a schema is not compatible with the subject's versions; empty if it is, or there are none.

        Raises:
            ConfigurationError: the schema is not valid. RetryLater: the registry is down.
        """
        path = f"/compatibility/subjects/{quote(subject, safe='')}/versions?verbose=true"
        answer = await self._call("POST", path, {"schema": schema}, subject, absent=True)
        if answer is None or answer.get("is_compatible"):
            return []
        return [str(message) for message in answer.get("messages") or ["the registry gives no reason"]]

    async def set_compatibility(self, level: str = FULL_TRANSITIVE) -> None:
        """Set the level that the registry holds all subjects to.

        Raises:
            ConfigurationError: it is not allowed. RetryLater: the registry is down.
        """
        await self._call("PUT", "/config", {"compatibility": level}, "compatibility level")

    async def _call(self, method: str, path: str, body: Any, what: str, absent: bool = False) -> Any:
        """Return the answer's JSON; None for 404 where `absent` allows it."""
        try:
            answer = await self._client.request(
                method, self._url + path, json=body, headers={"Accept": f"{_MEDIA_TYPE}, application/json"}
            )
        except httpx.HTTPError as error:
            raise RetryLater(f"schema registry {self._shown} does not answer: {type(error).__name__}") from None
        status = answer.status_code
        if status == httpx.codes.NOT_FOUND and absent:
            return None
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise RetryLater(f"schema registry {self._shown} answers {status}", _seconds(answer))
        if answer.is_success:
            try:
                return answer.json()
            except ValueError:
                raise ConfigurationError(f"{self._shown}{path} answers no JSON; is this the registry's API?") from None
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            remedy = "check the credentials in kafka.registry_url"
        elif status == httpx.codes.CONFLICT:
            remedy = "not compatible with a registered version; see `headrace schemas check`"
        else:
            remedy = "check kafka.registry_url and the schema"
        raise ConfigurationError(f"schema registry {self._shown}: {what}: {status} {_message(answer)}; {remedy}")


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


def _seconds(answer: httpx.Response) -> float | None:
    text = answer.headers.get("retry-after", "")
    return float(text) if text.isdecimal() else None
