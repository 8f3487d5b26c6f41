"""Runs the fault matrix, prints each row, writes the results. See `python -m tests.faults --help`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from tests.faults import results
from tests.faults.ledgers import KINDS
from tests.faults.oracle import FAULTS
from tests.faults.rows import chosen
from tests.faults.running import Result, run_all

_console = Console(width=150, highlight=False)


def main(given: argparse.Namespace) -> int:
    """Run what was asked for; return the exit code."""
    rows = chosen(given.rows)
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    done: list[Result] = []
    command = "make faults" + (f' ROWS="{given.rows}"' if given.rows else "")
    for result in run_all(rows, folder, given.seed):
        done.append(result)
        _show(result)
        results.write(done, command, page=not given.rows)
    broken = [result for result in done if not result.held]
    _console.print(f"{len(done) - len(broken)} of {len(done)} rows held; written: {results.FILE}")
    if broken:
        _console.print(f"logs: {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


def _show(result: Result) -> None:
    mark = "[green]held[/]" if result.held else "[red]BROKEN[/]"
    cells = "  ".join(_cell(result, kind) for kind in KINDS)
    recovery = "" if result.recovery is None else f"recovered in {result.recovery:g} s"
    _console.print(f"{mark} {result.row:58} {cells}  {recovery} [dim]{result.seconds:g} s[/]")
    if result.trouble:
        _console.print(f"  [red]{result.trouble[:3000]}[/]", markup=True)
    for kind, verdict in result.verdicts.items():
        for name in FAULTS:
            for case in getattr(verdict, name)[:5]:
                _console.print(f"  {kind}: {name}: {case}", markup=False)


def _cell(result: Result, kind: str) -> str:
    verdict = result.verdicts.get(kind)
    return f"{kind} {verdict.records if verdict else '-':>3}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--rows", default="", help="words of names, or groups, between commas; default: all rows")
    parser.add_argument("--seed", type=int, default=1, help="of the load")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(_arguments()))
