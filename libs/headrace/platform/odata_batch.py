"""OData `$batch` as multipart/mixed: several requests in one, each changeset kept whole or not at all.

Finance and Operations answers 200 for the envelope whatever happened inside; Dataverse does so where it is asked to go
on after errors. A failed changeset is answered by one part, the first error, bare or inside a part of its own.
Source: OData 4.0 part 1, 11.7; Microsoft, "Open Data Protocol (OData)", section Batch requests (Finance and
Operations); Microsoft, "Execute batch operations using the Web API" (Dataverse).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

import httpx

from headrace.platform.json_text import dump_json


@dataclass(frozen=True, slots=True)
class Part:
    """One request: `path` below the root of the service, encoded; `body` None for a read or a delete."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Changeset = Sequence[Part]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between services: the root of their addresses, the type of bodies, operations of a batch at most."""

    root: str
    content_type: str
    most: int


def compose(items: Sequence[Part | Changeset], dialect: Dialect) -> tuple[str, bytes]:
    """Return boundary and body of a batch request; `Content-ID` numbers the parts of changesets from 1.

    Args:
        items: changesets, and single requests outside any (all reads are such).
        dialect: of the service.

    Raises:
        ValueError: too many operations, or none.
    """
    sets = [[item] if isinstance(item, Part) else item for item in items]
    count = sum(len(parts) for parts in sets)
    if not count or not all(sets):
        raise ValueError("a batch needs at least one operation in each changeset")
    if count > dialect.most:
        raise ValueError(f"{count} operations are more than the service takes in one batch ({dialect.most})")
    written = [[_request(part, dialect) for part in parts] for parts in sets]
    # Boundaries must not occur in the content: they are made from it.
    digest = hashlib.sha256(b"".join(part for parts in written for part in parts)).hexdigest()[:24]
    batch = f"batch_{digest}"
    lines: list[bytes] = []
    number = 0
    for place, parts in enumerate(written):
        if isinstance(items[place], Part):
            lines += [f"--{batch}".encode(), *_HTTP, b"", parts[0]]
            continue
        changeset = f"changeset_{place}_{digest}"
        lines += [f"--{batch}".encode(), f"Content-Type: multipart/mixed; boundary={changeset}".encode(), b""]
        for part in parts:
            number += 1
            lines += [
                f"--{changeset}".encode(),
                *_HTTP,
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


_HTTP = (b"Content-Type: application/http", b"Content-Transfer-Encoding: binary")


def _request(part: Part, dialect: Dialect) -> bytes:
    head = [f"{part.method} {dialect.root}{part.path} HTTP/1.1"]
    headers = dict(part.headers)
    body = b""
    if part.body is not None:
        body = dump_json(part.body)
        headers["Content-Type"] = dialect.content_type
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
