"""Records as API v1 shows them: REST v1, recents, merge answers and webhooks v1.

Source: the v1 OpenAPI file of December 2025 and the samples in the v2 migration guide.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from headrace.sandbox.pipedrive.account import Account, Data
from headrace.sandbox.pipedrive.counters import COUNTERS, INCLUDE_FIELDS, next_activity
from headrace.sandbox.pipedrive.custom_fields import ADDRESS_PARTS, to_v1
from headrace.sandbox.pipedrive.times import to_v1 as v1_time


def show(account: Account, object_: str, record: Data) -> Data:
    """Return a record in the v1 shape."""
    shown = _SHAPES[object_](account, record)
    values = record.get("custom_fields")
    if values is not None:
        for code, type_ in account.custom_types(object_).items():
            shown.update(to_v1(type_, code, values.get(code)))
    return shown


def user_ref(account: Account, id_: int | None) -> Data | None:
    """Return a user as v1 embeds it; the id sits in `value`."""
    user = account.get("user", id_)
    if user is None:
        return None
    keys = ("id", "name", "email")
    extra = {"has_pic": 0, "pic_hash": None, "active_flag": user["active_flag"], "value": user["id"]}
    return {key: user[key] for key in keys} | extra


def person_ref(account: Account, id_: int | None) -> Data | None:
    """Return a person as v1 embeds it."""
    person = account.get("person", id_)
    if person is None:
        return None
    contacts = {"email": person["emails"], "phone": person["phones"], "owner_id": person["owner_id"]}
    return {"active_flag": not person["is_deleted"], "name": person["name"], **contacts, "value": person["id"]}


def organization_ref(account: Account, id_: int | None) -> Data | None:
    """Return an organization as v1 embeds it."""
    organization = account.get("organization", id_)
    if organization is None:
        return None
    return {
        "name": organization["name"],
        "people_count": COUNTERS["people_count"](account, "organization", organization),
        "owner_id": organization["owner_id"],
        "address": (organization["address"] or {}).get("value"),
        "active_flag": not organization["is_deleted"],
        "cc_email": _mail_box(account, "organization", organization),
        "value": organization["id"],
    }


def _mail_box(account: Account, object_: str, record: Data) -> str:
    return str(COUNTERS["smart_bcc_email"](account, object_, record))


def _counts(account: Account, object_: str, record: Data) -> Data:
    names = sorted(name for name in INCLUDE_FIELDS[object_] if name.endswith("_count"))
    counts = {name: COUNTERS[name](account, object_, record) for name in names}
    following = next_activity(account, object_, record)
    return counts | {
        "next_activity_id": following and following["id"],
        "next_activity_date": following and following["due_date"],
        "next_activity_time": following and following["due_time"],
        "next_activity_subject": following and following["subject"],
        "next_activity_type": following and following["type"],
        "last_activity_id": COUNTERS["last_activity_id"](account, object_, record),
        "last_activity_date": None,
    }


def formatted(amount: Any, currency: str) -> str:
    """Return an amount with its currency, as v1's `…_formatted` keys."""
    return f"{Decimal(amount):,} {currency}"


def _name_of(reference: Data | None) -> Any:
    return reference and reference["name"]


def _deal(account: Account, record: Data) -> Data:
    person, organization = person_ref(account, record["person_id"]), organization_ref(account, record["org_id"])
    owner = user_ref(account, record["owner_id"])
    stage = account.get("stage", record["stage_id"])
    value, currency = record["value"], record["currency"]
    probability = 100 if record["probability"] is None else record["probability"]
    weighted = Decimal(value) * Decimal(probability) / 100
    same = ("id", "title", "value", "currency", "status", "stage_id", "pipeline_id", "lost_reason", "probability")
    rest = ("expected_close_date", "origin", "origin_id", "channel", "channel_id", "is_archived")
    times = ("add_time", "update_time", "stage_change_time", "won_time", "lost_time", "close_time", "first_won_time")
    return {
        **{key: record[key] for key in (*same, *rest)},
        **{key: v1_time(record[key]) for key in (*times, "archive_time")},
        **{f"local_{name}_date": (record[f"{name}_time"] or "")[:10] or None for name in ("won", "lost", "close")},
        "creator_user_id": user_ref(account, record["creator_user_id"]),
        "user_id": owner,
        "person_id": person,
        "org_id": organization,
        "active": record["status"] == "open" and not record["is_deleted"],
        "deleted": record["is_deleted"],
        "label": ",".join(map(str, record["label_ids"])) or None,
        "visible_to": str(record["visible_to"]),
        "stage_order_nr": stage and stage["order_nr"],
        "person_name": _name_of(person),
        "org_name": _name_of(organization),
        "owner_name": _name_of(owner),
        "formatted_value": formatted(value, currency),
        "weighted_value": weighted,
        "formatted_weighted_value": formatted(weighted, currency),
        "weighted_value_currency": currency,
        "cc_email": _mail_box(account, "deal", record),
        "rotten_time": None,
        "org_hidden": False,
        "person_hidden": False,
        **{f"{name}{suffix}": None for name in ("arr", "mrr", "acv") for suffix in ("", "_currency")},
        **_counts(account, "deal", record),
    }


