"""What a comparison reads of Kafka: the tables of the workers, what is parked of a source, and events told last.

Tables are kept as they lie in their topics, encoded, and decoded one by one: 50,000 records are some 30 MB.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent
from headrace.pipeline.decoding import decode
from headrace.pipeline.emitted import Seen
from headrace.pipeline.state import EffectState, from_record
from headrace.platform.codec import Codec, record_to_event
from headrace.platform.kafka import partition_of, read_all
from headrace.platform.settings import KafkaSettings
from headrace.platform.topics import TopicNames

Rows = Mapping[str, bytes]
"""Key → the last value, as it lies in the topic."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An event, and where it lies."""

    event: CanonicalEvent
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is parked: since when, and why in words."""

    at: datetime
    detail: str


class Tables:
    """Reads the tables of one connection as they are now; nothing is followed, nothing committed.

    Args:
        kafka: where.
        names: of the topics.
        connection: whose tables.
        codec: of their values.
    """

    def __init__(self, kafka: KafkaSettings, names: TopicNames, connection: str, codec: Codec) -> None:
        self._kafka = kafka
        self._names = names
        self._connection = connection
        self._codec = codec

    async def emitted(self, obj: str, keys: Collection[str] | None = None) -> Rows:
        """Return what was emitted of each record of an object, by inbox key; `keys` restricts it."""
        return await self._rows(self._names.emitted(self._connection), keys, f"{obj}:")

    async def states(self, keys: Collection[str] | None = None) -> Rows:
        """Return the state of each canonical id; `keys` restricts it."""
        return await self._rows(self._names.state(self._connection), keys)

    async def seen(self, value: bytes | None) -> Seen:
        """Return what a row of `emitted` says."""
        return Seen() if value is None else Seen.of(await decode(self._codec, value))

    async def state(self, value: bytes | None) -> EffectState | None:
        """Return what a row of `states` says."""
        return None if value is None else from_record(await decode(self._codec, value))

    async def parked(self, keys: Collection[str]) -> dict[str, Waiting]:
        """Return which deliveries of this source are parked, by inbox key."""
        found: dict[str, Waiting] = {}
        wanted, topic = frozenset(keys), self._names.parked(self._connection)
        async for message in read_all(self._kafka, [topic], partitions=self._partitions(wanted)):
            if message.key not in wanted or message.value is None:
                continue
            record = await decode(self._codec, message.value)
            if record["canonical_id"]:
                continue  # of an event, which its target's state knows
            found.pop(message.key, None)
            if record["state"] == "parked":
                found[message.key] = Waiting(record["at"], record["detail"])
        return found

    async def events(self, entity: str, wanted: Mapping[str, str]) -> dict[str, Placed]:
        """Return events by their ids; those that are not kept any more are left out.

        Args:
            entity: of the events.
            wanted: id of an event → its canonical id.
        """
        found: dict[str, Placed] = {}
        keys, topic = frozenset(wanted.values()), self._names.canonical(entity)
        async for message in read_all(self._kafka, [topic], partitions=self._partitions(keys)):
            if message.key not in keys or message.value is None:
                continue
            try:
                event = record_to_event(await decode(self._codec, message.value))
            except RejectRecord:
                continue  # nothing that anybody told
            if event.meta.event_id in wanted:
                found[event.meta.event_id] = Placed(event, topic, message.partition, message.offset)
        return found

    async def _rows(self, topic: str, keys: Collection[str] | None, prefix: str = "") -> Rows:
        rows: dict[str, bytes] = {}
        partitions = None if keys is None else self._partitions(keys)
        wanted = None if keys is None else frozenset(keys)
        async for message in read_all(self._kafka, [topic], partitions=partitions):
            if not message.key.startswith(prefix) or (wanted is not None and message.key not in wanted):
                continue
            if message.value is None:
                rows.pop(message.key, None)
            else:
                rows[message.key] = message.value
        return rows

    def _partitions(self, keys: Collection[str]) -> set[int]:
        return {partition_of(key, self._kafka.partitions) for key in keys}
