"""What an answer of Finance and Operations means for what happens next: one table.

A status does not tell permanent from transient: both come as 400 and as 500, and only the infolog decides. The infolog
is in the language of the user that the application is mapped to, so that user's language must be en-US. An error of
the entity layer ("Write failed for table row …") ends its transaction, so nothing of that request was kept.
Source: Microsoft, "Open Data Protocol (OData)" and "Priority-based throttling"; texts as seen in live environments.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from headrace.core.contracts import AlreadyThere
from headrace.core.errors import ChangedMeanwhile, OutcomeUnknown, RejectRecord, RetryLater, StopConnection
from headrace.platform.retry_after import retry_after

THROTTLE_SECONDS = 30.0
"""Wait after a 429 without `Retry-After`, as in the vendor's sample."""

PERMISSION = "Check the roles of the F&O user that the application is mapped to (Microsoft Entra applications)."
UNAUTHORIZED = (
    "Map the application to an enabled F&O user (System administration > Setup > Microsoft Entra applications), and "
    "check that environment_url is exactly the environment's address: it is the audience of the token."
)
_LONGEST = 400
POSTED, NOT_THERE, RELATED = "posted", "record is not there", "related value missing"
"""Reasons that are looked into: of invoices and journals they may mean that somebody posted them."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal as read from the wire. `text` is the sentence for the operator, "" if the body says nothing."""

    status: int
    text: str = ""
    infolog: tuple[str, ...] = ()
    from_entity: bool = False
    """The entity layer itself says that the write failed: its transaction was rolled back."""
    after: float | None = None

    @property
    def words(self) -> str:
        """All that the answer says, for patterns."""
        return "; ".join((self.text, *self.infolog))


Outcome = Callable[[str, Failure], Exception]


def _reject(reason: str, remedy: str) -> Outcome:
    return lambda what, failure: RejectRecord(reason, f"{what}: {failure.text} {remedy}")


def _later(what: str, failure: Failure) -> Exception:
    return RetryLater(f"{what}: {failure.text or failure.status}", failure.after)


def _throttled(what: str, failure: Failure) -> Exception:
    return RetryLater(
        f"{what}: the environment is busy (429)", THROTTLE_SECONDS if failure.after is None else failure.after
    )


def _collided(what: str, failure: Failure) -> Exception:
    return RetryLater(f"{what}: another process was changing it ({failure.status})", failure.after)


def _changed(what: str, failure: Failure) -> Exception:
    return ChangedMeanwhile(f"{what}: changed meanwhile ({failure.status})", failure.after)


def _there(what: str, failure: Failure) -> Exception:
    return AlreadyThere(f"{what}: {failure.text}")


def _stop(remedy: str) -> Outcome:
    return lambda what, failure: StopConnection(
        f"{what} is answered with {failure.status} {failure.text}".rstrip(), remedy
    )


