"""Speaks Pipedrive's REST API: envelopes, pages and limits. It knows nothing of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aiolimiter import AsyncLimiter

from headrace.connectors.pipedrive.config import BURST_WINDOW, PipedriveConfig, is_token
from headrace.connectors.pipedrive.errors import BURST_SECONDS, Phase, error_of, seconds
from headrace.connectors.pipedrive.oauth import OAuthAccess
from headrace.core.errors import OutcomeUnknown, RetryLater, StopConnection
from headrace.core.secrets import Secrets
from headrace.platform.budget import Budget
from headrace.platform.http import HttpClient, Timeouts, parse_json
from headrace.platform.retry_after import clock_skew

V2 = "/api/v2"
V1 = "/api/v1"
DAILY_PAUSE_SECONDS = 900.0
"""How long calls pause when the daily budget is used up: it renews at midnight of a zone that the API does not tell."""
LOWEST_LIMIT = 20.0
"""Requests in two seconds of the smallest plan, with an API token."""
_GONE = frozenset({404, 410})
_SEARCH_BURST, _SEARCH_PERIOD = 2, 0.5
"""2 at once and 4 in each second: at most 10 in two seconds, which is the limit of all plans."""
_MOST_HITS = 100
_SHARE = 0.2
"""Part of the burst limit that may go out at once; the rest is spread, so that no window of two seconds exceeds it."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list; `server_time` is the `Date` of the answer (UTC)."""

    items: list[dict[str, Any]]
    server_time: datetime


