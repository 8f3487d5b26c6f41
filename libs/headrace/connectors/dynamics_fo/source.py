"""Reads the objects of `READABLE`: on request, by business events, by polling.

`Record.data` has the fields of `objects.py` under F&O's names, empty forms as None, and what stands elsewhere: of a
released product `ProductName`, `ProductDescription` and `IsSalesProcessingStopped`, of a vendor the address that its
payments go to, of a purchase order its `Lines`, of what companies share `LegalEntities`. `Record.version` is always "":
F&O publishes no time that every part of a record moves (an address changes without its customer's row, an item is
stopped without its own), so content tells. Deletions are invisible to OData.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from headrace.connectors.dynamics_fo import business_events, odata
from headrace.connectors.dynamics_fo.changes import Changes, begin_at
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.display_values import DisplayValues
from headrace.connectors.dynamics_fo.entity_sets import LEGAL_ENTITIES, EntitySet
from headrace.connectors.dynamics_fo.objects import (
    CONTACTS,
    CUSTOMER_INVOICES,
    CUSTOMERS,
    DIMENSION_VALUES,
    INVOICES,
    MAIN_ACCOUNTS,
    ORDERS,
    PAYMENT_JOURNALS,
    PAYMENT_LINES,
    POSTED_INVOICES,
    PRODUCTS,
    PURCHASE_ORDERS,
    RATES,
    STOPPED,
    VENDORS,
)
from headrace.connectors.dynamics_fo.products import OrderSettings, ProductTexts
from headrace.connectors.dynamics_fo.purchase_lines import PurchaseLines
from headrace.connectors.dynamics_fo.remittance import RemitTo
from headrace.connectors.dynamics_fo.scope import Scope
from headrace.core.contracts import Notice, Page, Record, WebhookRequest
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref

READABLE: Mapping[str, EntitySet] = {
    each.name: each
    for each in (
        CUSTOMERS,
        CONTACTS,
        PRODUCTS,
        ORDERS,
        RATES,
        VENDORS,
        MAIN_ACCOUNTS,
        DIMENSION_VALUES,
        PURCHASE_ORDERS,
        CUSTOMER_INVOICES,
        INVOICES,
        POSTED_INVOICES,
        PAYMENT_JOURNALS,
        PAYMENT_LINES,
    )
}


class Complement(Protocol):
    """Adds to records of one object, in place, what F&O keeps of them elsewhere."""

    async def add(self, records: Sequence[dict[str, Any]]) -> None:
        """Add it; errors are those of reads."""


class DynamicsFoSource:
    """The source side of one connection."""

    def __init__(self, config: DynamicsFoConfig, client: ODataClient) -> None:
        self._config = config
        self._client = client
        self._display = DisplayValues(config)
        self._scope = Scope(config, client)
        self._changes = Changes(config, client, self._scope)
        complements: Mapping[str, Sequence[tuple[str, Complement]]] = {
            PRODUCTS.name: (("", ProductTexts(client)), (STOPPED, OrderSettings(client))),
            VENDORS.name: (("RemitToStreet", RemitTo(client)),),
            PURCHASE_ORDERS.name: (("Lines", PurchaseLines(client)),),
        }
        self._complements = {
            name: [each for field, each in found if field not in config.absent_fields.get(name, [])]
            for name, found in complements.items()
        }

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
        """Read one record as it is now; None if it is not there or concerns no configured company.

        Raises:
            RejectRecord: this object is not read, or the id is no key of it. RetryLater, StopConnection: as reads do.
        """
        entity_set = _readable(ref.object)
        key = odata.parse_target_id(entity_set, ref.external_id)
        if entity_set.has_company and key[entity_set.company] not in self._config.legal_entities:
            return None
        row = await self._client.get(entity_set, key, self._config.select(ref.object))
        if row is None:
            return None
        return next(iter(await self._records(entity_set, [(row, None)])), None)

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
        self, entity_set: EntitySet, rows: Sequence[tuple[Mapping[str, Any], datetime | None]]
    ) -> Sequence[Record]:
        decoded = [self._display.plain(entity_set, odata.decode_row(entity_set, row)) for row, _ in rows]
        await self._scope.add(entity_set, decoded)
        dated = zip(decoded, (modified_at for _, modified_at in rows), strict=True)
        concerning = [(data, modified_at) for data, modified_at in dated if data.get(LEGAL_ENTITIES) != []]
        for complement in self._complements.get(entity_set.name, ()):
            await complement.add([data for data, _ in concerning])
        return [
            Record(
                ref=Ref(entity_set.name, odata.target_id(entity_set, data)),
                data=data,
                modified_at=(modified_at or _own_time(data)),
            )
            for data, modified_at in concerning
        ]


def _readable(obj: str) -> EntitySet:
    if obj not in READABLE:
        raise RejectRecord("unknown object", f"{obj} is not read by this connector; known are {', '.join(READABLE)}.")
    return READABLE[obj]


def _own_time(data: Mapping[str, Any]) -> datetime | None:
    """Return the modification time that the record itself has; only contacts and posted invoices do."""
    moment = data.get("LastEditDateTime") or data.get("SysModifiedDateTime")
    return moment.astimezone(UTC) if isinstance(moment, datetime) else None
