"""Saved filters (v1), reduced to conditions that compare one field with one value.

Source: "Filters" in the v1 reference. All groups of conditions are joined as their `glue` says.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.sandbox.pipedrive import show_v1
from headrace.sandbox.pipedrive.account import Account, Data
from headrace.sandbox.pipedrive.calls import Call, Endpoint, Reply, single
from headrace.sandbox.pipedrive.errors import bad_request, not_found
from headrace.sandbox.pipedrive.paging import v1_list

TYPES = {"deals": "deal", "people": "person", "org": "organization", "products": "product", "activity": "activity"}


def endpoints() -> list[Endpoint]:
    """Return all endpoints of this module."""
    scopes = ("deals", "contacts", "products", "activities")
    return [
        Endpoint("v1", "GET", "/filters", _list, 20, scopes),
        Endpoint("v1", "POST", "/filters", _create, 10, scopes),
        Endpoint("v1", "GET", "/filters/{id}", _get, 2, scopes),
        Endpoint("v1", "PUT", "/filters/{id}", _update, 10, scopes),
        Endpoint("v1", "DELETE", "/filters/{id}", _delete, 6, scopes),
    ]


def _list(call: Call) -> Reply:
    wanted = call.query.get("type")
    found = [item for item in call.account.living("filter") if wanted in (None, item["type"])]
    return v1_list([show_v1.show(call.account, "filter", item) for item in found])


def _create(call: Call) -> Reply:
    body = call.body_object()
    if not body.get("name") or body.get("type") not in TYPES:
        raise bad_request("name and type are required")
    _check(body.get("conditions"))
    now = call.account.now()
    data = {"name": body["name"], "type": body["type"], "conditions": body["conditions"], "is_deleted": False}
    data |= {"user_id": call.caller.user_id, "active_flag": True, "add_time": now, "update_time": now}
    return single({"id": call.account.create("filter", data, call.caller, body)["id"]})


def _get(call: Call) -> Reply:
    return single(show_v1.show(call.account, "filter", call.record("filter")))


def _update(call: Call) -> Reply:
    before, body = call.record("filter"), call.body_object()
    if "conditions" in body:
        _check(body["conditions"])
    changes: Data = {key: body[key] for key in ("name", "conditions") if key in body}
    after = before | changes | {"update_time": call.account.now()}
    call.account.update("filter", before, after, call.caller, changes)
    return single({"id": before["id"]})


def _delete(call: Call) -> Reply:
    call.account.soft_delete("filter", call.record("filter"), call.caller)
    return single({"id": call.id()})


def _check(group: Any) -> None:
    if not isinstance(group, dict) or not isinstance(group.get("conditions"), list):
        raise bad_request("conditions must be an object with glue and conditions")
    for item in group["conditions"]:
        if isinstance(item, dict) and "glue" in item:
            _check(item)
        elif item is not None and (not isinstance(item, dict) or item.get("operator") not in _OPERATORS):
            raise bad_request(f"condition operator must be one of: {', '.join(_OPERATORS)}")


def filtered(account: Account, object_: str, filter_id: str, found: Iterable[Data]) -> Iterable[Data]:
    """Return the records that a saved filter lets through.

    Raises:
        ApiError: 404, there is no such filter for this object.
    """
    saved = account.get("filter", filter_id)
    if saved is None or saved["is_deleted"] or TYPES[saved["type"]] != object_:
        raise not_found("Filter")
    return (record for record in found if _meets(account, object_, saved["conditions"], record))


def _meets(account: Account, object_: str, group: Data, record: Data) -> bool:
    results = [
        _meets(account, object_, item, record) if "glue" in item else _holds(account, object_, item, record)
        for item in group["conditions"]
        if item is not None
    ]
    if not results:
        return True
    return any(results) if group.get("glue") == "or" else all(results)


_OPERATORS = ("=", "!=", ">", "<", ">=", "<=", "IS NULL", "IS NOT NULL", "LIKE '%$%'")


def _holds(account: Account, object_: str, condition: Data, record: Data) -> bool:
    field = account.fields.by_id(object_, str(condition.get("field_id")))
    if field is None:
        return False
    value = record.get("custom_fields", {}).get(field["code"]) if field["is_custom"] else record.get(field["code"])
    operator, wanted = str(condition["operator"]), condition.get("value")
    if operator == "IS NULL":
        return value is None
    if operator == "IS NOT NULL":
        return value is not None
    if value is None:
        return operator == "!="
    if operator.startswith("LIKE"):
        return str(wanted).casefold() in str(value).casefold()
    left, right = str(value), str(wanted)
    if operator in ("=", "!="):
        return (left.casefold() == right.casefold()) == (operator == "=")
    return {">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right}[operator]
