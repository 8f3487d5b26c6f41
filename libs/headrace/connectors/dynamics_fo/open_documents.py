"""Whether a purchase order or a customer invoice still takes changes: looked at before each one, in words for people.

F&O lets a confirmed order be changed, and then has the vendor confirm it anew; that is for people to decide. What was
received, or posted, it refuses by itself: the look says why. What cannot be looked at is not changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient, Row
from headrace.connectors.dynamics_fo.closed_documents import REMEDY
from headrace.connectors.dynamics_fo.entity_sets import COMPANY, EntitySet
from headrace.connectors.dynamics_fo.errors import POSTED
from headrace.connectors.dynamics_fo.objects_customer_invoices import (
    CUSTOMER_INVOICE_LINES,
    CUSTOMER_INVOICES,
    EXTERNAL_INVOICE,
)
from headrace.connectors.dynamics_fo.objects_purchasing import ORDER_NUMBER, PURCHASE_ORDER_LINES, PURCHASE_ORDERS
from headrace.core.contracts import Action, Operation
from headrace.core.errors import RejectRecord

NO_LONGER_OPEN = "no longer open"
_STATUS, _APPROVAL = "PurchaseOrderStatus", "DocumentApprovalStatus"
_OPEN = ("None", "Backorder", "")
_CHANGEABLE = ("Draft", "Approved", "Rejected", "")
_HEADERS: Mapping[str, tuple[EntitySet, str, tuple[str, ...]]] = {
    PURCHASE_ORDERS.name: (PURCHASE_ORDERS, ORDER_NUMBER, (_STATUS, _APPROVAL)),
    PURCHASE_ORDER_LINES.name: (PURCHASE_ORDERS, ORDER_NUMBER, (_STATUS, _APPROVAL)),
    CUSTOMER_INVOICES.name: (CUSTOMER_INVOICES, EXTERNAL_INVOICE, ("IsPosted", "FreeTextNumber")),
    CUSTOMER_INVOICE_LINES.name: (CUSTOMER_INVOICES, EXTERNAL_INVOICE, ("IsPosted", "FreeTextNumber")),
}
"""Set → the set of its headers, what names one, and what tells whether it is open."""


class OpenDocuments:
    """Looks before a change."""

    def __init__(self, client: ODataClient) -> None:
        self._client = client

    async def check(self, entity_set: EntitySet, operation: Operation) -> None:
        """Look at the document that an operation changes; a new document is always open.

        Raises:
            RejectRecord: it takes no more changes; nothing was sent. RetryLater, StopConnection: as reads do.
        """
        if entity_set.name not in _HEADERS:
            return
        headers, named, tells = _HEADERS[entity_set.name]
        if operation.action is Action.CREATE and entity_set is headers:
            return
        known: dict[str, Any] = {**operation.key, **operation.fields}
        if operation.target_id:
            known |= odata.parse_target_id(entity_set, operation.target_id)
        key = {COMPANY: str(known.get(COMPANY)).lower(), named: known.get(named)}
        row = await self._client.get(headers, key, (*headers.key, *tells))
        if row is None:
            return
        what = f"{operation.object} {operation.target_id}".rstrip()
        if headers is PURCHASE_ORDERS:
            _check_order(what, row)
        elif row.get("IsPosted") == "Yes":
            number = row.get("FreeTextNumber")
            raise RejectRecord(POSTED, f"{what}: customer invoice {key[named]} is posted ({number}). {REMEDY}")


def _check_order(what: str, row: Row) -> None:
    status, approval = str(row.get(_STATUS) or ""), str(row.get(_APPROVAL) or "")
    stops = status if status not in _OPEN else approval if approval not in _CHANGEABLE else ""
    if stops:
        words = f"purchase order {row[ORDER_NUMBER]} of {row[COMPANY]} is {stops}"
        raise RejectRecord(NO_LONGER_OPEN, f"{what}: {words}. {REMEDY}")
