"""$batch: multipart/mixed with changesets that are all or nothing, GETs beside them, 5,000 operations at most."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote, urlsplit

from headrace.sandbox.common.multipart import (
    BatchPart,
    BatchUnreadable,
    answer_part,
    changeset_part,
    multipart,
    parts_of,
    read_batch,
)
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
    body = multipart(written, boundary)
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
    return changeset_part(done, f"changesetresponse_{uuid.uuid4()}")


def _resolved(call: Call, locations: Mapping[str, str]) -> Call:
    match = _REFERENCE.match(call.path)
    if match is None or match["id"] not in locations:
        return call
    return replace(call, path=locations[match["id"]] + call.path[match.end() :])


def _location_path(reply: Reply) -> str:
    return unquote(reply.headers.get("Location", "").partition("/data/")[2])


def _inner(reply: Reply, content_id: str) -> bytes:
    kind = {"Content-Type": reply.content_type} if reply.content_type else {}
    return answer_part(reply.status, {**kind, **reply.headers}, reply.body, content_id)


def parse_batch(call: Call, content_type: str) -> Parts:
    """Return the operations of a batch, those of a changeset together.

    Raises:
        ServiceError: the envelope cannot be read, or holds too many.
    """
    try:
        parts = read_batch(content_type, call.body)
    except BatchUnreadable as error:
        raise query_error(str(error)) from error
    if len(parts_of(parts)) > MAX_OPERATIONS:
        raise query_error(f"The current change set contains too many operations. Only {MAX_OPERATIONS} are allowed.")
    return [
        _operation(part, call) if isinstance(part, BatchPart) else [_operation(each, call) for each in part]
        for part in parts
    ]


def _operation(part: BatchPart, outer: Call) -> Operation:
    url = urlsplit(part.target)
    path = unquote(url.path)
    path = path.partition("/data/")[2] if "/data/" in path else path.lstrip("/")
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    call = replace(outer, method=part.method, path=path, query=query, headers=part.headers, body=part.body, parsed=None)
    return Operation(call, part.content_id)
