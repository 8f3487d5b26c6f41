"""What F&O keeps of a released product elsewhere: its name, and whether it is stopped for sales."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.entity_sets import COMPANY, EntitySet, Field
from headrace.connectors.dynamics_fo.objects_products import STOPPED
from headrace.platform import odata_text

SHARED = EntitySet(
    name="ProductsV2",
    key=("ProductNumber",),
    fields={
        "ProductNumber": Field("string", 70),
        "ProductName": Field("string", 60),
        "ProductDescription": Field("memo"),
    },
)
ADDED = ("ProductName", "ProductDescription")
ORDER_SETTINGS = EntitySet(
    name="ProductDefaultOrderSettings",
    key=(COMPANY, "ItemNumber"),
    fields={COMPANY: Field("string", 4), "ItemNumber": Field("string", 20), STOPPED: Field("boolean")},
)
KEPT_SECONDS = 900.0
"""How old a name may be: renaming a product does not touch the released product."""
GROUP = 20
"""Products asked for in one request; the address of a request is limited."""


class ProductTexts:
    """Adds name and description of the shared product to released products, remembered for a quarter of an hour."""

    def __init__(self, client: ODataClient) -> None:
        self._client = client
        self._known: dict[str, tuple[float, Mapping[str, Any]]] = {}

    async def add(self, products: Sequence[dict[str, Any]]) -> None:
        """Add `ProductName` and `ProductDescription` in place; None where the shared product is not visible."""
        numbers = {str(product["ProductNumber"]) for product in products if product.get("ProductNumber")}
        await self._load(numbers)
        for product in products:
            _, texts = self._known.get(str(product.get("ProductNumber")), (0.0, {}))
            product.update({name: texts.get(name) for name in ADDED})

    async def _load(self, numbers: set[str]) -> None:
        now = time.monotonic()
        wanted = iter(sorted(number for number in numbers if self._known.get(number, (0.0, {}))[0] <= now))
        while group := list(islice(wanted, GROUP)):
            found: dict[str, Mapping[str, Any]] = {number.casefold(): {} for number in group}
            query = odata.Query(
                filter=odata_text.any_of(odata.equals(SHARED, {"ProductNumber": number}) for number in group),
                select=tuple(SHARED.fields),
            )
            async for row in self._client.rows(SHARED.name, query):
                found[str(row["ProductNumber"]).casefold()] = odata.decode_row(SHARED, row)
            self._known.update({number: (now + KEPT_SECONDS, found[number.casefold()]) for number in group})


class OrderSettings:
    """Adds to released products whether they are stopped for sales, as it is now."""

    def __init__(self, client: ODataClient) -> None:
        self._client = client

    async def add(self, products: Sequence[dict[str, Any]]) -> None:
        """Add `IsSalesProcessingStopped` in place; None where the default order settings are not visible.

        Raises:
            RetryLater, StopConnection, RejectRecord: as reads do; an environment without this entity, or without the
                privilege for it, names the field under `absent_fields`.
        """
        remaining = iter(products)
        while group := list(islice(remaining, GROUP)):
            keys = [{COMPANY: product[COMPANY], "ItemNumber": product["ItemNumber"]} for product in group]
            query = odata.Query(
                filter=odata_text.any_of(odata.equals(ORDER_SETTINGS, key) for key in keys),
                select=tuple(ORDER_SETTINGS.fields),
            )
            found = {}
            async for row in self._client.rows(ORDER_SETTINGS.name, query):
                found[_key(row)] = odata.decode_row(ORDER_SETTINGS, row)[STOPPED]
            for product in group:
                product[STOPPED] = found.get(_key(product))


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row[COMPANY]).casefold(), str(row["ItemNumber"]).casefold()
