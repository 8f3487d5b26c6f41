"""What a comparison tells: a table of counts, a line for each difference, or all of it as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.table import Column, Table

from headrace.pipeline.reconcile import Counts, Direction, Finding, Verdict
from headrace.pipeline.reconcile_repair import Repair

HIDDEN = "•••"
"""Stands for a value that nobody is shown: it differs, and that is all that can be said (I10)."""

_LONGEST = 60
_SENSITIVE = re.compile(
    r"bank|iban|(?<![a-z])(bic|ssn|pin)(?![a-z])|swift|routing|sort_?code|credit_?card|card_?number|password|secret"
    r"|token|api_?key|payment_?account|passport|national_?id",
    re.IGNORECASE,
)


def table_of(counts: Counts) -> Table:
    """Return the counts as a table: a row for each direction, object and entity, a column for each verdict."""
    verdicts = [each for each in Verdict if any(each in row for row in counts.values())]
    table = Table("direction", "object", "entity", *(Column(each.value, justify="right") for each in verdicts))
    for (direction, obj, entity), row in sorted(counts.items()):
        table.add_row(direction.value, obj, entity, *(str(row.get(each, 0)) for each in verdicts))
    return table


def line_of(finding: Finding) -> str:
    """Return a difference as a line for people."""
    step = "" if finding.step in ("", finding.entity) else f" {finding.step}"
    what = f"{finding.direction.value}: {finding.object} {finding.external_id} ({finding.entity}{step})"
    then, now = ("told", "is") if finding.direction is Direction.FROM else ("written", "holds")
    fields = "; ".join(
        f"{name}: {then} {_short(before)}, {now} {_short(after)}" for name, (before, after) in _shown(finding).items()
    )
    words = ". ".join(each for each in (fields, finding.detail) if each)
    known = f" [{finding.canonical_id}]" if finding.canonical_id else ""
    return f"{finding.verdict.value} · {what}{known}{f': {words}' if words else ''}"


def record_of(finding: Finding) -> dict[str, Any]:
    """Return a difference as an object of JSON; what is empty is left out."""
    record = {
        "direction": finding.direction.name.lower(),
        "verdict": finding.verdict.value,
        "object": finding.object,
        "external_id": finding.external_id,
        "entity": finding.entity,
        "canonical_id": finding.canonical_id,
        "step": finding.step,
        "fields": {name: {"known": then, "holds": now} for name, (then, now) in _shown(finding).items()},
        "detail": finding.detail,
    }
    return {name: value for name, value in record.items() if value}


def as_json(connection: str, counts: Counts, differences: Sequence[Finding], repair: Repair | None) -> str:
    """Return all of a comparison as one JSON object."""
    document: dict[str, Any] = {
        "connection": connection,
        "counts": [
            {
                "direction": direction.name.lower(),
                "object": obj,
                "entity": entity,
                "records": {verdict.value: row[verdict] for verdict in Verdict if verdict in row},
            }
            for (direction, obj, entity), row in sorted(counts.items())
        ],
        "differences": [record_of(finding) for finding in differences],
    }
    if repair is not None:
        document["repair"] = {
            "read_anew": [f"{ref.object}:{ref.external_id}" for ref in repair.reads],
            "commands": [command.canonical_id for command in repair.commands],
            "left": [{**record_of(finding), "do": words} for finding, words in repair.left],
        }
    return json.dumps(document, ensure_ascii=False, default=str)


def words_of(repair: Repair) -> Iterable[str]:
    """Yield what a repair asked for, line by line."""
    yield f"asked for: {len(repair.reads)} records read anew, {len(repair.commands)} repaired by the processor"
    for finding, words in repair.left:
        yield f"left · {finding.object} {finding.external_id}: {words}"


def _shown(finding: Finding) -> dict[str, tuple[Any, Any]]:
    """Return the fields of a difference, without values that nobody is shown."""
    return {name: (_masked(name, then), _masked(name, now)) for name, (then, now) in finding.fields.items()}


def _masked(name: str, value: Any) -> Any:
    if _SENSITIVE.search(name):
        return HIDDEN if value not in (None, "") else value
    if isinstance(value, Mapping):
        return {inner: _masked(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", item) for item in value]
    return value


def _short(value: Any) -> str:
    text = "nothing" if value in (None, "") else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
