"""E-mail intake: one document for each attachment and one for the text of the mail, in System → Inbox.

Source: user guide, "Email intake". The sender lands in the notes; nothing has external references.
"""

from __future__ import annotations

import base64
import binascii
import random
import re
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field, field_validator

from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.directory import Directory
from headrace.sandbox.recordengine.documents import DUE, Arrival, Documents
from headrace.sandbox.recordengine.files import Files, Kept
from headrace.sandbox.recordengine.instance import MAIL, Instance

SOURCE = "Email"


class Content(BaseModel):
    """A file that a person or a mail brings: text, or bytes in Base64."""

    model_config = ConfigDict(extra="forbid")

    filename: str = Field(min_length=1)
    text: str = ""
    base64: str = ""

    @field_validator("base64")
    @classmethod
    def _decodes(cls, value: str) -> str:
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError(f"is no Base64: {error}") from error
        return value

    def bytes(self) -> bytes:
        """Return what is in the file."""
        return base64.b64decode(self.base64) if self.base64 else self.text.encode()


class MailBody(BaseModel):
    """A mail to the instance."""

    model_config = ConfigDict(extra="forbid")

    sender: str
    subject: str = "Invoice"
    text: str = "Please find our invoice attached."
    attachments: list[Content] = []


class Mailbox:
    """Takes mails now and makes documents of them some minutes later."""

    def __init__(self, instance: Instance, files: Files, directory: Directory, documents: Documents) -> None:
        self._instance = instance
        self._files = files
        self._directory = directory
        self._documents = documents

    def receive(self, mail: MailBody, note: RequestNote) -> Record:
        """Take a mail, inside a transaction."""
        number = self._instance.next_id(MAIL)
        files = [(each.filename, *self._files.keep_bytes(each.bytes())) for each in mail.attachments]
        name = re.sub(r"[^\w -]+", "_", mail.subject).strip() or "mail"
        files.append((f"{name}.txt", *self._files.keep_bytes(mail.text.encode())))
        # Repeatable, not secret.
        draw = random.Random(f"{self._instance.settings.seed} mail {number}")  # noqa: S311
        due = self._instance.now() + timedelta(seconds=draw.uniform(*self._instance.settings.email_seconds))
        data = {"sender": mail.sender, "files": files, "path": note.path, DUE: due.isoformat()}
        return self._instance.store.put(MAIL, str(number), data, self._instance.now())

    def deliver(self, now: datetime) -> None:
        """Make documents of the mails that are due, inside a transaction."""
        for mail in self._instance.store.list(MAIL):
            if datetime.fromisoformat(mail.data[DUE]) > now:
                continue
            inbox = self._directory.inbox
            for filename, sha256, size in mail.data["files"]:
                arrival = Arrival(
                    Kept(sha256, size),
                    filename,
                    inbox.data["contact_id"],
                    inbox.data["id"],
                    SOURCE,
                    notes=f"From: {mail.data['sender']}",
                )
                self._documents.create(arrival, RequestNote("MAIL", mail.data["path"]))
            self._instance.store.delete(MAIL, mail.key)
