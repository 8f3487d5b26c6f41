"""Brings a v1 request body into v2 form: names, flags, label texts, times, flat custom fields; lenient as v1 is."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from headrace.sandbox.pipedrive.account import Account, Data
from headrace.sandbox.pipedrive.custom_fields import ADDRESS_PARTS, from_v1
from headrace.sandbox.pipedrive.errors import bad_request
from headrace.sandbox.pipedrive.properties import BY_NAME, Property
from headrace.sandbox.pipedrive.times import from_v1 as time_from_v1
from headrace.sandbox.pipedrive.times import to_v2

# v1 name → v2 name, per object
_NAMES: Mapping[str, Mapping[str, str]] = {
    "deal": {"user_id": "owner_id", "label": "label_ids"},
    "person": {"email": "emails", "phone": "phones", "label": "label_ids"},
    "organization": {"label": "label_ids"},
    "product": {"selectable": "is_linkable"},
    "activity": {"user_id": "owner_id", "busy_flag": "busy"},
    "pipeline": {"deal_probability": "is_deal_probability_enabled"},
    "stage": {"rotten_flag": "is_deal_rot_enabled", "rotten_days": "days_to_rotten"},
    "deal_product": {"enabled_flag": "is_enabled"},
}
# Keys that v1 could set on creation and v2 cannot.
ONLY_V1: Mapping[str, tuple[str, ...]] = {"deal": ("add_time", "origin_id", "channel", "channel_id")}
_TRUE = (1, "1", True, "true")


def to_v2_body(account: Account, object_: str, body: Any) -> tuple[Data, Data]:
    """Return the body in v2 form, and the keys that only v1 may set; what v1 does not know is ignored.

    Raises:
        ApiError: 400, not an object.
    """
    if not isinstance(body, Mapping):
        raise bad_request("Bad request")
    names, known = _NAMES.get(object_, {}), BY_NAME[object_]
    converted: Data = {}
    for name, value in body.items():
        item = known.get(names.get(name, name))
        if item is not None and item.kind != "custom_fields":
            converted[item.name] = None if value is None or value == "" else _coerced(item, value, body)
    # v1 takes an empty text as "nothing" where a value cannot be null.
    converted = {name: value for name, value in converted.items() if value is not None or known[name].nullable}
    custom = {code: from_v1(type_, code, body) for code, type_ in account.custom_types(object_).items() if code in body}
    if custom:
        converted["custom_fields"] = custom
    if object_ == "deal" and "stage_id" in converted:
        converted.pop("pipeline_id", None)
    if object_ == "activity" and body.get("person_id") and "participants" not in converted:
        converted["participants"] = [{"person_id": _number(body["person_id"]), "primary": True}]
    extra = {name: body[name] for name in ONLY_V1.get(object_, ()) if body.get(name) is not None}
    if "add_time" in extra:
        extra["add_time"] = _time(extra["add_time"])
    return converted, extra


def _coerced(item: Property, value: Any, body: Mapping[str, Any]) -> Any:
    if item.kind in ("integer", "number"):
        return _number(value.get("value") if isinstance(value, Mapping) else value)
    if item.kind == "boolean":
        return value in _TRUE
    if item.kind == "datetime":
        return _time(value)
    if item.kind == "labels":
        parts = value if isinstance(value, list) else str(value).split(",")
        return [_number(part) for part in parts]
    if item.kind == "contacts":
        return _contacts(value)
    if item.kind == "address" and isinstance(value, str):
        details = {part: body.get(f"{item.name}_{part}") for part in ADDRESS_PARTS}
        return {"value": value, **{part: text for part, text in details.items() if text is not None}}
    if item.kind == "prices":
        return [_price(price) for price in value] if isinstance(value, list) else value
    if item.kind == "participants" and isinstance(value, list):
        return [_participant(one) for one in value]
    if item.kind == "free" and isinstance(value, str):
        return {"value": value}
    return value if isinstance(value, list | Mapping) or item.kind == "date" else str(value)


def _participant(one: Any) -> Any:
    if not isinstance(one, Mapping):
        return one
    return {"person_id": _number(one.get("person_id")), "primary": bool(one.get("primary_flag"))}


def _number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return value
    return int(number) if number == number.to_integral_value() else number


def _time(value: Any) -> Any:
    try:
        return to_v2(time_from_v1(str(value)))
    except ValueError:
        return value


def _contacts(value: Any) -> list[Data]:
    entries = value if isinstance(value, list) else [value]
    clean: list[Data] = []
    for entry in entries:
        if isinstance(entry, Mapping):
            if entry.get("value"):
                primary = entry.get("primary") in _TRUE and not any(one["primary"] for one in clean)
                clean.append({"value": str(entry["value"]), "primary": primary, "label": entry.get("label") or "work"})
        elif entry:
            clean.append({"value": str(entry), "primary": False, "label": "work"})
    return clean


def _price(price: Any) -> Any:
    if not isinstance(price, Mapping):
        return price
    renamed = {"direct_cost" if name == "overhead_cost" else name: value for name, value in price.items()}
    numbers = {name: _number(renamed[name]) for name in ("price", "cost", "direct_cost") if name in renamed}
    return {name: renamed[name] for name in ("currency", "notes") if name in renamed} | numbers
