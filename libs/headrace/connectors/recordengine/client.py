"""Speaks RecordEngine's REST API: documents, lists with their pages, uploads. It knows nothing of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from headrace.connectors.recordengine.config import RecordengineConfig, is_token
from headrace.connectors.recordengine.contract import Row, named
from headrace.connectors.recordengine.errors import CREDENTIAL, NO_ROUTE, THROTTLE_SECONDS, error_of, read_failure
from headrace.core.errors import OutcomeUnknown, RetryLater, StopConnection
from headrace.platform.budget import Budget
from headrace.platform.contract_files import ABSENT
from headrace.platform.http import HttpClient, Timeouts, parse_json
from headrace.platform.multipart import Multipart
from headrace.platform.retry_after import clock_skew

_SHARE = 0.2
"""Part of a minute's requests that may go out at once; the rest is spread, so that no minute exceeds the limit."""
_MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list. `total` is how many rows the list has in all, None if the answer does not tell."""

    rows: list[Row]
    total: int | None


class RecordengineClient:
    """Calls the API of one instance. Errors are those of the table in `errors.py`."""

    def __init__(self, connection: str, config: RecordengineConfig) -> None:
        self._config = config
        self._rules = config.rules
        self._http = HttpClient(
            connection,
            config.base_url,
            budget=Budget(
                connection,
                config.requests_per_minute * (1 - _SHARE) / _MINUTE,
                config.concurrency,
                burst=config.requests_per_minute * _SHARE,
                heed=_heed,
            ),
            headers=self._headers,
            remedy=CREDENTIAL,
            timeouts=Timeouts(read=config.read_timeout),
            verify=config.verify,
            concurrency=config.concurrency,
        )
        self.skew: float | None = None
        """Seconds that the instance's clock is ahead of ours, as the last answer told."""

    def now(self) -> datetime:
        """Return the time at the instance, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.skew or 0.0)

    def today(self) -> date:
        """Return the day that it is at the instance, UTC."""
        return self.now().date()

    async def one(self, kind: str, id_: str) -> Row | None:
        """Return a document, contact or folder; None if it is not there.

        Args:
            kind: its name under `paths` of the contract.
            id_: a whole number.

        Raises:
            RetryLater, StopConnection, RejectRecord: see `errors.TABLE`.
        """
        operation = f"{kind}.get"
        response = await self._read(self._rules.path(kind, id=id_), operation)
        if response.status_code == httpx.codes.NOT_FOUND and read_failure(response).form != NO_ROUTE:
            return None
        if not response.is_success:
            raise error_of(f"{operation} {id_}", response, "one")
        return _row(operation, response)

    async def pages(
        self, kind: str, params: Mapping[str, str] | None = None, *, size: int | None = None
    ) -> AsyncIterator[ListPage]:
        """Yield all pages of a list, newest first.

        Args:
            kind: documents, contacts or folders.
            params: filters by their names in the contract; empty ones are left out.
            size: rows of a page, in place of the configured.

        Raises:
            RetryLater, StopConnection, RejectRecord: see `errors.TABLE`.
        """
        lists, operation = self._rules.lists, f"{kind}.list"
        path = self._rules.path(kind)
        wanted = min(size or self._config.page_size, lists.largest_size)
        query = {getattr(lists.params, name): value for name, value in (params or {}).items() if value}
        number, count, before = lists.first_page, 0, None
        while True:
            asked = {**query, lists.page_param: str(number), lists.size_param: str(wanted)}
            response = await self._read(path, operation, asked)
            if not response.is_success:
                raise error_of(operation, response, "list")
            page, told = self._page(operation, response)
            if page.rows and page.rows == before:
                raise RetryLater(f"{operation}: every page is the same; is lists.page_param of the contract right?")
            count, before = count + len(page.rows), page.rows
            yield page
            if len(page.rows) < min(wanted, told or wanted) or (page.total is not None and count >= page.total):
                return
            number += 1

    async def first(self, kind: str, params: Mapping[str, str] | None = None, *, size: int | None = None) -> ListPage:
        """Return the first page of a list."""
        async for page in self.pages(kind, params, size=size):
            return page
        raise RetryLater(f"{kind}.list: answered with no page")

    async def upload(self, form: Multipart, trace: str = "") -> Row:
        """Upload a file once and return what the instance says of the new document.

        Raises:
            RetryLater: not taken. RejectRecord: refused. StopConnection: credential, or address.
            OutcomeUnknown: anything else.
        """
        operation = "document.upload"
        response = await self._http.change(
            "POST",
            self._rules.path("upload"),
            operation=operation,
            content=form,
            headers={"content-type": form.content_type},
            trace=trace,
        )
        self._note(response)
        if not response.is_success:
            raise error_of(operation, response, "change")
        if not self._rules.upload.succeeded(response.status_code):
            raise OutcomeUnknown(f"{operation}: answered with {response.status_code}, which upload.ok does not name")
        try:
            return _row(operation, response)
        except RetryLater as unclear:
            raise OutcomeUnknown(unclear.reason) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    # --- calls ---

    async def _headers(self) -> Mapping[str, str]:
        token = self._config.api_token.get_secret_value()
        if not is_token(token):
            raise StopConnection("api_token has characters that no token has", "Correct what it refers to.")
        return {"Accept": "application/json", "Authorization": f"Bearer {token}"}

    async def _read(self, path: str, operation: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        response = await self._http.read("GET", path, operation=operation, params=params)
        self._note(response)
        return response

    def _note(self, response: httpx.Response) -> None:
        skew = clock_skew(response.headers)
        self.skew = self.skew if skew is None else skew

    def _page(self, operation: str, response: httpx.Response) -> tuple[ListPage, int | None]:
        """Return a page, and how many rows a page has, if the answer tells; a bare list tells nothing."""
        lists = self._rules.lists
        body = _decoded(operation, response)
        if isinstance(body, list):
            return ListPage([row for row in body if isinstance(row, Mapping)], None), None
        rows = named(body, lists.items)
        if not isinstance(rows, list):
            raise RetryLater(f"{operation}: the answer has no {lists.items}")
        total, size = _whole(named(body, lists.total)), _whole(named(body, lists.size))
        return ListPage([row for row in rows if isinstance(row, Mapping)], total), size


def _row(operation: str, response: httpx.Response) -> Row:
    body = _decoded(operation, response)
    if not isinstance(body, Mapping):
        raise RetryLater(f"{operation}: answered with {response.status_code} and a body that is no JSON object")
    return body


def _decoded(operation: str, response: httpx.Response) -> Any:
    try:
        return parse_json(response)
    except (ValueError, RecursionError):
        text = f"{operation}: answered with {response.status_code} and a body that is no JSON"
        raise RetryLater(text) from None


def _whole(value: Any) -> int | None:
    is_number = value is not ABSENT and isinstance(value, int) and not isinstance(value, bool)
    return value if is_number else None


def _heed(budget: Budget, status: int, headers: Mapping[str, str]) -> None:
    """Pause all callers after a 429 that names no time."""
    if status == httpx.codes.TOO_MANY_REQUESTS and "retry-after" not in headers:
        budget.pause(THROTTLE_SECONDS, "answered with 429")
