"""Contacts with their folders, and extraction profiles: user guide, "Contacts and folders"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.instance import CONTACTS, FOLDERS, PROFILES, SEED, Instance
from headrace.sandbox.recordengine.webhooks import Webhooks

ContactType = Literal["Client", "Vendor", "Partner", "Internal", "Other"]
AUTOMATIC_FOLDERS = ("Documents", "Review")
SYSTEM_CONTACT, INBOX = "System", "Inbox"
PROFILE_NAMES = (
    "Default",
    "Standard Invoice",
    "Universal Invoices & Receipts",
    "Meeting Notes",
    "Chinese Fapiao",
    "Chinese Business License",
    "Extraction Profile Drafter",
)


class ContactBody(BaseModel):
    """A contact, as a call or a person gives it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    type: ContactType = "Other"
    parent_id: int | None = None
    default_profile_id: int | None = None


class FolderBody(BaseModel):
    """A folder, as a call or a person gives it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1)
    contact_id: int


class Directory:
    """Makes and finds contacts, folders and profiles; every method that changes needs an open transaction."""

    def __init__(self, instance: Instance, webhooks: Webhooks) -> None:
        self._instance = instance
        self._webhooks = webhooks

    def install(self, note: RequestNote) -> None:
        """Give a new instance its profiles and the folder in which mail arrives."""
        for number, name in enumerate(PROFILE_NAMES, 1):
            self._instance.insert(PROFILES, {"id": number, "name": name}, note)
        system = self.add_contact(ContactBody(name=SYSTEM_CONTACT, type="Internal"), note, folders=(INBOX,))
        self._instance.keep("system", {"contact_id": system.data["id"]})

    @property
    def inbox(self) -> Record:
        """The folder System → Inbox."""
        folders = self.folders_of(int(self._instance.own("system")["contact_id"]))
        return next(each for each in folders if each.data["name"] == INBOX)

    def profile(self, number: int | None) -> str:
        """Return the name of a profile; that of the first, if none is named."""
        record = None if number is None else self._instance.get(PROFILES, number)
        return PROFILE_NAMES[0] if record is None else str(record.data["name"])

    def folders_of(self, contact: int) -> list[Record]:
        """Return the folders of a contact in the order of their creation."""
        found = self._instance.store.find(FOLDERS, "contact_id", contact)
        return sorted(found, key=lambda each: int(each.data["id"]))

    def add_contact(
        self,
        body: ContactBody,
        note: RequestNote,
        *,
        number: int | None = None,
        folders: tuple[str, ...] = AUTOMATIC_FOLDERS,
    ) -> Record:
        """Make a contact and its folders.

        Raises:
            LookupError: its parent or its profile is not there; the text names which.
        """
        self._require(CONTACTS, "parent_id", body.parent_id)
        self._require(PROFILES, "default_profile_id", body.default_profile_id)
        data = {"id": number or self._instance.next_id(CONTACTS), **body.model_dump()}
        contact = self._instance.insert(CONTACTS, data, note)
        if note.method != SEED:
            self._webhooks.contact(contact, is_new=True)
        for name in folders:
            self.add_folder(FolderBody(name=name, contact_id=contact.data["id"]), note)
        return contact

    def add_folder(self, body: FolderBody, note: RequestNote, *, number: int | None = None) -> Record:
        """Make a folder.

        Raises:
            LookupError: its contact is not there.
        """
        self._require(CONTACTS, "contact_id", body.contact_id)
        data = {"id": number or self._instance.next_id(FOLDERS), **body.model_dump()}
        folder = self._instance.insert(FOLDERS, data, note)
        if note.method != SEED:
            self._webhooks.folder(folder, is_new=True)
        return folder

    def change(self, record: Record, fields: Mapping[str, Any], note: RequestNote) -> Record:
        """Change a contact or a folder.

        Raises:
            pydantic.ValidationError: an unknown field, or a value that does not fit.
            LookupError: what a field names is not there.
        """
        held = {name: value for name, value in record.data.items() if name != "id"}
        if record.object == CONTACTS:
            contact = ContactBody.model_validate({**held, **fields})
            self._require(CONTACTS, "parent_id", contact.parent_id)
            self._require(PROFILES, "default_profile_id", contact.default_profile_id)
            changed = self._instance.change(record, contact.model_dump(include={*fields}), note)
            self._webhooks.contact(changed, is_new=False)
            return changed
        folder = FolderBody.model_validate({**held, **fields})
        self._require(CONTACTS, "contact_id", folder.contact_id)
        changed = self._instance.change(record, folder.model_dump(include={*fields}), note)
        self._webhooks.folder(changed, is_new=False)
        return changed

    def _require(self, object_: str, name: str, number: int | None) -> None:
        if number is not None and self._instance.get(object_, number) is None:
            raise LookupError(f"{name}: there is no {number} in {object_}")
