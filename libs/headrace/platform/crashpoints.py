"""Named places at which a test can kill this process, to prove what happens when it dies on that very line.

`HEADRACE_CRASH_AT=effects.before-call:3` kills the process with SIGKILL the third time it passes that point.
Unset, a point costs one dictionary look-up. The names are part of the published fault matrix.
"""

from __future__ import annotations

import os
import signal

POINTS = frozenset(
    {
        "receive.before-produce",
        "receive.after-produce",
        "poll.before-cursor",
        "poll.after-cursor",
        "load.before-cursor",
        "load.after-cursor",
        "normalise.before-emit",
        "normalise.after-emit",
        "normalise.before-ack",
        "effects.before-intent",
        "effects.before-call",
        "effects.after-call",
        "effects.before-done",
        "effects.after-done",
        "effects.before-verify",
        "process.before-link",
        "process.before-ack",
        "parking.before-park",
        "parking.after-park",
        "credentials.before-make",
        "credentials.after-make",
        "credentials.after-write",
    }
)

_left: dict[str, int] = {}


def arm(specification: str) -> None:
    """Arm points from "name" or "name:count", comma-separated.

    Raises:
        ValueError: an unknown name; a test that names one would prove nothing.
    """
    for part in filter(None, specification.split(",")):
        name, _, count = part.partition(":")
        if name not in POINTS:
            raise ValueError(f"unknown crash point {name}; known: {', '.join(sorted(POINTS))}")
        _left[name] = int(count or 1)


def point(name: str) -> None:
    """Die here if this point is armed and its count is reached."""
    left = _left.get(name)
    if left is None:
        return
    _left[name] = left - 1
    if left <= 1:
        os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("HEADRACE_CRASH_AT", ""))
