"""Records as webhooks v2 carry them, which is not the shape of REST v2.

Source: https://pipedrive.readme.io/docs/guide-for-webhooks-v2 and the webhooks v2 migration guide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.sandbox.pipedrive import show_v1, show_v2
from headrace.sandbox.pipedrive.account import Account, Data
from headrace.sandbox.pipedrive.custom_fields import DEFAULT_TIMEZONE, to_webhook

_NOT_SENT = frozenset({"is_deleted", "is_archived", "archive_time", "source_lead_id"})


def show(account: Account, object_: str, record: Data) -> Data:
    """Return a record in the shape of webhooks v2."""
    shape = _SHAPES.get(object_)
    shown = shape(account, record) if shape else show_v2.show(account, object_, record)
    values = record.get("custom_fields")
    if values is not None:
        shown["custom_fields"] = {
            code: to_webhook(type_, values.get(code))
            for code, type_ in account.custom_types(object_).items()
            if values.get(code) is not None or account.settings.null_custom_fields
        }
    return shown


def difference(before: Data, after: Data) -> Data:
    """Return the former values of the keys that changed; custom fields nested, null where formerly empty."""
    changed = {key: value for key, value in before.items() if key != "custom_fields" and value != after.get(key)}
    changed |= {key: None for key in after if key not in before}
    old, new = before.get("custom_fields") or {}, after.get("custom_fields") or {}
    custom = {code: old.get(code) for code in {**old, **new} if old.get(code) != new.get(code)}
    if custom:
        changed["custom_fields"] = custom
    return changed


def _without(record: Data, *names: str) -> Data:
    return {key: value for key, value in record.items() if key not in _NOT_SENT and key not in names}


def _deal(account: Account, record: Data) -> Data:
    del account
    return _without(record) | {"visible_to": str(record["visible_to"])}


def _contact(account: Account, record: Data) -> Data:
    del account
    labels = record["label_ids"]
    return _without(record) | {"visible_to": str(record["visible_to"]), "label": labels[0] if labels else None}


def _organization(account: Account, record: Data) -> Data:
    return _contact(account, record) | {"country_code": None}


def _product(account: Account, record: Data) -> Data:
    shown = _without(show_v2.show(account, "product", record), "is_linkable")
    return shown | {"selectable": record["is_linkable"], "visible_to": str(record["visible_to"])}


def _activity(account: Account, record: Data) -> Data:
    del account

    def clock(name: str) -> Data | None:
        return None if record[name] is None else {"value": record[name], "timezone_id": DEFAULT_TIMEZONE}

    shown = _without(record, "busy") | {"active_flag": not record["is_deleted"], "busy_flag": record["busy"]}
    return shown | {"due_time": clock("due_time"), "duration": clock("duration")}


def _pipeline(account: Account, record: Data) -> Data:
    del account
    return {
        **_without(record, "is_deal_probability_enabled"),
        "url_title": record["name"].lower().replace(" ", "-"),
        "active_flag": not record["is_deleted"],
        "deal_probability": record["is_deal_probability_enabled"],
    }


def _stage(account: Account, record: Data) -> Data:
    del account
    return {
        **_without(record, "is_deal_rot_enabled", "days_to_rotten"),
        "active_flag": not record["is_deleted"],
        "rotten_flag": record["is_deal_rot_enabled"],
        "rotten_days": record["days_to_rotten"],
    }


def _user(account: Account, record: Data) -> Data:
    return show_v1.show(account, "user", record) | {"id": str(record["id"])}


def _note(account: Account, record: Data) -> Data:
    del account
    return _without(record) | {"active_flag": not record["is_deleted"]}


_SHAPES: Mapping[str, Callable[[Account, Data], Any]] = {
    "deal": _deal,
    "person": _contact,
    "organization": _organization,
    "product": _product,
    "activity": _activity,
    "pipeline": _pipeline,
    "stage": _stage,
    "user": _user,
    "note": _note,
}
