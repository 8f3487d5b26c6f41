"""Input that somebody made up to break what reads it, and how much of it is tried.

`make test` tries a fixed number of examples, the same ones each time; `EXAMPLES=20000` in the environment tries that
many for each property, other ones each time (`make fuzz`).
"""

from __future__ import annotations

import json
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Function = TypeVar("Function", bound=Callable[..., Any])

EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
"""Examples of each property in a long run; 0: as many as the property itself says."""

TEXTS = (
    *(
        "",
        " ",
        "\x00",
        "\r\nX-Injected: 1",
        "\ud800",
        "\udcff",
        "\u202e",
        "\ufeff",
        "\u00b2",
        "\u0663",
        "💥",
        "x" * 3000,
    ),
    *("..", "../../etc/passwd", "..%2f..%2f", "%00", "a/b", "a?b=c", "a#b", "a=b", "a,b=c", "=", "*"),
    *("a'b", 'a"b', "a'',b='c", "') or 1 eq 1 or ('a' eq 'a", "=cmd()", "{{7*7}}", "${PATH}", "<script>"),
    *("//example.com", "https://example.com/", "https://[", "http://127.0.0.1:1/", "file:///etc/passwd"),
    *("null", "true", "NaN", "1e400", "-0", "0x10", "9" * 30, "9" * 5000, "1" + "0" * 400),
    *("2026-02-30", "0001-01-01", "10000-01-01", "9999-12-31T23:59:59+14:00", "1969-12-31T00:00:00-23:59"),
)
"""Texts with a meaning to some reader: of paths, filters, headers, numbers, days, links, formulas."""

NUMBERS = ("1e99999999", "-1E+99999999", "1e-99999999", "0e-99999999", "1.0e400")
"""Numbers of JSON that are short as they come, and long when somebody writes them out."""

texts = st.one_of(st.sampled_from(TEXTS), st.text(st.characters(), max_size=12))
"""Any text, half a surrogate pair included, as JSON can carry it."""

single = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from(
        [0, -1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400, 1.5, 1e308, float("nan"), float("inf")]
    ),
    st.floats(),
    st.sampled_from(NUMBERS),
    texts,
)
anything = st.recursive(
    single,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
"""Any value of JSON, in what Python's encoder writes and its decoder reads: NaN, whole numbers of any length."""


def tried(examples: int) -> Callable[[Function], Function]:
    """Return the decorator that says how often a property is tried, and that no example may take seconds.

    Args:
        examples: how many are tried in `make test`.
    """
    return settings(
        max_examples=EXAMPLES or examples,
        derandomize=not EXAMPLES,
        database=None,
        deadline=5000,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


@contextmanager
def bounded(seconds: float, kilobytes: int = 0) -> Iterator[None]:
    """Fail if the block takes more CPU time of this thread, or more memory at any moment, than it may.

    Args:
        seconds: of CPU.
        kilobytes: 0 does not look, which is much quicker.
    """
    started = time.thread_time()
    if kilobytes:
        tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1] if kilobytes else 0
    finally:
        if kilobytes:
            tracemalloc.stop()
    spent = time.thread_time() - started
    assert spent <= seconds, f"{spent:.2f} s of CPU"
    assert peak <= kilobytes * 1024, f"{peak // 1024} KB"


def wire(value: Any) -> bytes:
    """Return a value as JSON, half surrogate pairs as their escapes, and texts of `NUMBERS` as the number they are."""
    text = json.dumps(value)
    for number in NUMBERS:
        text = text.replace(f'"{number}"', number)
    return text.encode()


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """Give variants of a genuine JSON body: a few parts replaced, left out or added, or bytes hurt."""
    value = json.loads(body)
    for _ in range(draw(st.integers(1, 3))):
        value = _changed(draw, value)
    found = wire(value)
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(found)))
        found = found[:at] + draw(st.binary(max_size=4)) + found[at + draw(st.integers(0, 4)) :]
    return found


def _changed(draw: st.DrawFn, value: Any) -> Any:
    """Walk down to some part and change it there."""
    parts = list(value) if isinstance(value, Mapping) else list(range(len(value))) if isinstance(value, list) else []
    if not parts or draw(st.integers(0, 4)) == 0:
        return draw(anything)
    part = draw(st.sampled_from(parts))
    deed = draw(st.sampled_from(("deeper", "deeper", "deeper", "away", "more")))
    if deed == "deeper":
        return _with(value, part, _changed(draw, value[part]))
    if deed == "more" and isinstance(value, Mapping):
        return {**value, draw(texts): draw(anything)}
    if isinstance(value, Mapping):
        return {name: item for name, item in value.items() if name != part}
    return [item for at, item in enumerate(value) if at != part]


def _with(value: Any, part: Any, item: Any) -> Any:
    if isinstance(value, Mapping):
        return {**value, part: item}
    return [*value[:part], item, *value[part + 1 :]]
