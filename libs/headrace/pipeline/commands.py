"""What may be ordered: retry, edit, skip, resolve about parked work, repair and renew about what the target holds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from headrace.core.contracts import Action, Operation
from headrace.core.errors import NeedsReview, RejectRecord
from headrace.core.event import CanonicalEvent
from headrace.mapping.documents import OutMapping
from headrace.pipeline.decoding import decode
from headrace.pipeline.effects import Effects
from headrace.pipeline.links import Links
from headrace.pipeline.repairing import renew, repair
from headrace.pipeline.state import EffectState, Step
from headrace.pipeline.store import TargetStore
from headrace.platform.codec import Codec
from headrace.platform.coercion import coerce, parse


@dataclass(frozen=True, slots=True)
class Result:
    """What a command came to: words for the audit, and whether to try again."""

    words: str
    retry: bool = False
    settled: EffectState | None = None


async def carry_out(
    command: dict[str, Any],
    state: EffectState | None,
    document: OutMapping | None,
    codec: Codec,
    store: TargetStore,
    effects: Effects,
    links: Links,
) -> Result:
    """Carry out one command on the state of its canonical id.

    Raises:
        RejectRecord: the command cannot be carried out; the text says why and nothing has changed.
    """
    if command["action"] == "repair":
        return Result(await repair(command, _argument(command), state, document, codec, store, effects), retry=True)
    if command["action"] == "renew":
        return Result(await renew(state, command["canonical_id"], codec, store), retry=True)
    if state is None or state.parked is None:
        return Result("nothing is parked for this id")
    if command["event_id"] not in ("", state.parked.event_id):
        raise RejectRecord("another event", "a newer event is parked by now; look at it, then decide again")
    action, argument = command["action"], _argument(command)
    if action == "retry":
        return Result("tried again", retry=True)
    if action == "skip":
        return Result(f"skipped by {command['operator']}", settled=replace(state, intent=None))
    if action == "edit":
        await _edit(command, argument, state, codec, store)
        return Result("edited and tried again", retry=True)
    if action == "resolve":
        return await _resolve(command, argument, state, document, store, effects, links)
    raise RejectRecord("unknown command", f"{action} is none of retry, edit, skip, resolve, repair, renew")


def gone_at_source(event: CanonicalEvent) -> NeedsReview:
    """Return the review of a record that is gone at its source, or no longer concerns the target, but was written."""
    meta = event.meta
    return NeedsReview(
        f"{meta.reason or 'deleted'} at the source".replace("-", " "),
        f"{meta.entity} {meta.external_id} of {meta.connection}: {why_gone(event)}, the target still has it. "
        "Change it there if that is right, then skip",
    )


def why_gone(event: CanonicalEvent) -> str:
    """Say why a record is gone at its source, in words."""
    reason = event.meta.reason or "deleted"
    if reason in ("deleted", "merged"):
        return f"{reason} at the source" if reason == "deleted" else "merged into another at the source"
    return f"no longer taken: {reason}"


def _argument(command: dict[str, Any]) -> dict[str, Any]:
    argument = parse(command["argument"] or "{}")
    if not isinstance(argument, dict):
        raise RejectRecord("bad argument", "the argument must be a JSON object")
    return argument


async def _edit(
    command: dict[str, Any], argument: dict[str, Any], state: EffectState, codec: Codec, store: TargetStore
) -> None:
    """Merge `argument` into the parked event's data (RFC 7396); the original stays in its topic."""
    parked = state.parked
    if parked is None:
        return
    record = await decode(codec, parked.event)
    name = f"canonical/{state.entity}.v1"
    schema = json.loads(codec.schemas.flattened(name))
    patch = coerce(schema, {"data": argument})["data"]
    event = codec.encode(name, {**record, "data": _merged(record["data"], patch)})
    await store.put(command["canonical_id"], replace(state, parked=replace(parked, event=event)))


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict) or not isinstance(value, dict):
        return patch
    return {**value, **{name: _merged(value.get(name), item) for name, item in patch.items()}}


async def _resolve(
    command: dict[str, Any],
    argument: dict[str, Any],
    state: EffectState,
    document: OutMapping | None,
    store: TargetStore,
    effects: Effects,
    links: Links,
) -> Result:
    match argument:
        case {"take": "source"}:
            if state.parked is not None:  # durable: the target may not be ready for a while
                forced = state.with_parked(replace(state.parked, forced=True))
                await store.put(command["canonical_id"], forced)
            return Result("the source's values are written", retry=True)
        case {"take": "target"}:
            return Result("the target's values stay", settled=replace(state, intent=None))
        case {"target_id": str(target_id), "object": str(obj)}:
            step = _step(str(argument.get("step", "")), obj, state, document)
            found = await effects.find(_reference(command, state, step, obj, target_id))
            if found is None:
                raise RejectRecord("not found", f"{obj} {target_id} is not in the target")
            link = links.get(command["connection"], obj, found.target_id)
            if link is not None and link.canonical_id != command["canonical_id"]:
                raise RejectRecord(
                    "belongs to another",
                    f"{obj} {target_id} is linked to {link.canonical_id}; correct the key on one side, then retry",
                )
            fields = state.intent.fields if state.intent and state.intent.step == step else {}
            held = {name: found.record.get(name, value) for name, value in fields.items()}
            adopted = state.with_step(Step(step, obj, found.target_id, found.version, "", held))
            await store.put(command["canonical_id"], replace(adopted, intent=None))
            return Result(f"{obj} {target_id} adopted as {step}", retry=True)
        case _:
            raise RejectRecord(
                "bad argument", 'resolve takes {"take": "source"}, {"take": "target"} or {"target_id": …, "object": …}'
            )


def _step(given: str, obj: str, state: EffectState, document: OutMapping | None) -> str:
    """Return the step that a record stands for: as given, the open intent's, or the mapping's for the object."""
    steps = {step.step: step for step in document.steps} if document else {}
    if given:
        if given.partition(":")[0] not in steps:
            raise RejectRecord("unknown step", f"the mapping has no step {given}; it has {', '.join(steps)}")
        return given
    if state.intent and state.intent.object == obj:
        return state.intent.step
    own = [name for name, step in steps.items() if step.object == obj and step.each is None]
    if len(own) != 1:
        raise RejectRecord("which step", f"give --step: {obj} is not written by exactly one of {', '.join(steps)}")
    return own[0]


def _reference(command: dict[str, Any], state: EffectState, step: str, obj: str, target_id: str) -> Operation:
    return Operation(
        op_id="",
        connection=command["connection"],
        entity=state.entity,
        canonical_id=command["canonical_id"],
        step=step,
        action=Action.UPDATE,
        object=obj,
        fields={},
        key={},
        target_id=target_id,
    )
