"""Waiting for what others do: for a condition, never for a time. What does not come is told with what was last seen."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

Seen = Callable[[], object]
"""Says how things stand, for the message."""

_T = TypeVar("_T")


def wait_until(
    holds: Callable[[], object], what: str, *, seconds: float, seen: Seen | None = None, every: float = 0.05
) -> None:
    """Return as soon as a condition holds.

    Args:
        holds: the condition, as true as its result; what it raises ends the wait.
        what: names what is waited for.
        seconds: how long.
        seen: tells what there is instead; asked at the end only.
        every: seconds between two looks, for conditions that cost something.

    Raises:
        AssertionError: it did not hold in time.
    """
    deadline = _Deadline(what, seconds, seen)
    while not holds():
        deadline.check()
        time.sleep(every)


async def eventually(
    holds: Callable[[], object],
    what: str = "what is waited for",
    *,
    seconds: float = 10.0,
    seen: Seen | None = None,
) -> None:
    """Return as soon as a condition holds, and let the event loop run until then; otherwise as `wait_until`.

    The condition may be a coroutine function.

    Raises:
        AssertionError: it did not hold in time, or takes that long to be told.
    """
    deadline = _Deadline(what, seconds, seen)
    while not await _told(holds(), deadline):
        deadline.check()
        await asyncio.sleep(0.005)


def wait_unchanged(look: Callable[[], _T], what: str, *, still: float, seconds: float, every: float = 0.2) -> _T:
    """Return what there is once it has been the same for `still` seconds: for showing that nothing more comes.

    Raises:
        AssertionError: it still changed after `seconds`.
    """
    last = look()
    since, deadline = time.monotonic(), _Deadline(f"an end of {what}", seconds, lambda: last)
    while time.monotonic() - since < still:
        deadline.check()
        time.sleep(every)
        now = look()
        if now != last:
            last, since = now, time.monotonic()
    return last


async def _told(result: object, deadline: _Deadline) -> bool:
    if not inspect.isawaitable(result):
        return bool(result)
    try:
        async with asyncio.timeout(deadline.left):
            return bool(await result)
    except TimeoutError:
        deadline.check()
        raise


@dataclass(slots=True)
class _Deadline:
    what: str
    seconds: float
    seen: Seen | None
    begun: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        return max(0.0, self.seconds - (time.monotonic() - self.begun))

    def check(self) -> None:
        if self.left:
            return
        seen = "" if self.seen is None else f"; last seen: {self.seen()}"
        raise AssertionError(f"{self.what} did not come within {self.seconds:g} s{seen}")
