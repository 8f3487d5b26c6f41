"""Keys that are no fields of the set that is looked in: what a document tells of a vendor, an account, or itself.

- `VendorsV2` by `PurchaseOrderNumber`: who sends the invoices of that order. Its `TaxExemptNumber` is compared without
  the signs that people put between digits, its name (and a customer's) without spare spaces.
- `MainAccounts` by `LegalEntities`, one company: the account of that company's chart.
- Purchase orders and customer invoices by `DocumentNumber`: the number that F&O itself gave the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient, Row
from headrace.connectors.dynamics_fo.entity_sets import COMPANY, DOCUMENT_NUMBER, LEGAL_ENTITIES, EntitySet
from headrace.connectors.dynamics_fo.objects_customer_invoices import CUSTOMER_INVOICES
from headrace.connectors.dynamics_fo.objects_customers import CUSTOMERS
from headrace.connectors.dynamics_fo.objects_ledger import MAIN_ACCOUNTS
from headrace.connectors.dynamics_fo.objects_purchasing import ORDER_NUMBER, PURCHASE_ORDERS
from headrace.connectors.dynamics_fo.objects_vendors import OF_ORDER, VENDORS
from headrace.connectors.dynamics_fo.scope import LEDGERS
from headrace.core.errors import RejectRecord
from headrace.platform import odata_text

TAX_NUMBER = "TaxExemptNumber"
_NAMES: Mapping[str, str] = {VENDORS.name: "VendorOrganizationName", CUSTOMERS.name: "OrganizationName"}
"""Set → the field with the name by which a vendor or customer is found: as it is, but for case and spare spaces."""
_NUMBERS: Mapping[str, str] = {PURCHASE_ORDERS.name: ORDER_NUMBER, CUSTOMER_INVOICES.name: "FreeTextNumber"}
"""Set → the field that holds the number which F&O prints on the document."""


class NaturalKeys:
    """Turns such keys into fields, and compares what they find."""

    def __init__(self, client: ODataClient) -> None:
        self._client = client

    async def resolved(
        self, entity_set: EntitySet, key: Mapping[str, Any], company: str | None
    ) -> dict[str, Any] | None:
        """Return a key of fields alone; None if nothing can have it.

        Args:
            entity_set: the set that is looked in.
            key: the key, without its company.
            company: the company that is looked in; None for what companies share.

        Raises:
            RejectRecord: a part that stands for another one comes together with it. RetryLater, StopConnection: as
                reads do.
        """
        found = {name: _plain(entity_set, name, value) for name, value in key.items()}
        if entity_set is VENDORS and OF_ORDER in found:
            return await self._of_order(found, str(company))
        if entity_set is MAIN_ACCOUNTS and LEGAL_ENTITIES in found:
            return await self._of_company(found)
        if entity_set.name in _NUMBERS and DOCUMENT_NUMBER in found:
            return _put(entity_set, found, _NUMBERS[entity_set.name], found.pop(DOCUMENT_NUMBER))
        return found

    def filter(self, entity_set: EntitySet, key: Mapping[str, Any]) -> str:
        """Return the filter of a key; F&O compares a tax number as it was typed, so each spelling is asked for."""
        if entity_set is not VENDORS or TAX_NUMBER not in key:
            return odata.equals(entity_set, key)
        number = str(key[TAX_NUMBER])
        spelt = (odata.equals(entity_set, {TAX_NUMBER: each}) for each in dict.fromkeys((number, squeezed(number))))
        rest = {name: value for name, value in key.items() if name != TAX_NUMBER}
        return odata_text.both(odata.equals(entity_set, rest), odata_text.any_of(spelt))

    def has(self, entity_set: EntitySet, row: Row, key: Mapping[str, Any]) -> bool:
        """Say whether a row has a key, and not just by a wildcard."""
        if entity_set is not VENDORS or TAX_NUMBER not in key:
            return odata.has(entity_set, row, key)
        rest = {name: value for name, value in key.items() if name != TAX_NUMBER}
        return odata.has(entity_set, row, rest) and squeezed(row.get(TAX_NUMBER)) == squeezed(key[TAX_NUMBER])

    async def _of_order(self, key: dict[str, Any], company: str) -> dict[str, Any] | None:
        order = {COMPANY: company, ORDER_NUMBER: key.pop(OF_ORDER)}
        names = ("InvoiceVendorAccountNumber", "OrderVendorAccountNumber")
        row = await self._client.get(PURCHASE_ORDERS, order, (*PURCHASE_ORDERS.key, *names))
        account = next((row[name] for name in names if row.get(name)), None) if row else None
        return None if account is None else _put(VENDORS, key, "VendorAccountNumber", account)

    async def _of_company(self, key: dict[str, Any]) -> dict[str, Any] | None:
        company = {"LegalEntityId": str(key.pop(LEGAL_ENTITIES)).lower()}
        charts = [
            row["ChartOfAccounts"] async for row in self._client.of_keys(LEDGERS, [company], tuple(LEDGERS.fields))
        ]
        return _put(MAIN_ACCOUNTS, key, "ChartOfAccounts", charts[0]) if charts and charts[0] else None


def squeezed(number: Any) -> str:
    """Return a tax number by its letters and digits alone, in one case: "DE 123.456" and "de123456" are one."""
    return "".join(sign for sign in str(number or "") if sign.isalnum()).casefold()


def _plain(entity_set: EntitySet, name: str, value: Any) -> Any:
    return " ".join(value.split()) if _NAMES.get(entity_set.name) == name and isinstance(value, str) else value


def _put(entity_set: EntitySet, key: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    if name in key:
        raise RejectRecord("no key to look up", f"{entity_set.name}: the key has {name} twice over; take one out.")
    return {**key, name: value}
