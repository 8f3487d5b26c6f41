"""Speaks the Web API of one environment: rows, pages, changes, batches, streams. Knows nothing of events.

The affinity cookie is never sent back, as no cookie is kept: service protection limits are counted by web server, and
without it calls spread over all of them. Source: Microsoft, "Use the Microsoft Dataverse Web API", "Compose HTTP
requests and handle errors", "Send parallel requests".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from headrace.connectors.dataverse.errors import Phase, error_of
from headrace.connectors.dataverse.values import ANNOTATIONS, Row
from headrace.core.contracts import AlreadyThere
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater
from headrace.platform import odata_batch
from headrace.platform.http import HttpClient, dump_json, parse_json
from headrace.platform.retry_after import clock_skew

ROOT = "/api/data/v9.2/"
ETAG = "@odata.etag"
JSON = "application/json; charset=utf-8"
HEADERS = {"Accept": "application/json", "OData-Version": "4.0", "OData-MaxVersion": "4.0", "If-None-Match": "null"}
"""Sent with every call that has no condition of its own."""
BATCHES = odata_batch.Dialect(ROOT, JSON, most=1_000)
_ANNOTATED = f'odata.include-annotations="{ANNOTATIONS}"'
_REPRESENTED = f"return=representation,{_ANNOTATED}"
_SAFE = "$(),'=:/@*.-_"


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows as the service wrote them. `next` and `delta` are links relative to the root of the service, "" if none."""

    rows: Sequence[Row]
    next: str = ""
    delta: str = ""


