"""The way out: a canonical event becomes planned steps on a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Change
from headrace.mapping import linking as linking  # completes the table of compilers
from headrace.mapping.compiling import Scope
from headrace.mapping.incoming import Skipped
from headrace.mapping.rules import Rules
from headrace.mapping.running import Missing, OutContext, Run, StepValue
from headrace.mapping.steps import PlannedStep, StepProgram

if TYPE_CHECKING:
    from headrace.mapping.documents import OutMapping


@dataclass(frozen=True, slots=True)
class Explained:
    """Why a field of a step has its value, for people."""

    step: str
    field: str
    value: Any
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an event asks of a target. With anything in `missing` the steps are incomplete and must not be run."""

    steps: tuple[PlannedStep, ...]
    missing: tuple[Missing, ...]
    reasons: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False, compare=False)
    """Step (without item id) → field → why."""

    @property
    def explanation(self) -> tuple[Explained, ...]:
        """Every written field with its value and the reason in words; put together when asked for."""
        return tuple(
            Explained(step.step, name, value, self.reasons.get(step.step.partition(":")[0], {}).get(name, ""))
            for step in self.steps
            for name, value in step.fields.items()
        )


def map_out(document: OutMapping, event: CanonicalEvent, context: OutContext) -> Plan | Skipped:
    """Apply an out mapping to one event.

    All missing links are reported together. Empty values are left out, except where every canonical field that the
    value is made of is asserted: then it was cleared, and None is written. For a delete, what the event no longer
    tells fails no rule and no `required`; `on_delete` is the caller's to obey.

    Raises:
        RejectRecord: a value does not fit; the text names target field, source, value and remedy.
        HeadraceError: what `context.linked` or a transform raises passes through.
    """
    return document.program.apply(event, context)


class OutProgram:
    """A compiled out mapping; safe to share between tasks, since each application has its own `Run`."""

    def __init__(self, document: OutMapping) -> None:
        scope = Scope(document.system, document.tables)
        self._rules = Rules(document.when, scope)
        self._steps = tuple(StepProgram(step, document.tables) for step in document.steps)
        self._reasons = {step.name: step.reasons for step in self._steps}

    def apply(self, event: CanonicalEvent, context: OutContext) -> Plan | Skipped:
        """See `map_out`."""
        meta = event.meta
        run = Run(event.data, meta, context, meta.change is Change.DELETE)
        rule = self._rules.failing(run)
        if rule is not None:
            return Skipped(rule)
        asserted = frozenset(meta.asserted)
        planned: list[PlannedStep] = []
        for step in self._steps:
            step.plan(run, asserted, planned)
        return Plan(tuple(planned), tuple(run.missing), self._reasons)


def fill(planned: PlannedStep, outputs: Mapping[str, Mapping[str, Any]]) -> PlannedStep:
    """Return the step with every `StepValue` replaced by what earlier steps answered.

    Args:
        planned: the step.
        outputs: step name → the record that the target answered for it.

    Raises:
        RejectRecord: the step was not run, or its answer lacks the field; the mapping or the connector must be fixed.
    """

    def filled(values: dict[str, Any]) -> dict[str, Any]:
        return {name: resolve(value) if value.__class__ is StepValue else value for name, value in values.items()}

    def resolve(value: StepValue) -> Any:
        answer = outputs.get(value.step)
        if answer is None or answer.get(value.field) is None:
            lack = "was not run" if answer is None else f"answered without {value.field}"
            detail = f"{planned.step} needs {value.field} of step {value.step}, which {lack}"
            raise RejectRecord("step output is missing", detail)
        return answer[value.field]

    if not planned.waits:
        return planned
    return replace(
        planned,
        fields=filled(planned.fields),
        marker=filled(planned.marker),
        match=tuple(filled(key) for key in planned.match),
    )
