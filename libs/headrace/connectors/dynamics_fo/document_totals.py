"""What purchase orders and customer invoices come to; their headers state no amount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.entity_sets import TOTAL_AMOUNT, EntitySet
from headrace.connectors.dynamics_fo.objects_customer_invoices import CUSTOMER_INVOICE_LINES, CUSTOMER_INVOICES
from headrace.connectors.dynamics_fo.objects_purchasing import PURCHASE_ORDER_LINES, PURCHASE_ORDERS
from headrace.core.contracts import Found

_LINES: Mapping[str, tuple[EntitySet, str]] = {
    PURCHASE_ORDERS.name: (PURCHASE_ORDER_LINES, "LineAmount"),
    CUSTOMER_INVOICES.name: (CUSTOMER_INVOICE_LINES, "TransactionCurrencyAmount"),
}


class DocumentTotals:
    """Adds `TotalAmount` to a document that was found: the sum of its lines before tax."""

    def __init__(self, client: ODataClient) -> None:
        self._client = client

    async def add(self, entity_set: EntitySet, found: Found) -> Found:
        """Return the document with its total; what is none of the two as it is.

        Raises:
            RetryLater, StopConnection, RejectRecord: as reads do.
        """
        if entity_set.name not in _LINES:
            return found
        lines, amount = _LINES[entity_set.name]
        header = odata.parse_target_id(entity_set, found.target_id)
        select = (*lines.key, amount, *(["IsDeleted"] if "IsDeleted" in lines.fields else []))
        total = Decimal()
        async for row in self._client.rows(lines.name, odata.Query(odata.equals(lines, header), select)):
            if odata.has(lines, row, header) and row.get("IsDeleted") != "Yes":
                total += Decimal(str(row[amount] or 0))
        return replace(found, record={**found.record, TOTAL_AMOUNT: total})
