"""The initial load: what a system holds from before, put into its inbox beside live traffic (I1).

What follows is the usual flow, so that nothing is written twice: normalise, identity, links, targets. The load only
reads, page by page, and remembers how far it came: `cursors` under `load:<connection>:<object>`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from headrace.core.contracts import Record
from headrace.core.errors import HeadraceError
from headrace.pipeline.audit import Audit
from headrace.pipeline.backlog import Backlog, Behind
from headrace.pipeline.history import History, HistoryPage, Span
from headrace.pipeline.inbox import LOAD, Delivery, Inbox
from headrace.pipeline.poll import Cursors
from headrace.pipeline.twins import Twin, Twins
from headrace.platform import metrics
from headrace.platform.crashpoints import point
from headrace.platform.record_json import CONTENT_TYPE, dump_record

PHASE, HELD = "load", "held back"
"""Phase and outcome in the audit of a record that is not loaded because another one has its natural key."""


class LoadUnderWay(HeadraceError):
    """A load with another span was begun and not finished; the operator finishes it or begins anew."""


@dataclass(frozen=True, slots=True)
class LoadState:
    """How far a load is: durable with each page."""

    started_at: datetime
    marks: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """Topic → where its partitions ended when the load began: what came of it stands behind."""
    span: Span = field(default_factory=Span)
    cursor: Mapping[str, str] = field(default_factory=dict)
    read: int = 0
    """Records of durable pages; a page that was cut short by a crash is read again and counts once."""
    held: int = 0
    """Of these, records that were not put into the inbox: see `Twins`."""
    finished_at: datetime | None = None

    def to_values(self) -> dict[str, str]:
        """Return the state as the values of a cursor."""
        times = {
            "started_at": self.started_at,
            "since": self.span.since,
            "until": self.span.until,
            "finished_at": self.finished_at,
        }
        texts = {name: moment.isoformat() for name, moment in times.items() if moment is not None}
        counts = {"read": str(self.read), "held": str(self.held)}
        return {**texts, **counts, "cursor": json.dumps(dict(self.cursor)), "marks": json.dumps(dict(self.marks))}

    @classmethod
    def from_values(cls, values: Mapping[str, str]) -> LoadState | None:
        """Return the state that `to_values` wrote; None if no load was ever begun."""
        if not values:
            return None
        moments = {name: datetime.fromisoformat(values[name]) for name in _TIMES if name in values}
        return cls(
            started_at=moments["started_at"],
            marks=json.loads(values["marks"]),
            span=Span(moments.get("since"), moments.get("until")),
            cursor=json.loads(values["cursor"]),
            read=int(values["read"]),
            held=int(values["held"]),
            finished_at=moments.get("finished_at"),
        )


_TIMES = ("started_at", "since", "until", "finished_at")


class Watcher(Protocol):
    """Hears how a load goes."""

    def at(self, state: LoadState) -> None:
        """A page is durable, or the load begins or goes on here."""

    def behind(self, behind: Behind) -> None:
        """So far are the workers behind; the load rests while one of them is too far."""

    def later(self, reason: str, seconds: float) -> None:
        """The source answers "not now"; it is asked again after `seconds`."""


class Loader:
    """Loads one object of one connection.

    Args:
        connection: whose records.
        obj: the object.
        history: reads them, at the pace of the connection's budget.
        inbox: the connection's inbox.
        cursors: where the load's cursor is kept, and the poll's.
        backlog: how far the workers are behind.
        twins: which records are held back.
        audit: tells which were.
        ahead: the load rests while a worker is this many messages behind: live traffic waits behind no more than
            these and half as many.
        watcher: hears how it goes.
    """

    def __init__(
        self,
        connection: str,
        obj: str,
        *,
        history: History,
        inbox: Inbox,
        cursors: Cursors,
        backlog: Backlog,
        twins: Twins,
        audit: Audit,
        ahead: int,
        watcher: Watcher,
    ) -> None:
        self._connection = connection
        self._object = obj
        self._history = history
        self._inbox = inbox
        self._cursors = cursors
        self._backlog = backlog
        self._twins = twins
        self._audit = audit
        self._ahead = ahead
        self._watcher = watcher

    async def run(self, begin: LoadState) -> LoadState:
        """Load from where `begin` says to the present end; killed anywhere, the next run repeats at most a page.

        Returns:
            The finished state.

        Raises:
            StopConnection, RejectRecord: the source cannot be read. NotDated: see `History`. KafkaError: Kafka is gone.
                In each case the load goes on later from its last durable page.
        """
        state = begin
        if begin.read:
            await self._backlog.normalised(self._watcher.behind)  # what was loaded before shows in the links now
        else:
            state = replace(begin, cursor=self._history.begin())
            await self._put(state)
        self._watcher.at(state)
        async for page in self._history.patiently(state.cursor, self._watcher.later):
            state = await self._page(page, state)
        state = replace(state, finished_at=datetime.now(UTC))
        await self._hand_over(state)
        await self._put(state)
        self._watcher.at(state)
        return state

    async def _page(self, page: HistoryPage, state: LoadState) -> LoadState:
        held = 0
        for records in self._portions(page.records):
            await self._backlog.below(self._ahead, self._watcher.behind)
            twins = {record.ref: self._twins.of(record) for record in records}
            pending = [await self._inbox.put_soon(self._delivery(one)) for one in records if twins[one.ref] is None]
            await asyncio.gather(*pending)
            metrics.DELIVERIES.labels(self._connection, LOAD).inc(len(pending))
            held += len(records) - len(pending)
            for twin in twins.values():
                if twin is not None:
                    await self._tell(twin)
        point("load.before-cursor")
        state = replace(state, cursor=page.cursor, read=state.read + len(page.records), held=state.held + held)
        await self._put(state)  # I1: only now
        point("load.after-cursor")
        self._watcher.at(state)
        return state

    def _portions(self, records: Sequence[Record]) -> list[Sequence[Record]]:
        """Return a page in portions between which the load may rest.

        Records without a version go all at once: what rested would be taken for the newest state later on. Those
        that are read again by the normaliser may rest.
        """
        if any(record.complete and not record.version for record in records):
            return [records]
        size = max(1, self._ahead // 2)
        return [records[start : start + size] for start in range(0, len(records), size)]

    def _delivery(self, record: Record) -> Delivery:
        body = dump_record(record)
        return Delivery(self._connection, record.ref, LOAD, body, CONTENT_TYPE, version=record.version)

    async def _tell(self, twin: Twin) -> None:
        key = f"{self._object}:{twin.external_id}"
        await self._audit.attempt(
            self._connection,
            key,
            PHASE,
            HELD,
            entity=twin.entity,
            source_connection=self._connection,
            source_object=twin.identity,
            external_id=twin.external_id,
            detail=twin.reason,
        )
        await self._audit.flush(key)

    async def _hand_over(self, state: LoadState) -> None:
        """Let the first poll go on where the load ended, instead of reading everything a second time.

        Not after a load that stopped at a time: what changed later is still to be read.
        """
        polled = await self._cursors.get(self._connection, self._object)
        if not polled and state.cursor and state.span.until is None:
            await self._cursors.put(self._connection, self._object, state.cursor)

    async def _put(self, state: LoadState) -> None:
        await self._cursors.put(cursor_of(self._connection), self._object, state.to_values())


def cursor_of(connection: str) -> str:
    """Return the name under which the loads of a connection keep their cursors."""
    return f"load:{connection}"


async def last_load(cursors: Cursors, connection: str, obj: str, span: Span) -> LoadState | None:
    """Return the last load of an object: to be finished, or finished; None if there was none.

    Raises:
        LoadUnderWay: it has another span.
    """
    found = LoadState.from_values(await cursors.get(cursor_of(connection), obj))
    if found is not None and span.limited and span != found.span:
        limits = (("since", found.span.since), ("until", found.span.until))
        words = " ".join(f"--{name} {moment.isoformat()}" for name, moment in limits if moment is not None)
        raise LoadUnderWay(
            f"{connection} {obj}: a load was begun {found.started_at:%Y-%m-%d %H:%M} UTC "
            f"with {words or 'no limit of time'}; repeat that, or begin anew with --restart"
        )
    return found
