"""What is asked for about differences: records to be read anew, commands to a processor, and what only people can mend.

Nothing is written to a system here. What a source tells anew goes the usual way, where the rules of ownership decide;
of what no source tells, the processor takes its last event up again (`repairing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.core.event import Ref
from headrace.mapping.documents import InMapping, OutMapping
from headrace.pipeline.reconcile import Direction, Finding, Verdict
from headrace.pipeline.reconcile_tables import Placed, Tables
from headrace.pipeline.repairing import is_posted
from headrace.pipeline.state import EffectState

RECONCILE = "reconcile"
"""Arrival of a record that is read anew because a comparison found it different."""

_POSTED = (
    "it is (part of) a document, which is never created a second time (I12). If it was deleted by mistake, enter it in "
    "the target by hand; else take the document back at its source"
)
_NO_EVENT = "its last event is not kept any more: change the record at its source, which tells it anew"
_UNREADABLE = "the target cannot read it; see why, correct that, and compare again"


@dataclass(slots=True)
class Command:
    """The command `repair` for one canonical id: see `repairing.repair`."""

    canonical_id: str
    event_id: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    place: Placed | None = None

    @property
    def argument(self) -> dict[str, Any]:
        """What the command is given."""
        place = self.place
        at = {} if place is None else {"topic": place.topic, "partition": place.partition, "offset": place.offset}
        return {"fields": self.fields, "gone": self.gone, **at}


@dataclass(slots=True)
class Repair:
    """What is asked for; `left` are differences that stay, with what people do about them."""

    reads: list[Ref] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    left: list[tuple[Finding, str]] = field(default_factory=list)


async def plan(
    findings: Sequence[Finding], tables: Tables, ins: Sequence[InMapping], outs: Mapping[str, OutMapping]
) -> Repair:
    """Return what is to be asked for about the differences of one connection.

    Args:
        findings: the differences.
        tables: of the connection.
        ins: its in mappings; none if it is not read.
        outs: its out mappings, by entity.
    """
    told = dict.fromkeys(Ref(each.object, each.external_id) for each in findings if each.direction is Direction.FROM)
    repair = Repair(reads=list(told))
    commands: dict[str, Command] = {}
    for finding in findings:
        if finding.direction is Direction.FROM:
            continue
        heard = Ref(finding.object, finding.external_id) in told
        posted = is_posted(outs.get(finding.entity))
        if finding.verdict is Verdict.CANNOT_BE_READ:
            repair.left.append((finding, _UNREADABLE))
        elif finding.verdict is Verdict.GONE:
            if posted:
                repair.left.append((finding, _POSTED))
            elif not heard:
                _command(commands, finding).gone.append(finding.step)
        else:
            names = [name for name in finding.fields if not (heard and _is_read(ins, finding.object, name))]
            if names:
                _command(commands, finding).fields[finding.step] = names
    if commands:
        await _place(commands, tables)
    for command in commands.values():
        if command.place is not None:
            repair.commands.append(command)
        else:
            own = [each for each in findings if each.step and each.canonical_id == command.canonical_id]
            repair.left += [(each, _NO_EVENT) for each in own]
    return repair


async def _place(commands: Mapping[str, Command], tables: Tables) -> None:
    """Find the last event of each id: what was settled last, and where it lies."""
    states: dict[str, EffectState] = {}
    for canonical_id, row in (await tables.states(commands)).items():
        state = await tables.state(row)
        if state is not None:
            states[canonical_id] = state
            commands[canonical_id].event_id = state.event_id
    for entity in sorted({state.entity for state in states.values()}):
        wanted = {state.event_id: key for key, state in states.items() if state.entity == entity and state.event_id}
        for placed in (await tables.events(entity, wanted)).values():
            commands[placed.event.key].place = placed


def _command(commands: dict[str, Command], finding: Finding) -> Command:
    return commands.setdefault(finding.canonical_id, Command(finding.canonical_id, ""))


def _is_read(ins: Sequence[InMapping], obj: str, name: str) -> bool:
    """Say whether the connection's own source tells of a field."""
    own = [document.program.reads for document in ins if document.object == obj]
    paths = {path.partition("[]")[0] for reads in own for each in reads.values() for path in each}
    return any(name == path or name.startswith(f"{path}.") or path.startswith(f"{name}.") for path in paths)
