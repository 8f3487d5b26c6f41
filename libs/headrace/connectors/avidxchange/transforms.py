"""Named functions that mappings call where no verb says it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

_LINES = 2
"""Lines that an address of AvidXchange has for its street."""


def transforms(config: Any = None) -> Mapping[str, Callable[..., Any]]:
    """Return the functions by name; they need nothing of the configuration."""
    del config
    return {"line": line, "year": year}


def line(text: Any = None, number: Any = None) -> str | None:
    """Return a line of a street; None if it has no such line.

    Nothing is lost: a third line and further ones join the second, separated by commas. Empty lines do not count.

    Args:
        text: the street, its lines one below the other as in F&O.
        number: 1 or 2.
    """
    found = [each.strip() for each in str(text or "").splitlines() if each.strip()]
    lines = [*found[: _LINES - 1], ", ".join(found[_LINES - 1 :])]
    place = int(number) - 1
    return (lines[place] or None) if place < len(lines) else None


def year(on: Any = None) -> int | None:
    """Return the year of a day: a vendor's numbers may begin anew with it."""
    return on.year if isinstance(on, date) else None
