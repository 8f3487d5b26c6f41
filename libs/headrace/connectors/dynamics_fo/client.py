"""Speaks OData with one environment: pages, keys, changes, batches. Knows nothing of events.

Source: Microsoft, "Open Data Protocol (OData)" and "Cross-company behavior of data entities".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

import httpx

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.entity_sets import EntitySet
from headrace.connectors.dynamics_fo.errors import UNAUTHORIZED, for_change, for_read
from headrace.core.contracts import AlreadyThere
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection
from headrace.platform import odata_batch, odata_text
from headrace.platform.http import HttpClient, dump_json, parse_json

Row = Mapping[str, Any]
ETAG = "@odata.etag"
GROUP = 20
"""Keys asked for in one request; the address of a request is limited."""
_COMPANIES = {"cross-company": "true"}
"""Without it a key of another company than the user's default one is "not found"."""


@dataclass(frozen=True, slots=True)
class RowPage:
    """Rows as the service wrote them. `next_link` is "" on the last page; `server_time` is its clock, if it told."""

    rows: Sequence[Row]
    next_link: str = ""
    server_time: datetime | None = None


class ODataClient:
    """Calls below `/data` of one environment. Errors are those of the table in `errors.py`."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def page(self, name: str, query: odata.Query, *, page_size: int | None = None) -> RowPage:
        """Return the first page of an entity set.

        Args:
            name: the set, also one that `objects.py` does not describe.
            query: filter, fields, order.
            page_size: rows per page; the service never sends more than 10,000.
        """
        headers = {"Prefer": f"odata.maxpagesize={page_size}"} if page_size else {}
        response = await self._read(
            "GET", f"/data/{name}", operation=f"{name}.list", params=query.parameters(), headers=headers
        )
        return _page(name, response)

    async def next_page(self, name: str, link: str, *, page_size: int | None = None) -> RowPage:
        """Return the page that a next link points at; the link is followed as it is."""
        headers = {"Prefer": f"odata.maxpagesize={page_size}"} if page_size else {}
        response = await self._read("GET", link, operation=f"{name}.list", headers=headers)
        return _page(name, response)

    async def rows(self, name: str, query: odata.Query, *, page_size: int | None = None) -> AsyncIterator[Row]:
        """Yield all rows, page by page."""
        page = await self.page(name, query, page_size=page_size)
        while True:
            for row in page.rows:
                yield row
            if not page.next_link:
                return
            page = await self.next_page(name, page.next_link, page_size=page_size)

    async def of_keys(
        self, entity_set: EntitySet, keys: Iterable[Row], select: Sequence[str] = (), condition: str = ""
    ) -> AsyncIterator[Row]:
        """Yield the rows that have one of these keys or parts of keys, several keys in one request.

        Args:
            entity_set: the set.
            keys: values by field; a row that only matches one of them as a wildcard is left out.
            select: fields to read, those of the keys among them; empty: all.
            condition: a filter that they must meet besides.
        """
        remaining = iter(keys)
        while group := list(islice(remaining, GROUP)):
            wanted = odata_text.any_of(odata.equals(entity_set, key) for key in group)
            async for row in self.rows(entity_set.name, odata.Query(odata_text.both(wanted, condition), tuple(select))):
                if any(odata.has(entity_set, row, key) for key in group):
                    yield row

    async def get(self, entity_set: EntitySet, key: Row, select: Sequence[str] = ()) -> Row | None:
        """Return one row by its key, None if there is none."""
        params = dict(_COMPANIES)
        if select:
            params["$select"] = ",".join(select)
        path = f"/data/{odata.key_path(entity_set, key)}"
        response = await self._read("GET", path, operation=f"{entity_set.name}.get", params=params)
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        row: Row = _json(entity_set.name, response)
        return row

    async def public_entity(self, name: str) -> Row | None:
        """Return what the environment's metadata says of an entity type, None if it describes none of that name."""
        response = await self._read("GET", f"/metadata/PublicEntities('{name}')", operation="metadata.entity")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        row: Row = _json(f"metadata of {name}", response)
        return row

    async def create(self, entity_set: EntitySet, body: Row, *, trace: str = "") -> Row:
        """Create a row and return it as the service completed it, with its etag.

        Raises:
            OutcomeUnknown: the answer is a success that cannot be read.
        """
        what = f"create of {entity_set.name}"
        response = await self._change(
            "POST",
            f"/data/{entity_set.name}",
            operation=f"{entity_set.name}.create",
            params=_COMPANIES,
            content=dump_json(body),
            headers=_JSON,
            trace=trace,
        )
        if response.status_code not in (httpx.codes.CREATED, httpx.codes.OK):
            raise for_change(what, response)
        try:
            row = parse_json(response)
            if not all(row.get(name) not in (None, "") for name in entity_set.key):
                raise ValueError("no key")
        except (ValueError, AttributeError) as error:
            raise OutcomeUnknown(f"{what}: answered with {response.status_code} without a usable record") from error
        return {ETAG: response.headers.get("etag", ""), **row}

    async def update(self, entity_set: EntitySet, key: Row, body: Row, *, if_match: str = "", trace: str = "") -> Row:
        """Change fields of a row; returns it as the service shows it: whole, or its new etag, or nothing.

        Args:
            entity_set: the set.
            key: its key.
            body: only what changes.
            if_match: an etag; the service then refuses (ChangedMeanwhile) if the row has changed since.
            trace: traceparent to pass on.
        """
        response = await self._change(
            "PATCH",
            f"/data/{odata.key_path(entity_set, key)}",
            operation=f"{entity_set.name}.update",
            params=_COMPANIES,
            content=dump_json(body),
            headers={**_JSON, "Prefer": "return=representation", **_if_match(if_match)},
            trace=trace,
        )
        if not response.is_success:
            error = for_change(f"update of {entity_set.name}", response)
            if isinstance(error, AlreadyThere):
                # Another record holds a value that must be unique; this one was not changed.
                raise RejectRecord("already exists", str(error))
            raise error
        return {**({ETAG: response.headers["etag"]} if "etag" in response.headers else {}), **_shown(response)}

    async def delete(self, entity_set: EntitySet, key: Row, *, if_match: str = "", trace: str = "") -> bool:
        """Delete a row, with `if_match` only as it was then; False if it was gone already."""
        response = await self._change(
            "DELETE",
            f"/data/{odata.key_path(entity_set, key)}",
            operation=f"{entity_set.name}.delete",
            params=_COMPANIES,
            headers=_if_match(if_match),
            trace=trace,
        )
        if response.status_code == httpx.codes.NOT_FOUND:
            return False
        if not response.is_success:
            raise for_change(f"delete of {entity_set.name}", response)
        return True

    async def batch(self, changesets: Sequence[odata_batch.Changeset]) -> Sequence[Sequence[httpx.Response]]:
        """Send changesets in one request; each is kept whole or not at all.

        Returns:
            For each changeset either one answer per part, in order, or the single answer of the part that failed.

        Raises:
            OutcomeUnknown: the envelope cannot be read.
        """
        boundary, content = odata_batch.compose(changesets, _BATCHES)
        response = await self._change(
            "POST",
            "/data/$batch",
            operation="batch",
            content=content,
            headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
        )
        if not response.is_success:
            raise for_change("batch", response)
        try:
            answers = odata_batch.parse(response.headers.get("content-type", ""), response.content)
        except ValueError as error:
            raise OutcomeUnknown(f"batch: {error}") from error
        if len(answers) != len(changesets):
            raise OutcomeUnknown(f"batch: {len(changesets)} changesets, {len(answers)} answers")
        return answers

    async def _read(self, *call: str, **options: Any) -> httpx.Response:
        with _explained():
            return await self._http.read(*call, **options)

    async def _change(self, *call: str, **options: Any) -> httpx.Response:
        with _explained():
            return await self._http.change(*call, **options)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()


