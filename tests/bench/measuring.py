"""Samples, ratios within one run, goals, and how contenders take turns.

Numbers of one machine at one moment say little, so each benchmark compares contenders that take turns in the same run,
and measures one of them twice (the A/A control): a ratio nearer to 1 than the control's is noise.
"""

from __future__ import annotations

import cProfile
import pstats
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Measurement:
    """One quantity. `goal` is the least that is wanted, None if nothing was set; `unit` says what a sample counts."""

    name: str
    unit: str
    samples: Sequence[float]
    goal: float | None = None

    @property
    def median(self) -> float:
        """The middle of the samples."""
        return statistics.median(self.samples)

    @property
    def met(self) -> bool | None:
        """Whether the median reaches the goal; None without a goal."""
        return None if self.goal is None else self.median >= self.goal

    def as_json(self) -> dict[str, Any]:
        """Return everything, raw samples included."""
        return {**asdict(self), "samples": list(self.samples), "median": self.median, "met": self.met}


@dataclass(slots=True)
class Report:
    """What one benchmark found. `notes` are facts that explain the numbers."""

    title: str
    measurements: list[Measurement] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, unit: str, samples: Sequence[float], goal: float | None = None) -> Measurement:
        """Add a quantity."""
        self.measurements.append(Measurement(name, unit, list(samples), goal))
        return self.measurements[-1]

    def ratio(self, name: str, over: Sequence[float], under: Sequence[float], goal: float | None = None) -> None:
        """Add the ratio of two contenders, round by round, so that what disturbs a round disturbs both."""
        self.add(name, "ratio", [a / b for a, b in zip(over, under, strict=True)], goal)

    def as_json(self) -> dict[str, Any]:
        """Return everything."""
        return {
            "title": self.title,
            "measurements": [each.as_json() for each in self.measurements],
            "notes": self.notes,
        }


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a run does. `rounds` is how often each contender has its turn, `seconds` how long a turn takes."""

    rounds: int
    seconds: float
    records: int
    ids: int
    quick: bool
    profile: bool = False


FULL = Effort(rounds=5, seconds=4.0, records=2_000, ids=100_000, quick=False)
QUICK = Effort(rounds=2, seconds=0.5, records=200, ids=2_000, quick=True)

Turn = Callable[[], Awaitable[float]]


async def take_turns(contenders: Mapping[str, Turn], rounds: int, *, warm: bool = False) -> dict[str, list[float]]:
    """Run every contender `rounds` times and return the samples of each.

    Each round starts with another one, so that none always comes first. With `warm`, a first turn of each is not
    counted.
    """
    names = list(contenders)
    for name in names if warm else ():
        await contenders[name]()
    samples: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            samples[name].append(await contenders[name]())
    return samples


def per_core_second(work: Callable[[], object], count: int) -> float:
    """Return how often `work` runs per second of CPU time, which neighbours on the machine disturb least.

    Args:
        work: called `count` times.
        count: enough for some hundred milliseconds.
    """
    started = time.process_time()
    for _ in range(count):
        work()
    return count / (time.process_time() - started)


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the samples lie."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextmanager
def profiled(name: str, lines: int = 25) -> Iterator[None]:
    """Profile what runs inside and print the functions that cost most themselves."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        print(f"\n{name}")
        pstats.Stats(profile).strip_dirs().sort_stats("tottime").print_stats(lines)
