"""What a person edits in RecordEngine's own pages, through the control API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import PERSON, RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.directory import Directory
from headrace.sandbox.recordengine.documents import Documents
from headrace.sandbox.recordengine.errors import ApiError
from headrace.sandbox.recordengine.instance import CONTACTS, DOCUMENTS, FOLDERS, Instance, visible


class DocumentEdit(BaseModel):
    """What people change of a document beside its status; fields that were read are changed one by one."""

    model_config = ConfigDict(extra="forbid")

    filename: str = ""
    doc_type: str | None = None
    doc_date: str | None = None
    contact_id: int = 0
    folder_id: int = 0
    ai_summary: str | None = None
    confidence_score: int | None = Field(default=None, ge=0, le=100)
    notes: str = ""
    external_refs: Any = None
    extracted_fields: dict[str, Any] = {}
    custom_fields: dict[str, Any] = {}


class People:
    """Edits records of one instance."""

    def __init__(self, instance: Instance, documents: Documents, directory: Directory) -> None:
        self._instance = instance
        self._documents = documents
        self._directory = directory

    def edit(self, object_: str, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Change fields of a record; None if it is not there. A document's status moves by the lab's own calls.

        Raises:
            ControlError: an object or field that people do not edit, a value that does not fit, a locked document.
        """
        if object_ not in (DOCUMENTS, CONTACTS, FOLDERS):
            raise ControlError(f"people edit no {object_!r}; known are {DOCUMENTS}, {CONTACTS}, {FOLDERS}")
        record = self._instance.get(object_, key)
        if record is None:
            return None
        note = RequestNote(PERSON, f"{object_} {key}")
        try:
            with self._instance.store.transaction():
                changed = self._edit(record, fields, note)
        except (ApiError, LookupError, ValidationError) as error:
            raise ControlError(f"{object_} {key}: {error}") from error
        return visible(changed.data)

    def _edit(self, record: Record, fields: Mapping[str, Any], note: RequestNote) -> Record:
        if record.object != DOCUMENTS:
            return self._directory.change(record, fields, note)
        given = DocumentEdit.model_validate(dict(fields)).model_dump(include={*fields})
        for name in ("extracted_fields", "custom_fields"):
            if name in given:
                given[name] = {**record.data[name], **given[name]}
        for name, object_ in (("contact_id", CONTACTS), ("folder_id", FOLDERS)):
            if name in given and self._instance.get(object_, given[name]) is None:
                raise LookupError(f"{name}: there is no {given[name]}")
        return self._documents.change(record, given, note)

    def remove(self, object_: str, key: str) -> Mapping[str, Any] | None:
        """Delete a document; None if it is not there.

        Raises:
            ControlError: another object.
        """
        if object_ != DOCUMENTS:
            raise ControlError(f"people delete no {object_!r}; only {DOCUMENTS}")
        record = self._instance.get(object_, key)
        if record is None:
            return None
        with self._instance.store.transaction():
            self._instance.remove(record, RequestNote(PERSON, f"{object_} {key}"))
        return visible(record.data)
