"""The lines of purchase orders, which are read together with their headers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.entity_sets import COMPANY
from headrace.connectors.dynamics_fo.objects_purchasing import PURCHASE_ORDER_LINES

_ORDER = (COMPANY, "PurchaseOrderNumber")


class PurchaseLines:
    """Adds their lines to purchase orders."""

    def __init__(self, client: ODataClient) -> None:
        self._client = client

    async def add(self, orders: Sequence[dict[str, Any]]) -> None:
        """Add `Lines` in place, in the order of their numbers.

        Raises:
            RetryLater, StopConnection, RejectRecord: as reads do.
        """
        keys = [{name: order[name] for name in _ORDER} for order in orders]
        found: dict[str, list[dict[str, Any]]] = {}
        async for row in self._client.of_keys(PURCHASE_ORDER_LINES, keys, tuple(PURCHASE_ORDER_LINES.fields)):
            found.setdefault(_number(row), []).append(odata.decode_row(PURCHASE_ORDER_LINES, row))
        for order in orders:
            order["Lines"] = sorted(found.get(_number(order), []), key=lambda line: int(line["LineNumber"]))


def _number(row: Mapping[str, Any]) -> str:
    return odata.partial_id(PURCHASE_ORDER_LINES, _ORDER, row).casefold()
