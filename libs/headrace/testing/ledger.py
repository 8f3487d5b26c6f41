"""The oracle: what sandboxes' ledgers say was done, against what should have been done.

It believes neither topics, state nor metrics, only the ledgers that the sandboxes keep of every change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]
"""A ledger row: seq, object, key, action, fields, before, after, request, reply (`headrace.sandbox.common.ledger`)."""


@dataclass(slots=True)
class Verdict:
    """What went wrong, a sentence for each case. All empty: the promise was kept."""

    lost: list[str] = field(default_factory=list)
    """Never created."""
    duplicated: list[str] = field(default_factory=list)
    """Created again while it was there (I12)."""
    reordered: list[str] = field(default_factory=list)
    """An older state was written after a newer one (I5)."""
    stale: list[str] = field(default_factory=list)
    """What stands there at the end is not the newest state."""
    unexpected: list[str] = field(default_factory=list)
    """Nobody asked for the record or for this state of it."""

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not (self.lost or self.duplicated or self.reordered or self.stale or self.unexpected)


def judge(
    expected: Mapping[str, Sequence[Hashable]],
    ledger: Iterable[Entry],
    *,
    identify: Callable[[Entry], str],
    state: Callable[[Entry], Hashable],
) -> Verdict:
    """Hold ledger rows against what should have been written. States may be left out (superseded), the last may not.

    Args:
        expected: by the name that `identify` gives a record, its states in the order in which the source had them.
        ledger: rows of the objects in question, oldest first, without those of the seed.
        identify: the record's name in `expected`, from a row.
        state: the state that a create or update left, comparable with those of `expected`.
    """
    verdict = Verdict()
    rows: dict[str, list[Entry]] = defaultdict(list)
    for entry in ledger:
        rows[identify(entry)].append(entry)
    verdict.unexpected += [f"{name}: nobody asked for it" for name in rows if name not in expected]
    for name, states in expected.items():
        _judge_record(verdict, name, states, rows.get(name, []), state)
    return verdict


def _judge_record(
    verdict: Verdict,
    name: str,
    states: Sequence[Hashable],
    rows: Sequence[Entry],
    state: Callable[[Entry], Hashable],
) -> None:
    present, newest = False, -1
    for row in rows:
        if row["action"] == "delete":
            present = False
            continue
        if row["action"] == "create" and present:
            verdict.duplicated.append(f"{name}: created again as {row['key']} (row {row['seq']})")
        present = True
        written = state(row)
        places = [index for index, each in enumerate(states) if each == written]
        later = [index for index in places if index >= newest]
        if not places:
            verdict.unexpected.append(f"{name}: {written!r} (row {row['seq']}) is no state of it")
        elif not later:
            verdict.reordered.append(f"{name}: {written!r} written after {states[newest]!r} (row {row['seq']})")
        else:
            newest = later[0]
    if not rows:
        verdict.lost.append(f"{name}: never created")
    elif rows[-1]["action"] != "delete" and state(rows[-1]) != states[-1]:
        verdict.stale.append(f"{name}: {state(rows[-1])!r} stands there instead of {states[-1]!r}")
