"""Merge, duplicate, changelog and followers."""

from __future__ import annotations

from typing import Any

from headrace.sandbox.pipedrive import deal_products, show_v1, show_v2
from headrace.sandbox.pipedrive.account import Data
from headrace.sandbox.pipedrive.calls import LABELS, Call, Endpoint, Handler, Reply, single
from headrace.sandbox.pipedrive.errors import bad_request, not_found
from headrace.sandbox.pipedrive.merging import MERGEABLE, merge
from headrace.sandbox.pipedrive.paging import check_query, limit_of, offset_page, v2_list
from headrace.sandbox.pipedrive.resources import RESOURCES
from headrace.sandbox.pipedrive.times import to_v1 as v1_time

_FOLLOWED = (*MERGEABLE, "product")


def endpoints() -> list[Endpoint]:
    """Return all endpoints of this module."""
    found: list[Endpoint] = []
    for object_ in _FOLLOWED:
        resource = RESOURCES[object_]
        path, scope = f"/{resource.path}/{{id}}", resource.scope
        found += [
            Endpoint("v2", "GET", f"{path}/followers", _list_followers(object_), 10, scope),
            Endpoint("v2", "POST", f"{path}/followers", _add_follower(object_), 5, scope),
            Endpoint("v2", "DELETE", f"{path}/followers/{{user_id}}", _remove_follower(object_), 3, scope),
        ]
        if object_ in MERGEABLE:
            found += [
                Endpoint("v1", "PUT", f"{path}/merge", _merge(object_), 40, scope),
                Endpoint("v1", "GET", f"{path}/changelog", _changelog(object_), 20, ("recents", "recents:read")),
            ]
    return [
        *found,
        Endpoint("v1", "POST", "/deals/{id}/duplicate", _duplicate_deal, 10, ("deals",)),
        Endpoint("v2", "POST", "/products/{id}/duplicate", _duplicate_product, 5, ("products",)),
    ]


def _merge(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        account, loser, body = call.account, call.record(object_), call.body_object()
        text = str(body.get("merge_with_id", ""))
        winner = account.get(object_, int(text)) if text.isdecimal() else None
        if winner is None or winner["is_deleted"]:
            raise not_found(LABELS[object_])
        if winner["id"] == loser["id"]:
            raise bad_request("merge_with_id must name another record.")
        shown = show_v1.show(account, object_, merge(account, call.caller, object_, loser, winner))
        return single(shown | ({"merge_what_id": loser["id"]} if object_ == "deal" else {}))

    return handle


def _duplicate_deal(call: Call) -> Reply:
    account, original = call.account, call.record("deal")
    now = account.now()
    copy = {key: value for key, value in original.items() if key != "id"}
    copy |= {"title": f"{original['title']} (copy)", "add_time": now, "update_time": now, "stage_change_time": None}
    created = account.create("deal", copy, call.caller, {"duplicate_of": original["id"]})
    for line in deal_products.lines_of(account, original["id"]):
        data = {key: value for key, value in line.items() if key != "id"}
        data |= {"deal_id": created["id"], "add_time": now, "update_time": now}
        account.create("deal_product", data, call.caller, {"duplicate_of": line["id"]})
    return single(show_v1.show(account, "deal", created), 201)


def _duplicate_product(call: Call) -> Reply:
    account, original = call.account, call.record("product")
    now = account.now()
    copy = {key: value for key, value in original.items() if key != "id"}
    copy |= {"name": f"{original['name']} (copy)", "add_time": now, "update_time": now}
    created = account.create("product", copy, call.caller, {"duplicate_of": original["id"]})
    return single(show_v2.show(account, "product", created), 201)


def _changelog(object_: str) -> Handler:
    """Tell the history of a record out of the ledger."""

    def handle(call: Call) -> Reply:
        record = call.record(object_, deleted=True)
        rows: list[Data] = []
        after = 0
        while entries := call.account.ledger.entries(after, object_, 1000):
            after = entries[-1]["seq"]
            rows += [row for row in entries if row["key"] == str(record["id"]) and row["action"] == "update"]
        changes = [change for row in reversed(rows) for change in _changes(row)]
        page, cursor = offset_page(call, changes, limit_of(call))
        return v2_list(page, cursor)

    return handle


def _changes(row: Data) -> list[Data]:
    before, after = _flat(row["before"]), _flat(row["after"])
    moment = v1_time(row["at"][:19])
    return [
        {
            "field_key": key,
            "old_value": before.get(key),
            "new_value": after.get(key),
            "actor_user_id": after.get("owner_id"),
            "time": moment,
            "change_source": "api",
            "change_source_user_agent": None,
            "is_bulk_update_flag": False,
        }
        for key in {**before, **after}
        if before.get(key) != after.get(key) and key != "update_time"
    ]


def _flat(record: Data | None) -> Data:
    if record is None:
        return {}
    values: Data = record.get("custom_fields", {})
    return {key: value for key, value in record.items() if key != "custom_fields"} | values


def _followers(call: Call, object_: str) -> list[Data]:
    name = f"{object_}:{call.record(object_)['id']}"
    return [dict(item.data) for item in call.account.store.find("follower", "record", name)]


def _list_followers(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        check_query(call, ("limit", "cursor"))
        found = [{"user_id": item["user_id"], "add_time": item["add_time"]} for item in _followers(call, object_)]
        page, cursor = offset_page(call, found, limit_of(call))
        return v2_list(page, cursor)

    return handle


def _add_follower(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        followers, body = _followers(call, object_), call.body_object()
        user: Any = body.get("user_id")
        if not isinstance(user, int) or not call.account.exists("user", user):
            raise bad_request("User not found.")
        if any(item["user_id"] == user for item in followers):
            raise bad_request("The user already follows this item.")
        name = f"{object_}:{call.id()}"
        data = {"record": name, "user_id": user, "add_time": call.account.now()}
        call.account.create("follower", data, call.caller, body, key=f"{name}:{user}")
        return single({"user_id": user, "add_time": data["add_time"]}, 201)

    return handle


def _remove_follower(object_: str) -> Handler:
    def handle(call: Call) -> Reply:
        key = f"{object_}:{call.record(object_)['id']}:{call.id('user_id')}"
        record = call.account.store.get("follower", key)
        if record is None:
            raise not_found("Follower")
        call.account.remove("follower", dict(record.data), call.caller, key=key)
        return single({"user_id": call.id("user_id")})

    return handle
