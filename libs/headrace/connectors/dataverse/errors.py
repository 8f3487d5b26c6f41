"""What an answer of Dataverse means for what happens next: one table.

`code` decides where there is one; it is not tied to the status, and may be an empty text. Sources: Microsoft, "Compose
HTTP requests and handle errors", "Web service error codes", "Perform conditional operations", "Service protection API
limits", "Use change tracking to synchronize data"; codes 0x8006089x as seen in live environments.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import httpx

from headrace.core.contracts import AlreadyThere
from headrace.core.errors import ChangedMeanwhile
from headrace.platform.refusals import Failure, Rule, at, clean, later, meant, reject, stop, throttled, unknown
from headrace.platform.retry_after import retry_after

Phase = Literal["create", "change", "record", "list"]
"""A create that must not meet a row, another change, a read of one row, a read of several."""

THROTTLE_SECONDS = 30.0
"""Wait after a 429 without `Retry-After`."""
NOT_THERE, UNKNOWN_COLUMN, EXPIRED = "record is not there", "unknown column", "change tracking expired"
"""Reasons that are looked into."""

NO_USER = (
    "Create an application user for client_id in the environment (Power Platform admin centre > Environments > "
    "Settings > Application users), enable it, and give it a security role."
)
PRIVILEGE = "Give the application user a security role with this privilege; `headrace ping` names all that it lacks."
_CHANGES = frozenset({"create", "change"})
_LIST = frozenset({"list"})
_CREATE = frozenset({"create"})
_BY_HAND = "Correct it in Dynamics or in the mapping, then retry."
_LOCKED = "If the record is closed, locked or inactive, open it in Dynamics, then retry; else correct what it says."


def _there(what: str, failure: Failure) -> Exception:
    return AlreadyThere(f"{what}: {failure.text}")


def _changed(what: str, failure: Failure) -> Exception:
    return ChangedMeanwhile(f"{what}: changed meanwhile ({failure.status})", failure.after)


_DUPLICATE = reject("already exists", "Another row has this key: find it in Dynamics, and correct one of the two.")

TABLE: tuple[Rule, ...] = (
    Rule(stop("Check client_id, its secret or certificate, and that resource is the environment's address."), at(401)),
    # A good token of somebody whom the environment does not know ("The user is not a member of the organization.").
    Rule(stop(NO_USER), code="0x80072560"),
    # Certainly not executed (dossier §12: "A 429 means nothing was executed").
    Rule(throttled(THROTTLE_SECONDS, "over a service protection limit"), at(429)),
    # prvReadX and its like are of a whole table, and reads of a list are all that a poll does.
    Rule(stop(PRIVILEGE), at(403), _LIST),
    # Rights may be of single rows, and other tables go on, so one record must not stop the connection (I11).
    Rule(reject("privilege is missing", PRIVILEGE), at(403)),
    # The answer to If-Match with an old version ("The version of the existing record doesn't match …").
    Rule(_changed, code="0x80060882"),
    # "A record with matching key values already exists": the primary key, or an alternate key.
    Rule(_there, phases=_CREATE, code="0x80040237"),
    Rule(_there, phases=_CREATE, code="0x80060892"),
    Rule(_DUPLICATE, code="0x80040237"),
    Rule(_DUPLICATE, code="0x80060892"),
    # Documented with 412 and with 500; the rule is checked before anything is kept.
    Rule(
        reject(
            "duplicate found by a rule", "Look at the duplicate in Dynamics, or change the duplicate detection rule."
        ),
        code="0x80040333",
    ),
    # The same without a code: documentation shows "" for If-None-Match: * on a row that is there.
    Rule(_there, at(412), _CREATE),
    Rule(_changed, at(412), _CHANGES),
    Rule(reject(EXPIRED, "Everything is read anew."), code="0x80044352"),
    Rule(reject(EXPIRED, "Everything is read anew."), at(410), _LIST),
    Rule(reject("text too long", f"Shorten it at its source, or enlarge the column. {_BY_HAND}"), code="0x80044331"),
    Rule(
        reject(UNKNOWN_COLUMN, "The table lacks it, or takes another type: compare with its metadata."),
        code="0x80048d19",
    ),
    Rule(reject("refused by a business rule", _LOCKED), code="0x80040265"),
    Rule(reject(NOT_THERE, "It was deleted, or belongs to another environment: look in Dynamics."), at(404)),
    Rule(reject("refused by Dataverse", _LOCKED), at(400, 405, 409, 413, 415, 422, 501), _CHANGES),
    Rule(reject("request refused", "The environment does not accept this query."), at(400, 405, 413, 414, 501)),
    # 0x80044150 is any SQL error, a deadlock among them, 0x80044151 a time-out of the database: that all of it was
    # rolled back is not documented, so what they mean for a change is found out like any other 5xx (I4).
    Rule(unknown, phases=_CHANGES),
    Rule(later),
)
"""The first row that fits decides."""


def error_of(what: str, response: httpx.Response, phase: Phase) -> Exception:
    """Return the error that an answer means.

    Args:
        what: operation and record, for people.
        response: the answer, or that of a part of a batch.
        phase: what kind of call it was.
    """
    return meant(TABLE, what, read_failure(response), phase)


def read_failure(response: httpx.Response) -> Failure:
    """Return what an answer says, whatever its form."""
    after = retry_after(response.headers)
    try:
        body: Any = json.loads(response.content)
    except (ValueError, RecursionError):
        body = None
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return Failure(response.status_code, after=after)
    # Errors of payloads begin with a help link, and say what is wrong after an arrow.
    head, _, inner = str(error.get("message") or "").partition("---->")
    text, code = clean(inner or head), str(error.get("code") or "").lower()
    return Failure(response.status_code, text, code, after)
