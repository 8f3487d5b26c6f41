"""What the tests of comparisons share: tables in memory, a watcher, a codec."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.pipeline.decoding import decode
from headrace.pipeline.emitted import EMITTED, Seen
from headrace.pipeline.links import Links
from headrace.pipeline.reconcile import Tally
from headrace.pipeline.reconcile_tables import Placed
from headrace.pipeline.state import SCHEMA, from_record, to_record
from headrace.platform.codec import Codec
from headrace.platform.paths import schemas_dir
from headrace.platform.schemas import Schemas
from headrace.platform.settings import KafkaSettings

from .doubles import MemoryProducer

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
CODEC = Codec.offline(Schemas(schemas_dir()))


class MemoryTables:
    """The tables of a connection, as they are at this moment of the test."""

    def __init__(self):
        self.rows, self.waiting, self.told, self.settled = {}, {}, {}, {}

    def tell(self, obj, external_id, version, *events):
        """Let events be told of a record: (event, fingerprint)."""
        entities = [
            {
                "entity": event.meta.entity,
                "canonical_id": event.key,
                "event_id": event.meta.event_id,
                "fingerprint": content,
            }
            for event, content in events
        ]
        record = {"connection": "crm", "object": obj, "external_id": external_id, "version": version}
        value = CODEC.encode(EMITTED, {**record, "entities": entities, "updated_at": NOW})
        self.rows[f"{obj}:{external_id}"] = value
        self.told |= {event.meta.event_id: Placed(event, "canonical", 0, 7) for event, _ in events}

    def settle(self, canonical_id, state):
        self.settled[canonical_id] = CODEC.encode(SCHEMA, to_record(state, NOW))

    async def emitted(self, obj, keys=None):
        return {
            key: row for key, row in self.rows.items() if key.startswith(f"{obj}:") and (keys is None or key in keys)
        }

    async def states(self, keys=None):
        return {key: row for key, row in self.settled.items() if keys is None or key in keys}

    async def seen(self, value):
        return Seen() if value is None else Seen.of(await decode(CODEC, value))

    async def state(self, value):
        return from_record(await decode(CODEC, value)) if value else None

    async def parked(self, keys):
        return {key: found for key, found in self.waiting.items() if key in keys}

    async def events(self, entity, wanted):
        return {name: placed for name, placed in self.told.items() if name in wanted}


class Quiet:
    """A watcher that remembers what it heard."""

    def __init__(self):
        self.heard = []

    def __getattr__(self, name):
        return lambda *given: self.heard.append((name, *given))


def links():
    return Links(KafkaSettings(), "links", CODEC, MemoryProducer())


def verdicts(tally: Tally):
    """Return every count that is not zero: verdict → how many."""
    total = {}
    for row in tally.counts.values():
        for verdict, count in row.items():
            total[verdict.value] = total.get(verdict.value, 0) + count
    return total
