"""The records of AvidSuite, and the one way by which they change: with a ledger row in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from headrace.sandbox.avidxchange import times
from headrace.sandbox.avidxchange.fields import (
    ACKNOWLEDGEMENTS,
    BATCHES,
    CHANGED,
    CODES,
    HISTORY,
    INVOICES,
    MOMENTS,
    ORDERS,
    PAYMENTS,
    SYSTEM,
    SYSTEMS,
    VENDORS,
)
from headrace.sandbox.avidxchange.settings import AvidSettings
from headrace.sandbox.avidxchange.values import amounts_shown
from headrace.sandbox.common.control import INTERNAL, ControlError, Sandbox
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record

COMPANY = "#company"
COUNTERS = "#counters"
KEY = "#key"
"""Field with a record's key, which is found in any case."""
FIRST_IDS = {VENDORS: 90_001, CODES: 70_001, INVOICES: 5_550_101, PAYMENTS: 4_765_360}
INDEXES = (
    (INVOICES, "#batch"),
    (INVOICES, "#vendor_number"),
    (PAYMENTS, "BatchId"),
    (HISTORY, "PaymentID"),
    (ACKNOWLEDGEMENTS, "BatchId"),
    *((name, KEY) for name in (VENDORS, CODES, ORDERS)),
    *((name, SYSTEM) for name in (VENDORS, CODES, ORDERS, INVOICES, BATCHES)),
)


class Suite:
    """Records of all companies; every method that changes needs an open `store.transaction()`."""

    def __init__(self, sandbox: Sandbox, settings: AvidSettings) -> None:
        self.store = sandbox.store
        self.ledger = sandbox.ledger
        self.settings = settings
        self._clock = sandbox.clock
        for object_, field in INDEXES:
            self.store.define_index(object_, field)

    def now(self) -> datetime:
        """Return the sandbox's time, UTC-aware."""
        return self._clock.now()

    # Reading

    def systems(self, company: str | None = None) -> Iterator[Record]:
        """Return the accounting systems of a company, or all."""
        return (each for each in self.store.list(SYSTEMS) if company in (None, each.data[COMPANY]))

    def system_ids(self, company: str) -> frozenset[int]:
        """Return the ids of a company's accounting systems."""
        return frozenset(each.data["ID"] for each in self.systems(company))

    def system_named(self, name: int | str | None) -> int:
        """Return the id of the accounting system that a person names by id or name.

        Raises:
            ControlError: there is none.
        """
        for each in self.systems():
            if name in (each.data["ID"], each.data["Name"]):
                return int(each.data["ID"])
        known = ", ".join(f"{each.data['ID']} ({each.data['Name']})" for each in self.systems())
        raise ControlError(f"accounting_system: there is no {name!r}; known are {known}")

    def of_system(self, object_: str, system: int) -> list[Record]:
        """Return the records of an accounting system, in no certain order."""
        return self.store.find(object_, SYSTEM, system)

    def next_id(self, object_: str) -> int:
        """Return a new id; ids are never given twice, also not after a restart."""
        counter = self.store.get(COUNTERS, object_)
        number = int(counter.data["last"]) + 1 if counter else FIRST_IDS.get(object_, 1)
        self.store.put(COUNTERS, object_, {"last": number}, self.now())
        return number

    # Changing

    def insert(
        self, object_: str, key: str, data: Mapping[str, Any], note: RequestNote, sent: Mapping[str, Any] | None = None
    ) -> Record:
        """Store a new record; `sent` is what the request itself set (all of it, if not given)."""
        now = self.now()
        record = self.store.put(object_, key, {**data, CHANGED: times.kept(now)}, now)
        own = visible(record.data)
        self.ledger.append(object_, key, "create", visible(own if sent is None else sent), None, own, note)
        return record

    def change(
        self, record: Record, changes: Mapping[str, Any], note: RequestNote, sent: Mapping[str, Any] | None = None
    ) -> Record:
        """Change fields of a record; its time of change moves, however soon after the last one."""
        moment = times.after(self.now(), record.data.get(CHANGED), self.settings)
        data = {**record.data, **changes, CHANGED: times.kept(moment)}
        changed = self.store.put(record.object, record.key, data, moment)
        before, after = visible(record.data), visible(changed.data)
        self.ledger.append(
            record.object, record.key, "update", visible(changes if sent is None else sent), before, after, note
        )
        return changed

    def repeat(self, record: Record, sent: Mapping[str, Any], note: RequestNote) -> None:
        """Note an upsert that found nothing to change."""
        own = visible(record.data)
        self.ledger.append(record.object, record.key, "unchanged", visible(sent), own, own, note)

    def mark(self, record: Record, own: Mapping[str, Any]) -> Record:
        """Change fields of a record that only the sandbox sees: nobody is told, and no time moves."""
        return self.store.put(record.object, record.key, {**record.data, **own}, record.modified_at)

    def remove(self, record: Record, note: RequestNote) -> None:
        """Remove a record."""
        self.store.delete(record.object, record.key)
        self.ledger.append(record.object, record.key, "delete", {}, visible(record.data), None, note)

    # Showing

    def shown(self, data: Mapping[str, Any], hidden: Iterable[str] = ()) -> dict[str, Any]:
        """Return a record as the API gives it: without the sandbox's own fields and `hidden`, times naive."""
        out = {name: value for name, value in visible(data).items() if name not in hidden}
        for name in MOMENTS & out.keys():
            if out[name] is not None:
                out[name] = times.shown(out[name], self.settings)
        form = self.settings.amounts
        return out if form == "two_places" else {name: amounts_shown(value, form) for name, value in out.items()}


def visible(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without the sandbox's own fields."""
    return {name: value for name, value in data.items() if not name.startswith(INTERNAL)}