_JSON = {"Content-Type": "application/json;odata.metadata=minimal"}
_BATCHES = odata_batch.Dialect("/data/", _JSON["Content-Type"], most=5_000)


def _if_match(etag: str) -> dict[str, str]:
    return {"If-Match": etag} if etag else {}


def _shown(response: httpx.Response) -> Row:
    """Return the row of an answer to an update: documented is 204, which shows none."""
    try:
        body = parse_json(response) if response.content else {}
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


@contextmanager
def _explained() -> Iterator[None]:
    """Say what a 401 means here: a good token that F&O does not take."""
    try:
        yield
    except StopConnection as stop:
        if "401" in stop.reason:
            raise StopConnection(stop.reason, UNAUTHORIZED) from None
        raise


def server_time(response: httpx.Response) -> datetime | None:
    """Return the server's clock from the `Date` header, which F&O sends with every answer."""
    try:
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
    except (KeyError, ValueError):
        return None


def _page(name: str, response: httpx.Response) -> RowPage:
    body = _json(name, response)
    return RowPage(body.get("value", []), body.get("@odata.nextLink", ""), server_time(response))


def _json(name: str, response: httpx.Response) -> Any:
    if response.status_code != httpx.codes.OK:
        raise for_read(name, response)
    try:
        body = parse_json(response)
    except ValueError as error:
        raise RetryLater(f"{name}: the answer is not JSON") from error
    if not isinstance(body, dict):
        raise RetryLater(f"{name}: the answer is not an object")
    return body
