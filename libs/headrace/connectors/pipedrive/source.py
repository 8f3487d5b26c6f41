"""Reads Pipedrive: webhooks as notices, records completed with what a consumer needs, changes by `update_time`."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.connectors.pipedrive import webhooks
from headrace.connectors.pipedrive.client import V2, ListPage, PipedriveClient, whole_seconds
from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.custom_fields import FieldBook
from headrace.connectors.pipedrive.objects import DISCOUNT_FIELDS, KINDS, LINE_FIELDS, ORGANIZATION_CUSTOM, Object
from headrace.connectors.pipedrive.overlap import Overlap
from headrace.connectors.pipedrive.reading import Row, primary, readable, record_of, typed
from headrace.connectors.pipedrive.related import Related
from headrace.core.contracts import Notice, Page, Record, WebhookRequest
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref

SINCE = "updated_since"


class PipedriveSource:
    """Source of one company account (`headrace.core.contracts.Source`)."""

    def __init__(self, config: PipedriveConfig, client: PipedriveClient, fields: FieldBook) -> None:
        self._config = config
        self._client = client
        self._fields = fields
        self._related = Related(client)
        self._overlaps: defaultdict[str, Overlap] = defaultdict(Overlap)

    def verify(self, request: WebhookRequest) -> None:
        """See `webhooks.verify`."""
        webhooks.verify(self._config, request)

    def notice(self, request: WebhookRequest) -> Notice:
        """See `webhooks.notice`."""
        return webhooks.notice(self._config, request)

    def decode(self, ref: Ref, body: bytes) -> Record | None:
        """See `webhooks.decode`."""
        definitions = self._fields.cached(ref.object) if ref.object in KINDS else None
        return webhooks.decode(self._config, ref, body, definitions)

    async def fetch(self, ref: Ref) -> Record | None:
        """Read one record with names of what it points to; a deal also with its lines and discounts.

        Returns:
            The record (archived deals too), marked `deleted` for 30 days after its deletion; None if it is not there.

        Raises:
            RetryLater, StopConnection, RejectRecord: see `errors.TABLE`.
        """
        kind = _kind(ref.object)
        if not (ref.external_id.isascii() and ref.external_id.isdigit()):
            raise RejectRecord("not a Pipedrive id", f'{ref.object} "{ref.external_id}": ids are whole numbers')
        path = f"{V2}/{kind.path}/{ref.external_id}"
        row = await self._client.one(path, f"{kind.name}.get")
        if not isinstance(row, Mapping):
            return None
        (record,) = await self._records(kind, [row], complete=True)
        return record

    async def changes(self, obj: str, cursor: Mapping[str, str]) -> AsyncIterator[Page]:
        """Yield pages of records changed since the cursor less the overlap, by ascending `update_time`.

        Deals come incomplete (`complete=False`: no lines). Deleted and archived deals, which the list hides, come
        first and leave the cursor where it is, so that a crash in between loses none. At the end the cursor is the
        server's time at the start of this poll, so that a quiet account is not read over and over;
        and what the last poll handed over is left out (`overlap`).
        """
        kind = _kind(obj)
        since = cursor.get(SINCE, "")
        query: dict[str, Any] = {"sort_by": "update_time", "sort_direction": "asc"}
        if since:
            query[SINCE] = whole_seconds(
                datetime.fromisoformat(since) - timedelta(seconds=self._config.overlap_seconds)
            )
            if kind.name == "deal" and self._config.deleted_deals:
                deleted = {**query, "status": "deleted"}
                async for page, _ in self._listed(kind, "deals", "deal.deleted", deleted, cursor):
                    yield page
        if kind.name == "deal" and self._config.archived_deals:
            async for page, _ in self._listed(kind, "deals/archived", "deal.archived", query, cursor):
                yield page
        started: datetime | None = None
        async for page, listed in self._listed(kind, kind.path, f"{kind.name}.list", query, cursor):
            started = started or listed.server_time
            newest = max((str(row.get("update_time") or "") for row in listed.items), default="")
            since = max(since, _second(newest)) if newest else since
            yield Page(page.records, {SINCE: since} if since else {})
        if started is not None and whole_seconds(started) > since:
            yield Page((), {SINCE: whole_seconds(started)})

    def cursor_at(self, obj: str, since: datetime) -> Mapping[str, str]:
        """Return the cursor of what was updated at `since` or later; `changes` takes its overlap off."""
        _kind(obj)
        return {SINCE: whole_seconds(since)}

    async def _listed(
        self, kind: Object, path: str, operation: str, query: Mapping[str, Any], cursor: Mapping[str, str]
    ) -> AsyncIterator[tuple[Page, ListPage]]:
        overlap = self._overlaps[operation]
        overlap.begin(anew=SINCE not in query)
        async for listed in self._client.pages(f"{V2}/{path}", operation, query):
            records = await self._records(kind, overlap.news(listed), complete=kind.name != "deal")
            yield Page(records, dict(cursor)), listed
            overlap.handed_over(listed)
        overlap.finish()

    async def _records(self, kind: Object, rows: Sequence[Row], *, complete: bool) -> list[Record]:
        custom = [row.get("custom_fields") or {} for row in rows]
        definitions = await self._fields.covering(kind.name, custom)
        found = [(row, readable(kind, row, definitions)) for row in rows]
        if complete and found:
            await self._name(kind, found)
        return [record_of(kind, row, data, complete=complete) for row, data in found]

    # --- what related records add ---

    async def _name(self, kind: Object, found: Sequence[tuple[Row, dict[str, Any]]]) -> None:
        users = await self._related.listed("user")
        for row, data in found:
            owner = users.get(row.get("owner_id") or 0, {})
            data["owner_name"], data["owner_email"] = owner.get("name"), owner.get("email")
        if kind.name in ("deal", "person"):
            await self._name_organizations(found)
        if kind.name == "deal":
            for row, data in found:
                await self._complete_deal(row, data)

    async def _name_organizations(self, found: Sequence[tuple[Row, dict[str, Any]]]) -> None:
        """Add what rules need of the organization: its name, its country, and its custom fields."""
        rows = await self._related.records("organization", (row.get("org_id") for row, _ in found))
        definitions = await self._fields.covering(
            "organization", [row.get("custom_fields") or {} for row in rows.values()]
        )
        for row, data in found:
            organization = rows.get(row.get("org_id") or 0, {})
            data["org_name"] = organization.get("name")
            data["org_country"] = (organization.get("address") or {}).get("country")
            data[ORGANIZATION_CUSTOM] = definitions.readable(organization.get("custom_fields") or {})

    async def _complete_deal(self, row: Row, data: dict[str, Any]) -> None:
        path = f"{V2}/deals/{row['id']}"
        gone = row.get("is_deleted") is True
        lines, discounts, persons, stages, pipelines = await asyncio.gather(
            self._parts(f"{path}/products", "deal.products", gone),
            self._parts(f"{path}/discounts", "deal.discounts", gone, paged=False),
            self._related.records("person", [row.get("person_id")]),
            self._related.listed("stage"),
            self._related.listed("pipeline"),
        )
        person = persons.get(row.get("person_id") or 0, {})
        data["person_name"], data["person_email"] = person.get("name"), primary(person.get("emails"))
        data["stage_name"] = stages.get(row.get("stage_id") or 0, {}).get("name")
        data["pipeline_name"] = pipelines.get(row.get("pipeline_id") or 0, {}).get("name")
        if lines is not None:
            data["products"] = await self._lines(lines)
        if discounts is not None:
            data["discounts"] = [typed(discount, DISCOUNT_FIELDS) for discount in discounts]

    async def _parts(self, path: str, operation: str, gone: bool, *, paged: bool = True) -> Sequence[Row] | None:
        """Return parts of a deal; None for a deleted deal that no longer shows them: unknown is not none."""
        try:
            found = await self._client.all(path, operation) if paged else await self._client.listed(path, operation)
        except RejectRecord:
            if gone:
                return None
            raise
        return found or []

    async def _lines(self, lines: Sequence[Row]) -> list[dict[str, Any]]:
        products = await self._related.records("product", (line.get("product_id") for line in lines))
        found = []
        for line in sorted(lines, key=lambda line: (line.get("order_nr") or 0, line.get("id") or 0)):
            product = products.get(line.get("product_id") or 0, {})
            added = {"product_code": product.get("code") or None, "product_unit": product.get("unit") or None}
            found.append({**typed(line, LINE_FIELDS), **added})
        return found


def _kind(obj: str) -> Object:
    kind = KINDS.get(obj)
    if kind is None:
        raise RejectRecord("unknown object", f'Pipedrive object "{obj}" is not read; known are {", ".join(KINDS)}')
    return kind


def _second(text: str) -> str:
    try:
        return whole_seconds(datetime.fromisoformat(text).astimezone(UTC))
    except ValueError:
        return ""