def _unknown(what: str, failure: Failure) -> Exception:
    return OutcomeUnknown(f"{what}: answered with {failure.status} {failure.text}".rstrip())


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: these statuses (none: any) and this pattern in the words (none: any) mean this outcome."""

    outcome: Outcome
    statuses: frozenset[int] = frozenset()
    pattern: re.Pattern[str] | None = None
    entity_only: bool = False

    def fits(self, failure: Failure) -> bool:
        """Say whether the row applies."""
        if self.statuses and failure.status not in self.statuses:
            return False
        if self.entity_only and not failure.from_entity:
            return False
        return self.pattern is None or self.pattern.search(failure.words) is not None


def _says(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_REFUSING = frozenset({400, 422, 500})
"""Statuses whose infolog decides."""

CHANGES: tuple[Rule, ...] = (
    Rule(_stop(UNAUTHORIZED), frozenset({401})),
    # Which status refuses a change of what is posted is not known.
    Rule(
        _reject(POSTED, "Correct it in Finance and Operations, then resolve with --take target."),
        frozenset({400, 403, 409, 422, 500}),
        _says(r"\b(is|are|was|were|been|already) posted\b|\bposted\b[^.;]* (cannot|can't|must not) be "),
    ),
    Rule(_stop(PERMISSION), frozenset({403})),
    Rule(_throttled, frozenset({429})),
    # The etag of If-Match is an old one: 412 by the rules of OData, 409 was seen too.
    Rule(_changed, frozenset({409, 412})),
    # The kernel refuses these before it keeps anything; the same write is safe again.
    Rule(
        _collided,
        _REFUSING,
        _says(r"update conflict|modified by another user|deadlock|has been selected as the victim"),
    ),
    Rule(_there, _REFUSING, _says(r"the record already exists")),
    # Invoice numbers are unique by vendor, as the company's accounts payable parameters have it.
    Rule(_there, _REFUSING, _says(r"\binvoice (number )?.*\balready (exists|(been )?used|in use)\b|duplicate invoice")),
    # Row-level security refuses single companies or records, so one record must not stop the connection (I11).
    Rule(
        _reject("permission denied", PERMISSION),
        _REFUSING,
        _says(r"permission denied|not authorized|insufficient rights"),
    ),
    Rule(
        _reject("invoice cannot be settled", "Post it; or undo, in F&O, what has settled it. Then retry."),
        _REFUSING,
        _says(r"in field '?Invoice'? is not found in the related table"),
    ),
    Rule(
        _reject(RELATED, "Create that value in F&O, or correct the field or the mapping's table."),
        _REFUSING,
        _says(r"is not found in the related table"),
    ),
    Rule(
        _reject("required field is empty", "Give the field a value at the source, or a default in the mapping."),
        _REFUSING,
        _says(r"must be filled in|mandatory field|is mandatory|field .* is required"),
    ),
    Rule(
        _reject("blocked or on hold", "Release it in F&O, then retry."),
        _REFUSING,
        _says(r"is blocked for|on hold|is stopped"),
    ),
    Rule(
        _reject("invoice cannot be settled", "Compare the open amount in F&O with the payment, then retry."),
        _REFUSING,
        _says(r"exceeds the open amount|more than the .* that it pays|over-?settle|invoice .* is not found"),
    ),
    Rule(
        _reject("credit limit exceeded", "Raise the limit or settle what is open in F&O, then retry."),
        _REFUSING,
        _says(r"credit limit"),
    ),
    Rule(
        _reject("dimension refused", "Check the value, the active dimension format and dimension_format."),
        _REFUSING,
        _says(r"dimension (value|format|attribute)|display value|financial dimension"),
    ),
    Rule(
        _reject("unknown field", "The environment's version lacks this field: take it out of the mapping."),
        _REFUSING,
        _says(r"could not find a property named|does not exist on type|undeclared property"),
    ),
    Rule(
        _reject("already exists", "Find the existing record in F&O and link it."), _REFUSING, _says(r"already exists")
    ),
    Rule(
        _reject("refused by F&O", "Correct the record at its source or in F&O, then retry."),
        _REFUSING,
        entity_only=True,
    ),
    Rule(
        _reject("request refused", "The environment gave no usable reason: compare the fields with its metadata."),
        frozenset({400, 405, 413, 415, 422}),
    ),
    Rule(
        _reject(NOT_THERE, "It was deleted, renamed or belongs to another company: look in F&O."),
        frozenset({404, 410}),
    ),
    # 5xx of gateways, 408 and all else: the change may have been made (I4).
    Rule(_unknown),
)
"""Answers to changing calls; the first row that fits decides."""

READS: tuple[Rule, ...] = (
    Rule(_stop(UNAUTHORIZED), frozenset({401})),
    Rule(_stop(PERMISSION), frozenset({403})),
    Rule(_throttled, frozenset({429})),
    Rule(
        _reject("unknown field", "The environment's version lacks this field."),
        frozenset({400}),
        _says(r"could not find a property named"),
    ),
    Rule(
        _reject("request refused", "The environment does not accept this query."),
        frozenset({400, 404, 405, 413, 414, 415}),
    ),
    Rule(_later),
)
"""Answers to reads, apart from 404 on a key, which means that there is no such record."""


def for_change(what: str, response: httpx.Response) -> Exception:
    """Return what a refused change means; `what` names object and action for the operator."""
    return outcome(CHANGES, what, failure_of(response))


def for_read(what: str, response: httpx.Response) -> Exception:
    """Return what a refused read means."""
    return outcome(READS, what, failure_of(response))


def outcome(table: tuple[Rule, ...], what: str, failure: Failure) -> Exception:
    """Return the error of the first row that fits."""
    return next(rule.outcome(what, failure) for rule in table if rule.fits(failure))


# --- reading the body ---

_ENTRY = re.compile(r"(?:^|;\s*)(?:Info|Warning|Error):\s*")
_HEAD = re.compile(r"^(?P<head>.*?)\bInfolog:\s*(?P<entries>.*)$", re.DOTALL)
_ENTITY_LAYER = re.compile(r"write failed for table row|write returned recid 0|AxODataWriteException", re.IGNORECASE)
_GENERIC = re.compile(
    r"^(validate(Field|Write|Delete) failed|update has been cancell?ed|an error has occurred)",
    re.IGNORECASE,
)


def failure_of(response: httpx.Response) -> Failure:
    """Read an answer that is no success: OData error, Web API message, HTML of a gateway, or nothing."""
    text, kind = _message(response)
    return Failure(
        status=response.status_code,
        text=_clean(_useful(text)),
        infolog=tuple(_entries(text)),
        from_entity=bool(_ENTITY_LAYER.search(text) or _ENTITY_LAYER.search(kind)),
        after=retry_after(response.headers),
    )


def _message(response: httpx.Response) -> tuple[str, str]:
    """Return the innermost message and the exception's type."""
    if "json" not in response.headers.get("content-type", ""):
        return "", ""
    try:
        body: Any = json.loads(response.content)
    except ValueError:
        return "", ""
    if not isinstance(body, dict):
        return "", ""
    error = body.get("error")
    if not isinstance(error, dict):
        return str(body.get("Message") or body.get("message") or ""), ""
    inner = error.get("innererror")
    if isinstance(inner, dict) and inner.get("message"):
        return str(inner["message"]), str(inner.get("type", ""))
    return str(error.get("message") or ""), ""


def _entries(text: str) -> list[str]:
    head = _HEAD.match(text)
    if head is None:
        return []
    return [part.strip() for part in _ENTRY.split(head["entries"]) if part.strip()]


def _useful(text: str) -> str:
    """Return the first entry of an infolog that is not generic, else the text itself."""
    entries = _entries(text)
    return next((entry for entry in entries if not _GENERIC.match(entry)), entries[0] if entries else text)


def _clean(text: str) -> str:
    """Return one line with one full stop at the end, shortened."""
    line = " ".join(text.split()).rstrip(". ")
    if len(line) > _LONGEST:
        line = line[:_LONGEST] + "…"
    return line + "." if line else ""
