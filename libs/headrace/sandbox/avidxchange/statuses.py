"""What becomes of a payment: statuses, methods, and the walk of each method.

Words: the payment statuses that Shelby Systems documents for AvidPay; ids are the sandbox's own.
"""

from __future__ import annotations

from collections.abc import Mapping

from headrace.sandbox.avidxchange.documents import Method

HELD, ERROR, VOID, CLEARED = "Held", "Error", "Void", "Cleared"
FUNDED = "Funds Received"
STATUS_IDS: Mapping[str, int] = {
    "Pending Approval": 10,
    HELD: 15,
    "Processing": 20,
    "Debit Requested": 30,
    FUNDED: 40,
    "Sent to Check Printer": 45,
    "Issued to Supplier": 50,
    "ACH Credit Issued": 51,
    "VCC Processing": 52,
    CLEARED: 60,
    ERROR: 90,
    VOID: 99,
}
METHOD_IDS: Mapping[Method, int] = {"Check": 1, "AvidPay Direct": 2, "Virtual Credit Card": 3, "e-Payment": 4}

_START = ("Pending Approval", "Processing", "Debit Requested", FUNDED)
WALKS: Mapping[str, tuple[str, ...]] = {
    "Check": (*_START, "Sent to Check Printer", "Issued to Supplier", CLEARED),
    "AvidPay Direct": (*_START, "ACH Credit Issued", CLEARED),
    "Virtual Credit Card": (*_START, "VCC Processing", CLEARED),
    "e-Payment": (*_START, CLEARED),
}
HOLDABLE = ("Pending Approval", "Processing")
"""Nothing is debited yet."""
BEFORE_ISSUE = (*_START, HELD, ERROR)
"""The supplier has nothing in hands; the buyer may still void through the API."""

PROCESSES: Mapping[str, str] = {
    "Pending Approval": "Approval",
    HELD: "Approval",
    "Processing": "Approval",
    "Debit Requested": "Debit",
    FUNDED: "Debit",
    CLEARED: "Clearing",
    ERROR: "Exception",
    VOID: "Void",
}
"""Name of the process in the history; what is not here is "Issue"."""

REASONS: Mapping[int, str] = {
    4: "Missing bank account",
    5: "Bank account is being tested",
    6: "Inactive bank account",
    9: "New bank account imported",
}
"""Reasons of errors that buyers can mend; every other id is final."""


def passed(method: str, status: str, target: str) -> tuple[str, ...]:
    """Return the statuses after `status` up to `target` in the walk of a method, () if it does not lie ahead."""
    walk = WALKS[method]
    if target not in walk:
        return ()
    begin = walk.index(status) + 1 if status in walk else 0
    return walk[begin : walk.index(target) + 1]
