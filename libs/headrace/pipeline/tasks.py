"""One event to be brought to one target: what every part of the work needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.core.event import CanonicalEvent
from headrace.mapping.documents import OutMapping
from headrace.pipeline.effects import Note
from headrace.pipeline.owning import Owning


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
