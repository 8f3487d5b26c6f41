"""Life cycle of a deal: stage and pipeline, status with its times, archive, value.

Source: "Deals" in the v1 and v2 references; the transitions are inferred from field names and published samples.
"""

from __future__ import annotations

from typing import Any

from headrace.sandbox.pipedrive.account import Account, Caller, Data
from headrace.sandbox.pipedrive.errors import bad_request, forbidden

_TIMES_BY_STATUS = {"won": ("won_time", "close_time"), "lost": ("lost_time", "close_time"), "open": ()}


def new_deal(account: Account, caller: Caller, sent: Data, problems: list[str]) -> Data:
    """Return the data of a new deal."""
    now = account.now()
    status = str(sent.get("status") or "open")
    _check_status_keys(sent, status, problems)
    stage = _stage_of(account, sent, None, problems)
    limit = account.settings.open_deals_limit
    if limit is not None and status == "open":
        open_deals = sum(deal["status"] == "open" for deal in account.living("deal"))
        if open_deals >= limit:
            text = "Couldn't add the deal. Open deals limit reached."
            raise forbidden(text, "feature_capping_deals_limit")
    data: Data = {
        "title": sent.get("title"),
        "owner_id": sent.get("owner_id", caller.user_id),
        "creator_user_id": caller.user_id,
        "value": sent.get("value") or 0,
        "currency": sent.get("currency") or account.default_currency(caller.user_id),
        "status": status,
        "stage_id": stage["id"] if stage else None,
        "pipeline_id": stage["pipeline_id"] if stage else None,
        "person_id": sent.get("person_id"),
        "org_id": sent.get("org_id"),
        "add_time": sent.get("add_time") or now,
        "update_time": now,
        "stage_change_time": None,
        "archive_time": sent.get("archive_time") or (now if sent.get("is_archived") else None),
        "won_time": None,
        "lost_time": None,
        "close_time": None,
        "first_won_time": None,
        "lost_reason": sent.get("lost_reason"),
        "expected_close_date": sent.get("expected_close_date"),
        "probability": sent.get("probability"),
        "label_ids": sent.get("label_ids", []),
        "visible_to": sent.get("visible_to", 3),
        "is_deleted": False,
        "is_archived": bool(sent.get("is_archived")),
        "origin": "API" if caller.source == "api" else "ManuallyCreated",
        "origin_id": sent.get("origin_id"),
        "channel": sent.get("channel"),
        "channel_id": sent.get("channel_id"),
        "source_lead_id": None,
        "custom_fields": set_values(sent.get("custom_fields", {})),
    }
    _enter_status(data, status, sent, now)
    return data


def changed_deal(account: Account, caller: Caller, before: Data, sent: Data, problems: list[str]) -> Data:
    """Return the state of a deal after a change."""
    del caller
    if before["is_archived"] and sent.get("is_archived") is not False:
        raise forbidden("Archived deals cannot be edited.")
    now = account.now()
    status = str(sent.get("status") or before["status"])
    _check_status_keys(sent, status, problems)
    after = before | {key: value for key, value in sent.items() if key != "custom_fields"}
    if "value" in sent:
        after["value"] = _written_value(account, before, sent)
    if "stage_id" in sent or "pipeline_id" in sent:
        stage = _stage_of(account, sent, before, problems)
        if stage and stage["id"] != before["stage_id"]:
            after |= {"stage_id": stage["id"], "pipeline_id": stage["pipeline_id"], "stage_change_time": now}
    if status != before["status"]:
        after |= {"won_time": None, "lost_time": None, "close_time": None}
        if status != "lost":
            after["lost_reason"] = None
        _enter_status(after, status, sent, now)
    if "is_archived" in sent and sent["is_archived"] != before["is_archived"]:
        after["archive_time"] = (sent.get("archive_time") or now) if sent["is_archived"] else None
    after["custom_fields"] = merged_values(account, before["custom_fields"], sent)
    after["update_time"] = now
    return after


def _check_status_keys(sent: Data, status: str, problems: list[str]) -> None:
    allowed = _TIMES_BY_STATUS.get(status, ())
    for name in ("won_time", "lost_time", "close_time"):
        if sent.get(name) is not None and name not in allowed:
            needed = "won or lost" if name == "close_time" else name.removesuffix("_time")
            problems.append(f"{name}: Can be set only when the status of the deal is {needed}")
    if sent.get("lost_reason") and status != "lost":
        problems.append("lost_reason: Can be set only when the status of the deal is lost")


def _enter_status(data: Data, status: str, sent: Data, now: str) -> None:
    names = _TIMES_BY_STATUS.get(status, ())
    moment = next((sent[name] for name in names if sent.get(name)), now)
    for name in names:
        data[name] = sent.get(name) or moment
    if status == "won" and data["first_won_time"] is None:
        data["first_won_time"] = data["won_time"]


def first_stage(account: Account, pipeline_id: int | None) -> Data | None:
    """Return the first stage of a pipeline, or of the default pipeline."""
    if pipeline_id is None:
        pipelines = sorted(account.living("pipeline"), key=lambda item: (item["order_nr"], item["id"]))
        candidates = (stage for line in pipelines if (stage := first_stage(account, line["id"])) is not None)
        return next(candidates, None)
    stages = account.related("stage", "pipeline_id", pipeline_id)
    return min(stages, key=lambda stage: (stage["order_nr"], stage["id"]), default=None)


def _stage_of(account: Account, sent: Data, before: Data | None, problems: list[str]) -> Data | None:
    stage_id, pipeline_id = sent.get("stage_id"), sent.get("pipeline_id")
    if stage_id is not None:
        stage = account.get("stage", stage_id)
        if stage and pipeline_id is not None and stage["pipeline_id"] != pipeline_id:
            problems.append(f"stage_id: Stage {stage_id} does not belong to pipeline {pipeline_id}")
        return stage
    if pipeline_id is None or (before is not None and before["pipeline_id"] == pipeline_id):
        return account.get("stage", before["stage_id"]) if before else first_stage(account, None)
    if account.settings.pipeline_without_stage == "reject":
        problems.append("stage_id: Parameter 'stage_id' is required when the pipeline changes")
    stage = first_stage(account, pipeline_id)
    if stage is None:
        problems.append(f"pipeline_id: Pipeline {pipeline_id} has no stages")
    return stage


def _written_value(account: Account, before: Data, sent: Data) -> Any:
    value = 0 if sent["value"] is None else sent["value"]
    rule = account.settings.value_with_products
    if rule == "kept" or not account.store.find("deal_product", "deal_id", before["id"]):
        return value
    if rule == "rejected":
        raise bad_request("The value of a deal with products cannot be changed.")
    return before["value"]


def set_values(values: Data) -> Data:
    """Return custom field values without the empty ones, as they are stored."""
    return {code: value for code, value in values.items() if value is not None}


def merged_values(account: Account, before: Data, sent: Data) -> Data:
    """Return custom field values after a change; an empty object may clear them all."""
    if "custom_fields" not in sent:
        return before
    if not sent["custom_fields"] and account.settings.empty_custom_fields_clears:
        return {}
    return set_values(before | sent["custom_fields"])
