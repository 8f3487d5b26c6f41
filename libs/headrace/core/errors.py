"""Errors named for what happens next.

    HeadraceError
    ├── ConfigurationError     the operator fixes configuration; the process does not start
    ├── DeliveryRefused        a webhook is answered with a 4xx; nothing was taken in
    ├── RetryLater             nothing was changed; the same call is safe again after `after` seconds
    │   └── ChangedMeanwhile   nothing was changed, as the record is no longer what we read: read again, then decide
    ├── RejectRecord           this record will not heal by itself: it parks, all others go on (I11)
    │   └── NeedsReview        a human decides between shown values (I8)
    ├── WaitForRecord          another record must exist first; resumes by itself
    ├── StopConnection         the connection cannot work (credential, permission): it pauses, others go on (I11)
    └── OutcomeUnknown         a change may or may not have happened: look it up before anything else (I4)

A connector turns each (status, code, phase) into exactly one of the last seven through one table in its `errors.py`.
The default for an unrecognised answer to a change is `OutcomeUnknown`; to a read it is `RetryLater`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class HeadraceError(Exception):
    """Root of every error that Headrace raises on purpose."""


class ConfigurationError(HeadraceError):
    """Something an operator configured cannot work; the text names file, field and remedy.

    Args:
        problems: every problem found, one line each, so that all can be fixed at once.
    """

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = [problems] if isinstance(problems, str) else list(problems)
        super().__init__("\n".join(self.problems))


class DeliveryRefused(HeadraceError):
    """A webhook request is not taken in; the receiver answers with `status` and keeps nothing.

    Args:
        status: HTTP status for the sender: 400, 401, 408, 413 or 415.
        reason: short text without secrets, also the metric label.
    """

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(f"{status} {reason}")


class RetryLater(HeadraceError):
    """The target did not take the call; nothing changed there. The caller repeats it after `after` seconds.

    Args:
        reason: what the target said, shortened and without secrets.
        after: seconds to wait, from `Retry-After` or the vendor's header; None lets the caller back off.
    """

    def __init__(self, reason: str, after: float | None = None) -> None:
        self.reason = reason
        self.after = after
        super().__init__(reason)


class ChangedMeanwhile(RetryLater):
    """Certainly not taken: somebody changed the record after the version that the change was decided on.

    The same call would be refused again. The caller reads the record, decides anew, and names the version it read.

    Args:
        reason: as in `RetryLater`; the record by its target id.
    """


class Full(RetryLater):
    """Certainly not taken: what the record belongs to takes no more, as a journal that was posted, or is gone.

    Another takes its place (`open` of mapping steps); the caller has that looked after, and waits for it.

    Args:
        reason: as in `RetryLater`.
        of: target id of what is full.
    """

    def __init__(self, reason: str, of: str = "") -> None:
        super().__init__(reason)
        self.of = of


class RejectRecord(HeadraceError):
    """The record as it is will never be accepted. It parks with the reason; an operator edits, retries or skips it.

    Args:
        reason: a stable, lower-case word group used as metric label and for grouping ("unknown product").
        detail: the sentence for the operator: record, field, value and remedy.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail or reason
        super().__init__(f"{reason}: {detail}" if detail else reason)


class NeedsReview(RejectRecord):
    """Rules cannot settle a difference; a human sees both values and decides (I8).

    Args:
        reason: as in `RejectRecord`.
        detail: as in `RejectRecord`.
        differences: field to (what the source says, what the target holds).
    """

    def __init__(
        self, reason: str, detail: str = "", differences: Mapping[str, tuple[object, object]] | None = None
    ) -> None:
        super().__init__(reason, detail)
        self.differences = dict(differences or {})


class WaitForRecord(HeadraceError):
    """A dependency is not in the target yet. The event parks as waiting and resumes when the link appears.

    Args:
        entity: canonical entity waited for, e.g. "customer".
        canonical_id: its canonical id; "" if it is the target's own word on the record itself that is waited for.
        detail: the sentence for the operator ("line 2: product BK-1 is not released in usmf").
    """

    def __init__(self, entity: str, canonical_id: str, detail: str) -> None:
        self.entity = entity
        self.canonical_id = canonical_id
        self.detail = detail
        super().__init__(detail)


class StopConnection(HeadraceError):
    """The connection cannot work until an operator acts: bad credential, missing permission, closed account.

    Args:
        reason: what failed, without secrets.
        remedy: what the operator does about it.
    """

    def __init__(self, reason: str, remedy: str = "") -> None:
        self.reason = reason
        self.remedy = remedy
        super().__init__(f"{reason}. {remedy}" if remedy else reason)


class LeaseLost(HeadraceError):
    """This worker may no longer own the record: nothing was called or written. The process restarts and recovers."""


class OutcomeUnknown(HeadraceError):
    """A change was sent and its fate is unknown: lost reply, 5xx after sending, time-out, cancellation (I4).

    Args:
        reason: what was seen on the wire.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)
