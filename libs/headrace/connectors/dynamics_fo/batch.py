"""OData `$batch`: several changes in one request, each changeset kept whole or not at all.

The service takes multipart/mixed only, at most 5,000 operations, and answers 200 for the envelope whatever happened
inside; a failed changeset is answered by one part, the first error. Source: Microsoft, "Open Data Protocol (OData)",
section Batch requests; OData 4.0 part 1, 11.7.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

import httpx

from headrace.platform.http import dump_json

MOST_OPERATIONS = 5_000


@dataclass(frozen=True, slots=True)
class Part:
    """One change: `path` below `/data/` with its encoded key, `body` None for a delete."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Changeset = Sequence[Part]


def compose(changesets: Sequence[Changeset]) -> tuple[str, bytes]:
    """Return boundary and body of a batch request; `Content-ID` numbers the parts from 1.

    Raises:
        ValueError: too many operations, or none.
    """
    count = sum(len(changeset) for changeset in changesets)
    if not count or not all(changesets):
        raise ValueError("a batch needs at least one operation in each changeset")
    if count > MOST_OPERATIONS:
        raise ValueError(f"{count} operations are more than the service takes in one batch ({MOST_OPERATIONS})")
    written = [[_request(part) for part in changeset] for changeset in changesets]
    # Boundaries must not occur in the content: they are made from it.
    digest = hashlib.sha256(b"".join(part for parts in written for part in parts)).hexdigest()[:24]
    batch = f"batch_{digest}"
    lines: list[bytes] = []
    number = 0
    for place, parts in enumerate(written):
        changeset = f"changeset_{place}_{digest}"
        lines += [f"--{batch}".encode(), f"Content-Type: multipart/mixed; boundary={changeset}".encode(), b""]
        for part in parts:
            number += 1
            lines += [
                f"--{changeset}".encode(),
                b"Content-Type: application/http",
                b"Content-Transfer-Encoding: binary",
                f"Content-ID: {number}".encode(),
                b"",
                part,
            ]
        lines += [f"--{changeset}--".encode(), b""]
    lines += [f"--{batch}--".encode(), b""]
    return batch, b"\r\n".join(lines)


def parse(content_type: str, content: bytes) -> list[list[httpx.Response]]:
    """Return the answers of each changeset, or of each part outside one, in the order of the envelope.

    Raises:
        ValueError: not a batch answer; nothing can be said about the changes in it.
    """
    if "multipart/mixed" not in content_type or "boundary=" not in content_type:
        raise ValueError(f"the answer is {content_type or 'of no type'}, not multipart/mixed")
    envelope = _read(content_type, content)
    if envelope.defects or not envelope.is_multipart():
        raise ValueError("the answer is not complete")
    answers = []
    for part in _parts(envelope):
        if part.get_content_type() == "multipart/mixed":
            if part.defects or not part.is_multipart():
                raise ValueError("the answer of a changeset is not complete")
            answers.append([_response(inner) for inner in _parts(part)])
        else:
            answers.append([_response(part)])
    return answers


def _request(part: Part) -> bytes:
    head = [f"{part.method} /data/{part.path} HTTP/1.1"]
    headers = dict(part.headers)
    body = b""
    if part.body is not None:
        body = dump_json(part.body)
        headers["Content-Type"] = "application/json;odata.metadata=minimal"
    head += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*head, "", ""]).encode() + body


def _read(content_type: str, content: bytes) -> Message:
    return message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content, policy=policy.HTTP)


def _parts(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [part for part in payload if isinstance(part, Message)] if isinstance(payload, list) else []


def _response(part: Message) -> httpx.Response:
    """Return the HTTP response inside an application/http part."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        raise ValueError("a part holds no answer")
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    status_line, *lines = head.decode("latin-1").strip().split("\n")
    words = status_line.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/") or not words[1].isdigit():
        raise ValueError(f"a part starts with {status_line[:40]!r}, not with a status line")
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return httpx.Response(int(words[1]), headers=headers, content=body.strip())