def _contact(account: Account, object_: str, record: Data) -> Data:
    owner = user_ref(account, record["owner_id"])
    labels = record["label_ids"]
    return {
        "id": record["id"],
        "company_id": account.company().get("id"),
        "owner_id": owner,
        "owner_name": _name_of(owner),
        "name": record["name"],
        "first_char": record["name"][:1].lower(),
        "active_flag": not record["is_deleted"],
        "add_time": v1_time(record["add_time"]),
        "update_time": v1_time(record["update_time"]),
        "delete_time": v1_time(record["update_time"]) if record["is_deleted"] else None,
        "visible_to": str(record["visible_to"]),
        "label": labels[0] if labels else None,
        "label_ids": labels,
        "picture_id": record.get("picture_id"),
        "cc_email": _mail_box(account, object_, record),
        **_counts(account, object_, record),
    }


def _person(account: Account, record: Data) -> Data:
    organization = organization_ref(account, record["org_id"])
    primary = next((entry["value"] for entry in record["emails"] if entry["primary"]), None)
    return {
        **_contact(account, "person", record),
        "first_name": record["first_name"],
        "last_name": record["last_name"],
        "email": record["emails"] or [{"value": "", "primary": True}],
        "phone": record["phones"] or [{"value": "", "primary": True}],
        "primary_email": primary,
        "org_id": organization,
        "org_name": _name_of(organization),
    }


def _organization(account: Account, record: Data) -> Data:
    address = record["address"] or {}
    parts = {f"address_{part}": address.get(part) for part in ADDRESS_PARTS}
    details = ("website", "linkedin", "industry", "annual_revenue", "employee_count")
    kept = {key: record[key] for key in details if key in record}
    shown = _contact(account, "organization", record)
    return shown | {"country_code": None, "address": address.get("value"), **parts, **kept}


def _product(account: Account, record: Data) -> Data:
    same = ("id", "name", "code", "description", "unit", "tax", "billing_frequency", "billing_frequency_cycles")
    owner = user_ref(account, record["owner_id"])
    category = record["category"]
    prices = [
        {
            "id": record["id"] * 100 + position,
            "product_id": record["id"],
            "price": price["price"],
            "currency": price["currency"],
            "cost": price["cost"],
            "overhead_cost": price["direct_cost"],
            "notes": price["notes"],
            "price_formatted": formatted(price["price"], price["currency"]),
        }
        for position, price in enumerate(record["prices"], 1)
    ]
    return {
        **{key: record[key] for key in same},
        "category": None if category is None else str(category),
        "active_flag": not record["is_deleted"],
        "selectable": record["is_linkable"],
        "first_char": record["name"][:1].lower(),
        "visible_to": str(record["visible_to"]),
        "owner_id": owner,
        "files_count": None,
        "add_time": v1_time(record["add_time"]),
        "update_time": v1_time(record["update_time"]),
        "prices": prices,
    }


def _line(account: Account, record: Data) -> Data:
    product = account.get("product", record["product_id"])
    deal = account.get("deal", record["deal_id"])
    currency = deal["currency"] if deal else ""
    same = ("id", "deal_id", "product_variation_id", "item_price", "quantity", "discount", "discount_type", "tax")
    rest = ("tax_method", "sum", "comments", "order_nr", "billing_frequency", "billing_frequency_cycles")
    return {
        **{key: record[key] for key in (*same, *rest, "billing_start_date")},
        "product_id": product and product["id"],
        "name": _name_of(product),
        "currency": currency,
        "sum_formatted": formatted(record["sum"], currency),
        "quantity_formatted": str(record["quantity"]),
        "enabled_flag": record["is_enabled"],
        "active_flag": True,
        "add_time": v1_time(record["add_time"]),
        "last_edit": v1_time(record["update_time"]),
    }


