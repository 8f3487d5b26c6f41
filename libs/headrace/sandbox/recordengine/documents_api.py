"""Documents over the API: lists, reading, the original file, changes of status and of references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.sandbox.common.encoding import load
from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.calls import Answer, Call, Endpoint
from headrace.sandbox.recordengine.documents import Documents
from headrace.sandbox.recordengine.errors import ApiError, missing, unfit
from headrace.sandbox.recordengine.files import Files
from headrace.sandbox.recordengine.instance import DOCUMENTS
from headrace.sandbox.recordengine.showing import Showing


class DocumentEndpoints:
    """Answers calls about documents."""

    def __init__(self, documents: Documents, files: Files, showing: Showing) -> None:
        self._documents = documents
        self._files = files
        self._showing = showing

    def endpoints(self) -> list[Endpoint]:
        """Return all endpoints of this module."""
        return [
            Endpoint("documents", "GET", self._list),
            Endpoint("document", "GET", self._read),
            Endpoint("file", "GET", self._file),
            Endpoint("status", None, self._change),
            Endpoint("refs", None, self._change),
        ]

    def _list(self, call: Call) -> Any:
        """Newest first; a parameter that nobody knows is passed over, as FastAPI does."""
        params, wire = call.wire.lists["params"], call.wire
        begin, end = call.days(params["date_from"], params["date_to"])
        wanted = {
            name: number for name in ("contact_id", "folder_id") if (number := call.number(params[name])) is not None
        }
        word = call.parameters.get(params["status"])
        status = None if word is None else wire.usual_word(word)
        if word is not None and status is None:
            raise ApiError(422, [unfit("query", params["status"], "value is not a valid status")])
        dated = {theirs: name for name, theirs in wire.fields["document"].items()}.get(
            wire.lists["date_field"], "created_at"
        )
        found = [
            each.data
            for each in call.instance.store.list(DOCUMENTS)
            if begin <= str(each.data[dated] or "") < end
            and status in (None, each.data["status"])
            and all(each.data[name] == number for name, number in wanted.items())
        ]
        found.sort(key=lambda data: (data["created_at"], data["id"]), reverse=True)
        return call.page([self._showing.row(each) for each in found])

    def _read(self, call: Call) -> Any:
        return self._showing.document(call.record(DOCUMENTS, "Document").data)

    def _file(self, call: Call) -> Any:
        data = call.record(DOCUMENTS, "Document").data
        return Answer(str(self._files.path(data["sha256"])), data["original_filename"])

    def _change(self, call: Call) -> Any:
        record, body, wire = call.record(DOCUMENTS, "Document"), call.json(), call.wire
        fields: dict[str, str] = {
            place: str((wire.status if place == "status" else wire.refs)["field"])
            for place in ("refs", "status")
            if place in call.places
        }
        given = call.given(body, fields)
        if not given:
            raise ApiError(422, [missing("body", name) for name in fields.values()])
        if "refs" in given:
            record = self._set_refs(call, record, fields["refs"], given["refs"])
        if "status" in given:
            record = self._set_status(call, record, fields["status"], given["status"])
        return self._showing.document(record.data)

    def _set_refs(self, call: Call, record: Record, name: str, refs: Any) -> Record:
        if call.wire.refs["form"] == "text":
            try:
                refs = load(refs)
            except (TypeError, ValueError, AttributeError):
                raise ApiError(400, f"{name} is not valid JSON") from None
        if not isinstance(refs, Mapping):
            raise ApiError(422, [unfit("body", name, "value is not a valid dict")])
        return self._documents.change(record, {"external_refs": refs}, call.note)

    def _set_status(self, call: Call, record: Record, name: str, word: Any) -> Record:
        status = call.wire.usual_word(word)
        if status is None:
            raise ApiError(422, [unfit("body", name, "value is not a valid status")])
        return self._documents.request(record, status, call.note)
