"""What the matrix has shown: `build/faults.json`, and the page `tests/faults/RESULTS.md` made from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headrace.platform.paths import project_root
from tests.bench.machine import machine
from tests.faults.ledgers import KINDS
from tests.faults.oracle import FAULTS
from tests.faults.running import Result

PAGE = Path("tests") / "faults" / "RESULTS.md"
FILE = Path("build") / "faults.json"


def write(results: Sequence[Result], command: str, *, page: bool) -> None:
    """Write the file, and the page if all rows were run."""
    found = {"machine": machine(), "command": command, "rows": [each.as_json() for each in results]}
    file = project_root() / FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    if page:
        (project_root() / PAGE).write_text(rendered(found), encoding="utf-8")


def rendered(found: dict[str, Any]) -> str:
    """Return the page."""
    rows, on = found["rows"], found["machine"]
    held = sum(row["held"] for row in rows)
    totals = {name: sum(cell[name] for row in rows for cell in row["cells"].values()) for name in FAULTS}
    counted = [row for row in rows if row["evidence"]]
    records = sum(cell["records"] for row in counted for cell in row["cells"].values())
    lines = [
        "# Results of the fault matrix",
        "",
        f"Written by `{found['command']}`; do not edit. What a row does is in `tests/faults/rows.py`, who judges in",
        "`tests/faults/oracle.py`: the sandboxes' ledgers alone.",
        "",
        f"{on['cpu']}, {on['cores']} cores, Python {on['python']}, commit {on['commit'][:10]}. One row at a time,",
        "under a load that goes on before, during and after the fault.",
        "",
        f"**{held} of {len(rows)} rows held.** {records} records: "
        + ", ".join(f"{totals[name]} {name}" for name in FAULTS)
        + ".",
        "",
        "A cell tells records of that kind and `✓`, or what went wrong with how many. *Recovery*: seconds from the end",
        "of the fault until the targets had everything that was said before it. *Restarts*: processes that ended by",
        "themselves and were started again, as Kubernetes does. *Load*: the machine's load average.",
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
    broken = [row for row in rows if not row["held"]]
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


def _cell(cell: dict[str, Any] | None) -> str:
    if cell is None:
        return ""
    wrong = [f"{cell[name]} {name}" for name in FAULTS if cell[name]]
    return f"{cell['records']} " + (", ".join(wrong) if wrong else "✓")
