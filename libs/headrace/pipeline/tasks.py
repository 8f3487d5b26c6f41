"""One event to be brought to one target: what every part of the work needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.core.errors import RejectRecord, RetryLater, WaitForRecord
from headrace.core.event import CanonicalEvent
from headrace.core.outcome import Outcome
from headrace.mapping.documents import OutMapping
from headrace.pipeline.effects import Note
from headrace.pipeline.owning import Owning
from headrace.pipeline.state import EffectState, Step
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
        reads, echoed = self.document.program.reads.get(step.partition(":")[0], {}), frozenset(self.event.meta.echoed)
        return {name: value for name, value in fields.items() if not reads.get(name) or not reads[name] <= echoed}


_RANK = (Outcome.SKIPPED, Outcome.UNCHANGED, Outcome.ADOPTED, Outcome.UPDATED, Outcome.CREATED)


class Interrupted(Exception):
    """A plan ended early for `error`; `state` holds the steps done before it, not yet durable.

    `definite` is true if nothing is open: the failed step was certainly not taken.
    """

    def __init__(self, state: EffectState, error: RejectRecord | RetryLater | WaitForRecord) -> None:
        self.state = state
        self.error = error
        self.definite = not (isinstance(error, RejectRecord) and error.reason == "outcome unknown")
        super().__init__(str(error))


@dataclass(slots=True)
class Performed:
    """What a plan came to: the state that holds it (its last step not yet durable) and the outcome.

    `record` is what the target answered for the main record, `wrote` what was written to it.
    """

    state: EffectState
    outcome: Outcome = Outcome.UNCHANGED
    record: Mapping[str, Any] = field(default_factory=dict)
    wrote: Mapping[str, Any] = field(default_factory=dict)

    def is_main(self, step: Step) -> bool:
        """Say whether a step is that of the event's own record."""
        return self.state.main is not None and self.state.main.step == step.step

    def reached(self, outcome: Outcome) -> None:
        """Note a step's outcome; the event's is the strongest."""
        self.outcome = max(self.outcome, outcome, key=_RANK.index)
