"""The consoles of the command line: as wide as the terminal, and wide enough for tables when piped into a file."""

from __future__ import annotations

import sys

from rich.console import Console

PIPED_WIDTH = 400


def out() -> Console:
    """Return the console for results, on standard output."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_WIDTH)


def err() -> Console:
    """Return the console for progress and problems, on standard error."""
    return Console(highlight=False, soft_wrap=True, stderr=True, width=None if sys.stderr.isatty() else PIPED_WIDTH)
