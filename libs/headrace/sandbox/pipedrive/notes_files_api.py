"""Notes and files, which exist in v1 only."""

from __future__ import annotations

import base64
import re
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl

from python_multipart import parse_form

from headrace.sandbox.pipedrive import show_v1
from headrace.sandbox.pipedrive.account import Data
from headrace.sandbox.pipedrive.calls import Call, Endpoint, Reply, single
from headrace.sandbox.pipedrive.errors import bad_request, forbidden, validation_failed
from headrace.sandbox.pipedrive.paging import v1_list, v1_page
from headrace.sandbox.pipedrive.times import from_v1, from_v2, to_v2

MOST_FILES = 100
_TARGETS = {"deal_id": "deal", "person_id": "person", "org_id": "organization"}
_OTHER_TARGETS = ("lead_id", "project_id", "task_id")
_PINS = tuple(f"pinned_to_{name}_flag" for name in ("deal", "person", "organization", "lead", "project", "task"))
_PIN_TARGETS = {"pinned_to_organization_flag": "org_id"}
_SCRIPT = re.compile(r"<(script|style|iframe)\b.*?</\1\s*>|\son\w+=(\"[^\"]*\"|'[^']*')", re.I | re.S)


def endpoints() -> list[Endpoint]:
    """Return all endpoints of this module."""
    scope, files = ("deals", "contacts"), ("deals", "contacts", "activities")
    return [
        Endpoint("v1", "GET", "/notes", _list_notes, 20, scope),
        Endpoint("v1", "POST", "/notes", _add_note, 10, scope),
        Endpoint("v1", "GET", "/notes/{id}", _get_note, 2, scope),
        Endpoint("v1", "PUT", "/notes/{id}", _change_note, 10, scope),
        Endpoint("v1", "DELETE", "/notes/{id}", _delete_note, 6, scope),
        Endpoint("v1", "GET", "/files", _list_files, 20, files),
        Endpoint("v1", "POST", "/files", _add_file, 10, files),
        Endpoint("v1", "GET", "/files/{id}", _get_file, 2, files),
        Endpoint("v1", "GET", "/files/{id}/download", _download_file, 20, files),
        Endpoint("v1", "PUT", "/files/{id}", _change_file, 10, files),
        Endpoint("v1", "DELETE", "/files/{id}", _delete_file, 6, files),
    ]


def _note(call: Call, note: Data) -> Data:
    shown = show_v1.show(call.account, "note", note)
    if shown["user"]:
        shown["user"]["is_you"] = note["user_id"] == call.caller.user_id
    return shown


def _targets(call: Call, body: Data) -> Data:
    """Return the records that a note or file hangs on; unknown ones are refused."""
    found: Data = {}
    for key, object_ in _TARGETS.items():
        text = str(body.get(key) or "")
        if text:
            if not text.isdecimal() or not call.account.exists(object_, int(text)):
                raise bad_request(f"{object_.capitalize()} not found.")
            found[key] = int(text)
    return found | {key: body[key] for key in _OTHER_TARGETS if body.get(key)}


def _add_note(call: Call) -> Reply:
    body = call.body_object()
    if not body.get("content"):
        raise bad_request("Note content must be given.")
    targets = _targets(call, body)
    if not targets:
        raise bad_request("One of deal_id, person_id, org_id, lead_id, project_id or task_id must be given.")
    owner = str(body.get("user_id") or call.caller.user_id)
    if owner != str(call.caller.user_id):
        call.require_admin()
    if not owner.isdecimal() or not call.account.exists("user", int(owner)):
        raise bad_request("User not found.")
    now = call.account.now()
    note: Data = {
        "user_id": int(owner),
        "content": sanitised(str(body["content"])),
        **dict.fromkeys((*_TARGETS, *_OTHER_TARGETS)),
        **targets,
        **dict.fromkeys(_PINS, False),
        "last_update_user_id": None,
        "is_deleted": False,
        "add_time": _add_time(body, now),
        "update_time": now,
    }
    _pin(note, body)
    return single(_note(call, call.account.create("note", note, call.caller, body)))


def _add_time(body: Data, now: str) -> str:
    try:
        return to_v2(from_v1(str(body["add_time"]))) if body.get("add_time") else now
    except ValueError:
        raise bad_request("add_time must be given as YYYY-MM-DD HH:MM:SS") from None


def sanitised(html: str) -> str:
    """Remove what can run in a browser."""
    return _SCRIPT.sub("", html)


def _pin(note: Data, body: Data) -> None:
    for pin in _PINS:
        if pin in body:
            target = _PIN_TARGETS.get(pin, pin.removeprefix("pinned_to_").replace("_flag", "_id"))
            wanted = body[pin] in (1, "1", True)
            if wanted and note.get(target) is None:
                raise bad_request(f"{pin} needs {target}.")
            note[pin] = wanted


def _get_note(call: Call) -> Reply:
    return single(_note(call, call.record("note")))


