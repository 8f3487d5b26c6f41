"""The nearest right name for a wrong one, for errors that people read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that is most like `word`, whatever the case; None if none is near."""
    folded = {name.casefold(): name for name in words}
    near = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def closest(word: str, words: Iterable[str]) -> str:
    """Return `; did you mean "x"?` for the nearest of `words`, or nothing if none is near."""
    near = nearest(word, words)
    return f'; did you mean "{near}"?' if near is not None else ""
