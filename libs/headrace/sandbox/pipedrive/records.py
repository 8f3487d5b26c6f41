"""Creating, changing and deleting a record, the same for v1 and v2 once the body has been brought into v2 form."""

from __future__ import annotations

from typing import Any

from headrace.sandbox.common.alterations import altered
from headrace.sandbox.pipedrive.account import Account, Caller, Data
from headrace.sandbox.pipedrive.errors import ApiError, bad_request, not_found, validation_failed
from headrace.sandbox.pipedrive.resources import Resource
from headrace.sandbox.pipedrive.settings import CUSTOM
from headrace.sandbox.pipedrive.validation import BodyCheck


def create(account: Account, caller: Caller, resource: Resource, body: Any, extra: Data | None = None) -> Data:
    """Check a body and create the record; `extra` carries keys that only v1 may set.

    Raises:
        ApiError: 400 with every problem, 403 for limits and features.
    """
    check = BodyCheck(account, resource.object, caller.user_id)
    sent = check.run(body, creating=True) | (extra or {})
    if check.problems:
        raise validation_failed(check.problems)
    data = resource.new(account, caller, _kept(account, caller, resource, sent), check.problems)
    if check.problems:
        raise validation_failed(check.problems)
    return account.create(resource.object, data, caller, sent)


def change(account: Account, caller: Caller, resource: Resource, before: Data, body: Any) -> Data:
    """Check a body and change the record.

    Raises:
        ApiError: 400 with every problem, 403 for limits and features, 404 for a deleted record that is not restored.
    """
    check = BodyCheck(account, resource.object, caller.user_id)
    sent = check.run(body, creating=False)
    if check.problems:
        raise validation_failed(check.problems)
    restores = sent.get("is_deleted") is False and account.settings.restore_by_patch
    if before.get("is_deleted") and not restores:
        raise not_found(resource.object.capitalize())
    if sent.get("is_deleted"):
        raise bad_request("Records are deleted with DELETE only.")
    after = resource.changed(account, caller, before, _kept(account, caller, resource, sent), check.problems)
    if check.problems:
        raise validation_failed(check.problems)
    return account.update(resource.object, before, after, caller, sent)


def _kept(account: Account, caller: Caller, resource: Resource, sent: Data) -> Data:
    """Return what is kept of a request to the API (`transform`); what a person enters stays as it is."""
    rules = account.settings.transform
    if not rules or caller.source != "api":
        return sent
    fields = account.fields.of(resource.object).values()
    names = {field["code"]: field["name"] for field in fields if field["is_custom"]}
    custom = {names[code]: value for code, value in sent.get("custom_fields", {}).items()}
    kept = altered(rules, resource.object, {**sent, CUSTOM: custom})
    codes = {name: code for code, name in names.items()}
    by_code = {codes[name]: value for name, value in kept.pop(CUSTOM).items()}
    return kept | ({"custom_fields": by_code} if "custom_fields" in sent else {})


def delete(account: Account, caller: Caller, object_: str, id_: int, label: str) -> int:
    """Mark a record deleted and return its id.

    Raises:
        ApiError: 404 for an unknown id; what a second deletion gets is a switch.
    """
    before = account.get(object_, id_)
    if before is None:
        raise not_found(label)
    if before.get("is_deleted"):
        status = account.settings.second_delete
        if status == 404:
            raise not_found(label)
        if status == 410:
            raise ApiError(410, {"success": False, "error": f"{label} is already deleted"})
        return id_
    account.soft_delete(object_, before, caller)
    return id_
