"""Speaks the AvidConnect API: lists with their pages, upserts, links. It knows nothing of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from headrace.connectors.avidxchange.auth import Access
from headrace.connectors.avidxchange.config import LOCAL_HOSTS, AvidxchangeConfig
from headrace.connectors.avidxchange.contract import Row, named
from headrace.connectors.avidxchange.errors import THROTTLE_SECONDS, Phase, error_of
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater
from headrace.platform.budget import Budget
from headrace.platform.contract_files import ABSENT
from headrace.platform.http import HttpClient, Timeouts, parse_json
from headrace.platform.retry_after import clock_skew

_SHARE = 0.2
"""Part of a minute's requests that may go out at once; the rest is spread, so that no minute exceeds the limit."""
_CONNECTIONS = 4
"""Calls in flight: changes are bundled, and a minute has few calls."""
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list. `total` is how many rows the list has in all, None if the answer does not tell."""

    rows: list[Row]
    total: int | None
    last: bool


class AvidxchangeClient:
    """Calls the API of one company. Errors are those of the table in `errors.py`."""

    def __init__(self, connection: str, config: AvidxchangeConfig) -> None:
        self._connection = connection
        self._config = config
        self._names = config.rules.paging
        self.access = Access(connection, config)
        self._budget = Budget(
            connection,
            config.requests_per_minute * (1 - _SHARE) / _MINUTE,
            _CONNECTIONS,
            burst=config.requests_per_minute * _SHARE,
            heed=_heed,
        )
        self._http = self._to(config.base_url)
        self._image_hosts: dict[str, HttpClient] = {}
        self.skew: float | None = None
        """Seconds that the server's clock is ahead of ours, as the last answer told."""

    def now(self) -> datetime:
        """Return the time at the server, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.skew or 0.0)

    def today(self) -> date:
        """Return the day that it is at the server, UTC."""
        return self.now().date()

    async def pages(
        self, path: str, operation: str, params: Mapping[str, str] | None = None, *, size: int | None = None
    ) -> AsyncIterator[ListPage]:
        """Yield all pages of a list: by its links where it gives them, else by number.

        Args:
            path: address below the connection's, or a link as an answer gave it; a link decides about its own size.
            operation: bounded name for metrics.
            params: filters; None for a link.
            size: rows of a page, in place of the configured.

        Raises:
            RetryLater, StopConnection, RejectRecord: see `errors.TABLE`.
        """
        names = self._names
        phase: Phase = "link" if params is None else "list"
        query = None if params is None else {**params, names.size_parameter: str(size or self._page_size)}
        number, links = 1, set[str]()
        while True:
            asked = query if query is None or number == 1 else {**query, names.number_parameter: str(number)}
            response = await self._read(path, operation, asked)
            page, link, count = self._page(operation, response, phase)
            yield page
            if page.last:
                return
            number += 1
            if link in links:
                raise RetryLater(f"{operation}: its pages run in a circle")
            if link:
                links.add(link)
                path, query = link, None
            elif query is None:
                path, query = path.partition("?")[0], dict(httpx.QueryParams(path.partition("?")[2]))
            if count is not None and number > count:
                return

    async def first(self, path: str, operation: str, params: Mapping[str, str], size: int) -> ListPage:
        """Return the first page of a list."""
        async for page in self.pages(path, operation, params, size=size):
            return page
        raise RetryLater(f"{operation}: answered with no page")

    async def all(self, path: str, operation: str, params: Mapping[str, str]) -> list[Row]:
        """Return all rows of a list that does not change meanwhile."""
        return [row async for page in self.pages(path, operation, params) for row in page.rows]

    async def change(self, path: str, operation: str, body: Mapping[str, Any], trace: str = "") -> Any:
        """Make a changing call once and return its decoded answer.

        Raises:
            RetryLater: not taken. RejectRecord: refused. StopConnection: credential. OutcomeUnknown: anything else.
        """
        response = await self._http.change("POST", path, operation=operation, json=body, trace=trace)
        self._note(response)
        return _decoded(operation, response, "change")

    async def file(self, link: str, operation: str) -> httpx.Response:
        """Return what lies behind a link that a record gave; credentials go to known hosts only.

        Raises:
            RejectRecord: the link has ended, or leads to a host that `image_hosts` does not name.
            RetryLater, StopConnection: see `errors.TABLE`.
        """
        http = self._host_of(link)
        response = await http.read("GET", link, operation=operation, headers={"Accept": "application/pdf"})
        if not response.is_success:
            raise error_of(operation, response, "link")
        return response

    async def close(self) -> None:
        """Close the connections."""
        for http in (self._http, *self._image_hosts.values()):
            await http.close()
        await self.access.close()

    # --- calls ---

    @property
    def _page_size(self) -> int:
        return min(self._config.page_size, self._names.largest_size)

    def _to(self, origin: str, *, signed: bool = True) -> HttpClient:
        config = self._config
        return HttpClient(
            self._connection,
            origin,
            budget=self._budget,
            headers=self._headers if signed else _nothing,
            reauthenticate=self.access.renew if signed and self.access.renewable else None,
            timeouts=Timeouts(read=max(config.read_timeout, config.call_deadline)),
            verify=config.verify,
            concurrency=_CONNECTIONS,
        )

    def _host_of(self, link: str) -> HttpClient:
        parts = urlsplit(link)
        origin = f"{parts.scheme}://{parts.netloc}"
        if not parts.netloc or origin.lower() == self._config.base_url.lower():
            return self._http
        host = parts.hostname or ""
        if host not in self._config.image_hosts or (parts.scheme != "https" and host not in LOCAL_HOSTS):
            raise RejectRecord(
                "address outside the connection",
                f"an image lies at {parts.scheme}://{host}; if that is AvidXchange's, name it under image_hosts",
            )
        if origin not in self._image_hosts:
            self._image_hosts[origin] = self._to(origin, signed=self._config.rules.image_auth == "same")
        return self._image_hosts[origin]

    async def _headers(self) -> Mapping[str, str]:
        return {"Accept": "application/json", **await self.access.headers()}

    async def _read(self, path: str, operation: str, params: Mapping[str, str] | None) -> httpx.Response:
        response = await self._http.read("GET", path, operation=operation, params=params)
        self._note(response)
        return response

    def _note(self, response: httpx.Response) -> None:
        skew = clock_skew(response.headers)
        self.skew = self.skew if skew is None else skew

    # --- pages ---

    def _page(self, operation: str, response: httpx.Response, phase: Phase) -> tuple[ListPage, str, int | None]:
        """Return a page, the link to the next one ("" if there is none), and the number of pages, if told."""
        names = self._names
        body = _decoded(operation, response, phase)
        rows = named(body, names.items)
        if not isinstance(rows, list):
            raise RetryLater(f"{operation}: the answer has no {names.items}")
        envelope = named(body, names.envelope)
        links = named(envelope, names.links)
        link = next(
            (
                str(named(each, names.address))
                for each in (links if isinstance(links, list) else ())
                if named(each, names.relation) == self._config.rules.links.next
            ),
            "",
        )
        count = next((found for name in names.count if (found := _whole(named(envelope, name))) is not None), None)
        number, total = _whole(named(envelope, names.number)), _whole(named(envelope, names.total))
        more = bool(link) or (count is not None and number is not None and number < count)
        return ListPage([row for row in rows if isinstance(row, Mapping)], total, not more), link, count


def _decoded(operation: str, response: httpx.Response, phase: Phase) -> Any:
    if not response.is_success:
        raise error_of(operation, response, phase)
    try:
        body = parse_json(response) if response.content else {}
    except (ValueError, RecursionError):
        body = ABSENT
    if not isinstance(body, Mapping):
        text = f"{operation}: answered with {response.status_code} and a body that is no JSON object"
        raise OutcomeUnknown(text) if phase == "change" else RetryLater(text)
    return body


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


async def _nothing() -> Mapping[str, str]:
    return {}


def _heed(budget: Budget, status: int, headers: Mapping[str, str]) -> None:
    """Pause all callers after a 429 that names no time."""
    if status == httpx.codes.TOO_MANY_REQUESTS and "retry-after" not in headers:
        budget.pause(THROTTLE_SECONDS, "answered with 429")
