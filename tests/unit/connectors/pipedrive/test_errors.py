from typing import Any

import httpx
import pytest

from headrace.connectors.pipedrive.errors import BLOCKED_SECONDS, BURST_SECONDS, Phase, error_of
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection

CAP = {"success": False, "error": "Open deals limit reached", "code": "feature_capping_deals_limit"}
INVALID = {"success": False, "error": "Validation failed: x: no", "code": "ERR_SCHEMA_VALIDATION_FAILED"}


def answer(status: int, body: Any = None, **headers: str) -> httpx.Response:
    if isinstance(body, str):
        return httpx.Response(status, text=body, headers={"content-type": "text/html", **headers})
    return httpx.Response(status, json={"error": "words"} if body is None else body, headers=headers)


@pytest.mark.parametrize(
    ("status", "phase", "error"),
    [
        (400, "change", RejectRecord),
        (400, "list", RejectRecord),
        (401, "change", StopConnection),
        (402, "record", StopConnection),
        (403, "change", RejectRecord),
        (403, "record", RejectRecord),
        (403, "list", StopConnection),
        (404, "change", RejectRecord),
        (404, "list", RejectRecord),
        (405, "change", RejectRecord),
        (409, "change", RejectRecord),
        (410, "change", RejectRecord),
        (415, "change", RejectRecord),
        (422, "change", RejectRecord),
        (429, "change", RetryLater),
        (429, "list", RetryLater),
        *[(status, "change", OutcomeUnknown) for status in (200, 204, 302, 408, 418, 500, 501, 502, 503, 504, 520)],
        *[(status, "record", RetryLater) for status in (200, 302, 408, 500, 501, 503, 520)],
    ],
)
def test_table(status: int, phase: Phase, error: type[Exception]) -> None:
    found = error_of("POST deals", answer(status), phase)
    assert type(found) is error
    assert "POST deals" in str(found)


def test_the_block_page_is_not_now_and_long() -> None:
    phases: tuple[Phase, ...] = ("change", "record", "list")
    for phase in phases:
        found = error_of("x", answer(403, "<!DOCTYPE html>"), phase)
        assert isinstance(found, RetryLater)
        assert found.after == BLOCKED_SECONDS


def test_plan_limits_have_their_own_reason() -> None:
    found = error_of("x", answer(403, CAP), "change")
    assert isinstance(found, RejectRecord)
    assert found.reason == "plan limit reached"


def test_the_vendors_words_reach_the_operator() -> None:
    found = error_of("PATCH deals/5", answer(400, INVALID), "change")
    assert isinstance(found, RejectRecord)
    assert found.detail.startswith("PATCH deals/5: Validation failed: x: no. ")
    webhook = error_of("x", answer(400, {"errors": {"subscription_url": ["non-reachable"]}}), "change")
    assert "subscription_url: non-reachable" in str(webhook)


@pytest.mark.parametrize(
    ("headers", "after"),
    [({"retry-after": "9"}, 9), ({"x-ratelimit-reset": "4"}, 4), ({"x-ratelimit-reset": "x"}, BURST_SECONDS), ({}, 2)],
)
def test_how_long_a_429_waits(headers: dict[str, str], after: float) -> None:
    found = error_of("x", answer(429, None, **headers), "change")
    assert isinstance(found, RetryLater)
    assert found.after == after


@pytest.mark.parametrize("body", ["", "plain words", "[1]", '"text"', "{"])
def test_any_body_is_understood_somehow(body: str) -> None:
    assert isinstance(error_of("x", httpx.Response(500, text=body), "change"), OutcomeUnknown)


def test_long_texts_are_cut() -> None:
    assert len(str(error_of("x", answer(400, {"error": "y" * 5000}), "change"))) < 700
