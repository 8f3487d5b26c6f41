"""Runs the fault matrix, prints each row, writes the results. See `python -m tests.faults --help`."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from rich.console import Console

from tests.faults import results
from tests.faults.ledgers import KINDS
from tests.faults.oracle import FAULTS
from tests.faults.randomised import plan
from tests.faults.rows import chosen
from tests.faults.running import Result, run_all, run_plan

LOAD_SEED = 1
"""What the load of the matrix draws, the same each time."""

_console = Console(width=150, highlight=False)


def main(given: argparse.Namespace) -> int:
    """Run what was asked for; return the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    if given.seed is None and given.minutes is None:
        runs = [run_all(chosen(given.rows), folder, LOAD_SEED)]
    else:
        runs = (run_plan(plan(seed), folder) for seed in _seeds(given.seed, given.minutes))
    write = results.write if given.seed is None and given.minutes is None else results.write_random
    done: list[Result] = []
    for run in runs:
        with closing(run):  # takes down what it started, whatever happens here
            for result in run:
                done.append(result)
                _show(result)
                write(done)
    broken = [result for result in done if not result.held]
    _console.print(f"{len(done) - len(broken)} of {len(done)} rows held; written: {results.FILE}")
    if broken:
        _console.print(f"logs: {folder}")
        if write is results.write_random:
            seeds = dict.fromkeys(str(result.seed) for result in broken)
            _console.print(f"again: {'  '.join(f'make faults SEED={seed}' for seed in seeds)}")
        return 1
    shutil.rmtree(folder)
    return 0


def _seeds(first: int | None, minutes: float | None) -> Iterator[int]:
    """Yield a seed; with minutes, one after the other until they are over."""
    seed = int(time.time()) % 1_000_000 if first is None else first
    until = time.monotonic() + (minutes or 0.0) * 60
    while True:
        _console.print(f"[bold]seed {seed}[/]")
        yield seed
        if time.monotonic() >= until:
            return
        seed += 1


def _show(result: Result) -> None:
    mark = "[green]held[/]" if result.held else "[red]BROKEN[/]"
    cells = "  ".join(_cell(result, kind) for kind in KINDS)
    recovery = "" if result.recovery is None else f"recovered in {result.recovery:g} s"
    _console.print(f"{mark} {result.row:58} {cells}  {recovery} [dim]{result.seconds:g} s[/]")
    if result.trouble:
        _console.print(f"  {result.trouble.splitlines()[0]}", markup=False)
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
    parser.add_argument("--seed", type=int, help="random runs in place of the rows: what this seed draws")
    parser.add_argument("--minutes", type=float, help="random runs, seed after seed, for so long")
    return parser.parse_args()


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    for number in (signal.SIGTERM, signal.SIGINT):  # whoever ends it: what it started ends with it
        signal.signal(number, _interrupted)
    sys.exit(main(_arguments()))