class DataverseClient:
    """Calls of one environment. Errors are those of the table in `errors.py`."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def one(
        self, path: str, operation: str, params: Mapping[str, str] | None = None, *, strong: bool = False
    ) -> Row | None:
        """Return one row, or the answer of a function; None if it is not there.

        Args:
            path: below the root, with its key.
            operation: for metrics.
            params: of the query.
            strong: past the caches of metadata and privileges.

        Raises:
            RetryLater, StopConnection, RejectRecord: see `errors.TABLE`.
        """
        headers = {"Prefer": _ANNOTATED, **({"Consistency": "Strong"} if strong else {})}
        response = await self._http.read("GET", _address(path, params), operation=operation, headers=headers)
        return _row(f"GET {path}", response)

    async def each(self, paths: Sequence[str], operation: str) -> Sequence[Row | Exception | None]:
        """Return several rows in one batch, in the order of their paths: None for one that is not there.

        Raises:
            RetryLater, StopConnection, RejectRecord: the batch itself is not taken.
        """
        headers = {"Accept": "application/json", "Prefer": _ANNOTATED}
        parts = [odata_batch.Part("GET", path, headers=headers) for path in paths]
        boundary, content = odata_batch.compose(parts, BATCHES)
        response = await self._http.read(
            "POST",
            f"{ROOT}$batch",
            operation=operation,
            content=content,
            headers={
                "Content-Type": f'multipart/mixed; boundary="{boundary}"',
                "Prefer": "odata.continue-on-error",
            },
        )
        if not response.is_success:
            raise error_of(operation, response, "list")
        try:
            answers = odata_batch.parse(response.headers.get("content-type", ""), response.content)
        except ValueError as error:
            raise RetryLater(f"{operation}: {error}") from None
        if len(answers) != len(paths):
            raise RetryLater(f"{operation}: {len(paths)} requests, {len(answers)} answers")
        return [_settled(f"GET {path}", answer[0]) for path, answer in zip(paths, answers, strict=True)]

    async def page(
        self,
        path: str,
        operation: str,
        params: Mapping[str, str] | None = None,
        *,
        size: int | None = None,
        tracked: bool = False,
    ) -> RowPage:
        """Return a page of rows.

        Args:
            path: below the root: a set with its query in `params`, or a link that `RowPage` gave, as it is.
            operation: for metrics.
            params: of the query.
            size: rows of a page; the same for all pages of one query.
            tracked: begin to track changes: the last page has a delta link.

        Raises:
            RejectRecord: refused, or a link leads to another host. RetryLater, StopConnection: as reads do.
        """
        wishes = [_ANNOTATED]
        wishes += [f"odata.maxpagesize={size}"] if size else []
        wishes += ["odata.track-changes"] if tracked else []
        headers = {"Prefer": ",".join(wishes)}
        response = await self._http.read("GET", _address(path, params), operation=operation, headers=headers)
        body = _body(f"GET {path.partition('?')[0]}", response, "list")
        rows = body.get("value")
        return RowPage(
            rows if isinstance(rows, list) else [],
            self._relative(body.get("@odata.nextLink")),
            self._relative(body.get("@odata.deltaLink")),
        )

    async def rows(self, path: str, operation: str, params: Mapping[str, str] | None = None) -> AsyncIterator[Row]:
        """Yield all rows, page by page."""
        page = await self.page(path, operation, params)
        while True:
            for row in page.rows:
                yield row
            if not page.next:
                return
            page = await self.page(page.next, operation)

    async def write(
        self,
        method: str,
        path: str,
        operation: str,
        body: Mapping[str, Any],
        *,
        condition: Mapping[str, str] | None = None,
        select: Sequence[str] = (),
        trace: str = "",
    ) -> Row:
        """Create or update a row once and return it as it is now.

        Args:
            method: POST or PATCH.
            path: below the root.
            operation: for metrics.
            body: what is written.
            condition: `If-None-Match: *` for a create, `If-Match` with an etag or * for an update. A PATCH without
                one would create what is missing.
            select: columns of the answer.
            trace: traceparent to pass on.

        Raises:
            AlreadyThere: of a create. RetryLater: not taken. RejectRecord, ChangedMeanwhile: refused.
            OutcomeUnknown: anything else.
        """
        creates = "If-Match" not in (condition or {})
        response = await self._http.change(
            method,
            _address(path, {"$select": ",".join(select)} if select else None),
            operation=operation,
            content=dump_json(body),
            headers={"Content-Type": JSON, "Prefer": _REPRESENTED, **(condition or {})},
            trace=trace,
        )
        if response.status_code not in (httpx.codes.OK, httpx.codes.CREATED):
            if response.is_success:
                raise OutcomeUnknown(f"{method} {path}: answered with {response.status_code} and no record")
            raise error_of(f"{method} {path}", response, "create" if creates else "change")
        try:
            row = parse_json(response)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict) or ETAG not in row:
            raise OutcomeUnknown(f"{method} {path}: answered with {response.status_code} without a usable record")
        return row

    async def delete(self, path: str, operation: str, *, etag: str = "", trace: str = "") -> bool:
        """Delete a row, with an etag only as it was then; False if it was gone already.

        Raises:
            ChangedMeanwhile: it has changed. And as `write` does.
        """
        headers = {"If-Match": etag} if etag else {}
        response = await self._http.change(
            "DELETE", _address(path, None), operation=operation, headers=headers, trace=trace
        )
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        if not response.is_success:
            raise error_of(f"DELETE {path}", response, "change")
        return True

    @asynccontextmanager
    async def content(self, path: str, operation: str) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        """Give the raw value of a column in parts, with its media type, for what no memory should hold.

        Raises:
            RejectRecord: it is not there, or refused. RetryLater: also while parts are taken. StopConnection: 401.
        """
        async with self._http.streamed(_address(path, None), operation=operation) as response:
            if not response.is_success:
                await response.aread()
                raise error_of(f"GET {path}", response, "record")
            media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            yield media_type, response.aiter_bytes()

    async def who_am_i(self) -> tuple[Row, float | None]:
        """Return ids of user, business unit and organization, and how many seconds the server's clock is ahead."""
        response = await self._http.read("GET", f"{ROOT}WhoAmI()", operation="WhoAmI")
        return _body("WhoAmI", response, "list"), clock_skew(response.headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _relative(self, link: Any) -> str:
        """Return a link relative to the root; one of another host is refused, as the token would go there.

        Raises:
            RejectRecord: it leads elsewhere.
        """
        if not isinstance(link, str) or not link:
            return ""
        target = self._http.address(link).raw_path.decode("ascii")
        if not target.startswith(ROOT):
            raise RejectRecord(
                "address outside the connection",
                f"a link leads to {target.partition('?')[0]}, which is not below {ROOT}",
            )
        return target.removeprefix(ROOT)


def _address(path: str, params: Mapping[str, str] | None) -> str:
    query = urlencode(params, quote_via=quote, safe=_SAFE) if params else ""
    return f"{ROOT}{path}" + (f"?{query}" if query else "")


def _row(what: str, response: httpx.Response) -> Row | None:
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    return _body(what, response, "record")


def _settled(what: str, response: httpx.Response) -> Row | Exception | None:
    try:
        return _row(what, response)
    except (RejectRecord, RetryLater, OutcomeUnknown, AlreadyThere) as error:
        return error


def _body(what: str, response: httpx.Response, phase: Phase) -> dict[str, Any]:
    if response.status_code != httpx.codes.OK:
        raise error_of(what, response, phase)
    try:
        body = parse_json(response)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise RetryLater(f"{what}: the answer is no JSON object")
    return body
