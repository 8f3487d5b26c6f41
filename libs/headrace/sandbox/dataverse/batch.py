"""$batch: 1,000 requests at most, change sets all or nothing, and the first failure ends it unless told otherwise."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, unquote, urlsplit

from headrace.sandbox.common.multipart import (
    BatchPart,
    BatchParts,
    BatchUnreadable,
    answer_part,
    changeset_part,
    multipart,
    parts_of,
    read_batch,
)
from headrace.sandbox.common.store import Store
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.errors import BAD_QUERY, Reply, ServiceError
from headrace.sandbox.dataverse.paths import relative
from headrace.sandbox.dataverse.service import Service

MAX_REQUESTS = 1_000
CONTINUE = "odata.continue-on-error"
_REFERENCE = re.compile(r"^/?\$(?P<id>\d+)")
_REFERENCE_IN_BODY = re.compile(rb"\"(?P<address>/?\$(?P<id>\d+))\"")


class Batches:
    """Runs batches."""

    def __init__(self, service: Service, store: Store) -> None:
        self._service, self._store = service, store

    def run(self, call: Call, content_type: str) -> Reply:
        """Run a batch and return its answer; the envelope's status is that of the failure that ended it."""
        try:
            parts = self._read(call, content_type)
        except ServiceError as error:
            return error.reply()
        goes_on = CONTINUE in call.prefer
        written: list[bytes] = []
        status = 200
        for part in parts:
            failed, answer = self._one(part, call) if isinstance(part, BatchPart) else self._changeset(part, call)
            written.append(answer)
            if failed and not goes_on:
                status = failed
                break
        boundary = f"batchresponse_{uuid.uuid4()}"
        headers = {"Preference-Applied": CONTINUE} if goes_on else {}
        return Reply(status, multipart(written, boundary), f"multipart/mixed; boundary={boundary}", headers)

    def _read(self, call: Call, content_type: str) -> BatchParts:
        try:
            parts = read_batch(content_type, call.body)
        except BatchUnreadable as error:
            raise ServiceError(400, BAD_QUERY, str(error)) from error
        requests = parts_of(parts)
        if len(requests) > MAX_REQUESTS:
            text = f"The batch contains {len(requests)} requests and exceeds the maximum of {MAX_REQUESTS}."
            raise ServiceError(400, "0x80072321", text)
        for part in parts:
            if not isinstance(part, BatchPart) and any(each.method == "GET" for each in part):
                raise ServiceError(400, BAD_QUERY, "A change set must not contain GET requests.")
        if any("$batch" in each.target for each in requests):
            raise ServiceError(400, BAD_QUERY, "Nested batch requests are not supported.")
        return parts

    def _one(self, part: BatchPart, outer: Call) -> tuple[int, bytes]:
        reply = self._service.handle(inner_call(part, outer, {}))
        return _failed(reply), _answer(reply, part.content_id, outer)

    def _changeset(self, parts: Sequence[BatchPart], outer: Call) -> tuple[int, bytes]:
        done: list[bytes] = []
        addresses: dict[str, str] = {}
        at = ""
        try:
            with self._store.transaction():
                for part in parts:
                    at = part.content_id
                    reply = self._service.perform(inner_call(part, outer, addresses))
                    addresses[part.content_id] = reply.headers.get("OData-EntityId", "")
                    done.append(_answer(reply, part.content_id, outer))
        except ServiceError as error:
            self._service.undone()
            # One part with the error stands for the whole change set.
            reply = error.reply()
            return reply.status, _answer(reply, at, outer)
        return 0, changeset_part(done, f"changesetresponse_{uuid.uuid4()}")


def _failed(reply: Reply) -> int:
    return reply.status if reply.status >= 400 else 0


def _answer(reply: Reply, content_id: str, outer: Call) -> bytes:
    kind = {"Content-Type": reply.content_type} if reply.content_type else {}
    own = {"REQ_ID": outer.context.note.id} if reply.status >= 400 else {}
    return answer_part(reply.status, {**kind, **own, **reply.headers}, reply.body, content_id)


def inner_call(part: BatchPart, outer: Call, addresses: Mapping[str, str]) -> Call:
    """Return the operation of a part; `addresses` are those of the rows that its change set created before.

    Raises:
        ServiceError: a 400 for a reference to nothing.
    """
    url = urlsplit(part.target)
    path = unquote(url.path)
    reference = _REFERENCE.match(path)
    if reference is not None:
        path = _resolved(reference["id"], addresses) + path[reference.end() :]
    path = relative(path)

    def bound(match: re.Match[bytes]) -> bytes:
        return b'"' + _resolved(match["id"].decode(), addresses).encode() + b'"'

    body = _REFERENCE_IN_BODY.sub(bound, part.body) if b"$" in part.body else part.body
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return replace(outer, method=part.method, path=path, query=query, headers=part.headers, body=body)


def _resolved(content_id: str, addresses: Mapping[str, str]) -> str:
    if not addresses.get(content_id):
        raise ServiceError(
            400, BAD_QUERY, f"Content-ID Reference: '${content_id}' does not exist in the batch context."
        )
    return unquote(addresses[content_id])
