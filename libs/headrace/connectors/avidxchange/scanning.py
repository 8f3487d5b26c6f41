"""Reading a list whose rows change their places while it is read, and what the last poll of it handed over.

Lists page by offset, so a row that changes between two pages can push another one out of sight. A scan therefore
counts: it is whole only if it has seen as many different rows as the list says that it has.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from headrace.connectors.avidxchange.client import AvidxchangeClient
from headrace.connectors.avidxchange.contract import Row

SCANS = 5
"""How often a list is read that does not come to rest; then the next poll reads it again."""

_log = logging.getLogger(__name__)

State = Callable[[Row], tuple[str, str]]
"""Gives id and version of a row."""


@dataclass(slots=True)
class Scan:
    """Reads one list until it has been seen whole. `whole` says whether that came about."""

    client: AvidxchangeClient
    path: str
    operation: str
    params: Mapping[str, str] | None
    state: State
    whole: bool = False
    _seen: set[tuple[str, str]] = field(default_factory=set)

    async def pages(self) -> AsyncIterator[list[Row]]:
        """Yield the rows of each page that were not yielded in this state before.

        Raises:
            RetryLater, StopConnection, RejectRecord: as the list's reads do.
        """
        for _ in range(SCANS):
            ids: set[str] = set()
            totals: set[int | None] = set()
            count = 0
            async for page in self.client.pages(self.path, self.operation, self.params):
                states = [self._state(row) for row in page.rows]
                count += len(states)
                ids |= {id_ for id_, _ in states}
                totals.add(page.total)
                fresh = [row for row, state in zip(page.rows, states, strict=True) if state not in self._seen]
                self._seen.update(states)
                if fresh:
                    yield fresh
            told = totals - {None}
            self.whole = told == {len(ids)} if told else len(ids) == count
            if self.whole:
                return
        _log.warning("a list changes while it is read; the next poll reads it again", extra={"list": self.operation})

    async def rows(self) -> list[Row]:
        """Return all rows, each in the newest state that was seen of it."""
        found: dict[str, Row] = {}
        async for page in self.pages():
            for row in page:
                found[self._state(row)[0]] = row
        return list(found.values())

    def _state(self, row: Row) -> tuple[str, str]:
        """Return id and version; a row without an id is told apart by all that it holds."""
        id_, version = self.state(row)
        return id_ or repr(row), version


class Memory:
    """What polls of one list handed over, so that the overlap of the next does not deliver it again.

    This is thrift only: forgetting it (a restart) repeats, and never loses. Two polls at once do not disturb each
    other: each begins with what a whole one has left.
    """

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def begin(self, *, anew: bool) -> Handed:
        """Start a poll; `anew` forgets all, for a poll of everything."""
        return Handed({} if anew else dict(self._last))

    def finish(self, handed: Handed) -> None:
        """End a poll that came to the end of its list: what it met is known to the next one."""
        self._last = handed.now


@dataclass(slots=True)
class Handed:
    """One poll: what was handed over before it, and what it has met."""

    before: Mapping[str, str]
    now: dict[str, str] = field(default_factory=dict)

    def is_news(self, id_: str, version: str) -> bool:
        """Say whether the last poll did not hand over a record in this state."""
        return not version or self.before.get(id_) != version
