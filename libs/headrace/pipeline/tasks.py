"""One event to be brought to one target: what every part of the work needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.core.event import CanonicalEvent
from headrace.mapping.documents import OutMapping
from headrace.pipeline.effects import Note
from headrace.pipeline.owning import Owning
from headrace.platform.kafka import Message


@dataclass(frozen=True, slots=True)
class Work:
    """One event to be finished. `message` is None for work taken up from the parking: its offset was acked before."""

    event: CanonicalEvent
    topic: str
    value: bytes
    message: Message | None = None
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done.

    `owning` holds the verdicts of ownership, None where no rules concern the entity. `forced` is true after an operator
    decided that the source's values are written. `tries` counts how often the event was parked before.
    """

    event: CanonicalEvent
    document: OutMapping
    note: Note
    owning: Owning | None = None
    forced: bool = False
    tries: int = 0

    def news(self, step: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that the event does not merely tell because we wrote them at its source (I7)."""
        reads, echoed = self.document.program.reads.get(step, {}), frozenset(self.event.meta.echoed)
        return {name: value for name, value in fields.items() if not reads.get(name) or not reads[name] <= echoed}
