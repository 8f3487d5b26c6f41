"""What an answer of Pipedrive means for what happens next: one table.

Texts may change without notice (vendor's policy), so rows match on status, `code` and the form of the body.
Source: https://pipedrive.readme.io/docs/core-api-concepts-http-status-codes; the HTML page with 403 is the edge's
block after ignored 429s.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import httpx

from headrace.platform.refusals import CHANGE, UNFORESEEN, Failure, Rule, at, clean, meant, reject, stop, throttled
from headrace.platform.retry_after import retry_after

Phase = Literal["change", "record", "list"]
"""A changing call, a read of one record, a read of a list."""

BURST_SECONDS = 2.0
"""Wait after a 429 that names no time: the window of the burst limit."""
BLOCKED_SECONDS = 300.0
"""Wait after the edge's block page, which names no time."""
NOT_THERE = "record is not there"


PAGE = "page"
"""Form of a body that is no JSON: the edge answered."""
_LIST = frozenset({"list"})
PERMISSION = "Check the permission set and the visibility of the token's user in Pipedrive."

TABLE: tuple[Rule, ...] = (
    Rule(stop("Check api_token; a new token of the user replaces the old one."), at(401)),
    Rule(stop("The Pipedrive account is closed or unpaid; renew it."), at(402)),
    # The edge answers in place of the API, so nothing was taken.
    Rule(throttled(BLOCKED_SECONDS, "blocked at the edge after too many calls"), at(403), form=PAGE),
    Rule(reject("plan limit reached", "Raise the plan or remove records, then retry."), at(403), code="feature_capp"),
    Rule(stop(PERMISSION), at(403), _LIST),
    # Visibility and permission refuse single records, so one record must not stop the connection (I11).
    Rule(reject("permission denied", PERMISSION), at(403)),
    Rule(throttled(BURST_SECONDS), at(429)),
    Rule(
        reject("refused by Pipedrive", "Correct the record at its source or the mapping, then retry."),
        at(400, 409, 422),
        CHANGE,
    ),
    Rule(reject(NOT_THERE, "It was deleted or is not visible: look in Pipedrive."), at(404, 410)),
    Rule(reject("request refused", "Pipedrive does not accept this request."), at(400, 405, 409, 413, 414, 422)),
    Rule(reject("feature not enabled", "Enable the feature in Pipedrive or take the field out."), at(415)),
    *UNFORESEEN,
)
"""The first row that fits decides."""


def error_of(what: str, response: httpx.Response, phase: Phase) -> Exception:
    """Return the error that an answer means.

    Args:
        what: operation and record, for people.
        response: the answer, also one of status 200 with `"success": false`.
        phase: what kind of call it was.
    """
    return meant(TABLE, what, read_failure(response), phase)


def read_failure(response: httpx.Response) -> Failure:
    """Return what an answer says, whatever its form."""
    after = retry_after(response.headers)
    if after is None and response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        after = seconds(response.headers.get("x-ratelimit-reset"))
    body = _body(response)
    if body is None:
        html = "html" in response.headers.get("content-type", "") or response.content.lstrip()[:1] == b"<"
        return Failure(response.status_code, after=after, form=PAGE if html else "")
    text = body.get("error") or body.get("message") or _flat(body.get("errors")) or ""
    return Failure(response.status_code, clean(str(text)), str(body.get("code") or ""), after=after)


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
