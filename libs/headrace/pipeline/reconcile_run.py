"""A whole comparison of one connection: both directions, and what differs looked at again until it stands still."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence

from headrace.pipeline.backlog import Backlog
from headrace.pipeline.poll import Cursors, Poller
from headrace.pipeline.reconcile import LOOKS, Direction, Tally, Watcher, patiently
from headrace.pipeline.reconcile_source import SourceComparison
from headrace.pipeline.reconcile_target import TargetComparison
from headrace.pipeline.shared import Shared
from headrace.platform.lag import Lag

Settle = Callable[[Collection[str]], Awaitable[None]]
"""Returns once what was on its way of some objects is worked off."""


class Comparison:
    """Compares one connection.

    Args:
        source: the direction from it; None if it is not read.
        target: the direction to it; None if it is not written.
        tally: counts what both find.
        settle: called before what differs is looked at again.
    """

    def __init__(
        self, source: SourceComparison | None, target: TargetComparison | None, tally: Tally, settle: Settle
    ) -> None:
        self._source = source
        self._target = target
        self._tally = tally
        self._settle = settle

    async def run(self, objects: Sequence[str]) -> None:
        """Compare all records of some objects; the tally tells what was found.

        Raises:
            RetryLater, StopConnection, RejectRecord: the connection cannot be read. Unattended: what was on its way is
                not worked off. KafkaError: Kafka is gone. In each case nothing was changed.
        """
        if self._source is not None:
            for obj in self._source.objects:
                if obj in objects:
                    await self._source.first(obj)
        if self._target is not None:
            await self._target.first(objects)
        await self._look_again()

    async def again(self) -> None:
        """Compare anew what differed, once what was ordered about it is worked off; errors as of `run`."""
        differed = self._tally.take_back()
        if self._source is not None:
            self._source.suspect(each for each in differed if each.direction is Direction.FROM)
        if self._target is not None:
            self._target.suspect(each for each in differed if each.direction is Direction.TO)
        await self._look_again()

    async def _look_again(self) -> None:
        for look in range(1, LOOKS + 1):
            pending = self._pending()
            if not pending:
                break
            await self._settle(pending)
            if self._source is not None:
                await self._source.again(look == LOOKS)
            if self._target is not None:
                await self._target.again(look == LOOKS)
        if self._source is not None:
            await self._source.finish()

    def _pending(self) -> set[str]:
        source = self._source.pending if self._source is not None else set()
        return source | (self._target.pending if self._target is not None else set())


class Settling:
    """Waits until no worker has anything of a connection before it that could explain a difference.

    What its polls would find is asked for now, so that only what they miss is left; then its normaliser and its
    processor finish what they have, and the links show it.

    Args:
        shared: the deployment, with its links followed.
        connection: the name.
        poller: of the connection; None if it is not read.
        polled: its objects with a schedule.
        backlog: of the connection's own workers.
        lag: asks the brokers.
        watcher: hears how it goes.
    """

    def __init__(
        self,
        shared: Shared,
        connection: str,
        poller: Poller | None,
        polled: Collection[str],
        backlog: Backlog,
        lag: Lag,
        watcher: Watcher,
    ) -> None:
        self._shared = shared
        self._connection = connection
        self._poller = poller
        self._polled = polled
        self._backlog = backlog
        self._lag = lag
        self._watcher = watcher
        self._cursors = Cursors(shared.settings.kafka, shared.names.cursors, shared.codec, shared.producer)

    async def __call__(self, objects: Collection[str]) -> None:
        """Wait; errors as of `Comparison.run`."""
        for obj in sorted(objects):
            if self._poller is not None and obj in self._polled and await self._cursors.get(self._connection, obj):
                await self._poll(self._poller, obj)
        await self._backlog.settled(self._watcher.behind)
        await self.caught_up()

    async def caught_up(self) -> None:
        """Wait until the links of this process show what the workers have written."""
        for place, end in (await self._lag.ends([self._shared.names.links])).items():
            if end:
                await self._shared.links.read_up_to(place.partition, end - 1)

    async def _poll(self, poller: Poller, obj: str) -> None:
        await patiently(lambda: poller.poll(obj), self._watcher.later)
