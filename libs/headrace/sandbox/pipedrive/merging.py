"""Merging two records: the one of the path dies, `merge_with_id` survives and wins where both have a value.

Its empty fields are filled, and what pointed to the other now points to it; webhooks name both (`merged_to_id`,
`merged_from_id`). Source: "Merging two …" tutorials and the v1 reference.
"""

from __future__ import annotations

from headrace.sandbox.pipedrive import deal_products
from headrace.sandbox.pipedrive.account import Account, Caller, Data

MERGEABLE = ("deal", "person", "organization")
_TEXT_TYPES = ("varchar", "varchar_auto", "text")
_KEPT = frozenset({"id", "add_time", "update_time", "is_deleted", "custom_fields"})
# What points to a record: (object, key). Discounts, installments and files are not named in the tutorials (unverified).
_POINTING = {
    "deal": (
        ("activity", "deal_id"),
        ("note", "deal_id"),
        ("file", "deal_id"),
        ("deal_product", "deal_id"),
        ("discount", "deal_id"),
        ("installment", "deal_id"),
    ),
    "person": (("deal", "person_id"), ("activity", "person_id"), ("note", "person_id")),
    "organization": (("deal", "org_id"), ("person", "org_id"), ("activity", "org_id"), ("note", "org_id")),
}


def merge(account: Account, caller: Caller, object_: str, loser: Data, winner: Data) -> Data:
    """Merge two records of an object and return the one that is left."""
    for kind, key in _POINTING[object_]:
        for record in account.related(kind, key, loser["id"]):
            moved = record | {key: winner["id"]}
            if kind == "activity" and key == "person_id":
                moved["participants"] = [
                    item | {"person_id": winner["id"]} if item["person_id"] == loser["id"] else item
                    for item in record["participants"]
                ]
            account.update(kind, record, moved, caller, {key: winner["id"]})
    _move_followers(account, caller, object_, loser["id"], winner["id"])
    merged = _merged(account, object_, winner, loser)
    account.soft_delete(object_, loser, caller, merged_to=winner["id"])
    sent = {"merge_with_id": winner["id"], "merged": loser["id"]}
    account.update(object_, winner, merged, caller, sent, merged_from=loser["id"])
    if object_ == "deal":
        deal_products.refresh_value(account, caller, winner["id"])
    return account.get(object_, winner["id"]) or merged


def _move_followers(account: Account, caller: Caller, object_: str, loser: int, winner: int) -> None:
    name = f"{object_}:{winner}"
    known = {item.data["user_id"] for item in account.store.find("follower", "record", name)}
    for item in account.store.find("follower", "record", f"{object_}:{loser}"):
        account.remove("follower", dict(item.data), caller, key=item.key)
        user = item.data["user_id"]
        if user not in known:
            moved = {**item.data, "record": name}
            account.create("follower", moved, caller, {"user_id": user}, key=f"{name}:{user}")


def _merged(account: Account, object_: str, winner: Data, loser: Data) -> Data:
    empty = [key for key in loser if key not in _KEPT and winner.get(key) in (None, "", [], 0)]
    merged = winner | {key: loser[key] for key in empty}
    if object_ == "person":
        for kind in ("emails", "phones"):
            known = {entry["value"] for entry in winner[kind]}
            more = [entry | {"primary": False} for entry in loser[kind] if entry["value"] not in known]
            merged[kind] = [*winner[kind], *more] if winner[kind] else loser[kind]
    filled = {code: value for code, value in winner["custom_fields"].items() if value is not None}
    values = loser["custom_fields"] | filled
    if object_ == "organization" and account.settings.organization_merge_joins_texts:
        for code, type_ in account.custom_types(object_).items():
            left, right = winner["custom_fields"].get(code), loser["custom_fields"].get(code)
            if type_ in _TEXT_TYPES and left and right and left != right:
                values[code] = f"{left}, {right}"
    return merged | {"custom_fields": values, "update_time": account.now()}
