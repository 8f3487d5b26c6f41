"""The party of a contact's customer: `AssociatedCustomer` is no field of F&O, which relates contacts to parties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.objects_customers import CUSTOMERS
from headrace.core.errors import RejectRecord

ASSOCIATED_CUSTOMER, ASSOCIATED_PARTY = "AssociatedCustomer", "AssociatedPartyNumber"


class ContactParty:
    """Reads the number of a customer's party."""

    def __init__(self, client: ODataClient) -> None:
        self._client = client

    async def resolved(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields with the customer of a contact replaced by the number of its party.

        Raises:
            RejectRecord: the customer is not there, or has no party. RetryLater, StopConnection: as reads do.
        """
        found = dict(fields)
        if ASSOCIATED_CUSTOMER not in found:
            return found
        customer = found.pop(ASSOCIATED_CUSTOMER)
        if customer is None:
            return found
        key = odata.parse_target_id(CUSTOMERS, str(customer))
        row = await self._client.get(CUSTOMERS, key, (*CUSTOMERS.key, "PartyNumber"))
        if row is None or not row.get("PartyNumber"):
            raise RejectRecord(
                "customer is not there",
                f"ContactPersons.{ASSOCIATED_CUSTOMER}: customer {customer} is not in F&O or has no party number.",
            )
        found[ASSOCIATED_PARTY] = row["PartyNumber"]
        return found
