"""Filling the sandbox: what a new one knows, and seeds through the control API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ConfigDict, Field

from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.access import Access
from headrace.sandbox.recordengine.directory import AUTOMATIC_FOLDERS, ContactBody, Directory, FolderBody
from headrace.sandbox.recordengine.documents import Arrival, Documents
from headrace.sandbox.recordengine.errors import ApiError
from headrace.sandbox.recordengine.extraction import Extraction, Script
from headrace.sandbox.recordengine.files import Files
from headrace.sandbox.recordengine.instance import CONTACTS, DOCUMENTS, FOLDERS, SEED, Instance
from headrace.sandbox.recordengine.mail import Content
from headrace.sandbox.recordengine.processing import Processing
from headrace.sandbox.recordengine.rules import RuleBody, Rules
from headrace.sandbox.recordengine.statuses import NEW


class ContactSeed(ContactBody):
    """A contact, with its id if that matters and folders beside the two that come by themselves."""

    id: int | None = Field(default=None, ge=1)
    folders: list[str] = Field(default_factory=list)


class FolderSeed(FolderBody):
    """A folder, with its id if that matters."""

    id: int | None = Field(default=None, ge=1)


class DocumentSeed(Content):
    """A document, in a status that people or processing bring it to; webhooks are told as for any other."""

    model_config = ConfigDict(extra="forbid")

    id: int | None = Field(default=None, ge=1)
    contact_id: int
    folder_id: int
    profile_id: int | None = None
    external_refs: Any = None
    source: str = "UI"
    status: str = NEW


class Seeder:
    """Applies seed documents; each is one transaction."""

    def __init__(
        self,
        instance: Instance,
        access: Access,
        directory: Directory,
        documents: Documents,
        extraction: Extraction,
        processing: Processing,
        rules: Rules,
        files: Files,
        token: str,
    ) -> None:
        self._instance = instance
        self._access = access
        self._directory = directory
        self._documents = documents
        self._processing = processing
        self._files = files
        self._token = token
        self._sections: Mapping[str, Callable[[Any, RequestNote], Record]] = {
            "contacts": self._contact,
            "folders": self._folder,
            "scripts": lambda item, note: extraction.script(Script.model_validate(item)),
            "rules": lambda item, note: rules.add(RuleBody.model_validate(item), note),
            "documents": self._document,
        }

    def install(self) -> None:
        """Give an empty sandbox its token, profiles and inbox."""
        with self._instance.store.transaction():
            self._access.install(self._token)
            self._directory.install(RequestNote(SEED, "new"))

    def seed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Apply a seed document and return the keys of its records, and the ledger's last sequence number.

        Its lists are `contacts`, `folders`, `scripts`, `rules` and `documents`.

        Raises:
            ControlError: an unknown section, or a record that does not fit; nothing was applied.
        """
        unknown = sorted(set(body) - set(self._sections))
        if unknown:
            raise ControlError(f"unknown seed sections {unknown}; known are {', '.join(self._sections)}")
        note = RequestNote(SEED, "/_sandbox/seed")
        created: dict[str, list[str]] = {}
        with self._instance.store.transaction():
            for name, apply in self._sections.items():
                for position, item in enumerate(body.get(name, ())):
                    try:
                        created.setdefault(name, []).append(apply(item, note).key)
                    except (ApiError, LookupError, ValueError) as error:
                        raise ControlError(f"{name}[{position}]: {error}") from error
        self._processing.settle()
        return {"status": "ok", "last": self._instance.ledger.last(), "keys": created}

    def _contact(self, item: Any, note: RequestNote) -> Record:
        given = ContactSeed.model_validate(item)
        self._require_free(CONTACTS, given.id)
        body = ContactBody.model_validate(given.model_dump(exclude={"id", "folders"}))
        names = (*AUTOMATIC_FOLDERS, *given.folders)
        return self._directory.add_contact(body, note, number=given.id, folders=names)

    def _folder(self, item: Any, note: RequestNote) -> Record:
        given = FolderSeed.model_validate(item)
        self._require_free(FOLDERS, given.id)
        body = FolderBody.model_validate(given.model_dump(exclude={"id"}))
        return self._directory.add_folder(body, note, number=given.id)

    def _document(self, item: Any, note: RequestNote) -> Record:
        given = DocumentSeed.model_validate(item)
        self._require_free(DOCUMENTS, given.id)
        for object_, number in ((CONTACTS, given.contact_id), (FOLDERS, given.folder_id)):
            if self._instance.get(object_, number) is None:
                raise LookupError(f"there is no {number} in {object_}")
        arrival = Arrival(
            self._files.keep_bytes(given.bytes()),
            given.filename,
            given.contact_id,
            given.folder_id,
            given.source,
            given.profile_id,
            given.external_refs,
        )
        record = self._documents.create(arrival, note, given.id)
        return (
            record if given.status == NEW else self._documents.walk(self._processing.finish(record), given.status, note)
        )

    def _require_free(self, object_: str, number: int | None) -> None:
        if number is not None and self._instance.get(object_, number) is not None:
            raise ValueError(f"there is a {number} in {object_} already")
