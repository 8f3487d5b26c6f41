"""What an initial load put on its way and is not worked off yet: measured by what the workers have committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from headrace.platform.lag import Ends, Lag
from headrace.platform.topics import TopicNames

LOOK_SECONDS = 0.25
"""How often the brokers are asked while something is waited for. Workers commit each second."""

Behind = Mapping[str, int]
"""Worker → messages that it has not finished. Live traffic counts as well: it is what must not wait."""


class Backlog:
    """The workers that a connection's records go through: its normaliser, then the processors of the targets.

    Args:
        lag: asks the brokers.
        names: of topics and groups.
        source: the connection that is loaded.
        targets: target connection → the entities that it takes of those that the load makes.
    """

    def __init__(self, lag: Lag, names: TopicNames, source: str, targets: Mapping[str, Sequence[str]]) -> None:
        self._lag = lag
        self._inbox = {f"ingest.{source}": (names.group(f"ingest.{source}"), [names.inbox(source)])}
        self._targets = {
            name: (names.group(name), [names.canonical(entity) for entity in entities])
            for name, entities in targets.items()
        }

    async def behind(self) -> Behind:
        """Return how far each worker is behind now."""
        workers = self._inbox | self._targets
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
        """Wait until what lies in the inbox now is settled or parked on every target."""
        await self._until(self._inbox, tell)
        await self._until(self._targets, tell)

    async def _until(self, workers: Mapping[str, tuple[str, list[str]]], tell: Callable[[Behind], None]) -> None:
        ends: dict[str, Ends] = {name: await self._lag.ends(topics) for name, (_, topics) in workers.items()}
        while True:
            now = {name: await self._lag.behind(group, ends[name]) for name, (group, _) in workers.items()}
            tell(now)
            if not any(now.values()):
                return
            await asyncio.sleep(LOOK_SECONDS)
