"""Users, currencies, activity types and recents: what v1 alone knows about the account."""

from __future__ import annotations

from datetime import timedelta

from headrace.sandbox.pipedrive import show_v1
from headrace.sandbox.pipedrive.access import PERMISSIONS, permitted
from headrace.sandbox.pipedrive.account import Data
from headrace.sandbox.pipedrive.calls import Call, Endpoint, Reply, single
from headrace.sandbox.pipedrive.errors import bad_request, documented
from headrace.sandbox.pipedrive.paging import v1_list, v1_page
from headrace.sandbox.pipedrive.times import from_v1, to_v2
from headrace.sandbox.pipedrive.times import to_v1 as v1_time

LOOK_BACK = timedelta(days=31)
# item of /recents → object of the account
_RECENT_ITEMS = {
    "activity": "activity",
    "activityType": "activity_type",
    "deal": "deal",
    "file": "file",
    "filter": "filter",
    "note": "note",
    "person": "person",
    "organization": "organization",
    "pipeline": "pipeline",
    "product": "product",
    "stage": "stage",
    "user": "user",
}


def endpoints() -> list[Endpoint]:
    """Return all endpoints of this module."""
    users = ("users", "users:read", "base")
    return [
        Endpoint("v1", "GET", "/users", _users, 20, users),
        Endpoint("v1", "GET", "/users/me", _me, 2, ("base",)),
        Endpoint("v1", "GET", "/users/find", _find_users, 40, users),
        Endpoint("v1", "GET", "/users/{id}", _user, 2, users),
        Endpoint("v1", "GET", "/users/{id}/permissions", _permissions, 2, users),
        Endpoint("v1", "GET", "/currencies", _currencies, 20, ("base",)),
        Endpoint("v1", "GET", "/activityTypes", _activity_types, 20, ("admin", "activities")),
        Endpoint("v1", "POST", "/activityTypes", _add_activity_type, 10, ("admin",)),
        Endpoint("v1", "GET", "/recents", _recents, 20, ("recents", "recents:read")),
    ]


def _shown(call: Call, user: Data) -> Data:
    return show_v1.show(call.account, "user", user) | {"is_you": user["id"] == call.caller.user_id}


def _users(call: Call) -> Reply:
    return single([_shown(call, user) for user in call.account.all("user")])


def _me(call: Call) -> Reply:
    user = call.account.get("user", call.caller.user_id) or {}
    company = call.account.company()
    facts = {f"company_{key}": company.get(key) for key in ("id", "name", "domain", "country", "industry")}
    language = {"language_code": user["lang_code"], "country_code": "US"}
    return single(_shown(call, user) | facts | {"language": language})


def _user(call: Call) -> Reply:
    found = call.account.get("user", call.id())
    if found is None:
        raise documented(404, "User not found or not accessible.")
    return single(_shown(call, found))


def _permissions(call: Call) -> Reply:
    """All permission sets of a user together; an admin may do everything."""
    found = call.account.get("user", call.id())
    if found is None:
        raise documented(404, "User not found or not accessible.")
    return single({name: permitted(found, name) for name in PERMISSIONS})


def _find_users(call: Call) -> Reply:
    term = call.query.get("term", "").casefold()
    if not term:
        raise bad_request("term must be given")
    key = "email" if call.query.get("search_by_email") == "1" else "name"
    found = [_shown(call, user) for user in call.account.living("user") if term in user[key].casefold()]
    return v1_list(found)


def _currencies(call: Call) -> Reply:
    term = call.query.get("term", "").casefold()
    found = [record.data for record in call.account.store.list("currency")]
    return single([item for item in found if term in item["code"].casefold() or term in item["name"].casefold()])


def _activity_types(call: Call) -> Reply:
    return single([show_v1.show(call.account, "activity_type", item) for item in call.account.living("activity_type")])


def _add_activity_type(call: Call) -> Reply:
    body, now = call.body_object(), call.account.now()
    if not body.get("name") or not body.get("icon_key"):
        raise bad_request("name and icon_key must be given")
    data: Data = {
        "order_nr": len([*call.account.living("activity_type")]) + 1,
        "name": body["name"],
        "key_string": str(body["name"]).lower().replace(" ", "_"),
        "icon_key": body["icon_key"],
        "color": body.get("color"),
        "active_flag": True,
        "is_custom_flag": True,
        "is_deleted": False,
        "add_time": now,
        "update_time": now,
    }
    created = call.account.create("activity_type", data, call.caller, body)
    return single(show_v1.show(call.account, "activity_type", created))


def _recents(call: Call) -> Reply:
    account = call.account
    try:
        since = from_v1(call.query.get("since_timestamp", ""))
    except ValueError:
        raise bad_request("since_timestamp must be given as YYYY-MM-DD HH:MM:SS") from None
    wanted = [name for name in call.query.get("items", "").split(",") if name] or [*_RECENT_ITEMS]
    if any(name not in _RECENT_ITEMS for name in wanted):
        raise bad_request(f"items must be any of: {', '.join(_RECENT_ITEMS)}")
    # A longer look-back is cut without a word.
    oldest = to_v2(max(since, account.clock.now() - LOOK_BACK))
    found = [
        (record.get("update_time") or record.get("modified") or "", name, record)
        for name in wanted
        for record in account.all(_RECENT_ITEMS[name])
    ]
    recent = sorted((entry for entry in found if entry[0] >= oldest), key=lambda entry: (entry[0], entry[2]["id"]))
    page, pagination = v1_page(call, recent)
    data = [
        {"item": name, "id": record["id"], "data": show_v1.show(account, _RECENT_ITEMS[name], record)}
        for _, name, record in page
    ]
    last = v1_time(page[-1][0]) if page else None
    additional = {"since_timestamp": v1_time(to_v2(since)), "last_timestamp_on_page": last, "pagination": pagination}
    return Reply({"success": True, "data": data or None, "additional_data": additional})
