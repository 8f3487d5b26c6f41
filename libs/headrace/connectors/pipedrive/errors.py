"""What an answer of Pipedrive means for what happens next: one table.

Texts may change without notice (vendor's policy), so rows match on status, `code` and the form of the body.
Source: https://pipedrive.readme.io/docs/core-api-concepts-http-status-codes; the HTML page with 403 is the edge's
block after ignored 429s.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection
from headrace.platform.retry_after import retry_after

Phase = Literal["change", "record", "list"]
"""A changing call, a read of one record, a read of a list."""

BURST_SECONDS = 2.0
"""Wait after a 429 that names no time: the window of the burst limit."""
BLOCKED_SECONDS = 300.0
"""Wait after the edge's block page, which names no time."""
NOT_THERE = "record is not there"
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal as read from the wire."""

    status: int
    text: str = ""
    code: str = ""
    html: bool = False
    after: float | None = None


Outcome = Callable[[str, Failure], Exception]


def _reject(reason: str, remedy: str) -> Outcome:
    return lambda what, failure: RejectRecord(reason, f"{what}: {failure.text or failure.status}. {remedy}")


def _stop(remedy: str) -> Outcome:
    return lambda what, failure: StopConnection(
        f"{what} is answered with {failure.status} {failure.text}".rstrip(), remedy
    )


def _throttled(what: str, failure: Failure) -> Exception:
    return RetryLater(f"{what}: over the request limit (429)", failure.after or BURST_SECONDS)


def _blocked(what: str, failure: Failure) -> Exception:
    return RetryLater(f"{what}: blocked at the edge after too many calls (403 page)", failure.after or BLOCKED_SECONDS)


def _later(what: str, failure: Failure) -> Exception:
    return RetryLater(f"{what}: answered with {failure.status} {failure.text}".rstrip(), failure.after)


def _unknown(what: str, failure: Failure) -> Exception:
    return OutcomeUnknown(f"{what}: answered with {failure.status} {failure.text}".rstrip())


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: statuses, phases, error code and form of body that mean an outcome; what is empty matches all."""

    outcome: Outcome
    statuses: frozenset[int] = frozenset()
    phases: frozenset[Phase] = frozenset()
    code: str = ""
    html: bool | None = None

    def fits(self, failure: Failure, phase: Phase) -> bool:
        """Say whether the row applies."""
        return (
            (not self.statuses or failure.status in self.statuses)
            and (not self.phases or phase in self.phases)
            and failure.code.startswith(self.code)
            and self.html in (None, failure.html)
        )


def _at(*statuses: int) -> frozenset[int]:
    return frozenset(statuses)


_CHANGE: frozenset[Phase] = frozenset({"change"})
_LIST: frozenset[Phase] = frozenset({"list"})
_READ: frozenset[Phase] = frozenset({"record", "list"})
PERMISSION = "Check the permission set and the visibility of the token's user in Pipedrive."

TABLE: tuple[Rule, ...] = (
    Rule(_stop("Check api_token; a new token of the user replaces the old one."), _at(401)),
    Rule(_stop("The Pipedrive account is closed or unpaid; renew it."), _at(402)),
    # The edge answers in place of the API, so nothing was taken.
    Rule(_blocked, _at(403), html=True),
    Rule(_reject("plan limit reached", "Raise the plan or remove records, then retry."), _at(403), code="feature_capp"),
    Rule(_stop(PERMISSION), _at(403), _LIST),
    # Visibility and permission refuse single records, so one record must not stop the connection (I11).
    Rule(_reject("permission denied", PERMISSION), _at(403)),
    Rule(_throttled, _at(429)),
    Rule(
        _reject("refused by Pipedrive", "Correct the record at its source or the mapping, then retry."),
        _at(400, 409, 422),
        _CHANGE,
    ),
    Rule(_reject(NOT_THERE, "It was deleted or is not visible: look in Pipedrive."), _at(404, 410)),
    Rule(_reject("request refused", "Pipedrive does not accept this request."), _at(400, 405, 409, 413, 414, 422)),
    Rule(_reject("feature not enabled", "Enable the feature in Pipedrive or take the field out."), _at(415)),
    # 5xx and all else: a change may have been made (I4), a read is safe again.
    Rule(_unknown, phases=_CHANGE),
    Rule(_later, phases=_READ),
)
"""The first row that fits decides."""


def error_of(what: str, response: httpx.Response, phase: Phase) -> Exception:
    """Return the error that an answer means.

    Args:
        what: operation and record, for people.
        response: the answer, also one of status 200 with `"success": false`.
        phase: what kind of call it was.
    """
    failure = read_failure(response)
    return next(rule for rule in TABLE if rule.fits(failure, phase)).outcome(what, failure)


def read_failure(response: httpx.Response) -> Failure:
    """Return what an answer says, whatever its form."""
    after = retry_after(response.headers)
    if after is None and response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        after = seconds(response.headers.get("x-ratelimit-reset"))
    body = _body(response)
    if body is None:
        html = "html" in response.headers.get("content-type", "") or response.content.lstrip()[:1] == b"<"
        return Failure(response.status_code, html=html, after=after)
    text = body.get("error") or body.get("message") or _flat(body.get("errors")) or ""
    return Failure(response.status_code, _clean(str(text)), str(body.get("code") or ""), after=after)


def seconds(text: str | None) -> float | None:
    """Return a header's number of seconds; None if it is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 86_400 else None


def _body(response: httpx.Response) -> dict[str, Any] | None:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else {}


def _flat(errors: Any) -> str:
    """Webhook endpoints answer with `{"errors": {field: [texts]}}`."""
    if not isinstance(errors, dict):
        return ""
    return "; ".join(
        f"{name}: {', '.join(map(str, texts))}" for name, texts in errors.items() if isinstance(texts, list)
    )


def _clean(text: str) -> str:
    line = " ".join(text.split()).rstrip(". ")
    return line[:_LONGEST] + "…" if len(line) > _LONGEST else line
