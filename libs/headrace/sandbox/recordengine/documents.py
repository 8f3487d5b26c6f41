"""Documents: how they come to be, and how their status moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.errors import ApiError
from headrace.sandbox.recordengine.files import Kept
from headrace.sandbox.recordengine.instance import CONTACTS, DOCUMENTS, Instance
from headrace.sandbox.recordengine.statuses import EXCEPTION, EXPORT, NEW, way
from headrace.sandbox.recordengine.webhooks import Webhooks

DUE = "#due"
"""When the next step of processing is due, on the sandbox's clock."""
_NOTHING_READ: Mapping[str, Any] = {
    "doc_type": None,
    "doc_date": None,
    "ai_summary": None,
    "confidence_score": None,
    "confidence_reasoning": None,
    "extracted_fields": {},
    "custom_fields": {},
    "reason": None,
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that came in, and what came with it."""

    file: Kept
    filename: str
    contact_id: int
    folder_id: int
    source: str
    profile_id: int | None = None
    external_refs: Any = None
    notes: str = ""


class Documents:
    """Changes documents; every method needs an open transaction."""

    def __init__(self, instance: Instance, webhooks: Webhooks) -> None:
        self._instance = instance
        self._webhooks = webhooks

    def take(self, arrival: Arrival, note: RequestNote) -> Record:
        """Store what came in: a new document, or where the contract says so a version of the one of this name."""
        if self._instance.settings.wire.upload["same_name"] == "version":
            for each in self._instance.store.list(DOCUMENTS):
                if (each.data["folder_id"], each.data["filename"]) == (arrival.folder_id, arrival.filename):
                    return self.new_version(each, arrival.file, arrival.filename, note)
        return self.create(arrival, note)

    def create(self, arrival: Arrival, note: RequestNote, number: int | None = None) -> Record:
        """Store a new document; it waits for processing."""
        contact = self._instance.get(CONTACTS, arrival.contact_id)
        usual_profile = contact.data["default_profile_id"] if contact else None
        moment = self._instance.moment()
        data = {
            "id": number or self._instance.next_id(DOCUMENTS),
            "filename": arrival.filename,
            "original_filename": arrival.filename,
            "status": NEW,
            "source": arrival.source,
            "contact_id": arrival.contact_id,
            "folder_id": arrival.folder_id,
            "profile_id": arrival.profile_id if arrival.profile_id is not None else usual_profile,
            "external_refs": arrival.external_refs,
            "notes": arrival.notes,
            "version": 1,
            "sha256": arrival.file.sha256,
            "size": arrival.file.size,
            "created_at": moment,
            "updated_at": moment,
            "exported_at": None,
            DUE: self._first_due(),
            **_NOTHING_READ,
        }
        record = self._instance.insert(DOCUMENTS, data, note)
        self._audit("upload", record, None, NEW)
        return record

    def new_version(self, record: Record, file: Kept, filename: str, note: RequestNote) -> Record:
        """Put another file in the place of a document's; it keeps its id and is read anew."""
        changes = {
            **_NOTHING_READ,
            "filename": filename,
            "status": NEW,
            "version": record.data["version"] + 1,
            "sha256": file.sha256,
            "size": file.size,
            DUE: self._first_due(),
        }
        changed = self._instance.change(record, changes, note)
        self._audit("new_version", changed, record.data["status"], NEW)
        return changed

    def _first_due(self) -> str:
        return (self._instance.now() + timedelta(seconds=self._instance.settings.queue_seconds)).isoformat()

    # Status

    def request(self, record: Record, status: str, note: RequestNote) -> Record:
        """Change the status as a call asks it.

        Raises:
            ApiError: 409, the status may not follow the one that the document has.
        """
        before, wire = record.data["status"], self._instance.settings.wire
        if before == status == EXPORT:
            return record  # and nobody is told again
        if status not in wire.transitions.get(before, ()):
            raise ApiError(409, f"Status change from {wire.word(before)} to {wire.word(status)} is not allowed")
        return self.move(record, status, note)

    def walk(self, record: Record, status: str, note: RequestNote) -> Record:
        """Bring a document to a status as a person does, by every status on the way; Export again tells again.

        Raises:
            ApiError: 409, no way leads there.
        """
        if record.data["status"] == status:
            return self.move(record, status, note) if status == EXPORT else record
        steps = way(self._instance.settings.wire.transitions, record.data["status"], status)
        if not steps:
            raise ApiError(409, f"Document {record.key}: no way leads from {record.data['status']} to {status}")
        for step in steps:
            record = self.move(record, step, note)
        return record

    def move(self, record: Record, status: str, note: RequestNote, **more: Any) -> Record:
        """Change the status, whatever it was, and other fields with it; Export tells its channel."""
        before = record.data["status"]
        changes: dict[str, Any] = {"status": status, **more}
        if status == EXPORT:
            changes["exported_at"] = self._instance.moment()
        if status == NEW:
            changes |= {**_NOTHING_READ, DUE: self._first_due()}
        changed = self._instance.change(record, changes, note)
        self._audit("status_change", changed, before, status)
        if status == EXPORT:
            self._webhooks.exported(changed)
        return changed

    def fail(self, record: Record, reason: str, note: RequestNote) -> Record:
        """Let a document end as Exception."""
        return self.move(record, EXCEPTION, note, reason=reason)

    # Fields

    def require_open(self, record: Record) -> None:
        """Let a change of fields pass.

        Raises:
            ApiError: 409, the document is locked.
        """
        if record.data["status"] in self._instance.settings.locked_statuses:
            word = self._instance.settings.wire.word(record.data["status"])
            raise ApiError(409, f"Document is {word} and locked")

    def change(self, record: Record, fields: Mapping[str, Any], note: RequestNote) -> Record:
        """Change fields other than the status.

        Raises:
            ApiError: 409, the document is locked.
        """
        self.require_open(record)
        return self._instance.change(record, fields, note)

    def _audit(self, action: str, record: Record, before: str | None, after: str) -> None:
        line = self._instance.audit(action, document_id=record.data["id"], before=before, after=after)
        self._webhooks.audited(line)
