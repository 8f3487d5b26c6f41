"""Control calls that only this sandbox has: what people and the world around the instance do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.routing import Route

from headrace.sandbox.common.control import ControlError, control_route
from headrace.sandbox.common.requests import PERSON, RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.access import Access
from headrace.sandbox.recordengine.directory import ContactBody, Directory, FolderBody
from headrace.sandbox.recordengine.documents import Documents
from headrace.sandbox.recordengine.errors import ApiError
from headrace.sandbox.recordengine.extraction import Extraction, Script
from headrace.sandbox.recordengine.files import Files
from headrace.sandbox.recordengine.instance import AUDIT, CASES, DOCUMENTS, NOTIFICATIONS, Instance, visible
from headrace.sandbox.recordengine.mail import Content, MailBody, Mailbox
from headrace.sandbox.recordengine.processing import Processing
from headrace.sandbox.recordengine.rules import RuleBody, Rules
from headrace.sandbox.recordengine.statuses import (
    APPROVED,
    ARCHIVED,
    EXPORT,
    MISSING_INFO,
    NEEDS_REVIEW,
    NEW,
    READY,
    UNREAD,
)
from headrace.sandbox.recordengine.webhooks import Channel, Webhooks

ACTIONS: Mapping[str, str] = {
    "review": NEEDS_REVIEW,
    "ask": MISSING_INFO,
    "ready": READY,
    "approve": APPROVED,
    "export": EXPORT,
    "pull_back": NEEDS_REVIEW,
    "archive": ARCHIVED,
    "reprocess": NEW,
}
"""What people do, and the status that it leads to."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DocumentActionBody(_Body):
    """Documents that an action is for."""

    ids: list[int] = Field(min_length=1)
    reason: str = Field(default="Extraction failed", description="of fail")


class NoticeBody(_Body):
    """A case or a notification."""

    title: str
    document_id: int | None = None


