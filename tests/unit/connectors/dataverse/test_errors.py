import json

import httpx
import pytest

from headrace.connectors.dataverse.errors import EXPIRED, NOT_THERE, UNKNOWN_COLUMN, error_of, read_failure
from headrace.core.contracts import AlreadyThere
from headrace.core.errors import ChangedMeanwhile, OutcomeUnknown, RejectRecord, RetryLater, StopConnection


def answer(status: int, code: str = "", text: str = "refused", **headers: str) -> httpx.Response:
    body = json.dumps({"error": {"code": code, "message": text}}).encode()
    return httpx.Response(status, headers=headers, content=body)


@pytest.mark.parametrize(
    ("status", "code", "phase", "error"),
    [
        # who we are
        (401, "", "change", StopConnection),
        (403, "0x80072560", "change", StopConnection),
        (403, "0x80040220", "list", StopConnection),
        (403, "0x80040220", "change", RejectRecord),
        (403, "0x80048306", "record", RejectRecord),
        # limits
        (429, "0x80072322", "change", RetryLater),
        (429, "0x80072326", "list", RetryLater),
        # what is there, and what has changed
        (412, "0x80040237", "create", AlreadyThere),
        (412, "0x80060892", "create", AlreadyThere),
        (412, "", "create", AlreadyThere),
        (412, "0x80040237", "change", RejectRecord),
        (412, "0x80060892", "change", RejectRecord),
        (412, "0x80060882", "change", ChangedMeanwhile),
        (412, "", "change", ChangedMeanwhile),
        (412, "0x80040333", "create", RejectRecord),
        (500, "0x80040333", "create", RejectRecord),
        (404, "0x80040217", "change", RejectRecord),
        (404, "0x80060891", "change", RejectRecord),
        # what does not fit
        (400, "0x80044331", "change", RejectRecord),
        (400, "0x80048d19", "create", RejectRecord),
        (400, "0x80040265", "change", RejectRecord),
        (400, "0x80040203", "change", RejectRecord),
        (400, "0x80060888", "list", RejectRecord),
        (405, "", "change", RejectRecord),
        (413, "", "change", RejectRecord),
        # whose fate nobody knows (I4), and reads that may be repeated
        (500, "0x80044150", "change", OutcomeUnknown),
        (500, "0x80044151", "create", OutcomeUnknown),
        (500, "", "change", OutcomeUnknown),
        (503, "", "create", OutcomeUnknown),
        (302, "", "change", OutcomeUnknown),
        (500, "0x80044150", "list", RetryLater),
        (500, "", "record", RetryLater),
    ],
)
def test_what_happens_next(status: int, code: str, phase: str, error: type[Exception]) -> None:
    found = error_of("PATCH accounts(1)", answer(status, code), phase)  # type: ignore[arg-type]
    assert type(found) is error
    assert "PATCH accounts(1)" in str(found)


@pytest.mark.parametrize(
    ("status", "code", "phase", "reason"),
    [
        (404, "0x80040217", "change", NOT_THERE),
        (400, "0x80048d19", "change", UNKNOWN_COLUMN),
        (410, "", "list", EXPIRED),
        (400, "0x80044352", "list", EXPIRED),
        (403, "0x80040220", "change", "privilege is missing"),
        (400, "0x80040265", "change", "refused by a business rule"),
    ],
)
def test_reasons_that_are_looked_into(status: int, code: str, phase: str, reason: str) -> None:
    found = error_of("GET accounts", answer(status, code), phase)  # type: ignore[arg-type]
    assert isinstance(found, RejectRecord)
    assert found.reason == reason


def test_a_429_waits_as_long_as_it_says() -> None:
    found = error_of("GET accounts", answer(429, **{"retry-after": "37"}), "list")
    assert isinstance(found, RetryLater)
    assert found.after == 37


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": "text"}', b'{"Message": "x"}', b"\xff"])
def test_bodies_of_other_forms(body: bytes) -> None:
    assert read_failure(httpx.Response(502, content=body)).text == ""
    assert type(error_of("x", httpx.Response(502, content=body), "change")) is OutcomeUnknown


def test_errors_of_payloads_are_told_without_their_help_link() -> None:
    text = "Error identified in Payload provided by the user, help  ----> The property 'x' is not."
    assert read_failure(answer(400, "0x80048D19", text)).text == "The property 'x' is not"
    assert read_failure(answer(400, "0x80048D19", text)).code == "0x80048d19"
