"""Numbers and times about a record that are counted when asked for (`include_fields` in v2, always in v1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.sandbox.pipedrive.account import Account, Data

# The key by which activities, notes and files point to a record.
POINTERS: Mapping[str, str] = {"deal": "deal_id", "person": "person_id", "organization": "org_id"}


def activities_of(account: Account, object_: str, record: Data) -> list[Data]:
    """Return the activities of a record by due date."""
    found = account.related("activity", POINTERS[object_], record["id"]) if object_ in POINTERS else []
    return sorted(found, key=lambda item: (item["due_date"] or "", item["due_time"] or "", item["id"]))


def _activities(done: bool | None) -> Callable[[Account, str, Data], int]:
    def count(account: Account, object_: str, record: Data) -> int:
        return sum(done in (None, item["done"]) for item in activities_of(account, object_, record))

    return count


def next_activity(account: Account, object_: str, record: Data) -> Data | None:
    """Return the first activity still to do."""
    return next((item for item in activities_of(account, object_, record) if not item["done"]), None)


def last_activity(account: Account, object_: str, record: Data) -> Data | None:
    """Return the latest activity that was done."""
    done = [item for item in activities_of(account, object_, record) if item["done"]]
    return done[-1] if done else None


def _id_of(find: Callable[[Account, str, Data], Data | None]) -> Callable[[Account, str, Data], Any]:
    def id_(account: Account, object_: str, record: Data) -> Any:
        found = find(account, object_, record)
        return found and found["id"]

    return id_


def deals_of(account: Account, object_: str, record: Data) -> list[Data]:
    """Return the deals of a person or an organization."""
    return account.related("deal", POINTERS[object_], record["id"]) if object_ in POINTERS else []


def _deals(*statuses: str) -> Callable[[Account, str, Data], int]:
    def count(account: Account, object_: str, record: Data) -> int:
        return sum(deal["status"] in statuses for deal in deals_of(account, object_, record))

    return count


def _pointing(what: str) -> Callable[[Account, str, Data], int]:
    def count(account: Account, object_: str, record: Data) -> int:
        field = POINTERS.get(object_)
        return len(account.related(what, field, record["id"])) if field and account.store.has_index(what, field) else 0

    return count


def _followers(account: Account, object_: str, record: Data) -> int:
    return len(account.store.find("follower", "record", f"{object_}:{record['id']}"))


def _lines(account: Account, object_: str, record: Data) -> int:
    return len(account.store.find("deal_product", "deal_id", record["id"])) if object_ == "deal" else 0


def _people(account: Account, object_: str, record: Data) -> int:
    return len(account.related("person", "org_id", record["id"])) if object_ == "organization" else 0


def _mail_box(account: Account, object_: str, record: Data) -> str:
    domain = account.company().get("domain", "sandbox")
    return f"{domain}+{object_}{record['id']}@pipedrivemail.com"


def _none(account: Account, object_: str, record: Data) -> None:
    return None


def _zero(account: Account, object_: str, record: Data) -> int:
    return 0


COUNTERS: Mapping[str, Callable[[Account, str, Data], Any]] = {
    "next_activity_id": _id_of(next_activity),
    "last_activity_id": _id_of(last_activity),
    "activities_count": _activities(None),
    "done_activities_count": _activities(True),
    "undone_activities_count": _activities(False),
    "open_deals_count": _deals("open"),
    "closed_deals_count": _deals("won", "lost"),
    "won_deals_count": _deals("won"),
    "lost_deals_count": _deals("lost"),
    "related_open_deals_count": _zero,
    "related_closed_deals_count": _zero,
    "related_won_deals_count": _zero,
    "related_lost_deals_count": _zero,
    "participant_open_deals_count": _zero,
    "participant_closed_deals_count": _zero,
    "products_count": _lines,
    "people_count": _people,
    "notes_count": _pointing("note"),
    "files_count": _pointing("file"),
    "followers_count": _followers,
    "participants_count": _zero,
    "email_messages_count": _zero,
    "last_incoming_mail_time": _none,
    "last_outgoing_mail_time": _none,
    "smart_bcc_email": _mail_box,
}
_ACTIVITY_COUNTERS = (
    "next_activity_id",
    "last_activity_id",
    "activities_count",
    "done_activities_count",
    "undone_activities_count",
    "files_count",
    "notes_count",
    "followers_count",
    "email_messages_count",
    "smart_bcc_email",
)
_DEAL_COUNTERS = tuple(
    f"{related}{status}_deals_count" for related in ("", "related_") for status in ("open", "closed", "won", "lost")
)
_MAIL_TIMES = ("last_incoming_mail_time", "last_outgoing_mail_time")
_PERSON_EXTRAS = ("participant_open_deals_count", "participant_closed_deals_count", "marketing_status", "doi_status")
_DEAL_EXTRAS = ("first_won_time", "products_count", "participants_count", "source_lead_id")

INCLUDE_FIELDS: Mapping[str, frozenset[str]] = {
    "deal": frozenset((*_ACTIVITY_COUNTERS, *_MAIL_TIMES, *_DEAL_EXTRAS)),
    "person": frozenset((*_ACTIVITY_COUNTERS, *_DEAL_COUNTERS, *_MAIL_TIMES, *_PERSON_EXTRAS)),
    "organization": frozenset((*_ACTIVITY_COUNTERS, *_DEAL_COUNTERS, "people_count")),
    "activity": frozenset({"attendees"}),
}