def _activity(account: Account, record: Data) -> Data:
    person, organization = account.get("person", record["person_id"]), account.get("organization", record["org_id"])
    deal, owner = account.get("deal", record["deal_id"]), account.get("user", record["owner_id"])
    same = ("id", "subject", "type", "done", "deal_id", "lead_id", "person_id", "org_id", "project_id", "due_date")
    return {
        **{key: record[key] for key in (*same, "note", "public_description", "priority", "attendees")},
        "company_id": account.company().get("id"),
        "user_id": record["owner_id"],
        "assigned_to_user_id": record["owner_id"],
        "created_by_user_id": record["creator_user_id"],
        "due_time": (record["due_time"] or "")[:5],
        "duration": (record["duration"] or "")[:5],
        "busy_flag": record["busy"],
        "active_flag": not record["is_deleted"],
        "location": (record["location"] or {}).get("value"),
        "participants": [
            {"person_id": item["person_id"], "primary_flag": item["primary"]} for item in record["participants"]
        ],
        "add_time": v1_time(record["add_time"]),
        "update_time": v1_time(record["update_time"]),
        "marked_as_done_time": v1_time(record["marked_as_done_time"]) or "",
        "person_name": _name_of(person),
        "org_name": _name_of(organization),
        "owner_name": _name_of(owner),
        "deal_title": deal and deal["title"],
    }


def _note(account: Account, record: Data) -> Data:
    deal, person = account.get("deal", record["deal_id"]), account.get("person", record["person_id"])
    organization, user = account.get("organization", record["org_id"]), account.get("user", record["user_id"])
    shown = {key: value for key, value in record.items() if key != "is_deleted"}
    return shown | {
        "active_flag": not record["is_deleted"],
        "add_time": v1_time(record["add_time"]),
        "update_time": v1_time(record["update_time"]),
        "deal": deal and {"title": deal["title"]},
        "person": person and {"name": person["name"]},
        "organization": organization and {"name": organization["name"]},
        "user": user and {"email": user["email"], "name": user["name"], "icon_url": None, "is_you": False},
    }


def _pipeline(account: Account, record: Data) -> Data:
    pipelines = [item["id"] for item in account.living("pipeline")]
    return {
        "id": record["id"],
        "name": record["name"],
        "url_title": record["name"].lower().replace(" ", "-"),
        "order_nr": record["order_nr"],
        "active": not record["is_deleted"],
        "active_flag": not record["is_deleted"],
        "deal_probability": record["is_deal_probability_enabled"],
        "selected": record["id"] == min(pipelines, default=0),
        "add_time": v1_time(record["add_time"]),
        "update_time": v1_time(record["update_time"]),
    }


def _stage(account: Account, record: Data) -> Data:
    pipeline = account.get("pipeline", record["pipeline_id"])
    return {
        "id": record["id"],
        "order_nr": record["order_nr"],
        "name": record["name"],
        "active_flag": not record["is_deleted"],
        "deal_probability": record["deal_probability"],
        "pipeline_id": record["pipeline_id"],
        "pipeline_name": _name_of(pipeline),
        "rotten_flag": record["is_deal_rot_enabled"],
        "rotten_days": record["days_to_rotten"],
        "add_time": v1_time(record["add_time"]),
        "update_time": v1_time(record["update_time"]),
    }


def _timed(account: Account, record: Data) -> Data:
    times = {key: v1_time(record[key]) for key in ("add_time", "update_time") if key in record}
    return {key: value for key, value in record.items() if key != "is_deleted"} | times


def _file(account: Account, record: Data) -> Data:
    return _timed(account, record) | {"active_flag": not record["is_deleted"]}


def _user(account: Account, record: Data) -> Data:
    del account
    return {key: value for key, value in record.items() if key not in ("is_admin", "permissions")}


_SHAPES: Mapping[str, Callable[[Account, Data], Data]] = {
    "deal": _deal,
    "person": _person,
    "organization": _organization,
    "product": _product,
    "deal_product": _line,
    "activity": _activity,
    "activity_type": _timed,
    "note": _note,
    "file": _file,
    "filter": _timed,
    "pipeline": _pipeline,
    "stage": _stage,
    "user": _user,
}
