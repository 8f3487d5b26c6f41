"""The words of a comparison: in which direction, what was found of each record, and how often."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from headrace.core.errors import HeadraceError, RetryLater
from headrace.pipeline.backlog import Behind
from headrace.pipeline.effects import ATTEMPTS_IN_PLACE
from headrace.pipeline.gate import back_off

LOOKS = 3
"""How often a record is looked at again that differs and is still moving; then it counts as under way."""

T = TypeVar("T")
R = TypeVar("R")


class Direction(StrEnum):
    """Which way is compared."""

    FROM = "from it"
    """What the connection's records say, with what was told of them."""
    TO = "to it"
    """What was written to the connection, with what its records hold."""


class Verdict(StrEnum):
    """What a comparison found of one record."""

    SAME = "same"
    SKIPPED = "skipped"
    """A rule of its mapping says that it does not concern anybody."""
    PARKED = "parked"
    """Its work waits, or is under way there; `headrace parked` says why."""
    UNDER_WAY = "under way"
    """It kept changing while it was compared: live traffic."""
    KNOWN_GONE = "known to be gone"
    """It is not there any more, and that was told."""
    NOT_TOLD = "not told"
    TOLD_OTHERWISE = "told otherwise"
    DIFFERS = "differs"
    GONE = "gone"
    CANNOT_BE_MAPPED = "cannot be mapped"
    CANNOT_BE_READ = "cannot be read"

    @property
    def is_difference(self) -> bool:
        """Whether it is what a comparison looks for."""
        return self in _DIFFERENCES


_DIFFERENCES = frozenset(
    {
        Verdict.NOT_TOLD,
        Verdict.TOLD_OTHERWISE,
        Verdict.DIFFERS,
        Verdict.GONE,
        Verdict.CANNOT_BE_MAPPED,
        Verdict.CANNOT_BE_READ,
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one record.

    `fields` maps a field to what was told, or written, of it and what it holds now. `step` is the step that wrote the
    record, "" in the other direction; `detail` is a sentence for the operator.
    """

    direction: Direction
    object: str
    external_id: str
    entity: str
    verdict: Verdict
    canonical_id: str = ""
    step: str = ""
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    detail: str = ""

    @property
    def row(self) -> tuple[Direction, str, str]:
        """The row of the table of counts that it belongs to."""
        return self.direction, self.object, self.entity


Counts = Mapping[tuple[Direction, str, str], Mapping[Verdict, int]]
"""Direction, object and entity → how many records have a verdict."""


class Tally:
    """Counts findings, and keeps those that are differences."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Direction, str, str], Counter[Verdict]] = {}
        self.differences: list[Finding] = []

    def add(self, finding: Finding) -> None:
        """Count a finding."""
        self._counts.setdefault(finding.row, Counter())[finding.verdict] += 1
        if finding.verdict.is_difference:
            self.differences.append(finding)

    def take_back(self) -> list[Finding]:
        """Return the differences and count them no more: they are looked at anew."""
        taken, self.differences = self.differences, []
        for finding in taken:
            self._counts[finding.row][finding.verdict] -= 1
        return taken

    @property
    def counts(self) -> Counts:
        """How many records have a verdict; rows are there for what was compared, even if it was nothing."""
        return {row: {verdict: count for verdict, count in each.items() if count} for row, each in self._counts.items()}

    def expect(self, direction: Direction, obj: str, entity: str) -> None:
        """Have a row for what is compared."""
        self._counts.setdefault((direction, obj, entity), Counter())


class Watcher(Protocol):
    """Hears how a comparison goes."""

    def compared(self, direction: Direction, obj: str, count: int) -> None:
        """So many records of an object were compared."""

    def left_out(self, obj: str) -> None:
        """An object is mapped, but neither polled nor was anything ever told of it: it is not compared."""

    def looking_again(self, direction: Direction, obj: str, count: int) -> None:
        """So many records differ, and are looked at again."""

    def behind(self, behind: Behind) -> None:
        """So far are the workers behind; what they have not done yet is no difference."""

    def later(self, reason: str, seconds: float) -> None:
        """The system answers "not now"; it is asked again after `seconds`."""


class NotFinished(HeadraceError):
    """A comparison could not be brought to its end; the text says why. Run it again once that is mended."""


async def patiently(read: Callable[[], Awaitable[R]], later: Callable[[str, float], None]) -> R:
    """Return what a read returns, after some "not now".

    Raises:
        RetryLater: it kept answering that. And what else `read` raises.
    """
    attempt = 1
    while True:
        try:
            return await read()
        except RetryLater as error:
            if attempt == ATTEMPTS_IN_PLACE:
                raise
            seconds = back_off(attempt, error.after)
            later(error.reason, seconds)
            await asyncio.sleep(seconds)
            attempt += 1


async def in_parallel(given: Iterable[T], limit: int, work: Callable[[T], Awaitable[R]]) -> Sequence[R]:
    """Return what `work` returns for each, in order, with at most `limit` of them at once; its first error ends all."""
    room = asyncio.Semaphore(limit)

    async def one(each: T) -> R:
        async with room:
            return await work(each)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(each)) for each in given]
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return [task.result() for task in tasks]