def _change_note(call: Call) -> Reply:
    before, body = call.record("note"), call.body_object()
    after = before | _targets(call, body) | {"update_time": call.account.now()}
    after["last_update_user_id"] = call.caller.user_id
    if "content" in body:
        after["content"] = sanitised(str(body["content"]))
    _pin(after, body)
    return single(_note(call, call.account.update("note", before, after, call.caller, body)))


def _delete_note(call: Call) -> Reply:
    call.account.soft_delete("note", call.record("note"), call.caller)
    return single(True)


def _list_notes(call: Call) -> Reply:
    query, found = call.query, [*call.account.living("note")]
    for key in ("user_id", *_TARGETS, *_OTHER_TARGETS):
        if query.get(key):
            found = [note for note in found if str(note[key]) == query[key]]
    for pin in _PINS:
        if query.get(pin):
            found = [note for note in found if note[pin] == (query[pin] == "1")]
    if query.get("updated_since"):
        try:
            since = to_v2(from_v2(query["updated_since"]))
        except ValueError as error:
            raise validation_failed([f"updated_since: {error}"]) from None
        found = [note for note in found if note["update_time"] >= since]
    if query.get("start_date"):
        found = [note for note in found if note["add_time"][:10] >= query["start_date"]]
    if query.get("end_date"):
        found = [note for note in found if note["add_time"][:10] <= query["end_date"]]
    page, pagination = v1_page(call, found)
    return v1_list([_note(call, note) for note in page], pagination)


# Files


def _form(call: Call) -> tuple[dict[str, str], bytes | None, str]:
    """Read a multipart body: fields, the content of the part `file`, its name. The part may lack a file name."""
    fields: dict[str, str] = {}
    content: list[tuple[bytes, str]] = []

    def on_field(field: Any) -> None:
        name, value = (field.field_name or b"").decode(), field.value or b""
        if name == "file":
            content.append((value, "file"))
        else:
            fields[name] = value.decode("utf-8", "replace")

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        content.append((file.file_object.read(), (file.file_name or b"file").decode("utf-8", "replace")))

    headers = {"Content-Type": call.content_type.encode(), "Content-Length": str(len(call.raw)).encode()}
    parse_form(headers, BytesIO(call.raw), on_field, on_file)
    return fields, content[0][0] if content else None, content[0][1] if content else ""


def _add_file(call: Call) -> Reply:
    if not call.content_type.startswith("multipart/form-data"):
        raise bad_request("Files are uploaded as multipart/form-data.")
    fields, content, name = _form(call)
    if content is None:
        raise bad_request("File must be given.")
    now = call.account.now()
    others = ("product_id", "activity_id", "lead_id", "project_id")
    data: Data = {
        "user_id": call.caller.user_id,
        **dict.fromkeys(_TARGETS),
        **_targets(call, fields),
        **{key: fields.get(key) for key in others},
        "add_time": now,
        "update_time": now,
        "file_name": name,
        "file_size": len(content),
        "inline_flag": False,
        "remote_location": "s3",
        "remote_id": None,
        "s3_bucket": None,
        "name": name,
        "description": None,
        "is_deleted": False,
    }
    created = call.account.create("file", data, call.caller, {**fields, "file_name": name})
    text = base64.b64encode(content).decode()
    call.account.store.put("file_content", str(created["id"]), {"base64": text}, call.account.clock.now())
    return single(_file(call, created))


def _file(call: Call, record: Data) -> Data:
    return show_v1.show(call.account, "file", record) | {"url": f"/api/v1/files/{record['id']}/download"}


def _list_files(call: Call) -> Reply:
    page, pagination = v1_page(call, [*call.account.living("file")], MOST_FILES)
    return v1_list([_file(call, record) for record in page], pagination)


def _get_file(call: Call) -> Reply:
    return single(_file(call, call.record("file")))


def _download_file(call: Call) -> Reply:
    record = call.record("file")
    if call.account.settings.file_download_redirects and "storage" not in call.query:
        return Reply(b"", 302, {"location": f"/api/v1/files/{record['id']}/download?storage=1"})
    stored = call.account.store.get("file_content", str(record["id"]))
    if stored is None:
        raise forbidden("The content of the file is not available.")
    disposition = f'attachment; filename="{record["file_name"]}"'
    content = base64.b64decode(stored.data["base64"])
    return Reply(content, 200, {"content-type": "application/octet-stream", "content-disposition": disposition})


def _change_file(call: Call) -> Reply:
    before = call.record("file")
    if not call.content_type.startswith("application/x-www-form-urlencoded"):
        raise bad_request("The body must be application/x-www-form-urlencoded.")
    body = dict(parse_qsl(call.raw.decode("utf-8", "replace")))
    changes: Data = {key: body[key] for key in ("name", "description") if key in body}
    after = before | changes | {"update_time": call.account.now()}
    return single(_file(call, call.account.update("file", before, after, call.caller, changes)))


def _delete_file(call: Call) -> Reply:
    record = call.account.soft_delete("file", call.record("file"), call.caller)
    return single({"id": record["id"]})
