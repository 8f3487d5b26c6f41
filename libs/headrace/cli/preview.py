"""`headrace mapping preview`: what would be written, and why, without writing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from headrace.cli.console import out
from headrace.cli.session import with_deployment
from headrace.cli.systems import CONNECTORS
from headrace.core.event import CanonicalEvent
from headrace.mapping.documents import OutMapping
from headrace.mapping.outward import fill
from headrace.mapping.results import Plan, Skipped
from headrace.mapping.running import StepValue
from headrace.pipeline.assembly import choose, open_connection, target_mappings
from headrace.pipeline.decoding import decode
from headrace.pipeline.operations import differing
from headrace.pipeline.planning import Planner, outputs
from headrace.pipeline.shared import Shared
from headrace.pipeline.state import EffectState, from_record
from headrace.platform.codec import record_to_event
from headrace.platform.coercion import coerce, parse
from headrace.platform.kafka import partition_of, read_all
from headrace.platform.topics import ENTITIES

_out = out()


def preview(
    connection: Annotated[str, typer.Argument(help="Target connection.")],
    event: Annotated[Path | None, typer.Option("--event", help="JSON file: {meta: …, data: …}.")] = None,
    key: Annotated[str, typer.Option("--key", help="Canonical id: its newest event is taken.")] = "",
) -> None:
    """Show what an event would write to a target, field by field, and why. Nothing is written."""
    if (event is None) == (not key):
        raise typer.BadParameter("give either --event or --key")
    with_deployment(lambda shared: _preview(shared, connection, event, key), links=True)


async def _preview(shared: Shared, name: str, file: Path | None, key: str) -> None:
    connector = choose(shared.settings, CONNECTORS, lambda each: each.target, name)[name]
    opened, config = open_connection(shared.settings, name, connector, shared.credentials)
    await opened.close()
    documents = target_mappings(shared.settings, name, connector)
    found = await _newest(shared, key) if file is None else _from_file(shared, file)
    if found is None:
        _out.print(f"no event of {key}")
        raise typer.Exit(3)
    if found.meta.entity not in documents:
        _out.print(f"{connector.system} has no mapping for {found.meta.entity}")
        raise typer.Exit(3)
    if documents[found.meta.entity].convert is not None:
        await shared.rates.start()
    plan = Planner(name, documents, connector.transforms(config), shared.links, None, shared.rates.find).plan(found)
    state = await _state(shared, name, found.key)
    _show(found, documents[found.meta.entity], plan, state)


def _show(event: CanonicalEvent, document: OutMapping, plan: Plan | Skipped, state: EffectState | None) -> None:
    _out.print(f"{event.meta.entity} {event.key} from {event.meta.connection}, mapping {document.file}")
    if isinstance(plan, Skipped):
        _out.print(f"skipped by rule: {plan.rule}")
        return
    if plan.conversion is not None:
        _out.print(f"converted: {plan.conversion}")
    table = Table("step", "field", "value", "why", "target holds")
    done = {step.step: outputs(step.shadow, step.target_id) for step in state.steps} if state else {}
    why = {(line.step, line.field): line.why for line in plan.explanation}
    for planned in plan.steps:
        existing = state.step(planned.step) if state else None
        step = fill(planned, done) if existing else planned
        changed = differing(step, existing) if existing else step.fields
        for name, value in step.fields.items():
            held = "not written yet" if existing is None else "differs" if name in changed else "the same"
            shown = f"({value.step}'s {value.field})" if isinstance(value, StepValue) else str(value)
            table.add_row(step.step, name, shown, why[step.step, name], held)
    _out.print(table)
    for missing in plan.missing:
        _out.print(f"waits: {missing.detail}")


async def _newest(shared: Shared, key: str) -> CanonicalEvent | None:
    topics = [shared.names.canonical(entity) for entity in ENTITIES]
    number = partition_of(key, shared.settings.kafka.partitions)
    newest: bytes | None = None
    async for message in read_all(shared.settings.kafka, topics, partitions=[number]):
        if message.key == key and message.value is not None:
            newest = message.value
    return record_to_event(await decode(shared.codec, newest)) if newest else None


def _from_file(shared: Shared, file: Path) -> CanonicalEvent:
    body = parse(file.read_text(encoding="utf-8"))
    entity = body.get("meta", {}).get("entity", "") if isinstance(body, dict) else ""
    name = f"canonical/{entity}.v1"
    if name not in shared.schemas.names():
        raise typer.BadParameter(f"{file}: meta.entity is {entity!r}; there are {', '.join(ENTITIES)}")
    record: Any = coerce(json.loads(shared.schemas.flattened(name)), body)
    return record_to_event(shared.codec.decode(shared.codec.encode(name, record))[1])


async def _state(shared: Shared, connection: str, key: str) -> EffectState | None:
    number = partition_of(key, shared.settings.kafka.partitions)
    state = None
    async for message in read_all(shared.settings.kafka, [shared.names.state(connection)], partitions=[number]):
        if message.key == key:
            state = from_record(await decode(shared.codec, message.value)) if message.value else None
    return state
