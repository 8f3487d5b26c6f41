"""What belongs to a record that takes no more: another is ordered from the lane of that record, and waited for."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from headrace.core.errors import Full, HeadraceError, WaitForRecord
from headrace.core.event import CanonicalEvent
from headrace.pipeline.planning import Planner
from headrace.platform.codec import Codec
from headrace.platform.kafka import Producer

SCHEMA = "internal/command.v1"


class Renewing:
    """Orders successors of full records on one target.

    Args:
        connection: the target.
        planner: knows its mappings, and references as links have them now.
        producer: for commands.
        codec: for commands.
        topic: `commands.<connection>`: only the lane of a record may change it (I5), on whichever worker that is.
    """

    def __init__(self, connection: str, planner: Planner, producer: Producer, codec: Codec, topic: str) -> None:
        self._connection = connection
        self._planner = planner
        self._producer = producer
        self._codec = codec
        self._topic = topic

    async def waited_for(self, event: CanonicalEvent, full: Full) -> HeadraceError:
        """Order a successor for each record that the event belongs to; return what the event then waits for.

        A timer tries it again all the same, should the order get lost or prove unneeded.
        """
        found = list(self._owners(self._planner.refreshed(event.data)))
        owners = {key: entity for key, entity, target_id in found if target_id == full.of} or {
            key: entity for key, entity, _ in found
        }
        for canonical_id in owners:
            record = {
                "command_id": str(uuid.uuid4()),
                "connection": self._connection,
                "canonical_id": canonical_id,
                "action": "renew",
                "argument": "{ }",
                "operator": "headrace",
                "reason": full.reason,
                "at": datetime.now(UTC),
            }
            await self._producer.send(self._topic, canonical_id, self._codec.encode(SCHEMA, record))
        if not owners:
            return full
        canonical_id, entity = next(iter(owners.items()))
        return WaitForRecord(entity, canonical_id, f"{full.reason}; another {entity} takes its place")

    def _owners(self, value: Any) -> Iterator[tuple[str, str, str | None]]:
        """Yield canonical id, entity and target id of every reference to what the target keeps in records that fill."""
        if isinstance(value, dict):
            entity, canonical_id = value.get("entity"), value.get("canonical_id")
            document = self._planner.mapping(entity) if entity and canonical_id else None
            for step in document.steps if document is not None else ():
                if step.open and step.record is None:
                    known_as = step.identity or step.object
                    yield str(canonical_id), str(entity), self._planner.linked(str(canonical_id), known_as, None)
            for item in value.values():
                yield from self._owners(item)
        elif isinstance(value, list):
            for item in value:
                yield from self._owners(item)
