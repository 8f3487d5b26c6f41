"""`headrace trace`: a record's whole story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from headrace.cli.console import out
from headrace.cli.session import with_deployment
from headrace.core.errors import RejectRecord
from headrace.pipeline.decoding import decode
from headrace.pipeline.shared import Shared
from headrace.platform.kafka import read_all

_out = out()

_IDS = ("canonical_id", "event_id", "op_id", "external_id", "target_id", "trace_id")


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened."""

    at: datetime
    record: dict[str, Any]


def trace(
    identifier: Annotated[
        str,
        typer.Argument(help="Canonical, event, operation, trace, external or target id, or connection:object:id."),
    ],
) -> None:
    """Print everything that happened to a record, on all connections, in order. Exit code 3 if nothing is known."""
    lines, links = with_deployment(lambda shared: story(shared, identifier), links=True)
    if not lines:
        _out.print(f"nothing is known of {identifier}")
        raise typer.Exit(3)
    for link in links:
        _out.print(f"{link[0]} {link[1]} {link[2]} ⇄ {link[3]} ({link[4]})")
    table = Table("at (UTC)", "connection", "phase", "outcome", "step", "detail", "ms", "try")
    for line in lines:
        record = line.record
        table.add_row(
            f"{line.at:%Y-%m-%d %H:%M:%S.%f}"[:-3],
            record["connection"],
            record.get("phase") or f"{record['action']} by {record['operator']}",
            record.get("outcome") or record.get("result", ""),
            record.get("step", ""),
            _detail(record),
            str(record.get("duration_ms") or ""),
            str(record["attempt"]) if record.get("attempt", 1) > 1 else "",
        )
    _out.print(table)


async def story(shared: Shared, identifier: str) -> tuple[list[Line], list[tuple[str, str, str, str, str]]]:
    """Return every audit line of the records that `identifier` names, in order of time, and their links."""
    everything = [
        Line(record["at"], record)
        async for message in read_all(shared.settings.kafka, [shared.names.audit])
        if message.value is not None and (record := await _readable(shared, message.value)) is not None
    ]
    wanted = {line.record["canonical_id"] for line in everything if _names(line.record, identifier)}
    wanted |= _linked(shared, identifier)
    lines = [line for line in everything if line.record["canonical_id"] in wanted]
    links = [
        (link.connection, link.object, link.external_id, link.canonical_id, link.origin)
        for canonical_id in sorted(wanted)
        for link in shared.links.of(canonical_id)
    ]
    return sorted(lines, key=lambda line: line.at), links


def _names(record: dict[str, Any], identifier: str) -> bool:
    address = ":".join(str(record.get(name, "")) for name in ("source_connection", "source_object", "external_id"))
    return identifier in {address, *(record.get(name) for name in _IDS)} - {""}


def _linked(shared: Shared, identifier: str) -> set[str]:
    connection, _, rest = identifier.partition(":")
    obj, _, external_id = rest.partition(":")
    link = shared.links.get(connection, obj, external_id)
    return {link.canonical_id} if link else set()


async def _readable(shared: Shared, value: bytes) -> dict[str, Any] | None:
    try:
        return await decode(shared.codec, value)
    except RejectRecord:
        return None


def _detail(record: dict[str, Any]) -> str:
    parts = [
        f"{record['source_connection']}:{record['source_object']}:{record['external_id']}"
        if record.get("phase") == "normalise"
        else "",
        f"{record['object']} {record['target_id']}" if record.get("target_id") else "",
        record.get("detail", "") or record.get("reason", ""),
    ]
    return " · ".join(part for part in parts if part)
