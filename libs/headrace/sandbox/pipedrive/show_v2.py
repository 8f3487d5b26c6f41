"""Records as API v2 shows them. Source: response schemas of the v2 OpenAPI file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.sandbox.pipedrive.account import Account, Data
from headrace.sandbox.pipedrive.counters import COUNTERS
from headrace.sandbox.pipedrive.custom_fields import with_labels

_HIDDEN = frozenset({"first_won_time", "attendees"})


class Selection:
    """What a request asked to see besides the standard keys."""

    def __init__(
        self,
        include: frozenset[str] = frozenset(),
        custom: frozenset[str] | None = None,
        *,
        option_labels: bool = False,
        labels: bool = False,
    ) -> None:
        self.include = include
        self.custom = custom
        self.option_labels = option_labels
        self.labels = labels


EVERYTHING = Selection()


def show(account: Account, object_: str, record: Data, selection: Selection = EVERYTHING) -> Data:
    """Return a record in the v2 shape."""
    shape = _SHAPES.get(object_)
    shown = shape(account, record) if shape else record
    if object_ in ("deal", "person", "organization", "product"):
        shown = {**shown, "custom_fields": _custom(account, object_, record["custom_fields"], selection)}
        if selection.labels:
            known = account.fields.labels(object_, "label_ids")
            shown["labels"] = [{"id": id_, "label": known.get(id_, "")} for id_ in record.get("label_ids", ())]
    for name in sorted(selection.include):
        counter = COUNTERS.get(name)
        shown[name] = counter(account, object_, record) if counter else record.get(name)
    return shown


def _custom(account: Account, object_: str, values: Mapping[str, Any], selection: Selection) -> Data:
    types = account.custom_types(object_)
    shown: Data = {}
    for code, type_ in types.items():
        if selection.custom is not None and code not in selection.custom:
            continue
        value = values.get(code)
        if value is None and not account.settings.null_custom_fields:
            continue
        if selection.option_labels and type_ in ("enum", "set"):
            value = with_labels(value, account.fields.labels(object_, code))
        shown[code] = value
    return shown


def _deal(account: Account, record: Data) -> Data:
    del account
    shown = {key: value for key, value in record.items() if key not in _HIDDEN}
    for name in ("won", "lost", "close"):
        moment = record[f"{name}_time"]
        shown[f"local_{name}_date"] = moment and moment[:10]
    return shown | {"arr": None, "mrr": None, "acv": None}


def _product(account: Account, record: Data) -> Data:
    del account
    prices = [{"product_id": record["id"], **price} for price in record["prices"]]
    category = record["category"]
    return {**record, "prices": prices, "category": None if category is None else str(category)}


def _line(account: Account, record: Data) -> Data:
    product = account.get("product", record["product_id"])
    deal = account.get("deal", record["deal_id"])
    return {
        **record,
        "product_id": product and product["id"],
        "name": product and product["name"],
        "currency": deal and deal["currency"],
    }


def _activity(account: Account, record: Data) -> Data:
    del account
    return {key: value for key, value in record.items() if key not in _HIDDEN}


_SHAPES: Mapping[str, Callable[[Account, Data], Data]] = {
    "deal": _deal,
    "product": _product,
    "deal_product": _line,
    "activity": _activity,
}
