"""`headrace parked | retry | edit | skip | resolve`: what operators do about parked work."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from headrace.cli.console import out
from headrace.cli.session import operator, with_deployment
from headrace.core.event import Ref
from headrace.pipeline.decoding import decode
from headrace.pipeline.inbox import Delivery
from headrace.pipeline.shared import Shared
from headrace.pipeline.state import Parked, from_record
from headrace.platform.kafka import partition_of, read_all
from headrace.platform.settings import ConnectionSettings

_out = out()

_Row = tuple[str, str, datetime, int, str]
"""Entity, reason, since, tries, detail."""

Connection = Annotated[str, typer.Argument(help="Connection.")]
Id = Annotated[str, typer.Argument(help="Canonical id, as `headrace parked` shows it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes to the audit.")]


def parked(connection: Connection) -> None:
    """List what is parked on a connection, and why: events of a target, deliveries of a source."""
    rows = with_deployment(lambda shared: _parked(shared, connection))
    table = Table(Column("id", no_wrap=True), "entity", "reason", "since (UTC)", "tries", "what and why")
    for identifier, (entity, reason, since, tries, detail) in rows.items():
        table.add_row(identifier, entity, reason, f"{since:%Y-%m-%d %H:%M:%S}", str(tries), detail)
    _out.print(table if rows else "nothing is parked")


def retry(connection: Connection, canonical_id: Id, reason: Reason = "") -> None:
    """Try parked work again. A delivery of a source (object:id) is read anew."""
    if ":" in canonical_id:
        with_deployment(lambda shared: _read_again(shared, connection, canonical_id))
        _out.print(f"{canonical_id} will be read again")
        return
    _order(connection, canonical_id, "retry", {}, reason)


def skip(connection: Connection, canonical_id: Id, reason: Reason = "") -> None:
    """Settle parked work without writing it; the decision is kept."""
    _order(connection, canonical_id, "skip", {}, reason)


def edit(
    connection: Connection,
    canonical_id: Id,
    patch: Annotated[str, typer.Argument(help="JSON object merged into the event's data, or @file.")],
    reason: Reason = "",
) -> None:
    """Correct parked work and try it again; the original event stays in its topic."""
    text = Path(patch[1:]).read_text(encoding="utf-8") if patch.startswith("@") else patch
    try:
        value = json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise typer.BadParameter("a JSON object is needed")
    _order(connection, canonical_id, "edit", value, reason)


def resolve(
    connection: Connection,
    canonical_id: Id,
    take: Annotated[str, typer.Option("--take", help="source: write its values; target: leave it as it is.")] = "",
    target_id: Annotated[str, typer.Option("--target-id", help="The right record in the target.")] = "",
    obj: Annotated[str, typer.Option("--object", help="Its object, with --target-id.")] = "",
    step: Annotated[str, typer.Option("--step", help="The step it stands for, with --target-id.")] = "",
    reason: Reason = "",
) -> None:
    """Decide a review: whose values count, or which record is the right one."""
    if take in ("source", "target") and not target_id:
        argument = {"take": take}
    elif target_id and obj and not take:
        argument = {"target_id": target_id, "object": obj, "step": step}
    else:
        raise typer.BadParameter("give --take source, --take target, or --target-id with --object")
    _order(connection, canonical_id, "resolve", argument, reason)


def _order(connection: str, canonical_id: str, action: str, argument: dict[str, Any], reason: str) -> None:
    async def send(shared: Shared) -> None:
        _configured(shared, connection)
        parked = await parked_now(shared, connection, canonical_id)
        event_id = parked.event_id if parked else ""
        await send_command(shared, connection, canonical_id, action, argument, reason, event_id)

    with_deployment(send)
    _out.print(f"{action} ordered; `headrace trace {canonical_id}` shows what came of it")


async def send_command(
    shared: Shared,
    connection: str,
    canonical_id: str,
    action: str,
    argument: dict[str, Any],
    reason: str,
    event_id: str,
) -> None:
    """Put an operator's command behind the events of its id; `event_id` is what was parked when it was decided."""
    record = {
        "command_id": str(uuid.uuid4()),
        "connection": connection,
        "canonical_id": canonical_id,
        "action": action,
        "argument": json.dumps(argument),
        "operator": operator(),
        "reason": reason,
        "at": datetime.now(UTC),
        "event_id": event_id,
    }
    value = shared.codec.encode("internal/command.v1", record)
    await shared.producer.send(shared.names.commands(connection), canonical_id, value)


async def parked_now(shared: Shared, connection: str, canonical_id: str) -> Parked | None:
    """Return what is parked for an id on a target, None if nothing is."""
    number = partition_of(canonical_id, shared.settings.kafka.partitions)
    found = None
    async for message in read_all(shared.settings.kafka, [shared.names.state(connection)], partitions=[number]):
        if message.key == canonical_id:
            state = from_record(await decode(shared.codec, message.value)) if message.value else None
            found = state.parked if state else None
    return found


async def _read_again(shared: Shared, connection: str, identifier: str) -> None:
    _configured(shared, connection)
    obj, _, external_id = identifier.partition(":")
    await shared.inbox(connection).put(Delivery(connection, Ref(obj, external_id), "command"))


def _configured(shared: Shared, connection: str) -> ConnectionSettings:
    known = shared.settings.connections
    if connection not in known:
        raise typer.BadParameter(f"{connection} is not configured; there are {', '.join(known)}")
    return known[connection]


async def _parked(shared: Shared, connection: str) -> dict[str, _Row]:
    configured = _configured(shared, connection)
    rows: dict[str, _Row] = {}
    if configured.target:
        async for message in read_all(shared.settings.kafka, [shared.names.state(connection)]):
            rows.pop(message.key, None)
            held = from_record(await decode(shared.codec, message.value)) if message.value else None
            if held and (parked := held.parked):
                more = f" (and {len(held.behind)} more of this id behind it)" if held.behind else ""
                rows[message.key] = (held.entity, parked.reason, parked.since, parked.attempts, parked.detail + more)
    async for message in read_all(shared.settings.kafka, [shared.names.parked(connection)]):
        record = await decode(shared.codec, message.value or b"")
        if record["canonical_id"]:
            continue  # an event of the target: its state has it
        rows.pop(message.key, None)
        if record["state"] == "parked":
            rows[message.key] = (record["entity"], record["reason"], record["at"], record["attempts"], record["detail"])
    return rows
