"""What an initial load put on its way and is not worked off yet: measured by what the workers have committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence

from headrace.core.errors import HeadraceError
from headrace.platform.lag import Ends, Lag
from headrace.platform.topics import TopicNames

LOOK_SECONDS = 0.25
"""How often the brokers are asked while something is waited for. Workers commit each second."""

Workers = Mapping[str, tuple[str, list[str]]]
"""Worker → its consumer group, and the topics that count."""


class Unattended(HeadraceError):
    """Nobody works off what is waited for; the operator starts the worker that the text names, and begins again."""


Behind = Mapping[str, int]
"""Worker → messages that it has not finished. Live traffic counts as well: it is what must not wait."""


class Backlog:
    """The workers that a connection's records go through: its normaliser, then the processors of the targets.

    Args:
        lag: asks the brokers.
        names: of topics and groups.
        source: the connection whose records are on their way; None if only its target's events are.
        targets: target connection → the entities that it takes of those.
        read: which of the targets are read as well.
        commanded: which of the targets were sent commands: these count as well.
        attended: whether a worker that does not run is an error, instead of being waited for.
    """

    def __init__(
        self,
        lag: Lag,
        names: TopicNames,
        source: str | None,
        targets: Mapping[str, Sequence[str]],
        read: Collection[str] = (),
        *,
        commanded: Collection[str] = (),
        attended: bool = False,
    ) -> None:
        self._lag = lag
        self._attended = attended
        self._inbox = _normalisers(names, [source] if source is not None else [])
        self._words = _normalisers(names, read)
        self._targets = {
            name: (
                names.group(name),
                [*map(names.canonical, entities), *([names.commands(name)] if name in commanded else ())],
            )
            for name, entities in targets.items()
        }

    async def behind(self) -> Behind:
        """Return how far each worker is behind now."""
        workers = {**self._inbox, **self._targets}
        return {
            name: await self._lag.behind(group, await self._lag.ends(topics))
            for name, (group, topics) in workers.items()
        }

    async def below(self, bound: int, tell: Callable[[Behind], None]) -> None:
        """Wait until no worker is `bound` messages behind or more; `tell` hears how far they are."""
        while True:
            now = await self.behind()
            tell(now)
            if all(count < bound for count in now.values()):
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def normalised(self, tell: Callable[[Behind], None]) -> None:
        """Wait until what lies in the inbox now has become events, or ended otherwise."""
        await self._until(self._inbox, tell)

    async def settled(self, tell: Callable[[Behind], None]) -> None:
        """Wait until what lies in the inbox now is settled or parked on every target.

        Before it takes a matched record over, a target's processor may ask for that system's own word: waits for that,
        too.
        """
        for workers in (self._inbox, self._targets, self._words, self._targets):
            await self._until(workers, tell)

    async def _until(self, workers: Workers, tell: Callable[[Behind], None]) -> None:
        ends: dict[str, Ends] = {name: await self._lag.ends(topics) for name, (_, topics) in workers.items()}
        while True:
            now = {name: await self._lag.behind(group, ends[name]) for name, (group, _) in workers.items()}
            tell(now)
            if not any(now.values()):
                return
            if self._attended:
                await self._check_attended(now, workers)
            await asyncio.sleep(LOOK_SECONDS)

    async def _check_attended(self, now: Behind, workers: Workers) -> None:
        for name, count in now.items():
            if count and not await self._lag.is_attended(workers[name][0]):
                raise Unattended(f"no worker of {name} is running, and {count} messages wait for it; start it first")


def _normalisers(names: TopicNames, connections: Collection[str]) -> Workers:
    return {f"ingest.{name}": (names.group(f"ingest.{name}"), [names.inbox(name)]) for name in connections}
