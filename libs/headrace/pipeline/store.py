"""Durable state per canonical id of one target, on a table of bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Protocol

from headrace.pipeline.decoding import decode
from headrace.pipeline.state import SCHEMA, EffectState, from_record, to_record
from headrace.platform.codec import Codec
from headrace.platform.kafka import Message

_YIELD_EVERY = 500

ReadOne = Callable[[str, int, int], Awaitable[Message | None]]
"""Topic, partition, offset → the message there, None if it is not kept any more."""
ReadNewest = Callable[[str, str], Awaitable[Message | None]]
"""Topic, key → its last message there, None if there is none."""


class StateTable(Protocol):
    """Where the states lie, encoded: a stream worker's table."""

    def get(self, key: str) -> bytes | None:
        """Return what was last written."""

    async def put(self, key: str, value: bytes | None) -> None:
        """Write and wait until it is durable."""

    def items(self) -> Iterator[tuple[str, bytes]]:
        """Yield every key and value."""

    def lease_left(self) -> float:
        """Return the seconds for which the table is certainly ours."""


class TargetStore:
    """Reads and writes `EffectState`; a write returns once it is durable (I3, I6).

    Args:
        table: where the states lie.
        codec: for their values.
        read_one: reads an event again that was worked off; None where none ever is.
        read_newest: reads the last event of an id again; likewise.
    """

    def __init__(
        self,
        table: StateTable,
        codec: Codec,
        read_one: ReadOne | None = None,
        read_newest: ReadNewest | None = None,
    ) -> None:
        self._table = table
        self._codec = codec
        self._read_one = read_one
        self._read_newest = read_newest

    def get(self, canonical_id: str) -> EffectState | None:
        """Return the last durable state, None if nothing was ever done."""
        value = self._table.get(canonical_id)
        return from_record(self._codec.decode(value)[1]) if value else None

    async def put(self, canonical_id: str, state: EffectState) -> None:
        """Write the state and wait until it is durable."""
        await self._table.put(canonical_id, self._codec.encode(SCHEMA, to_record(state, datetime.now(UTC))))

    async def message(self, topic: str, partition: int, offset: int) -> Message | None:
        """Return the message of an event that was worked off, None if it is not kept any more."""
        return await self._read_one(topic, partition, offset) if self._read_one is not None else None

    async def newest(self, topic: str, canonical_id: str) -> Message | None:
        """Return the last event of an id, None if it is not kept any more."""
        return await self._read_newest(topic, canonical_id) if self._read_newest is not None else None

    def lease_left(self) -> float:
        """Return the seconds for which this worker certainly owns its partitions."""
        return self._table.lease_left()

    async def unsettled(self) -> list[tuple[str, EffectState]]:
        """Return every id of the assigned partitions that is parked or has a change under way."""
        found = []
        for position, (canonical_id, value) in enumerate(self._items()):
            if position % _YIELD_EVERY == 0:
                await asyncio.sleep(0)  # heartbeats share this loop
            state = from_record(await decode(self._codec, value))
            if state.parked or state.intent:
                found.append((canonical_id, state))
        return found

    def _items(self) -> Iterator[tuple[str, bytes]]:
        return self._table.items()
