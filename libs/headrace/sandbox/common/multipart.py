"""The envelope of an OData $batch: multipart/mixed with changesets inside, read and written."""

from __future__ import annotations

import email
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus


class BatchUnreadable(Exception):
    """The envelope, or a part of it, cannot be read; the text says which."""


@dataclass(frozen=True, slots=True)
class BatchPart:
    """One inner request; `target` is as it was sent, header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    content_id: str


BatchParts = Sequence["BatchPart | Sequence[BatchPart]"]


def parts_of(parts: BatchParts) -> list[BatchPart]:
    """Return all requests of a batch, those of changesets among them."""
    return [each for part in parts for each in ([part] if isinstance(part, BatchPart) else part)]


def read_batch(content_type: str, body: bytes) -> BatchParts:
    """Return the requests of a batch, those of a changeset together.

    Raises:
        BatchUnreadable: not a multipart text, or a part that is no request.
    """
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body)
    if message.get_content_type() != "multipart/mixed" or not message.is_multipart() or message.defects:
        raise BatchUnreadable("The batch request must be multipart/mixed with a boundary that its parts use.")
    return [
        [_request(inner) for inner in _parts(part)] if part.get_content_type() == "multipart/mixed" else _request(part)
        for part in _parts(message)
    ]


def _parts(message: Message) -> Sequence[Message]:
    payload = message.get_payload()
    if not isinstance(payload, list) or message.defects:
        raise BatchUnreadable("A part of the batch cannot be read; check its boundary.")
    return [part for part in payload if isinstance(part, Message)]


def _request(part: Message) -> BatchPart:
    raw = part.get_payload(decode=True)
    if part.get_content_type() != "application/http" or not isinstance(raw, bytes):
        raise BatchUnreadable("A part of the batch is not of type application/http.")
    head, _, body = raw.lstrip(b"\r\n").replace(b"\r\n", b"\n").partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    method, _, rest = lines[0].partition(" ")
    target, _, version = rest.rpartition(" ")  # vendors' own clients leave spaces in the target
    if not target or not version.startswith("HTTP/"):
        raise BatchUnreadable(f"The request line '{lines[0]}' in the batch is not valid.")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    content_id = str(part.get("Content-ID", "") or headers.get("content-id", ""))
    return BatchPart(method, target, headers, body.strip(), content_id)


def answer_part(status: int, headers: Mapping[str, str], body: bytes, content_id: str = "") -> bytes:
    """Return the part that answers one request."""
    lines = ["Content-Type: application/http", "Content-Transfer-Encoding: binary"]
    if content_id:
        lines.append(f"Content-ID: {content_id}")
    lines += ["", f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += ["OData-Version: 4.0", "", ""]
    return "\r\n".join(lines).encode() + body


def changeset_part(parts: Sequence[bytes], boundary: str) -> bytes:
    """Return the part that answers a changeset that was done."""
    return f"Content-Type: multipart/mixed; boundary={boundary}\r\n\r\n".encode() + multipart(parts, boundary)


def multipart(parts: Sequence[bytes], boundary: str) -> bytes:
    """Return parts between their boundaries."""
    mark = f"--{boundary}".encode()
    return b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
