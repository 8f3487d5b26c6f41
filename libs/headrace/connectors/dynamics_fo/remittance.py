"""The address that a vendor's payments go to: the one among its postal addresses that has this role now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ODataClient
from headrace.connectors.dynamics_fo.entity_sets import COMPANY, EntitySet, address, every, texts
from headrace.connectors.dynamics_fo.objects_vendors import REMIT_TO, REMIT_TO_PARTS

ADDRESSES = EntitySet(
    name="VendVendorPostalAddresses",
    key=(COMPANY, "VendorLegalEntityId", "VendorAccountNumber", "AddressLocationId", "AddressValidFrom"),
    companies=(COMPANY, "VendorLegalEntityId"),
    fields={
        **texts(4, COMPANY),
        **texts(20, "VendorAccountNumber", "AddressLocationId"),
        **texts(250, "AddressLocationRoles"),
        **every("datetime", "AddressValidFrom", "AddressValidTo"),
        **every("boolean", "IsPrimary"),
        **address("Address", *REMIT_TO_PARTS),
    },
)
_ROLE = "remit"
_ALWAYS = datetime.min.replace(tzinfo=UTC)


class RemitTo:
    """Adds the remittance address to vendors."""

    def __init__(self, client: ODataClient) -> None:
        self._client = client

    async def add(self, vendors: Sequence[dict[str, Any]]) -> None:
        """Add `RemitToStreet` and its siblings in place; None for a vendor without such an address.

        Of several that are valid now the primary one counts, else the one with the lowest location id.

        Raises:
            RetryLater, StopConnection, RejectRecord: as reads do; an environment without this entity, or without the
                privilege for it, names `RemitToStreet` under `absent_fields`.
        """
        now = datetime.now(UTC)
        keys = [{name: vendor[name] for name in (COMPANY, "VendorAccountNumber")} for vendor in vendors]
        found: dict[tuple[str, str], list[dict[str, Any]]] = {}
        async for row in self._client.of_keys(ADDRESSES, keys, tuple(ADDRESSES.fields)):
            candidate = odata.decode_row(ADDRESSES, row)
            if _remits(candidate, now):
                found.setdefault(_vendor(candidate), []).append(candidate)
        for vendor in vendors:
            best = min(found.get(_vendor(vendor), [{}]), key=_preference)
            vendor.update({f"{REMIT_TO}{part}": best.get(f"Address{part}") for part in REMIT_TO_PARTS})


def _remits(candidate: Mapping[str, Any], now: datetime) -> bool:
    begins, ends = candidate["AddressValidFrom"] or _ALWAYS, candidate["AddressValidTo"]
    return _ROLE in str(candidate["AddressLocationRoles"]).casefold() and begins <= now and (ends is None or now < ends)


def _preference(candidate: Mapping[str, Any]) -> tuple[bool, str]:
    return not candidate.get("IsPrimary"), str(candidate.get("AddressLocationId"))


def _vendor(row: Mapping[str, Any]) -> tuple[str, str]:
    return str(row[COMPANY]).casefold(), str(row["VendorAccountNumber"]).casefold()
