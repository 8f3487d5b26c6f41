"""The life of a document: its statuses under their usual words.

Words: user guide, "Document workflow"; who may change which is assumed and lies in the contract (R-10).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

NEW, PROCESSING, EXCEPTION, ARCHIVED = "New", "Processing", "Exception", "Archived"
NEEDS_REVIEW, MISSING_INFO, READY = "Needs Review", "Missing Info", "Ready"
APPROVED, EXPORT = "Approved", "Export"
NAMES: Mapping[str, str] = {
    NEW: "new",
    PROCESSING: "processing",
    NEEDS_REVIEW: "needs_review",
    MISSING_INFO: "missing_info",
    READY: "ready",
    APPROVED: "approved",
    EXPORT: "export",
    EXCEPTION: "exception",
    ARCHIVED: "archived",
}
"""Usual word → name in a contract file."""
UNREAD = (NEW, PROCESSING)
"""Nothing was read of the document yet."""


def way(transitions: Mapping[str, Sequence[str]], status: str, target: str) -> tuple[str, ...]:
    """Return the shortest way from a status to another, without the first; () if there is none."""
    ways: deque[tuple[str, ...]] = deque([(status,)])
    seen = {status}
    while ways:
        found = ways.popleft()
        for follower in transitions.get(found[-1], ()):
            if follower == target:
                return (*found[1:], follower)
            if follower not in seen:
                seen.add(follower)
                ways.append((*found, follower))
    return ()
