"""The way out: a canonical event becomes planned steps on a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent
from headrace.mapping.documents import OutMapping
from headrace.mapping.results import Explained, Plan, PlannedStep, Skipped
from headrace.mapping.running import Missing, OutContext, StepValue, Transforms

__all__ = [
    "Explained",
    "Missing",
    "OutContext",
    "OutMapping",
    "Plan",
    "PlannedStep",
    "Skipped",
    "StepValue",
    "fill",
    "map_out",
]


def map_out(
    document: OutMapping,
    event: CanonicalEvent,
    context: OutContext,
    transforms: Transforms | None = None,
    done: frozenset[str] = frozenset(),
) -> Plan | Skipped:
    """Apply an out mapping to one event.

    All missing links are reported together. Empty values are left out, except where every canonical field that the
    value is made of is asserted: then it was cleared, and None is written. For a delete, what the event no longer
    tells fails no rule and no `required`; `on_delete` is the caller's to obey. `done` names the steps whose records are
    there already.

    Raises:
        RejectRecord: a value does not fit; the text names target field, source, value and remedy.
        HeadraceError: what `context.linked` or a transform raises passes through.
    """
    return document.program.apply(event, context, transforms or {}, done)


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
