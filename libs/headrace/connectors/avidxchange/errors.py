"""What an answer of AvidXchange means for what happens next: one table.

Four shapes of errors were seen: AvidSuite's `exception`, a newer flat one, and two of the WSO2 gateway before it. An
answer with status 200 to an upsert says nothing yet: each item has its own result (`results.py`).
Source: https://apim.docs.wso2.com (error handling, rate limiting); shapes of AvidSuite as seen in old clients.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx

from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection
from headrace.platform.retry_after import retry_after

Phase = Literal["change", "list", "link"]
"""A changing call; a read at an address of the contract; a read at an address that an answer gave."""

THROTTLE_SECONDS = 30.0
"""Wait after a 429 that names no time: half of the minute that the quota counts."""
NOT_THERE = "record is not there"
ENDED = "link has ended"
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal as read from the wire. `code` is the gateway's, "" if the system itself answered."""

    status: int
    text: str = ""
    code: str = ""
    after: float | None = None


Outcome = Callable[[str, Failure], Exception]


def _reject(reason: str, remedy: str) -> Outcome:
    return lambda what, failure: RejectRecord(reason, f"{what}: {failure.text or failure.status}. {remedy}")


def _stop(remedy: str) -> Outcome:
    return lambda what, failure: StopConnection(
        f"{what} is answered with {failure.status} {failure.text}".rstrip(), remedy
    )


def _throttled(what: str, failure: Failure) -> Exception:
    after = THROTTLE_SECONDS if failure.after is None else failure.after
    return RetryLater(f"{what}: over the request limit ({failure.status})", after)


def _later(what: str, failure: Failure) -> Exception:
    return RetryLater(f"{what}: answered with {failure.status} {failure.text}".rstrip(), failure.after)


def _unknown(what: str, failure: Failure) -> Exception:
    return OutcomeUnknown(f"{what}: answered with {failure.status} {failure.text}".rstrip())


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: statuses, phases and beginning of the gateway's code that mean an outcome; what is empty matches all."""

    outcome: Outcome
    statuses: frozenset[int] = frozenset()
    phases: frozenset[Phase] = frozenset()
    code: str = ""

    def fits(self, failure: Failure, phase: Phase) -> bool:
        """Say whether the row applies."""
        return (
            (not self.statuses or failure.status in self.statuses)
            and (not self.phases or phase in self.phases)
            and failure.code.startswith(self.code)
        )


def _at(*statuses: int) -> frozenset[int]:
    return frozenset(statuses)


_CHANGE: frozenset[Phase] = frozenset({"change"})
_LINK: frozenset[Phase] = frozenset({"link"})
CREDENTIAL = "Check auth of the connection: AvidSuite > System Setup > Account Information > Connections > API."
PERMISSION = "Check that user and company of the credential belong together, and may use these accounting systems."
NAMES = "Compare paths and filters of the contract with the API's reference, and base_url."

TABLE: tuple[Rule, ...] = (
    Rule(_stop(CREDENTIAL), _at(401)),
    Rule(_stop(CREDENTIAL), code="9009"),  # the gateway: invalid, missing or expired credentials, no subscription
    Rule(_throttled, _at(429)),
    Rule(_throttled, code="9008"),  # the gateway: throttled out; some versions answer with 503
    Rule(_stop(PERMISSION), _at(403)),
    Rule(_reject(ENDED, "Read the record again: it has a fresh one."), _at(404, 410), _LINK),
    # An address of the contract that does not exist is wrong for every record.
    Rule(_stop(NAMES), _at(404, 405, 410)),
    Rule(
        _reject("refused by AvidXchange", "Correct the record at its source or the mapping, then retry."),
        _at(400, 409, 413, 415, 422),
        _CHANGE,
    ),
    Rule(_reject("request refused", NAMES), _at(400, 409, 413, 414, 415, 422)),
    # 5xx and all else: a change may have been made (I4), a read is safe again.
    Rule(_unknown, phases=_CHANGE),
    Rule(_later),
)
"""The first row that fits decides."""


def error_of(what: str, response: httpx.Response, phase: Phase) -> Exception:
    """Return the error that an answer means; `what` names the call for people."""
    failure = read_failure(response)
    return next(rule for rule in TABLE if rule.fits(failure, phase)).outcome(what, failure)


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


def clean(text: str) -> str:
    """Return one line, shortened, without a full stop at its end."""
    line = " ".join(text.split()).rstrip(". ")
    return line[:_LONGEST] + "…" if len(line) > _LONGEST else line
