"""Parts that Pipedrive replaces as a whole: addresses, e-mail addresses, phone numbers, prices.

A mapping names one part ("address.locality", "email", "prices.EUR"), because the others are somebody else's (I8). So
the record is read right before, and what is sent holds the others as they are. Doing it twice changes nothing more.
Source: https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide (arrays and addresses are replaced).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from headrace.connectors.pipedrive.objects import ADDRESS_FIELDS, ADDRESS_PREFIX, POINTS, PRICE_PREFIX
from headrace.connectors.pipedrive.reading import Row
from headrace.core.errors import RejectRecord

TEXT, DERIVED = "value", "formatted_address"
"""Of an address: what people typed, and what Pipedrive makes of it."""
_PRICE_PARTS = ("currency", "price", "cost", "direct_cost", "notes")


def is_part(name: str) -> bool:
    """Say whether a field is a part of something that is written as a whole."""
    return name in POINTS or name.startswith((ADDRESS_PREFIX, PRICE_PREFIX))


def check(what: str, fields: Mapping[str, Any]) -> None:
    """Check what needs no call.

    Raises:
        RejectRecord: a price that is no number.
    """
    for name, value in fields.items():
        number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if name.startswith(PRICE_PREFIX) and value is not None and not number:
            raise RejectRecord(
                "value does not fit",
                f"{what}: {name} takes a number and is given {value!r}; convert with `as: decimal`.",
            )


def whole(what: str, fields: Mapping[str, Any], row: Row) -> dict[str, Any]:
    """Return the whole of each part among the fields, for a request body.

    Args:
        what: names the record for people.
        fields: fields of an operation, those that are no parts among them.
        row: the record as REST v2 shows it now, empty for a new one.

    Raises:
        RejectRecord: what would come out is not what was asked for.
    """
    body: dict[str, Any] = {}
    for name, plural in POINTS.items():
        if name in fields:
            body[plural] = _points(f"{what}: {name}", fields[name], row.get(plural) or ())
    address, prices = _below(ADDRESS_PREFIX, fields), _below(PRICE_PREFIX, fields)
    if address:
        body["address"] = _address(what, address, row.get("address") or {})
    if prices:
        body["prices"] = _prices(prices, row.get("prices") or ())
    return body


def _below(prefix: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}


def _points(what: str, value: Any, rows: Any) -> list[dict[str, Any]]:
    """Return all e-mail addresses or phone numbers with `value` as the primary one, in place of the former one."""
    points = [{**row, "primary": row.get("primary") is True} for row in rows if row.get("value")]
    if points and not any(point["primary"] for point in points):
        points[0]["primary"] = True
    others = [point for point in points if not point["primary"]]
    if value in (None, ""):
        if others:
            # The next one would become the primary, and clearing again would remove that one too.
            raise RejectRecord(
                "cannot be cleared",
                f"{what} is to be empty, but there are others ({', '.join(str(point['value']) for point in others)}), "
                "one of which would take its place; remove them in Pipedrive, then retry.",
            )
        return []
    if any(point["value"] == value for point in points):
        return [{**point, "primary": point["value"] == value} for point in points]
    if not points:
        return [{"value": value, "primary": True, "label": "work"}]
    return [{**point, "value": value} if point["primary"] else point for point in points]


def _address(what: str, parts: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the address with these parts, None for no address; a part that is not sent is emptied by Pipedrive.

    The formatted address is Pipedrive's own, made of the other parts: it goes with a change of them.
    """
    written = {name: value for name, value in parts.items() if value not in (None, "")}
    if TEXT in parts and not written:
        return None  # parts that others wrote are of the address that is gone
    kept = {name: before.get(name) for name in ADDRESS_FIELDS if name not in parts}
    if any(before.get(name) != value for name, value in parts.items()):
        kept.pop(DERIVED, None)
    after = {name: value for name, value in {**kept, **written}.items() if value not in (None, "")}
    if after and TEXT not in after:
        raise RejectRecord(
            "required field is empty",
            f"{what}: Pipedrive keeps no parts of an address without the address itself; map address.value, too.",
        )
    return {name: after[name] for name in ADDRESS_FIELDS if name in after} or None


def _prices(wanted: Mapping[str, Any], before: Any) -> list[dict[str, Any]]:
    """Return all prices with those wanted, one for each currency; None removes a currency."""
    left = dict(wanted)
    prices = []
    for row in before:
        price = left.pop(row.get("currency"), row.get("price"))
        if price is not None:
            item = {**row, "price": price}
            prices.append({name: item[name] for name in _PRICE_PARTS if item.get(name) is not None})
    new = [{"currency": currency, "price": price} for currency, price in left.items() if price is not None]
    return prices + new
