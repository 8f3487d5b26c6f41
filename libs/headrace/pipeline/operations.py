"""Operations of planned steps: what differs, and the changing call that it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from headrace.core import values
from headrace.core.contracts import Action, Operation
from headrace.core.errors import NeedsReview
from headrace.core.event import CanonicalEvent, Change
from headrace.core.ids import operation_id
from headrace.core.refs import decode_key
from headrace.mapping.results import PlannedStep
from headrace.pipeline.state import Intent, Step


def differing(step: PlannedStep, existing: Step) -> dict[str, Any]:
    """Return the planned fields that the target does not hold as far as we know."""
    return {
        name: value
        for name, value in step.fields.items()
        if name not in step.once and (name not in existing.shadow or not values.same(value, existing.shadow[name]))
    }


def told_anew(step: PlannedStep, existing: Step) -> dict[str, Any]:
    """Return what the target tells of its own record and is neither ours, nor what it made of ours."""
    return {
        name: value for name, value in differing(step, existing).items() if not values.same(value, existing.holds(name))
    }


def is_delete(event: CanonicalEvent) -> bool:
    """Say whether the record is gone at its source."""
    return event.meta.change is Change.DELETE


def operation(
    connection: str,
    event: CanonicalEvent,
    step: PlannedStep,
    action: Action,
    fields: Mapping[str, Any],
    target_id: str,
    expected_version: str = "",
) -> Operation:
    """Return the operation of one step of an event.

    Raises:
        NeedsReview: an update would change a part of the record's key.
    """
    moved = {
        name
        for name, part in decode_key(target_id).items()
        if target_id and name in fields and str(fields[name]) != part
    }
    if action is Action.UPDATE and moved:
        raise NeedsReview(
            "record would have to move",
            f"{step.object} {target_id}: {', '.join(sorted(moved))} is part of its key and cannot change; "
            "create it anew in the target, or correct the source",
        )
    return Operation(
        op_id=operation_id(event.meta.event_id, connection, step.step),
        connection=connection,
        entity=event.meta.entity,
        canonical_id=event.key,
        step=step.step,
        action=action,
        object=step.object,
        fields=fields,
        key=step.marker,
        target_id=target_id,
        event_id=event.meta.event_id,
        traceparent=event.meta.trace_id,
        expected_version=expected_version,
    )


def announced(connection: str, event: CanonicalEvent, entity: str, intent: Intent) -> Operation:
    """Return the operation that an INTENT announced, for VERIFY."""
    return Operation(
        op_id=intent.op_id,
        connection=connection,
        entity=entity,
        canonical_id=event.key,
        step=intent.step,
        action=Action(intent.action),
        object=intent.object,
        fields=intent.fields,
        key=intent.key,
        target_id=intent.target_id,
        event_id=intent.event_id,
        traceparent=event.meta.trace_id,
    )


def look_up(connection: str, entity: str, canonical_id: str, step: Step, names: Collection[str]) -> Operation:
    """Return the operation by which `Target.find` reads the record of a step, with some of the fields that we wrote."""
    return Operation(
        op_id="",
        connection=connection,
        entity=entity,
        canonical_id=canonical_id,
        step=step.step,
        action=Action.UPDATE,
        object=step.object,
        fields={name: step.holds(name) for name in names},
        key={},
        target_id=step.target_id,
    )


def drifted(step: Step, record: Mapping[str, Any], names: Collection[str]) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which a record is not as we left it: (what it held as far as we know, what it holds).

    Args:
        step: what we left.
        record: as the target shows it now; a field that it does not show tells nothing.
        names: the fields that are compared.
    """
    pairs = {name: (step.holds(name), values.lookup(record, name)) for name in names if values.tells(record, name)}
    # What we cleared may be spelt 0 or "" there.
    return {
        name: (ours, theirs)
        for name, (ours, theirs) in pairs.items()
        if not values.same(ours, theirs) and (ours is not None or theirs)
    }


def deletion(connection: str, event: CanonicalEvent, step: Step) -> Operation:
    """Return the operation that deletes what a step left."""
    planned = PlannedStep(step.step, step.object, {}, {}, ())
    return operation(connection, event, planned, Action.DELETE, {}, step.target_id)
