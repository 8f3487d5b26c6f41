"""One Pipedrive company account: its records, and the one way by which they change.

A change, its ledger row and the webhooks it causes are written in one transaction, which the gateway opens around
each changing request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from headrace.sandbox.common.clock import Clock
from headrace.sandbox.common.ledger import Ledger
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Store
from headrace.sandbox.pipedrive.fields import FieldBook
from headrace.sandbox.pipedrive.settings import Settings
from headrace.sandbox.pipedrive.times import to_v2

PURGE_AFTER = timedelta(days=30)
INDEXES = (
    ("stage", "pipeline_id"),
    ("deal", "person_id"),
    ("deal", "org_id"),
    ("person", "org_id"),
    ("deal_product", "deal_id"),
    ("deal_product", "product_id"),
    ("discount", "deal_id"),
    ("installment", "deal_id"),
    ("activity", "deal_id"),
    ("activity", "person_id"),
    ("activity", "org_id"),
    ("note", "deal_id"),
    ("note", "person_id"),
    ("note", "org_id"),
    ("file", "deal_id"),
    ("follower", "record"),
)

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a change and by which request; `quiet` keeps webhooks silent."""

    user_id: int
    note: RequestNote
    source: Literal["api", "app"] = "api"
    quiet: bool = False
    is_bulk: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was made, as webhooks and the search index hear of it."""

    object: str
    action: Literal["create", "change", "delete"]
    id: int | str
    before: Data | None
    after: Data | None
    caller: Caller
    merged_to: int | None = None
    merged_from: int | None = None


class Account:
    """Records of the account; all methods that change need the open transaction of the request."""

    def __init__(self, store: Store, ledger: Ledger, clock: Clock, settings: Settings) -> None:
        self.store = store
        self.ledger = ledger
        self.clock = clock
        self.settings = settings
        self.fields = FieldBook(store)
        self.listeners: list[Callable[[Change], None]] = []
        self._last_ids: dict[str, int] = {}
        for object_, field in INDEXES:
            store.define_index(object_, field)

    def forget_caches(self) -> None:
        """Read everything anew from the store, after a reset."""
        self._last_ids.clear()
        self.fields.forget()

    def now(self) -> str:
        """Return the account's time in v2 form, whole seconds."""
        return to_v2(self.clock.now())

    # Reading

    def get(self, object_: str, id_: int | str | None) -> Data | None:
        """Return a record, also a soft-deleted one for 30 days; None afterwards and for an unknown id."""
        record = None if id_ is None else self.store.get(object_, str(id_))
        if record is None:
            return None
        data: Data = record.data  # type: ignore[assignment]
        return None if data.get("is_deleted") and self._is_purged(data) else data

    def all(self, object_: str) -> Iterator[Data]:
        """Return all records by ascending id, soft-deleted ones included for 30 days."""
        for record in self.store.list(object_):
            data: Data = record.data  # type: ignore[assignment]
            if not (data.get("is_deleted") and self._is_purged(data)):
                yield data

    def living(self, object_: str) -> Iterator[Data]:
        """Return all records that are not deleted."""
        return (record for record in self.all(object_) if not record.get("is_deleted"))

    def related(self, object_: str, field: str, id_: int | str) -> list[Data]:
        """Return records, not deleted, whose indexed field has this value."""
        found = (record.data for record in self.store.find(object_, field, id_))
        return [data for data in found if not data.get("is_deleted")]  # type: ignore[misc]

    def _is_purged(self, data: Mapping[str, Any]) -> bool:
        deleted_at = data.get("update_time")
        return isinstance(deleted_at, str) and deleted_at < to_v2(self.clock.now() - PURGE_AFTER)

    def exists(self, object_: str, id_: int) -> bool:
        """Whether a record of that id is there and not deleted."""
        record = self.get(object_, id_)
        return record is not None and not record.get("is_deleted")

    def has_currency(self, code: str) -> bool:
        """Whether the account knows the currency."""
        return self.store.get("currency", code) is not None

    def decimals(self, currency: str) -> int:
        """Return the decimal places of a currency."""
        record = self.store.get("currency", currency)
        return int(record.data["decimal_points"]) if record else 2

    def option_ids(self, object_: str, code: str) -> frozenset[int]:
        """Return the options of a field."""
        return self.fields.option_ids(object_, code)

    def custom_types(self, object_: str) -> Mapping[str, str]:
        """Return the type of each custom field by its code."""
        return self.fields.custom_types(object_)

    def default_currency(self, user_id: int) -> str:
        """Return the currency of values that name none."""
        user = self.store.get("user", str(user_id))
        return str(user.data["default_currency"]) if user else "EUR"

    def company(self) -> Data:
        """Return the company's own record."""
        record = self.store.get("company", "1")
        return {} if record is None else dict(record.data)

    # Changing

    def _last_id(self, object_: str) -> int:
        if object_ not in self._last_ids:
            counter = self.store.get("counter", object_)
            keys = (int(record.key) for record in self.store.list(object_) if record.key.isdigit())
            self._last_ids[object_] = max([counter.data["last"] if counter else 0, *keys])
        return self._last_ids[object_]

    def next_id(self, object_: str) -> int:
        """Return a new id; ids are never given twice, also not after a deletion."""
        self._last_ids[object_] = self._last_id(object_) + 1
        return self._last_ids[object_]

    def create(self, object_: str, data: Data, caller: Caller, sent: Mapping[str, Any], key: str | None = None) -> Data:
        """Store a new record under the next id, or under `key`; `sent` is what the request itself set."""
        record = {"id": self.next_id(object_), **data} if key is None else data
        name = str(record["id"]) if key is None else key
        self.store.put(object_, name, record, self.clock.now())
        self.ledger.append(object_, name, "create", sent, None, record, caller.note)
        self._tell(Change(object_, "create", record.get("id", name), None, record, caller))
        return record

    def update(
        self, object_: str, before: Data, after: Data, caller: Caller, sent: Mapping[str, Any], **merge: int
    ) -> Data:
        """Replace a record by its new state; `merge` may name `merged_from`."""
        name = str(before["id"])
        self.store.put(object_, name, after, self.clock.now())
        self.ledger.append(object_, name, "update", sent, before, after, caller.note)
        self._tell(Change(object_, "change", before["id"], before, after, caller, **merge))
        return after

    def soft_delete(self, object_: str, before: Data, caller: Caller, **merge: int) -> Data:
        """Mark a record deleted; it can be read for 30 more days. `merge` may name `merged_to`."""
        after = before | {"is_deleted": True, "update_time": self.now()}
        self.store.put(object_, str(before["id"]), after, self.clock.now())
        self.ledger.append(object_, str(before["id"]), "delete", {}, before, after, caller.note)
        self._tell(Change(object_, "delete", before["id"], before, None, caller, **merge))
        return after

    def remove(self, object_: str, before: Data, caller: Caller, key: str | None = None) -> None:
        """Remove a record at once, without the 30 days; its id stays taken."""
        name = str(before["id"]) if key is None else key
        if name.isdigit():
            self.store.put("counter", object_, {"last": self._last_id(object_)}, self.clock.now())
        self.store.delete(object_, name)
        self.ledger.append(object_, name, "delete", {}, before, None, caller.note)
        self._tell(Change(object_, "delete", before.get("id", name), before, None, caller))

    def _tell(self, change: Change) -> None:
        for listener in self.listeners:
            listener(change)
