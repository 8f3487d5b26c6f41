"""The records of one instance, and the one way by which they change: with a ledger row in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.sandbox.common.alterations import altered
from headrace.sandbox.common.control import INTERNAL, Sandbox
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.settings import RecordEngineSettings

DOCUMENTS, CONTACTS, FOLDERS, PROFILES = "documents", "contacts", "folders", "profiles"
RULES, CASES, NOTIFICATIONS, AUDIT = "rules", "cases", "notifications", "audit"
SCRIPTS, MAIL, COUNTERS, OWN = "#scripts", "#mail", "#counters", "#instance"
FIRST_IDS: Mapping[str, int] = {DOCUMENTS: 1201, CONTACTS: 1, FOLDERS: 1}
SEED = "SEED"
"""In place of an HTTP method, in ledger rows of seeds."""
SYSTEM_NOTE = "SYSTEM"
"""In place of an HTTP method, in ledger rows of what the instance did by itself."""
UNKNOWN_HOST = "https://re.contoso.example"


class Instance:
    """All records; every method that changes needs an open `store.transaction()`."""

    def __init__(self, sandbox: Sandbox, settings: RecordEngineSettings) -> None:
        self.store = sandbox.store
        self.ledger = sandbox.ledger
        self.settings = settings
        self._clock = sandbox.clock
        self.origin = ""
        """Beginning of the address of the last call."""
        self.store.define_index(DOCUMENTS, "status")
        self.store.define_index(FOLDERS, "contact_id")

    def now(self) -> datetime:
        """Return the sandbox's time, UTC-aware."""
        return self._clock.now()

    def moment(self) -> str:
        """Return the sandbox's time as the API shows it, to the second."""
        return f"{self.now():%Y-%m-%dT%H:%M:%SZ}"

    def doc_url(self, document: object) -> str:
        """Return the address of a document's page."""
        host = self.settings.public_url or self.origin or UNKNOWN_HOST
        return f"{host.rstrip('/')}/documents/{document}"

    # Reading

    def get(self, object_: str, number: object) -> Record | None:
        """Return a record by its id, None if there is none."""
        return self.store.get(object_, str(number))

    def own(self, name: str) -> Mapping[str, Any]:
        """Return something that the instance keeps for itself, {} if it keeps nothing."""
        record = self.store.get(OWN, name)
        return {} if record is None else record.data

    # Changing

    def next_id(self, object_: str) -> int:
        """Return a new id; ids are never given twice, also not after a restart."""
        counter = self.store.get(COUNTERS, object_)
        number = int(counter.data["last"]) + 1 if counter else FIRST_IDS.get(object_, 1)
        while self.get(object_, number) is not None:
            number += 1
        self.store.put(COUNTERS, object_, {"last": number}, self.now())
        return number

    def keep(self, name: str, data: Mapping[str, Any]) -> None:
        """Keep something for the instance itself; it is never shown."""
        self.store.put(OWN, name, data, self.now())

    def insert(self, object_: str, data: Mapping[str, Any], note: RequestNote) -> Record:
        """Store a new record under its id."""
        kept = altered(self.settings.transform, object_, data)
        record = self.store.put(object_, str(kept["id"]), kept, self.now())
        own = visible(record.data)
        self.ledger.append(object_, record.key, "create", own, None, own, note)
        return record

    def change(self, record: Record, changes: Mapping[str, Any], note: RequestNote) -> Record:
        """Change fields of a record."""
        moved = {"updated_at": self.moment()} if "updated_at" in record.data else {}
        changed = self.store.put(record.object, record.key, {**record.data, **changes, **moved}, self.now())
        before, after = visible(record.data), visible(changed.data)
        self.ledger.append(record.object, record.key, "update", visible(changes), before, after, note)
        return changed

    def remove(self, record: Record, note: RequestNote) -> None:
        """Remove a record."""
        self.store.delete(record.object, record.key)
        self.ledger.append(record.object, record.key, "delete", {}, visible(record.data), None, note)

    def audit(self, action: str, **what: Any) -> Record:
        """Add a line to the audit list."""
        number = self.next_id(AUDIT)
        return self.store.put(
            AUDIT, str(number), {"id": number, "at": self.moment(), "action": action, **what}, self.now()
        )


def visible(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without the sandbox's own fields."""
    return {name: value for name, value in data.items() if not name.startswith(INTERNAL)}


def system_note(why: str) -> RequestNote:
    """Return the note of what the instance does by itself."""
    return RequestNote(SYSTEM_NOTE, why)
