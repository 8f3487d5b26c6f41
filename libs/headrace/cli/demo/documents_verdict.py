"""The oracle of documents: what Dataverse and RecordEngine tell against what was written there and in the ERP.

Each function returns a sentence for everything that is wrong; none means that the promise was kept. It reads records
and ledgers of the sandboxes, and nothing of Headrace.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from headrace.cli.demo.documents_world import Opportunity, Paper

Row = Mapping[str, Any]
API = "/api/data/"
COLUMNS: Mapping[str, Callable[[Paper], object]] = {
    "new_documenttotal": lambda paper: paper.amount,
    "new_documentnumber": lambda paper: paper.number,
    "new_documentdate": lambda paper: paper.day,
    "new_documentconfidence": lambda paper: paper.confidence,
}
"""Columns that the shipped mapping fills, and what a paper says of them."""


def judge_uploads(sent: Sequence[Opportunity], uploads: Iterable[Row], kept_back: Iterable[Opportunity]) -> list[str]:
    """Hold the files that came into RecordEngine against those of the opportunities that reached the stage.

    Args:
        sent: opportunities that did, with their files.
        uploads: RecordEngine's ledger of documents.
        kept_back: opportunities that never did.
    """
    found: Counter[tuple[str, str]] = Counter()
    for entry in uploads:
        if entry["action"] == "create" and str(entry["request"]["path"]).endswith("/upload"):
            reference = (entry["after"]["external_refs"] or {}).get("dynamics") or {}
            if reference.get("record_type") == "opportunity":
                found[str(reference.get("record_id")), str(entry["after"]["sha256"])] += 1
    wrong = []
    for deal in sent:
        for paper in deal.papers:
            times = found.pop((deal.id, hashlib.sha256(paper.content).hexdigest()), 0)
            if times != 1:
                wrong.append(f"{deal.name} {paper.filename}: uploaded {times} times")
    early = {deal.id: deal.name for deal in kept_back}
    return wrong + [f"{early.get(deal, deal)}: a file that nobody asked for was uploaded" for deal, _ in found]


def judge_records(
    written: Mapping[str, Paper], untouched: Iterable[str], rows: Mapping[str, Row], ledger: Sequence[Row]
) -> list[str]:
    """Hold opportunities against the papers that say something of them.

    Args:
        written: id of an opportunity → the paper whose values it must show.
        untouched: ids of opportunities that nothing may be written to.
        rows: Dataverse's opportunities by id.
        ledger: Dataverse's ledger of opportunities.
    """
    wrong = []
    for deal, paper in written.items():
        for column, value in COLUMNS.items():
            if not _same(rows[deal].get(column), value(paper)):
                wrong.append(f"{rows[deal]['name']}: {column} is {rows[deal].get(column)}, {value(paper)} was read")
    ours = {str(entry["key"]) for entry in ledger if _over_api(entry)}
    return wrong + [f"{rows[deal]['name']}: written although nothing should be" for deal in untouched if deal in ours]


def judge_notes(expected: Sequence[tuple[str, str]], ledger: Sequence[Row]) -> list[str]:
    """Hold the notes that came over the API against the summaries that were expected.

    Args:
        expected: id of the opportunity and the summary, one for each revision of each document.
        ledger: Dataverse's ledger of notes.
    """
    made: Counter[str] = Counter()
    last: dict[str, Row] = {}
    for entry in ledger:
        if _over_api(entry):
            made[str(entry["key"])] += entry["action"] == "create"
            last[str(entry["key"])] = entry["after"] or {}
    wrong = [f"note {key}: made {count} times" for key, count in made.items() if count != 1]
    texts: dict[str, list[str]] = defaultdict(list)
    for note in last.values():
        texts[str(note.get("objectid")).rpartition("/")[2]].append(str(note.get("notetext")))
    for deal, summary in expected:
        found = [text for text in texts[deal] if text.startswith(summary)]
        if len(found) != 1:
            wrong.append(f"opportunity {deal}: {len(found)} notes say {summary!r}")
        else:
            texts[deal].remove(found[0])
    return wrong + [
        f"opportunity {deal}: a note that nobody expected: {text!r}" for deal in texts for text in texts[deal]
    ]


def judge_erp(papers: Sequence[Paper], obj: str, number: str, total: str, ledger: Sequence[Row]) -> list[str]:
    """Hold documents of the ERP against the papers that were released.

    Args:
        papers: what each must be there once for.
        obj: the ERP's object.
        number: its field that holds the paper's number.
        total: its field that holds the total, "" if it has none.
        ledger: the ERP's ledger of that object.
    """
    made: Counter[str] = Counter()
    last: dict[str, Row] = {}
    for entry in ledger:
        if str(entry["request"]["path"]).startswith("/data"):
            name = str(entry["after"].get(number)) if entry["after"] else ""
            made[name] += entry["action"] == "create"
            last[name] = entry["after"] or {}
    wrong = []
    for paper in papers:
        found = [name for name in made if paper.number in name]
        times = sum(made.pop(name) for name in found)
        if times != 1:
            wrong.append(f"{obj} {paper.number}: made {times} times")
        elif total and not _same(last[found[0]].get(total), paper.amount):
            wrong.append(f"{obj} {paper.number}: {total} is {last[found[0]].get(total)}, {paper.amount} was read")
    kinds = {paper.number.partition("-")[0] for paper in papers}  # other sources' documents have numbers of other kinds
    strangers = [name for name, count in made.items() if count and any(f"{kind}-" in name for kind in kinds)]
    return wrong + [f"{obj} {name}: nobody released it" for name in strangers]


def _over_api(entry: Row) -> bool:
    return str(entry["request"]["path"]).startswith(API)


def _same(held: Any, read: Any) -> bool:
    if held is None:
        return False
    if isinstance(read, date):
        return str(held)[:10] == read.isoformat()
    if isinstance(read, Decimal | int):
        return Decimal(str(held)) == read
    return bool(held == read)
