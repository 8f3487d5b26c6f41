"""$batch: multipart/mixed with changesets that are all or nothing, GETs beside them, 5,000 operations at most."""

from __future__ import annotations

import email
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from headrace.sandbox.common.store import Store
from headrace.sandbox.dynamics_fo.errors import Reply, ServiceError, query_error
from headrace.sandbox.dynamics_fo.service import Call, ODataService
from headrace.sandbox.dynamics_fo.settings import FinanceSettings

MAX_OPERATIONS = 5_000
_REFERENCE = re.compile(r"^\$(?P<id>[\w-]+)")


@dataclass(frozen=True, slots=True)
class Operation:
    """One inner request with its Content-ID."""

    call: Call
    content_id: str


Parts = Sequence["Operation | Sequence[Operation]"]


def operations_of(parts: Parts) -> list[Operation]:
    """Return all operations of a batch, those of changesets among them."""
    return [each for part in parts for each in ([part] if isinstance(part, Operation) else part)]


def run_batch(
    parts: Parts, holds: frozenset[str], service: ODataService, store: Store, settings: FinanceSettings
) -> Reply:
    """Run a batch whose request holds some documents and return its answer: 200, whatever the inner ones are."""
    for operation in operations_of(parts):
        operation.call.holds = holds
    written: list[bytes] = []
    boundary = f"batchresponse_{uuid.uuid4()}"
    for part in parts:
        if isinstance(part, Operation):
            written.append(_inner(service.handle(part.call), part.content_id))
        else:
            written.append(_run_changeset(part, service, store, settings))
    body = _multipart(written, boundary)
    return Reply(200, body, f"multipart/mixed; boundary={boundary}")


def _run_changeset(
    operations: Sequence[Operation], service: ODataService, store: Store, settings: FinanceSettings
) -> bytes:
    done: list[bytes] = []
    locations: dict[str, str] = {}
    failed = ""
    try:
        with store.transaction():
            for operation in operations:
                failed = operation.content_id
                call = operation.call
                if settings.content_id_references:
                    call = _resolved(call, locations)
                reply = service.perform(call)
                locations[operation.content_id] = _location_path(reply)
                done.append(_inner(reply, operation.content_id))
    except ServiceError as error:
        # One part with the first error stands for the whole changeset.
        return _inner(error.reply, failed)
    boundary = f"changesetresponse_{uuid.uuid4()}"
    head = f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode()
    return head + _multipart(done, boundary)


def _resolved(call: Call, locations: Mapping[str, str]) -> Call:
    match = _REFERENCE.match(call.path)
    if match is None or match["id"] not in locations:
        return call
    return replace(call, path=locations[match["id"]] + call.path[match.end() :])


def _location_path(reply: Reply) -> str:
    return unquote(reply.headers.get("Location", "").partition("/data/")[2])


def _multipart(parts: Sequence[bytes], boundary: str) -> bytes:
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"


def _inner(reply: Reply, content_id: str) -> bytes:
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}"]
    if reply.content_type:
        lines.append(f"Content-Type: {reply.content_type}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    lines += ["OData-Version: 4.0", "", ""]
    return "\r\n".join(lines).encode() + reply.body


def parse_batch(call: Call, content_type: str) -> Parts:
    """Return the operations of a batch, those of a changeset together.

    Raises:
        ServiceError: the envelope cannot be read, or holds too many.
    """
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + call.body)
    if message.get_content_type() != "multipart/mixed" or not message.is_multipart() or message.defects:
        raise query_error("The batch request must be multipart/mixed with a boundary that its parts use.")
    found: list[Operation | list[Operation]] = []
    count = 0
    for part in _parts(message):
        if part.get_content_type() == "multipart/mixed":
            operations = [_operation(inner, call) for inner in _parts(part)]
            found.append(operations)
            count += len(operations)
        else:
            found.append(_operation(part, call))
            count += 1
    if count > MAX_OPERATIONS:
        raise query_error(f"The current change set contains too many operations. Only {MAX_OPERATIONS} are allowed.")
    return found


def _parts(message: Message) -> Sequence[Message]:
    payload = message.get_payload()
    if not isinstance(payload, list) or message.defects:
        raise query_error("A part of the batch cannot be read; check its boundary.")
    return [part for part in payload if isinstance(part, Message)]


def _operation(part: Message, outer: Call) -> Operation:
    raw = part.get_payload(decode=True)
    if part.get_content_type() != "application/http" or not isinstance(raw, bytes):
        raise query_error("A part of the batch is not of type application/http.")
    head, _, body = raw.lstrip(b"\r\n").replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    request_line = lines[0].split(" ")
    if len(request_line) != 3:
        raise query_error(f"The request line '{lines[0]}' in the batch is not valid.")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    url = urlsplit(request_line[1])
    path = unquote(url.path)
    path = path.partition("/data/")[2] if "/data/" in path else path.lstrip("/")
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    content_id = str(part.get("Content-ID", "") or headers.get("content-id", ""))
    call = replace(
        outer, method=request_line[0], path=path, query=query, headers=headers, body=body.strip(), parsed=None
    )
    return Operation(call, content_id)
