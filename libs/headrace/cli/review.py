"""`headrace review list | show | resolve`: differences that rules could not settle, or have settled (I8)."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Column, Table

from headrace.cli.console import out
from headrace.cli.operate import Reason, parked_now, send_command
from headrace.cli.session import with_deployment
from headrace.core.event import CanonicalEvent
from headrace.core.outcome import ParkReason
from headrace.pipeline.audit import ATTEMPT
from headrace.pipeline.decoding import decode
from headrace.pipeline.shared import Shared
from headrace.pipeline.state import Parked, from_record
from headrace.platform.codec import record_to_event
from headrace.platform.kafka import read_all

app = typer.Typer(help="Differences between systems that wait for a human.", no_args_is_help=True)
_out = out()

Id = Annotated[str, typer.Argument(help="Canonical id, as `headrace review list` shows it.")]
_Reviews = dict[tuple[str, str], Parked]
"""Canonical id and target connection → what waits there."""


@app.command("list")
def list_(
    settled: Annotated[
        bool, typer.Option("--settled", help="Conflicts that rules decided instead, newest last.")
    ] = False,
) -> None:
    """List what waits for a decision, on every target."""
    if settled:
        with_deployment(_show_settled)
    else:
        with_deployment(_show_open)


@app.command()
def show(canonical_id: Id) -> None:
    """Show one record's reviews: each field with both values, and where they come from."""
    with_deployment(lambda shared: _show(shared, canonical_id))


@app.command()
def resolve(
    canonical_id: Id,
    take: Annotated[str, typer.Option("--take", help="Connection whose values count.")],
    reason: Reason = "",
) -> None:
    """Decide for one side, wherever the record waits."""
    with_deployment(lambda shared: _resolve(shared, canonical_id, take, reason))


async def _show_open(shared: Shared) -> None:
    found = await _reviews(shared)
    table = Table(Column("id", no_wrap=True), "target", "source", "record", "since (UTC)", "what differs")
    for (canonical_id, connection), parked in sorted(found.items(), key=lambda item: item[1].since):
        meta = (await _event(shared, parked)).meta
        names = ", ".join(parked.differences) or parked.label
        record = f"{meta.entity} {meta.external_id}"
        table.add_row(canonical_id, connection, meta.connection, record, f"{parked.since:%Y-%m-%d %H:%M:%S}", names)
    _out.print(table if found else "nothing waits for a decision")


async def _show_settled(shared: Shared) -> None:
    table = Table("at (UTC)", Column("id", no_wrap=True), "target", "record", "taken", "both sides, and the rule")
    async for message in read_all(shared.settings.kafka, [shared.names.audit]):
        name, record = shared.codec.decode(message.value or b"")
        if name == ATTEMPT and record["phase"] == "conflict":
            told = f"{record['entity']} {record['external_id']}"
            at = f"{record['at']:%Y-%m-%d %H:%M:%S}"
            table.add_row(at, record["canonical_id"], record["connection"], told, record["outcome"], record["detail"])
    _out.print(table if table.row_count else "no conflict was settled by a rule")


async def _show(shared: Shared, canonical_id: str) -> None:
    found = {key: parked for key, parked in (await _reviews(shared)).items() if key[0] == canonical_id}
    if not found:
        _out.print(f"nothing of {canonical_id} waits for a decision")
        raise typer.Exit(3)
    for (_, connection), parked in found.items():
        meta = (await _event(shared, parked)).meta
        _out.print(f"[bold]{meta.entity} {meta.external_id}[/] of {meta.connection}, to be written to {connection}")
        _out.print(f"  {parked.label}: {parked.detail}", markup=False)
        table = Table("field", f"{meta.connection} since {meta.occurred_at:%Y-%m-%d %H:%M:%S}", f"{connection} holds")
        for name, (ours, theirs) in parked.differences.items():
            table.add_row(name, str(ours), str(theirs))
        if parked.differences:
            _out.print(table)
        _out.print(f"  --take {meta.connection} writes its values; --take {connection} leaves {connection} as it is")


async def _resolve(shared: Shared, canonical_id: str, take: str, reason: str) -> None:
    sides: set[str] = set()
    ordered = 0
    for connection in _targets(shared):
        parked = await parked_now(shared, connection, canonical_id)
        if parked is None or parked.reason != ParkReason.REVIEW:
            continue
        source = (await _event(shared, parked)).meta.connection
        sides |= {connection, source}
        if take in (connection, source):
            argument = {"take": "target" if take == connection else "source"}
            await send_command(shared, connection, canonical_id, "resolve", argument, reason, parked.event_id)
            ordered += 1
    if not sides:
        _out.print(f"nothing of {canonical_id} waits for a decision")
        raise typer.Exit(3)
    if not ordered:
        raise typer.BadParameter(f"{take} is no side of this; give --take {' or --take '.join(sorted(sides))}")
    _out.print(f"resolved for {take} on {ordered} target(s); `headrace trace {canonical_id}` shows what came of it")


async def _reviews(shared: Shared) -> _Reviews:
    found: _Reviews = {}
    for connection in _targets(shared):
        async for message in read_all(shared.settings.kafka, [shared.names.state(connection)]):
            found.pop((message.key, connection), None)
            state = from_record(await decode(shared.codec, message.value)) if message.value else None
            if state and state.parked and state.parked.reason == ParkReason.REVIEW:
                found[message.key, connection] = state.parked
    return found


async def _event(shared: Shared, parked: Parked) -> CanonicalEvent:
    return record_to_event(await decode(shared.codec, parked.event))


def _targets(shared: Shared) -> list[str]:
    return [name for name, connection in shared.settings.connections.items() if connection.target]
