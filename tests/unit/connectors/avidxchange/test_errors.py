"""The table: what each answer means for what happens next."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from headrace.connectors.avidxchange.errors import THROTTLE_SECONDS, Phase, error_of, messages, read_failure
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection

EXCEPTION = {"exception": {"reason": "BadRequest", "detail": "The range exceeds 30 days"}}
FLAT = {"avidMessageId": "7c", "detail": "The range exceeds 30 days", "reason": "BadRequest", "source": "AvidConnect"}
FAULT = {"fault": {"code": 900902, "message": "Missing Credentials", "description": "Missing user token"}}
THROTTLED = {"code": "900800", "message": "Message throttled out", "description": "Quota exceeded"}


def answer(status: int, body: Any = "", headers: dict[str, str] | None = None) -> httpx.Response:
    if isinstance(body, str):
        return httpx.Response(status, text=body, headers=headers)
    return httpx.Response(status, json=body, headers=headers)


@pytest.mark.parametrize(
    ("status", "body", "phase", "error"),
    [
        (400, EXCEPTION, "list", RejectRecord),
        (400, FLAT, "change", RejectRecord),
        (401, FAULT, "list", StopConnection),
        (403, EXCEPTION, "change", StopConnection),
        (403, FAULT, "list", StopConnection),
        (404, EXCEPTION, "list", StopConnection),
        (404, EXCEPTION, "change", StopConnection),
        (404, EXCEPTION, "link", RejectRecord),
        (410, EXCEPTION, "link", RejectRecord),
        (413, "", "change", RejectRecord),
        (429, THROTTLED, "list", RetryLater),
        (429, "", "change", RetryLater),
        (503, THROTTLED, "change", RetryLater),
        (500, EXCEPTION, "list", RetryLater),
        (500, EXCEPTION, "change", OutcomeUnknown),
        (502, "<html>", "change", OutcomeUnknown),
        (503, "", "link", RetryLater),
        (302, "", "change", OutcomeUnknown),
        (302, "", "list", RetryLater),
    ],
)
def test_the_table(status: int, body: Any, phase: Phase, error: type[Exception]) -> None:
    found = error_of("vendor.upsert", answer(status, body), phase)
    assert type(found) is error
    assert "vendor.upsert" in str(found)
    assert not isinstance(found, StopConnection) or found.remedy


@pytest.mark.parametrize("body", [EXCEPTION, FLAT])
def test_both_shapes_of_the_system_say_the_same(body: Any) -> None:
    assert read_failure(answer(400, body)).text == "BadRequest: The range exceeds 30 days"


def test_both_shapes_of_the_gateway_have_a_code() -> None:
    fault, flat = read_failure(answer(401, FAULT)), read_failure(answer(429, THROTTLED))
    assert (fault.code, fault.text) == ("900902", "Missing Credentials: Missing user token")
    assert (flat.code, flat.text) == ("900800", "Message throttled out: Quota exceeded")


@pytest.mark.parametrize(("headers", "after"), [({"Retry-After": "7"}, 7.0), ({}, THROTTLE_SECONDS)])
def test_how_long_to_wait(headers: dict[str, str], after: float) -> None:
    found = error_of("payment.list", answer(429, THROTTLED, headers), "list")
    assert isinstance(found, RetryLater)
    assert found.after == after


@pytest.mark.parametrize("body", ["", "[]", "null", "<html>x</html>", "[" * 100_000])
def test_bodies_that_say_nothing(body: str) -> None:
    assert read_failure(answer(500, body)).text == ""


@pytest.mark.parametrize(
    ("errors", "told"),
    [
        ([{"Message": "a."}, {"message": "b"}], ["a", "b"]),
        ({"Message": "a"}, ["a"]),
        ("a", ["a"]),
        ([], []),
        (None, []),
        ([{"Code": 1}], []),
    ],
)
def test_messages_of_items(errors: Any, told: list[str]) -> None:
    assert messages(errors, "Message") == told
