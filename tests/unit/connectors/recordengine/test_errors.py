"""The table: what each answer means for what happens next."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from headrace.connectors.recordengine.errors import THROTTLE_SECONDS, Phase, error_of
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection

MISSING = {"detail": [{"loc": ["body", "contact_id"], "msg": "field required", "type": "value_error.missing"}]}
HTML = "<html>Bad gateway</html>"


def answer(status: int, body: Any = "", headers: dict[str, str] | None = None) -> httpx.Response:
    if isinstance(body, str):
        return httpx.Response(status, text=body, headers=headers)
    return httpx.Response(status, json=body, headers=headers)


@pytest.mark.parametrize(
    ("status", "body", "phase", "error"),
    [
        (400, {"detail": "external_refs is not valid JSON"}, "change", RejectRecord),
        (400, {"detail": "bad"}, "list", RejectRecord),
        (401, {"detail": "Not authenticated"}, "list", StopConnection),
        (403, {"detail": "Admin role required"}, "change", StopConnection),
        (404, {"detail": "Folder not found"}, "change", RejectRecord),
        (404, {"detail": "Not Found"}, "change", StopConnection),
        (404, {"detail": "Not Found"}, "list", StopConnection),
        (404, HTML, "one", StopConnection),
        (405, {"detail": "Method Not Allowed"}, "change", StopConnection),
        (409, {"detail": "Document is Approved and locked"}, "change", RejectRecord),
        (413, {"detail": "File too large"}, "change", RejectRecord),
        (415, {"detail": "Unsupported file type .exe"}, "change", RejectRecord),
        (422, MISSING, "change", RejectRecord),
        (429, {"detail": "Too many requests"}, "change", RetryLater),
        (429, "", "list", RetryLater),
        (500, HTML, "change", OutcomeUnknown),
        (503, HTML, "change", OutcomeUnknown),
        (502, HTML, "list", RetryLater),
        (302, "", "change", OutcomeUnknown),
    ],
)
def test_table(status: int, body: Any, phase: Phase, error: type[Exception]) -> None:
    assert type(error_of("document.upload", answer(status, body), phase)) is error


def test_what_is_told() -> None:
    missing = error_of("document.upload", answer(422, MISSING), "change")
    assert "body.contact_id: field required" in str(missing)
    gone = error_of("document.list", answer(401), "list")
    assert isinstance(gone, StopConnection)
    assert "regenerated" in gone.remedy
    named = error_of("document.list", answer(429, headers={"Retry-After": "7"}), "list")
    silent = error_of("document.list", answer(429), "list")
    assert isinstance(named, RetryLater)
    assert isinstance(silent, RetryLater)
    assert (named.after, silent.after) == (7, THROTTLE_SECONDS)
