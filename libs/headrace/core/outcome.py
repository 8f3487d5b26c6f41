"""What became of an event on one target: nothing ends without one of these names (I9)."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """The final word on one event and target, as audit and metrics show it."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    ADOPTED = "adopted"
    """An earlier write of ours, or a record that was there already, was found and taken over."""
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    """Not written because of a named rule; the rule is in `detail`."""
    PARKED = "parked"
    SUPERSEDED = "superseded"
    """A newer full snapshot of the same record took the place of this one while it was parked."""


class Status(StrEnum):
    """Where one canonical id stands on one target (design §5)."""

    SETTLED = "settled"
    INTENT = "intent"
    PARKED = "parked"


class ParkReason(StrEnum):
    """Why an event is parked, in the order of who acts: the system itself, a human, a fix."""

    WAITING = "waiting"
    REVIEW = "review"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    """The outcome of a change is unknown and the target cannot be asked (I4)."""
    UNDECODABLE = "undecodable"
