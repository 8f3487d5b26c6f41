"""From an operation's fields to the form that is uploaded, and from a document back to these fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from headrace.connectors.recordengine import values
from headrace.connectors.recordengine.contract import Contract, Row
from headrace.connectors.recordengine.objects import DOCUMENT, EXTERNAL_REFS, UPLOAD, UPLOADED
from headrace.connectors.recordengine.reading import external_refs
from headrace.core.contracts import Action, Operation
from headrace.core.errors import RejectRecord
from headrace.platform.json_text import dump_json
from headrace.platform.multipart import FilePart, Multipart

LONGEST_NAME = 255
"""Characters of a file name."""
REQUIRED = ("file", "filename", "contact_id", "folder_id", "key")
UNKNOWN_TYPE = "application/octet-stream"
_IDS = ("contact_id", "folder_id", "profile_id")


def check(rules: Contract, operation: Operation) -> None:
    """Check what needs no call. See `Target.check`.

    Raises:
        RejectRecord: not an upload, a field that is missing or does not fit, or a file that would not be taken.
    """
    if operation.object != UPLOAD:
        raise RejectRecord("unknown object", f"{operation.object} is not written; known is {UPLOAD}.")
    if operation.action is not Action.CREATE:
        raise RejectRecord(
            "uploads stay as they are",
            f"{UPLOAD} {operation.target_id}: what was sent is neither changed nor deleted from here. Let the mapping "
            "write all fields once (`once`), keep what is gone (`keep: true`), and say `on_delete: skip`.",
        )
    fields = operation.fields
    unknown = sorted(set(fields) - set(UPLOADED))
    if unknown:
        raise RejectRecord("field cannot be written", f"{UPLOAD}: {', '.join(unknown)} are none of its fields.")
    missing = [name for name in REQUIRED if fields.get(name) in (None, "", {})]
    if missing:
        raise RejectRecord(
            "required field is empty",
            f"{UPLOAD}: {', '.join(missing)} must be filled; give a value at the source, in the mapping or in filing.",
        )
    _check_values(fields)
    _check_file(rules, str(fields["filename"]), fields["file"])


def _check_values(fields: Mapping[str, Any]) -> None:
    for name in ("filename", "media_type", "key"):
        value = fields.get(name)
        if value is not None and (not isinstance(value, str) or any(each < " " or each == "\x7f" for each in value)):
            raise RejectRecord("value does not fit", f"{UPLOAD}.{name}: {value!r} is no text of one line.")
    for name in _IDS:
        value = fields.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
            raise RejectRecord("value does not fit", f"{UPLOAD}.{name}: {value!r} is no id; ids are whole numbers.")
    refs = fields.get(EXTERNAL_REFS)
    if refs is not None and not isinstance(refs, Mapping):
        raise RejectRecord("value does not fit", f"{UPLOAD}.{EXTERNAL_REFS}: {refs!r} is no object of systems.")


def _check_file(rules: Contract, filename: str, file: Any) -> None:
    if not isinstance(file, Mapping) or "sha256" not in file or not isinstance(file.get("size"), int):
        raise RejectRecord("no stored content", f"{UPLOAD}.file: copy the content of an attachment in the mapping.")
    if len(filename) > LONGEST_NAME:
        raise RejectRecord(
            "text too long",
            f"{UPLOAD}.filename: {len(filename)} characters of {LONGEST_NAME}: {filename[:40]!r}…",
        )
    if not rules.upload.takes(filename):
        accepted = ", ".join(rules.upload.extensions)
        raise RejectRecord(
            "file type not accepted",
            f"{filename}: RecordEngine reads {accepted}. Take the file out of the documents to be sent, or name its "
            "type under upload.extensions of the contract.",
        )
    if file["size"] > rules.upload.max_bytes:
        raise RejectRecord(
            "file too large",
            f"{filename}: {file['size']} bytes, {rules.upload.max_bytes} are taken (upload.max_mb of the contract).",
        )


def form_of(rules: Contract, operation: Operation, content: IO[bytes], size: int) -> Multipart:
    """Return the form; our key, by which the upload is found again, stands among the external references."""
    parts, fields = rules.upload.parts, operation.fields
    own = {"key": fields["key"], "sha256": fields["file"]["sha256"], "tenant": operation.connection}
    refs = {**(fields.get(EXTERNAL_REFS) or {}), rules.refs.own_key: own}
    texts = {getattr(parts, name): str(fields[name]) for name in _IDS if fields.get(name) is not None}
    texts[parts.external_refs] = dump_json(refs).decode()
    media_type = fields.get("media_type") or UNKNOWN_TYPE
    return Multipart(texts, FilePart(parts.file, fields["filename"], media_type, content, size))


def told(rules: Contract, row: Row) -> dict[str, Any]:
    """Return what tells that a document is an upload of ours: key and content, {} for one that we did not send.

    People rename and move documents, and complete their references: that is no difference to what was sent.
    """
    own = external_refs(rules.value(DOCUMENT, EXTERNAL_REFS, row)).get(rules.refs.own_key)
    if not isinstance(own, Mapping):
        return {}
    return {"key": values.text(own.get("key")), "file": {"sha256": values.text(own.get("sha256"))}}