class PipedriveClient:
    """Calls the API of one company."""

    def __init__(self, connection: str, config: PipedriveConfig, secrets: Secrets | None = None) -> None:
        self._config = config
        self._oauth = OAuthAccess(connection, config, secrets) if config.oauth else None
        self._limit = 0.0
        budget = Budget(connection, concurrency=config.concurrency, heed=self._heed)
        self._pace(budget, config.requests_per_2_seconds or LOWEST_LIMIT)
        self._http = HttpClient(
            connection,
            config.base_url,
            budget=budget,
            headers=self._headers,
            reauthenticate=self._oauth.renew if self._oauth else None,
            timeouts=Timeouts(read=max(config.read_timeout, config.call_deadline)),
            verify=config.verify,
            concurrency=config.concurrency,
        )
        self._searches = AsyncLimiter(_SEARCH_BURST, _SEARCH_PERIOD)
        self.daily_left: float | None = None
        """API tokens of the company left today, as the last answer said; None if it did not."""

    async def one(self, path: str, operation: str, params: Mapping[str, Any] | None = None) -> Any | None:
        """Return the `data` of one record; None if it does not exist or is not visible.

        Raises:
            RetryLater, StopConnection, RejectRecord: see `errors.TABLE`.
        """
        response = await self._http.read("GET", path, operation=operation, params=params)
        return None if response.status_code in _GONE else _data(f"GET {path}", response, "record")

    async def pages(
        self, path: str, operation: str, params: Mapping[str, Any] | None = None, limit: int | None = None
    ) -> AsyncIterator[ListPage]:
        """Yield all pages of a v2 list; every other parameter stays the same between pages, as v2 demands.

        Raises:
            RetryLater, StopConnection, RejectRecord: see `errors.TABLE`.
        """
        query = {**(params or {}), "limit": limit or self._config.page_size}
        while True:
            response = await self._http.read("GET", path, operation=operation, params=query)
            body = _body(f"GET {path}", response, "list")
            items = body.get("data")
            yield ListPage(items if isinstance(items, list) else [], _server_time(response))
            cursor = (body.get("additional_data") or {}).get("next_cursor")
            if not cursor:
                return
            query["cursor"] = cursor

    async def all(self, path: str, operation: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return all records of a v2 list."""
        return [item async for page in self.pages(path, operation, params) for item in page.items]

    async def listed(self, path: str, operation: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the `data` of a list without pages (v1 users, webhooks; searches); v1 says null for none."""
        response = await self._http.read("GET", path, operation=operation, params=params)
        return _data(f"GET {path}", response, "list")

    async def search(self, path: str, operation: str, params: Mapping[str, Any]) -> list[int]:
        """Return the ids that a search finds, at most one page of them, in the pace that all plans allow.

        Hits come flat, under `item`, or below `items`: the reference shows all three.
        """
        await self._searches.acquire()
        found = await self.listed(path, operation, {**params, "limit": str(_MOST_HITS)})
        hits = found.get("items") if isinstance(found, Mapping) else found
        return [int(hit.get("item", hit)["id"]) for hit in hits or ()]

    async def change(self, method: str, path: str, operation: str, body: Any = None, trace: str = "") -> Any:
        """Make a changing call once and return its `data`.

        Raises:
            RetryLater: not taken. RejectRecord: refused. StopConnection: credential. OutcomeUnknown: anything else.
        """
        response = await self._http.change(method, path, operation=operation, json=body, trace=trace)
        return _data(f"{method} {path}", response, "change")

    async def sign_in(self) -> tuple[dict[str, Any], float | None]:
        """Return the token's user, and how many seconds the server's clock is ahead of ours."""
        response = await self._http.read("GET", f"{V1}/users/me", operation="users.me")
        return _data("GET users/me", response, "list"), clock_skew(response.headers)

    async def close(self) -> None:
        """Close the connections."""
        if self._oauth is not None:
            await self._oauth.close()
        await self._http.close()

    def _pace(self, budget: Budget, limit: float) -> None:
        if limit != self._limit:
            self._limit = limit
            # burst + 2 s × rate = limit, so the rolling window of two seconds is never overdrawn.
            budget.set_rate(limit * (1 - _SHARE) / BURST_WINDOW, limit * _SHARE)

    async def _headers(self) -> Mapping[str, str]:
        if self._oauth is None:
            return {"x-api-token": _api_token(self._config), "accept": "application/json"}
        credentials, address = await self._oauth.credentials()
        self._http.base_url = httpx.URL(address)
        return {**credentials, "accept": "application/json"}

    def _heed(self, budget: Budget, status: int, headers: Mapping[str, str]) -> None:
        """Pause before a limit is hit: going on after a 429 ends in a block at the edge.

        `x-ratelimit-reset` is a number of seconds, not a time. Source: "Rate limiting", and headers as measured.
        """
        reset = seconds(headers.get("x-ratelimit-reset")) or BURST_SECONDS
        remaining = _number(headers.get("x-ratelimit-remaining"))
        limit = _number(headers.get("x-ratelimit-limit"))
        if limit is not None and limit < LOWEST_LIMIT:
            remaining = None  # of the searches, which `search` paces
        elif limit is not None and self._config.requests_per_2_seconds is None:
            self._pace(budget, limit)
        if remaining is not None:
            budget.left("requests", remaining)
        daily = _number(headers.get("x-daily-ratelimit-token-remaining"))
        if daily is not None:
            self.daily_left = daily
            budget.left("daily tokens", daily)
        if daily is not None and (daily < self._config.daily_reserve or daily <= 0):
            budget.pause(DAILY_PAUSE_SECONDS, "the daily budget of API tokens is used up, apart from daily_reserve")
        elif status == httpx.codes.TOO_MANY_REQUESTS or remaining == 0:
            budget.pause(reset, "the limit of requests in two seconds is reached")


def _api_token(config: PipedriveConfig) -> str:
    token = config.api_token.get_secret_value() if config.api_token else ""
    if not is_token(token):  # it was exchanged for one that cannot be sent
        raise StopConnection("api_token is empty, or has characters that no token has", "Correct what it refers to.")
    return token


def whole_seconds(moment: datetime) -> str:
    """Return a time as list filters take it: UTC, whole seconds; fractions are a validation error in v2."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _body(what: str, response: httpx.Response, phase: Phase) -> dict[str, Any]:
    if not response.is_success:
        raise error_of(what, response, phase)
    if response.status_code == httpx.codes.NO_CONTENT:
        return {}
    try:
        body = parse_json(response)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        if phase == "change":
            raise OutcomeUnknown(f"{what}: answered with {response.status_code} and a body that is no JSON object")
        raise RetryLater(f"{what}: the answer is no JSON object")
    if body.get("success") is False:
        raise error_of(what, response, phase)
    return body


def _data(what: str, response: httpx.Response, phase: Phase) -> Any:
    return _body(what, response, phase).get("data")


def _server_time(response: httpx.Response) -> datetime:
    now = datetime.now(UTC)
    return now + timedelta(seconds=clock_skew(response.headers, now) or 0.0)


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