class Lab:
    """The control routes, below /_sandbox; each POST does all of it, or nothing.

    - `POST /documents/{action}` takes `ids`: review, ask, ready, approve, export (also again), pull_back, archive,
      reprocess, finish (ends processing at once) and fail (with `reason`); `POST /documents/{id}/version` puts another
      file in its place; `PATCH` and `DELETE /records/documents/{id}` edit and delete.
    - `POST /scripts` says what will be read, `POST /rules` adds a rule, `POST /rules/heartbeat` lets them run.
    - `POST` and `GET /channels` are the page of webhook settings; `GET /audit` lists what happened, each attempt of a
      delivery with its response code; `POST /webhooks` turns faults of deliveries.
    - `POST /email` sends a mail to the instance; `POST /contacts`, `/folders`, `/cases` and `/notifications` make them.
    - `POST /token` gives a new token; the old one is worthless at once. `GET /tally/{object}` counts the ledger by key.
    """

    def __init__(
        self,
        instance: Instance,
        access: Access,
        directory: Directory,
        documents: Documents,
        extraction: Extraction,
        processing: Processing,
        rules: Rules,
        mailbox: Mailbox,
        webhooks: Webhooks,
        files: Files,
    ) -> None:
        self._instance = instance
        self._access = access
        self._directory = directory
        self._documents = documents
        self._extraction = extraction
        self._processing = processing
        self._rules = rules
        self._mailbox = mailbox
        self._webhooks = webhooks
        self._files = files

    def routes(self) -> list[Route]:
        """Return the routes below /_sandbox."""
        return [
            control_route("/documents/{action}", "POST", self._changing(self._act)),
            control_route("/documents/{id}/version", "POST", self._changing(self._new_version)),
            control_route("/scripts", "POST", self._changing(self._script)),
            control_route("/rules", "POST", self._changing(self._add_rule)),
            control_route("/rules/heartbeat", "POST", self._changing(lambda r, b, n: {"met": self._rules.beat()})),
            control_route("/channels", "POST", self._changing(self._set_channels)),
            control_route("/channels", "GET", lambda r, b: self._webhooks.shown()),
            control_route("/audit", "GET", lambda r, b: {"audit": self._audit()}),
            control_route("/email", "POST", self._changing(self._mail)),
            control_route("/contacts", "POST", self._changing(self._add_contact)),
            control_route("/folders", "POST", self._changing(self._add_folder)),
            control_route("/cases", "POST", self._changing(self._notice("cases", CASES, "case"))),
            control_route(
                "/notifications", "POST", self._changing(self._notice("notifications", NOTIFICATIONS, "notification"))
            ),
            control_route("/token", "POST", self._changing(lambda r, b, n: {"token": self._access.regenerate()})),
            control_route("/tally/{object}", "GET", lambda r, b: self._instance.ledger.tally(r.path_params["object"])),
        ]

    def _changing(self, action: Callable[[Request, Any, RequestNote], Any]) -> Callable[[Request, Any], Any]:
        """Return an action that runs in one transaction, after what was due: all of a call is done, or nothing."""

        def run(request: Request, body: Any) -> Any:
            self._processing.settle()
            try:
                with self._instance.store.transaction():
                    done = action(request, body, RequestNote(PERSON, request.url.path))
            except (ApiError, LookupError) as error:
                raise ControlError(str(error)) from error
            self._processing.settle()
            return done

        return run

    # Documents

    def _act(self, request: Request, body: Any, note: RequestNote) -> Any:
        given, action = DocumentActionBody.model_validate(body), request.path_params["action"]
        if action not in (*ACTIONS, "finish", "fail"):
            raise ControlError(
                f"{action!r} is not an action on documents; use one of {sorted((*ACTIONS, 'finish', 'fail'))}"
            )
        done = [self._act_on(action, self._document(number), given, note) for number in given.ids]
        return {"documents": [visible(each.data) for each in done]}

    def _act_on(self, action: str, record: Record, given: DocumentActionBody, note: RequestNote) -> Record:
        if action == "finish":
            return self._processing.finish(record)
        if action == "fail":
            return self._documents.fail(record, given.reason, note)
        if record.data["status"] in UNREAD:
            raise ControlError(f"document {record.key} is not read yet; move the clock, or finish it")
        return self._documents.walk(record, ACTIONS[action], note)

    def _document(self, number: object) -> Record:
        record = self._instance.get(DOCUMENTS, number)
        if record is None:
            raise ControlError(f"there is no document {number}")
        return record

    def _new_version(self, request: Request, body: Any, note: RequestNote) -> Any:
        record = self._document(request.path_params["id"])
        content = Content.model_validate({"filename": record.data["filename"], **body})
        kept = self._files.keep_bytes(content.bytes())
        return visible(self._documents.new_version(record, kept, content.filename, note).data)

    # Scripts and rules

    def _script(self, request: Request, body: Any, note: RequestNote) -> Any:
        self._extraction.script(Script.model_validate(body))
        return {"status": "ok"}

    def _add_rule(self, request: Request, body: Any, note: RequestNote) -> Any:
        return dict(self._rules.add(RuleBody.model_validate(body), note).data)

    # The world around

    def _set_channels(self, request: Request, body: Any, note: RequestNote) -> Any:
        self._webhooks.set(body)
        return self._webhooks.shown()

    def _audit(self) -> list[dict[str, Any]]:
        return [dict(each.data) for each in self._instance.store.list(AUDIT)]

    def _mail(self, request: Request, body: Any, note: RequestNote) -> Any:
        self._mailbox.receive(MailBody.model_validate(body), note)
        return {"status": "ok"}

    def _add_contact(self, request: Request, body: Any, note: RequestNote) -> Any:
        contact = self._directory.add_contact(ContactBody.model_validate(body), note)
        folders = [dict(each.data) for each in self._directory.folders_of(contact.data["id"])]
        return {**contact.data, "folders": folders}

    def _add_folder(self, request: Request, body: Any, note: RequestNote) -> Any:
        return dict(self._directory.add_folder(FolderBody.model_validate(body), note).data)

    def _notice(self, channel: Channel, object_: str, kind: str) -> Callable[[Request, Any, RequestNote], Any]:
        def make(request: Request, body: Any, note: RequestNote) -> Any:
            data = {"id": self._instance.next_id(object_), **NoticeBody.model_validate(body).model_dump()}
            record = self._instance.insert(object_, data, note)
            self._webhooks.made(channel, kind, record)
            return dict(record.data)

        return make
