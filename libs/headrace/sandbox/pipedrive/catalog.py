"""Products, pipelines, stages and activities: defaults and changes."""

from __future__ import annotations

from headrace.sandbox.pipedrive.account import Account, Caller, Data
from headrace.sandbox.pipedrive.deals import merged_values, set_values
from headrace.sandbox.pipedrive.errors import forbidden


def new_product(account: Account, caller: Caller, sent: Data, problems: list[str]) -> Data:
    """Return the data of a new product; without prices it costs 0 in the caller's currency."""
    check_billing(account, sent, sent, problems)
    now = account.now()
    currency = account.default_currency(caller.user_id)
    default_price = {"price": 0, "currency": currency, "cost": 0, "direct_cost": None, "notes": ""}
    return {
        "name": sent.get("name"),
        "code": sent.get("code"),
        "description": sent.get("description"),
        "unit": sent.get("unit"),
        "tax": sent.get("tax", 0),
        "category": sent.get("category"),
        "owner_id": sent.get("owner_id", caller.user_id),
        "is_linkable": sent.get("is_linkable", True),
        "is_deleted": False,
        "visible_to": sent.get("visible_to", 3),
        "add_time": now,
        "update_time": now,
        "billing_frequency": sent.get("billing_frequency", "one-time"),
        "billing_frequency_cycles": sent.get("billing_frequency_cycles"),
        "prices": sent.get("prices") or [default_price],
        "custom_fields": set_values(sent.get("custom_fields", {})),
    }


def changed_product(account: Account, caller: Caller, before: Data, sent: Data, problems: list[str]) -> Data:
    """Return the state of a product after a change; the prices are replaced as a whole."""
    del caller
    after = before | {key: value for key, value in sent.items() if key != "custom_fields"}
    check_billing(account, sent, after, problems)
    custom = merged_values(account, before["custom_fields"], sent)
    return after | {"custom_fields": custom, "update_time": account.now()}


def check_billing(account: Account, sent: Data, result: Data, problems: list[str]) -> None:
    """Check billing frequency and cycles: recurring needs the plan, weekly needs cycles, one-time has none."""
    frequency = result.get("billing_frequency", "one-time")
    if sent.get("billing_frequency", "one-time") != "one-time" and not account.settings.recurring_products:
        raise forbidden("Recurring products are not available on your plan.", "feature_capping_recurring_products")
    if frequency == "one-time" and result.get("billing_frequency_cycles") is not None:
        problems.append("billing_frequency_cycles: Must be null for one-time products")
    if frequency == "weekly" and result.get("billing_frequency_cycles") is None:
        problems.append("billing_frequency_cycles: Required for weekly billing")


def new_pipeline(account: Account, caller: Caller, sent: Data, problems: list[str]) -> Data:
    """Return the data of a new pipeline, which comes last."""
    del caller, problems
    now = account.now()
    return {
        "name": sent.get("name"),
        "order_nr": max((item["order_nr"] for item in account.living("pipeline")), default=0) + 1,
        "is_deleted": False,
        "is_deal_probability_enabled": sent.get("is_deal_probability_enabled", False),
        "add_time": now,
        "update_time": now,
    }


def new_stage(account: Account, caller: Caller, sent: Data, problems: list[str]) -> Data:
    """Return the data of a new stage, which comes last in its pipeline."""
    del caller, problems
    now = account.now()
    siblings = account.related("stage", "pipeline_id", sent.get("pipeline_id", 0))
    return {
        "order_nr": max((item["order_nr"] for item in siblings), default=0) + 1,
        "name": sent.get("name"),
        "is_deleted": False,
        "deal_probability": sent.get("deal_probability", 100),
        "pipeline_id": sent.get("pipeline_id"),
        "is_deal_rot_enabled": sent.get("is_deal_rot_enabled", False),
        "days_to_rotten": sent.get("days_to_rotten"),
        "add_time": now,
        "update_time": now,
    }


def changed_plain(account: Account, caller: Caller, before: Data, sent: Data, problems: list[str]) -> Data:
    """Return the state after a change of an object without rules of its own."""
    del caller, problems
    return before | sent | {"update_time": account.now()}


def new_activity(account: Account, caller: Caller, sent: Data, problems: list[str]) -> Data:
    """Return the data of a new activity; type and subject default to the first activity type."""
    now = account.now()
    type_ = _activity_type(account, sent, problems)
    data: Data = {
        "subject": sent.get("subject") or type_["name"],
        "type": type_["key_string"],
        "owner_id": sent.get("owner_id", caller.user_id),
        "creator_user_id": caller.user_id,
        "deal_id": sent.get("deal_id"),
        "lead_id": sent.get("lead_id"),
        "org_id": sent.get("org_id"),
        "project_id": sent.get("project_id"),
        "due_date": sent.get("due_date") or now[:10],
        "due_time": sent.get("due_time"),
        "duration": sent.get("duration"),
        "busy": sent.get("busy", False),
        "done": sent.get("done", False),
        "marked_as_done_time": now if sent.get("done") else None,
        "location": sent.get("location"),
        "attendees": sent.get("attendees", []),
        "public_description": sent.get("public_description"),
        "priority": sent.get("priority"),
        "outcome": sent.get("outcome"),
        "note": sent.get("note"),
        "conference_meeting_client": None,
        "conference_meeting_url": None,
        "conference_meeting_id": None,
        "is_deleted": False,
        "add_time": now,
        "update_time": now,
    }
    return data | _participants(sent.get("participants", []))


def changed_activity(account: Account, caller: Caller, before: Data, sent: Data, problems: list[str]) -> Data:
    """Return the state of an activity after a change."""
    del caller
    if "type" in sent:
        _activity_type(account, sent, problems)
    after = before | sent | {"update_time": account.now()}
    if after["done"] != before["done"]:
        after["marked_as_done_time"] = account.now() if after["done"] else None
    return after | _participants(after["participants"])


def _participants(participants: list[Data]) -> Data:
    primary = next((item["person_id"] for item in participants if item["primary"]), None)
    return {"participants": participants, "person_id": primary}


def _activity_type(account: Account, sent: Data, problems: list[str]) -> Data:
    types = [*account.living("activity_type")]
    found = next((item for item in types if sent.get("type") in (None, item["key_string"])), None)
    if found is None:
        problems.append(f"type: Activity type '{sent['type']}' does not exist")
        return types[0]
    return found
