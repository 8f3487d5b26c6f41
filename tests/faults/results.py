"""What the matrix has shown: `build/faults.json`, and the page `tests/faults/RESULTS.md` made from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from headrace.platform.paths import project_root
from tests.bench.machine import machine
from tests.faults.ledgers import KINDS
from tests.faults.oracle import FAULTS
from tests.faults.rows import ROWS, SURROUNDINGS
from tests.faults.running import AFTERWARDS, Result

PAGE = Path("tests") / "faults" / "RESULTS.md"
FILE = Path("build") / "faults.json"


def write(results: Sequence[Result]) -> None:
    """Put results in place of those of the same rows that were there, and make the page of all."""
    here = _here()
    file = project_root() / FILE
    old = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    before = old.get("rows", [])
    new = {each.row: each.as_json() | {"commit": here["commit"][:10]} for each in results}
    known = [row.name for row in ROWS]
    rows = {row["row"]: row for row in before if row["row"] in known or row["row"].startswith(AFTERWARDS)} | new
    order = {name: place for place, name in enumerate(known)}
    groups = {name: place for place, name in enumerate(SURROUNDINGS)}
    places = sorted(rows.values(), key=lambda row: (groups[row["group"]], order.get(row["row"], len(order))))
    _save({"machine": here, "of": len(known), "rows": places, "random": old.get("random", [])})


def write_random(results: Sequence[Result]) -> None:
    """Add rounds of random runs to those that there are, and make the page anew."""
    file = project_root() / FILE
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {"machine": _here(), "of": 0, "rows": []}
    new = {each.row: each.as_json() for each in results}
    found["random"] = list(({row["row"]: row for row in found.get("random", [])} | new).values())
    _save(found)


@cache
def _here() -> dict[str, Any]:
    """Return machine and commit as they were when the first result came: what is committed later did not run."""
    return machine()


def _save(found: dict[str, Any]) -> None:
    file = project_root() / FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    (project_root() / PAGE).write_text(rendered(found), encoding="utf-8")


def rendered(found: dict[str, Any]) -> str:
    """Return the page."""
    rows, on = found["rows"], found["machine"]
    run = [row for row in rows if not (row["control"] or row["row"].startswith(AFTERWARDS))]
    held = sum(row["held"] for row in run)
    totals = {name: sum(cell[name] for row in run for cell in row["cells"].values()) for name in FAULTS}
    records = sum(cell["records"] for row in run for cell in row["cells"].values())
    commits = ", ".join(dict.fromkeys(row["commit"] for row in run))
    lines = [
        "# Results of the fault matrix",
        "",
        "Written by `make faults`; do not edit. What a row does is in `tests/faults/rows.py`, who judges in",
        "`tests/faults/oracle.py`: the sandboxes' ledgers alone.",
        "",
        f"{on['cpu']}, {on['cores']} cores, Python {on['python']}, commit {commits}. One row at a time,",
        "under a load that goes on before, during and after the fault.",
        "",
        f"**{held} of {len(run)} rows held**, of {found['of']} that there are. {records} records: "
        + ", ".join(f"{totals[name]} {name}" for name in FAULTS)
        + ".",
        "",
        "A cell tells records of that kind and `✓`, or what went wrong with how many. *Recovery*: seconds from the end",
        "of the fault until the targets had everything that was said before it. *Restarts*: processes that ended by",
        "themselves and were started again, as Kubernetes does. *Load*: the machine's load average. The control must",
        "not hold: there the effect protocol is switched off, and the oracle has to notice.",
        "",
    ]
    for group in dict.fromkeys(row["group"] for row in rows):
        lines += [
            f"## {group.capitalize()}",
            "",
            f"| fault | {' | '.join(KINDS)} | recovery | restarts | load | seed |",
        ]
        lines += ["| --- |" + " --- |" * (len(KINDS) + 4)]
        lines += [_line(row) for row in rows if row["group"] == group]
        lines += [""]
    rounds = found.get("random", [])
    if rounds:
        seeds = list(dict.fromkeys(row["seed"] for row in rounds))
        good = sum(row["held"] for row in rounds)
        lines += ["## Random runs", "", f"**{good} of {len(rounds)} held** of {len(seeds)} seeds; the last:", ""]
        lines += ["| seed | faults | records | recovery | |", "| --- | --- | --- | --- | --- |"]
        lines += [_round(row) for row in rounds[-40:]]
        lines += [""]
    broken = [row for row in (*rows, *rounds) if not row["held"]]
    if broken:
        lines += ["## Rows that did not hold", ""]
        for row in broken:
            lines += [f"- **{row['row']}**: {row['trouble'].splitlines()[0] if row['trouble'] else ''}".rstrip(": ")]
            lines += [f"  - {kind}: {case}" for kind, cell in row["cells"].items() for case in cell["cases"][:3]]
        lines += [""]
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    cells = [_cell(row["cells"].get(kind)) for kind in KINDS]
    recovery = "" if row["recovery_seconds"] is None else f"{row['recovery_seconds']:g} s"
    restarts = ", ".join(f"{name} {count}" for name, count in row["restarts"].items())
    name = row["row"] if row["held"] else f"**{row['row']}**"
    parts = [name, *cells, recovery, restarts, f"{row['machine_load']:g}", str(row["seed"])]
    return f"| {' | '.join(parts)} |"


def _round(row: dict[str, Any]) -> str:
    records = sum(cell["records"] for cell in row["cells"].values())
    wrong = {name: sum(cell[name] for cell in row["cells"].values()) for name in FAULTS}
    words = ", ".join(f"{count} {name}" for name, count in wrong.items() if count) or ("✓" if row["held"] else "broken")
    name = row["row"].partition(", ")[2] or row["row"]
    recovery = "" if row["recovery_seconds"] is None else f"{row['recovery_seconds']:g} s"
    return f"| {row['seed']} | {name} | {records} | {recovery} | {words} |"


def _cell(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return ""
    wrong = [f"{cell[name]} {name}" for name in FAULTS if cell[name]]
    return f"{cell['records']} " + (", ".join(wrong) if wrong else "✓")
