"""Runs benchmarks, prints a table, writes build/bench.json. See `python -m tests.bench --help`."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from headrace.platform.paths import project_root
from tests.bench import codec_and_mapping, effects, memory, receiver, unchanged
from tests.bench.machine import machine
from tests.bench.measuring import FULL, QUICK, Effort, Measurement, Report
from tests.bench.world import World

BENCHMARKS: Mapping[str, Callable[[Effort, World], Awaitable[Report]]] = {
    "codec": codec_and_mapping.run,
    "unchanged": unchanged.run,
    "receiver": receiver.run,
    "effects": effects.run,
    "memory": memory.run,
}

_console = Console(width=118)


async def main(names: list[str], effort: Effort, output: Path) -> None:
    """Run benchmarks one after the other and write what they found, after each."""
    found: dict[str, Any] = {"machine": machine(), "quick": effort.quick, "benchmarks": {}}
    async with World() as world:
        for name in names:
            _console.print(f"[dim]{name} …[/]")
            started = time.monotonic()
            report = await BENCHMARKS[name](effort, world)
            seconds = round(time.monotonic() - started, 1)
            found["benchmarks"][name] = {**report.as_json(), "seconds": seconds}
            _write(output, found)
            _show(name, report, seconds)
    _console.print(f"{_machine_words(found['machine'])}. Written: {output}")


def _write(output: Path, found: Mapping[str, Any]) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _show(name: str, report: Report, seconds: float) -> None:
    table = Table(title=f"{name}: {report.title} ({seconds:g} s)", title_justify="left")
    table.add_column("what")
    for column in ("median", "least", "most"):
        table.add_column(column, justify="right")
    table.add_column("unit")
    table.add_column("goal", justify="right")
    table.add_column("")
    for each in report.measurements:
        goal = "" if each.goal is None else f"≥ {_number(each.goal)}"
        row = (_number(each.median), _number(min(each.samples)), _number(max(each.samples)), each.unit, goal)
        table.add_row(each.name, *row, _verdict(each))
    _console.print(table)
    for note, value in report.notes.items():
        _console.print(f"  [dim]{note}: {value}[/]", highlight=False)


def _verdict(measurement: Measurement) -> str:
    if measurement.met is None:
        return ""
    return "[green]met[/]" if measurement.met else "[red]not met[/]"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _machine_words(found: Mapping[str, Any]) -> str:
    return f"{found['cpu']}, {found['cores']} cores, Python {found['python']}, commit {found['commit'][:10]}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--quick", action="store_true", help="a minute instead of ten, less exact")
    parser.add_argument("--profile", action="store_true", help="also print which functions cost most")
    parser.add_argument("--output", type=Path, default=project_root() / "build" / "bench.json")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; known are {', '.join(BENCHMARKS)}")
    return given


if __name__ == "__main__":
    options = _arguments()
    chosen = replace(QUICK if options.quick else FULL, profile=options.profile)
    try:
        asyncio.run(main(options.names or list(BENCHMARKS), chosen, options.output))
    except KeyboardInterrupt:
        sys.exit(130)
