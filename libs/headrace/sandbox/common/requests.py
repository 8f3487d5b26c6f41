"""What a sandbox remembers of a request: enough to tie a change to its cause, and no secret (I10)."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from starlette.requests import Request
from starlette.types import Scope

REMEMBERED_REQUESTS = 10_000
STATE_NAME = "sandbox_request"
PERSON = "PERSON"
"""In place of an HTTP method, in ledger rows of what a person did in the system's own pages."""

_SECRET_PARAMETERS = re.compile(
    r"((?:^|[?&])(?:api_token|access_token|refresh_token|client_secret|client_assertion|code|sig)=)[^&#]*",
    re.I,
)


@dataclass(slots=True)
class RequestNote:
    """One request as ledger rows name it; `reply` is decided before the change commits."""

    method: str
    path: str
    traceparent: str = ""
    body_sha256: str = ""
    reply: Literal["sent", "dropped"] = "sent"
    id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def describe(self) -> dict[str, str]:
        """Return the fields of a ledger row's `request`."""
        return {
            "id": self.id,
            "method": self.method,
            "path": self.path,
            "traceparent": self.traceparent,
            "body_sha256": self.body_sha256,
        }


class RequestRing:
    """The last 10,000 requests to the vendor's routes: method, path, status, and the fault that met them."""

    def __init__(self) -> None:
        self._entries: deque[dict[str, Any]] = deque(maxlen=REMEMBERED_REQUESTS)
        self._seq = 0

    def add(self, note: RequestNote, status: int | None, fault: str | None) -> None:
        """Remember a finished request; status is None when no status line was sent."""
        self._seq += 1
        self._entries.append(
            {
                "seq": self._seq,
                "at": datetime.now(UTC).isoformat(),
                "id": note.id,
                "method": note.method,
                "path": note.path,
                "status": status,
                "fault": fault,
            }
        )

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """Return remembered requests with a greater sequence number, oldest first."""
        return [entry for entry in self._entries if entry["seq"] > after]

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()


def without_secrets(target: str) -> str:
    """Return a path with query in which the values of token parameters are replaced."""
    return _SECRET_PARAMETERS.sub(r"\1***", target)


def target_of(scope: Scope) -> str:
    """Return path and query of a request, as sent."""
    raw = scope.get("raw_path") or scope["path"].encode()
    query = scope.get("query_string", b"")
    path: str = raw.decode("latin-1")
    return f"{path}?{query.decode('latin-1')}" if query else path


def note_for(scope: Scope, body: bytes) -> RequestNote:
    """Return a new note on a request."""
    traceparent = next((value for name, value in scope["headers"] if name == b"traceparent"), b"")
    return RequestNote(
        method=scope["method"],
        path=without_secrets(target_of(scope)),
        traceparent=traceparent.decode("latin-1"),
        body_sha256=hashlib.sha256(body).hexdigest(),
    )


def request_note(request: Request) -> RequestNote:
    """Return the note that the fault middleware made on this request.

    Raises:
        RuntimeError: the application was built without the middleware.
    """
    note = request.scope.get("state", {}).get(STATE_NAME)
    if not isinstance(note, RequestNote):
        raise RuntimeError("the sandbox runs without its request middleware; build it with build_application()")
    return note
