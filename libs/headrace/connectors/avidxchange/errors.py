"""What an answer of AvidXchange means for what happens next: one table.

Four shapes of errors were seen: AvidSuite's `exception`, a newer flat one, and two of the WSO2 gateway before it. An
answer with status 200 to an upsert says nothing yet: each item has its own result (`writing.py`).
Source: https://apim.docs.wso2.com (error handling, rate limiting); shapes of AvidSuite as seen in old clients.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import httpx

from headrace.platform.refusals import CHANGE, UNFORESEEN, Failure, Rule, at, clean, meant, reject, stop, throttled
from headrace.platform.retry_after import retry_after

Phase = Literal["change", "list", "link"]
"""A changing call; a read at an address of the contract; a read at an address that an answer gave."""

THROTTLE_SECONDS = 30.0
"""Wait after a 429 that names no time: half of the minute that the quota counts."""
NOT_THERE = "record is not there"
ENDED = "link has ended"


_LINK = frozenset({"link"})
CREDENTIAL = "Check auth of the connection: AvidSuite > System Setup > Account Information > Connections > API."
PERMISSION = "Check that user and company of the credential belong together, and may use these accounting systems."
NAMES = "Compare paths and filters of the contract with the API's reference, and base_url."

TABLE: tuple[Rule, ...] = (
    Rule(stop(CREDENTIAL), at(401)),
    Rule(stop(CREDENTIAL), code="9009"),  # the gateway: invalid, missing or expired credentials, no subscription
    Rule(throttled(THROTTLE_SECONDS), at(429)),
    Rule(throttled(THROTTLE_SECONDS), code="9008"),  # the gateway: throttled out; some versions answer with 503
    Rule(stop(PERMISSION), at(403)),
    Rule(reject(ENDED, "Read the record again: it has a fresh one."), at(404, 410), _LINK),
    # An address of the contract that does not exist is wrong for every record.
    Rule(stop(NAMES), at(404, 405, 410)),
    Rule(
        reject("refused by AvidXchange", "Correct the record at its source or the mapping, then retry."),
        at(400, 409, 413, 415, 422),
        CHANGE,
    ),
    Rule(reject("request refused", NAMES), at(400, 409, 413, 414, 415, 422)),
    *UNFORESEEN,
)
"""The first row that fits decides."""


def error_of(what: str, response: httpx.Response, phase: Phase) -> Exception:
    """Return the error that an answer means; `what` names the call for people."""
    return meant(TABLE, what, read_failure(response), phase)


def read_failure(response: httpx.Response) -> Failure:
    """Return what an answer says, whatever its shape."""
    after = retry_after(response.headers)
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, Mapping):
        return Failure(response.status_code, after=after)
    fault = body.get("fault")
    gateway = fault if isinstance(fault, Mapping) else body
    code = str(gateway.get("code") or "")
    inner = body.get("exception")
    said = inner if isinstance(inner, Mapping) else gateway
    words = [said.get(name) for name in ("reason", "message", "detail", "description")]
    return Failure(response.status_code, clean(": ".join(str(each) for each in words if each)), code, after)


def messages(errors: Any, name: str) -> list[str]:
    """Return the texts of `Errors`, which may be a list, a single object, or a text.

    Args:
        errors: as the answer has it.
        name: of the field that holds a text.
    """
    listed = errors if isinstance(errors, list) else [] if errors is None else [errors]
    found = [
        each.get(name, each.get(name[:1].lower() + name[1:])) if isinstance(each, Mapping) else each for each in listed
    ]
    return [clean(str(each)) for each in found if each]
