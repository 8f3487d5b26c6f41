"""The oracle of the fault matrix: what sources' ledgers asked for against what targets' ledgers hold, and nothing else.

It knows no system, and reads neither topics nor state nor metrics. A record is a customer, the header of a document, or
one line of it: each has a name, and the contents that its source gave it, in order. States in between may be left out;
the newest may not, and none may follow a newer one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """One version of a record, as a source's ledger has it."""

    content: Hashable
    at: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """A record that a source asks for.

    Attributes:
        kind: of operation, by which the matrix counts.
        name: of the record, the same in source and target.
        versions: oldest first, at least one.
        document: name of the record that it is a part of, empty if it is none.
        words: what a request to the target that is about this record holds, besides its name.
        excuse: the rule by which it may be missing, empty if it must be there.
    """

    kind: str
    name: str
    versions: tuple[Said, ...]
    document: str = ""
    words: tuple[str, ...] = ()
    excuse: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """One row of a target's ledger; `content` is what the record held afterwards."""

    kind: str
    name: str
    action: str
    content: Hashable
    at: datetime
    row: int


@dataclass(slots=True)
class Verdict:
    """What went wrong, a sentence for each case, and how much was looked at. No sentence: the promise was kept."""

    records: int = 0
    rows: int = 0
    repeated: int = 0
    """Rows that left a record as it was. No fault: an update twice is one in effect."""
    lost: list[str] = field(default_factory=list)
    """The target never heard of it."""
    duplicated: list[str] = field(default_factory=list)
    """Created while it was there (I12)."""
    reordered: list[str] = field(default_factory=list)
    """An older version was written after a newer one (I5)."""
    stale: list[str] = field(default_factory=list)
    """An older version stands over the newest, which had been there."""
    wrong: list[str] = field(default_factory=list)
    """A content that its source never gave it, or a record that nobody asked for."""
    parked: list[str] = field(default_factory=list)
    """The target knows of it, the rest does not come, and no rule says why."""

    @property
    def complete(self) -> bool:
        """Whether all that must be there is there."""
        return not (self.lost or self.parked)

    @property
    def clean(self) -> bool:
        """Whether nothing went wrong."""
        return not any(getattr(self, name) for name in FAULTS)

    def as_json(self) -> dict[str, Any]:
        """Return counts, and the first sentences of each fault."""
        counts: dict[str, Any] = {"records": self.records, "rows": self.rows, "repeated": self.repeated}
        faults = {name: len(getattr(self, name)) for name in FAULTS}
        return counts | faults | {"cases": [case for name in FAULTS for case in getattr(self, name)[:5]]}


FAULTS = ("lost", "duplicated", "reordered", "stale", "wrong", "parked")


def judge(wishes: Iterable[Wish], written: Iterable[Written], requests: Sequence[str] = ()) -> dict[str, Verdict]:
    """Hold targets' ledgers against sources' ledgers.

    Args:
        wishes: what sources ask for; each name once.
        written: rows of the targets about such records, oldest first, without those of seeds and people.
        requests: lines of requests to the targets: they tell what was tried from what was never heard of.

    Returns:
        The verdict on each kind of operation.
    """
    asked = {wish.name: wish for wish in wishes}
    rows: dict[str, list[Written]] = defaultdict(list)
    verdicts: dict[str, Verdict] = defaultdict(Verdict)
    for each in written:
        rows[each.name].append(each)
    for name, strange in rows.items():
        if name not in asked:
            verdicts[strange[0].kind].wrong.append(f"{name}: nobody asked for it (row {strange[0].row})")
    for wish in asked.values():
        verdict, own = verdicts[wish.kind], rows.get(wish.name, [])
        verdict.records += 1
        verdict.rows += len(own)
        newest_was_there = _follow(verdict, wish, own)
        _hold(verdict, wish, own, newest_was_there, bool(own or rows.get(wish.document) or _tried(wish, requests)))
    return dict(verdicts)


def recovery(wishes: Iterable[Wish], written: Iterable[Written], lifted: datetime) -> float | None:
    """Return the seconds from the end of a fault until the targets had what the sources had said before it.

    None if something of it never came and no rule excuses it; 0 if all of it was there already.
    """
    rows: dict[str, list[Written]] = defaultdict(list)
    for each in written:
        rows[each.name].append(each)
    slowest = 0.0
    for wish in wishes:
        due = [place for place, each in enumerate(wish.versions) if each.at <= lifted]
        if not due or (wish.excuse and not rows.get(wish.name)):
            continue
        newer = {each.content for each in wish.versions[due[-1] :]}
        arrived = next((row.at for row in rows.get(wish.name, []) if row.content in newer), None)
        if arrived is None:
            return None
        slowest = max(slowest, (arrived - lifted).total_seconds())
    return round(slowest, 1)


def merged(verdicts: Iterable[Mapping[str, Verdict]]) -> dict[str, Verdict]:
    """Return the sum of several judgements."""
    total: dict[str, Verdict] = defaultdict(Verdict)
    for judgement in verdicts:
        for kind, verdict in judgement.items():
            for name in ("records", "rows", "repeated", *FAULTS):
                setattr(total[kind], name, getattr(total[kind], name) + getattr(verdict, name))
    return dict(total)


def _follow(verdict: Verdict, wish: Wish, rows: Sequence[Written]) -> bool:
    """Go through a record's rows; say whether one of them held the newest version."""
    contents = [each.content for each in wish.versions]
    present, newest, before = False, -1, None
    for row in rows:
        if row.action == "delete":
            present = False
            continue
        if row.action == "create" and present:
            verdict.duplicated.append(f"{wish.name}: created again (row {row.row})")
        verdict.repeated += present and row.content == before
        present, before = True, row.content
        places = [place for place, content in enumerate(contents) if content == row.content]
        later = [place for place in places if place >= newest]
        if not places:
            verdict.wrong.append(f"{wish.name}: {row.content!r} is none of its contents (row {row.row})")
        elif not later:
            verdict.reordered.append(f"{wish.name}: {row.content!r} after {contents[newest]!r} (row {row.row})")
        else:
            newest = later[0]
    return any(row.content == contents[-1] for row in rows)


def _hold(verdict: Verdict, wish: Wish, rows: Sequence[Written], newest_was_there: bool, known: bool) -> None:
    """Look at what stands there at the end."""
    wanted = wish.versions[-1].content
    stands = rows[-1].content if rows and rows[-1].action != "delete" else None
    if stands == wanted:
        if wish.excuse:
            verdict.wrong.append(f"{wish.name}: is there although {wish.excuse}")
    elif stands is not None and stands not in [each.content for each in wish.versions]:
        return  # told as wrong already
    elif stands is not None and newest_was_there:
        verdict.stale.append(f"{wish.name}: {stands!r} stands over {wanted!r}")
    elif not wish.excuse and known:
        verdict.parked.append(f"{wish.name}: {wanted!r} does not come")
    elif not wish.excuse:
        verdict.lost.append(f"{wish.name}: {wanted!r} never came")


def _tried(wish: Wish, requests: Sequence[str]) -> bool:
    words = (wish.name, *wish.words)
    return any(word in line for line in requests for word in words)
