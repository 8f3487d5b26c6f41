"""Persons and organizations: names, e-mails and phones, addresses, features that an account may lack."""

from __future__ import annotations

from headrace.sandbox.pipedrive.account import Account, Caller, Data
from headrace.sandbox.pipedrive.deals import merged_values, set_values
from headrace.sandbox.pipedrive.errors import forbidden, not_allowed
from headrace.sandbox.pipedrive.properties import CONTACT_SYNC_KEYS, ORGANIZATION_DETAIL_KEYS


def new_person(account: Account, caller: Caller, sent: Data, problems: list[str]) -> Data:
    """Return the data of a new person."""
    _check_features(account, sent)
    names = _names(sent, {"name": None, "first_name": None, "last_name": None})
    if not names["name"]:
        problems.append("name: Parameter 'name' is required")
    now = account.now()
    return {
        **names,
        "emails": sent.get("emails", []),
        "phones": sent.get("phones", []),
        "org_id": sent.get("org_id"),
        "owner_id": sent.get("owner_id", caller.user_id),
        "add_time": sent.get("add_time") or now,
        "update_time": now,
        "is_deleted": False,
        "visible_to": sent.get("visible_to", 3),
        "label_ids": sent.get("label_ids", []),
        "picture_id": None,
        "custom_fields": set_values(sent.get("custom_fields", {})),
        **{key: sent[key] for key in (*CONTACT_SYNC_KEYS, "marketing_status") if key in sent},
    }


def changed_person(account: Account, caller: Caller, before: Data, sent: Data, problems: list[str]) -> Data:
    """Return the state of a person after a change; arrays are replaced as a whole."""
    del caller, problems
    _check_features(account, sent)
    after = before | {key: value for key, value in sent.items() if key != "custom_fields"} | _names(sent, before)
    custom = merged_values(account, before["custom_fields"], sent)
    return after | {"custom_fields": custom, "update_time": account.now()}


def _names(sent: Data, before: Data) -> Data:
    if sent.get("name"):
        first, _, last = sent["name"].strip().rpartition(" ")
        split = {"first_name": first or last, "last_name": last if first else None}
        return {"name": sent["name"], **split, **{key: sent[key] for key in split if sent.get(key)}}
    if sent.get("first_name") or sent.get("last_name"):
        first = sent.get("first_name", before["first_name"])
        last = sent.get("last_name", before["last_name"])
        return {"name": " ".join(filter(None, (first, last))), "first_name": first, "last_name": last}
    return {key: before[key] for key in ("name", "first_name", "last_name")}


def _check_features(account: Account, sent: Data) -> None:
    if not account.settings.contact_sync and CONTACT_SYNC_KEYS & sent.keys():
        raise forbidden("Contact Sync is not enabled for this company.")
    if not account.settings.campaigns and "marketing_status" in sent:
        raise forbidden("Campaigns is not enabled for this company.")


def new_organization(account: Account, caller: Caller, sent: Data, problems: list[str]) -> Data:
    """Return the data of a new organization."""
    _check_details(account, sent, problems)
    now = account.now()
    return {
        "name": sent.get("name"),
        "owner_id": sent.get("owner_id", caller.user_id),
        "add_time": sent.get("add_time") or now,
        "update_time": now,
        "is_deleted": False,
        "visible_to": sent.get("visible_to", 3),
        "label_ids": sent.get("label_ids", []),
        "address": sent.get("address"),
        "custom_fields": set_values(sent.get("custom_fields", {})),
        **{key: sent[key] for key in ORGANIZATION_DETAIL_KEYS if key in sent},
    }


def changed_organization(account: Account, caller: Caller, before: Data, sent: Data, problems: list[str]) -> Data:
    """Return the state of an organization after a change."""
    del caller
    _check_details(account, sent, problems)
    after = before | {key: value for key, value in sent.items() if key != "custom_fields"}
    custom = merged_values(account, before["custom_fields"], sent)
    return after | {"custom_fields": custom, "update_time": account.now()}


def _check_details(account: Account, sent: Data, problems: list[str]) -> None:
    if not account.settings.organization_details:
        problems.extend(not_allowed(name) for name in sorted(ORGANIZATION_DETAIL_KEYS & sent.keys()))
