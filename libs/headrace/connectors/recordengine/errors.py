"""What an answer of RecordEngine means for what happens next: one table.

`detail` of an answer is a sentence, or a list of objects that name a field each, as FastAPI writes them. What an upload
came to is unknown wherever no row says that it was refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

import httpx

from headrace.platform.refusals import CHANGE, UNFORESEEN, Failure, Rule, at, clean, meant, reject, stop, throttled
from headrace.platform.retry_after import retry_after

Phase = Literal["change", "list", "one"]
"""An upload; a list; one record."""

THROTTLE_SECONDS = 30.0
"""Wait after a 429 that names no time: half of the minute that requests are counted in."""
NOT_THERE = "record is not there"
NO_ROUTE = "no route"
"""Form of a 404 that is about the address and not about a record."""

CREDENTIAL = "Was the token regenerated under Settings > API? Replace api_token; the old one ended at once."
PERMISSION = "The token's administrator must see these documents: look at Settings > API."
NAMES = "Compare paths and parameters of the contract with the instance's own reference at /api/docs, and base_url."
_FILING = "Correct filing of the connection: contact, and a folder of that contact; `headrace ping` looks for them."
_TYPE = "Take the file out of the documents to be sent, or name its type under upload.extensions of the contract."
_SIZE = "Make the file smaller; upload.max_mb of the contract says what the instance takes."

TABLE: tuple[Rule, ...] = (
    Rule(stop(CREDENTIAL), at(401)),
    Rule(throttled(THROTTLE_SECONDS), at(429)),
    Rule(stop(PERMISSION), at(403)),
    # An address of the contract that does not exist is wrong for every record.
    Rule(stop(NAMES), at(404), form=NO_ROUTE),
    Rule(reject("contact or folder is not there", _FILING), at(404), CHANGE),
    Rule(reject("file too large", _SIZE), at(413), CHANGE),
    Rule(reject("file type not accepted", _TYPE), at(415), CHANGE),
    Rule(
        reject("refused by RecordEngine", "Correct the record at its source or the mapping, then retry."),
        at(400, 409, 422),
        CHANGE,
    ),
    Rule(stop(NAMES), at(404, 405, 410)),
    Rule(reject("request refused", NAMES), at(400, 409, 413, 414, 415, 422)),
    *UNFORESEEN,
)
"""The first row that fits decides."""


def error_of(what: str, response: httpx.Response, phase: Phase) -> Exception:
    """Return the error that an answer means; `what` names the call for people."""
    return meant(TABLE, what, read_failure(response), phase)


def read_failure(response: httpx.Response) -> Failure:
    """Return what an answer says; a page of a proxy says nothing."""
    after = retry_after(response.headers)
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, Mapping):
        return Failure(response.status_code, after=after, form=NO_ROUTE)
    text = "; ".join(filter(None, map(_sentence, _listed(body.get("detail")))))
    # FastAPI's own words for an address that it does not have; those about a record name it.
    form = NO_ROUTE if text.casefold() in ("", "not found") else ""
    return Failure(response.status_code, clean(text), after=after, form=form)


def _listed(detail: Any) -> list[Any]:
    return detail if isinstance(detail, list) else [] if detail is None else [detail]


def _sentence(detail: Any) -> str:
    if not isinstance(detail, Mapping):
        return str(detail)
    place = detail.get("loc")
    where = ".".join(str(part) for part in place) if isinstance(place, list) else ""
    return ": ".join(filter(None, (where, str(detail.get("msg") or ""))))
