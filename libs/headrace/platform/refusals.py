"""What refusals mean for what happens next, as a table: the parts that every system's `errors.py` is made of.

A connector reads its own shapes of errors into a `Failure` and lists its rows; the first row that fits decides. The
last rows are always the same: what nobody knows is unknown after a change (I4), and may be repeated after a read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater, StopConnection

CHANGE = frozenset({"change"})
"""The phase of calls that change something; others are the connector's own words for kinds of reads."""
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal as read from the wire: its sentence for people and its code, "" where it has none.

    `after` is how many seconds it asks to wait, None if it does not say. `form` tells bodies of one status apart where
    that matters, such as a page of the edge from an answer of the API.
    """

    status: int
    text: str = ""
    code: str = ""
    after: float | None = None
    form: str = ""


Outcome = Callable[[str, Failure], Exception]
"""What the call was, and how it failed → what happens next."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: statuses, phases, beginning of the code, form of the body that mean an outcome; empty matches all."""

    outcome: Outcome
    statuses: frozenset[int] = frozenset()
    phases: frozenset[str] = frozenset()
    code: str = ""
    form: str = ""

    def fits(self, failure: Failure, phase: str) -> bool:
        """Say whether the row applies."""
        return (
            (not self.statuses or failure.status in self.statuses)
            and (not self.phases or phase in self.phases)
            and failure.code.startswith(self.code)
            and self.form in ("", failure.form)
        )


def meant(table: Sequence[Rule], what: str, failure: Failure, phase: str) -> Exception:
    """Return the error that a failure means; `what` names the call for people."""
    return next(rule for rule in table if rule.fits(failure, phase)).outcome(what, failure)


def at(*statuses: int) -> frozenset[int]:
    """Return statuses for a row."""
    return frozenset(statuses)


def reject(reason: str, remedy: str) -> Outcome:
    """Park the record: it will not be accepted as it is."""
    return lambda what, failure: RejectRecord(reason, f"{what}: {failure.text or failure.status}. {remedy}")


def stop(remedy: str) -> Outcome:
    """Stop the connection: an operator must act."""
    return lambda what, failure: StopConnection(
        f"{what} is answered with {failure.status} {failure.text}".rstrip(), remedy
    )


def throttled(seconds: float, words: str = "over the request limit") -> Outcome:
    """Wait as long as the answer asks for, or so many seconds: certainly not taken."""
    return lambda what, failure: RetryLater(f"{what}: {words} ({failure.status})", failure.after or seconds)


def later(what: str, failure: Failure) -> Exception:
    """Try again: certainly not taken, or a read."""
    return RetryLater(f"{what}: answered with {failure.status} {failure.text}".rstrip(), failure.after)


def unknown(what: str, failure: Failure) -> Exception:
    """Find out what became of it (I4)."""
    return OutcomeUnknown(f"{what}: answered with {failure.status} {failure.text}".rstrip())


UNFORESEEN = (Rule(unknown, phases=CHANGE), Rule(later))
"""The end of every table: 5xx and all else."""


def clean(text: str) -> str:
    """Return one line, shortened, without a full stop at its end."""
    line = " ".join(text.split()).rstrip(". ")
    return line[:_LONGEST] + "…" if len(line) > _LONGEST else line
