"""Acks released in offset order (I2): nothing is committed past the lowest unfinished offset of a partition.

This replaces Faust's own bookkeeping, which commits past work in flight (its issues 606 and 316) and forgets
un-acked messages of crashed agents (a WeakSet).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Partition:
    """Unfinished offsets in the order received; finishing in the middle leaves the head in place.

    With each stands when it was received (monotonic seconds), and when it was written (seconds since 1970 UTC).
    """

    open: OrderedDict[int, tuple[float, float]] = field(default_factory=OrderedDict)
    highest: int = -1
    committed: int = -1


class OffsetTracker:
    """Which offsets of the assigned partitions are received, finished and committable. Keeps strong references."""

    def __init__(self) -> None:
        self._partitions: dict[tuple[str, int], _Partition] = {}

    def received(self, topic: str, partition: int, offset: int, written: int) -> bool:
        """Note an offset as being worked on; False if it is already known (delivered twice in one generation).

        Args:
            topic: where it is.
            partition: of the topic.
            offset: in the partition.
            written: its timestamp in the topic, milliseconds since 1970 UTC.
        """
        state = self._partitions.setdefault((topic, partition), _Partition())
        if offset <= state.highest:
            return False
        state.highest = offset
        state.open[offset] = (time.monotonic(), written / 1000)
        return True

    def finished(self, topic: str, partition: int, offset: int) -> None:
        """Note an offset whose outcome is durable. Unknown partitions (revoked meanwhile) are ignored."""
        state = self._partitions.get((topic, partition))
        if state is not None:
            state.open.pop(offset, None)

    def committable(self) -> dict[tuple[str, int], int]:
        """Return, per partition with progress since its last commit, the offset to resume from (I2)."""
        result = {}
        for key, state in self._partitions.items():
            position = next(iter(state.open)) if state.open else state.highest + 1
            if position > state.committed and position > 0:
                result[key] = position
        return result

    def committed(self, offsets: dict[tuple[str, int], int]) -> None:
        """Note offsets that the broker has confirmed; called only after a successful commit."""
        for key, offset in offsets.items():
            if key in self._partitions:
                self._partitions[key].committed = max(self._partitions[key].committed, offset)

    def forget(self, partitions: Iterable[tuple[str, int]] | None = None) -> None:
        """Drop revoked partitions (None: all); their unfinished offsets will be delivered to the next owner."""
        for key in list(self._partitions) if partitions is None else list(partitions):
            self._partitions.pop(key, None)

    @property
    def in_flight(self) -> int:
        """How many received offsets are unfinished."""
        return sum(len(state.open) for state in self._partitions.values())

    def oldest_age(self) -> float:
        """Return the seconds since the oldest unfinished offset was received; 0 if none is open."""
        starts = [received for received, _ in self._heads()]
        return time.monotonic() - min(starts) if starts else 0.0

    def lag(self) -> float:
        """Return the seconds since the oldest unfinished offset was written to its topic; 0 if none is open."""
        starts = [written for _, written in self._heads()]
        return max(0.0, time.time() - min(starts)) if starts else 0.0

    def _heads(self) -> list[tuple[float, float]]:
        return [next(iter(state.open.values())) for state in self._partitions.values() if state.open]
