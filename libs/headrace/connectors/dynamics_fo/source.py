"""Reads customers, contacts, products, sales orders and exchange rates: on request, by business events, by polling.

`Record.data` has the fields of `objects.py` under F&O's names, empty forms as None; a released product also has
`ProductName`, `ProductDescription` and `IsSalesProcessingStopped`. `Record.version` is always "": F&O publishes no time
that every part of a record moves (an address changes without its customer's row, an item is stopped without its own),
so content tells. Deletions are invisible to OData.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from headrace.connectors.dynamics_fo import business_events, odata
from headrace.connectors.dynamics_fo.changes import Changes, begin_at
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.objects import (
    COMPANY,
    CONTACTS,
    CUSTOMERS,
    ORDERS,
    PRODUCTS,
    RATES,
    STOPPED,
    EntitySet,
)
from headrace.connectors.dynamics_fo.products import OrderSettings, ProductTexts
from headrace.core.contracts import Notice, Page, Record, WebhookRequest
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref

READABLE: Mapping[str, EntitySet] = {each.name: each for each in (CUSTOMERS, CONTACTS, PRODUCTS, ORDERS, RATES)}


class DynamicsFoSource:
    """The source side of one connection."""

    def __init__(self, config: DynamicsFoConfig, client: ODataClient) -> None:
        self._config = config
        self._client = client
        self._texts = ProductTexts(client)
        self._order_settings = OrderSettings(client)
        self._changes = Changes(config, client)

    def verify(self, request: WebhookRequest) -> None:
        """Believe a webhook only with an accepted code or login (`business_events.verify`)."""
        business_events.verify(self._config, request)

    def notice(self, request: WebhookRequest) -> Notice:
        """Return which record a business event is about (`business_events.notice`)."""
        return business_events.notice(self._config, request)

    def decode(self, ref: Ref, body: bytes) -> Record | None:
        """Return None: a business event never holds the record; it is fetched."""
        return None

    async def fetch(self, ref: Ref) -> Record | None:
        """Read one record as it is now; None if it is not there or in a company that is not configured.

        Raises:
            RejectRecord: this object is not read, or the id is no key of it. RetryLater, StopConnection: as reads do.
        """
        entity_set = _readable(ref.object)
        key = odata.parse_target_id(entity_set, ref.external_id)
        if entity_set.has_company and key[COMPANY] not in self._config.legal_entities:
            return None
        row = await self._client.get(entity_set, key, self._config.select(ref.object))
        if row is None:
            return None
        (record,) = await self._records(entity_set, [(row, None)])
        return record

    async def changes(self, obj: str, cursor: Mapping[str, str]) -> AsyncIterator[Page]:
        """Yield records changed since the cursor, as `Poll` of the configuration says; see `changes.py`.

        Raises:
            RejectRecord: this object is not read. RetryLater, StopConnection: as reads do.
        """
        entity_set = _readable(obj)
        async for found in self._changes.pages(entity_set, cursor):
            yield Page(await self._records(entity_set, found.rows), found.cursor)

    def cursor_at(self, obj: str, since: datetime) -> Mapping[str, str]:
        """Return the cursor of what changed at `since` or later; see `changes.begin_at`."""
        _readable(obj)
        return begin_at(since)

    async def _records(
        self, entity_set: EntitySet, rows: Iterable[tuple[Mapping[str, Any], datetime | None]]
    ) -> Sequence[Record]:
        decoded = [(odata.decode_row(entity_set, row), modified_at) for row, modified_at in rows]
        if entity_set is PRODUCTS:
            await self._texts.add([data for data, _ in decoded])
            if STOPPED not in self._config.absent_fields.get(PRODUCTS.name, []):
                await self._order_settings.add([data for data, _ in decoded])
        return [
            Record(
                ref=Ref(entity_set.name, odata.target_id(entity_set, data)),
                data=data,
                modified_at=(modified_at or _own_time(data)),
            )
            for data, modified_at in decoded
        ]


def _readable(obj: str) -> EntitySet:
    if obj not in READABLE:
        raise RejectRecord("unknown object", f"{obj} is not read by this connector; known are {', '.join(READABLE)}.")
    return READABLE[obj]


def _own_time(data: Mapping[str, Any]) -> datetime | None:
    """Return the modification time that the record itself has; only contacts do."""
    moment = data.get("LastEditDateTime")
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None
