"""Which fields of a record hold what our own processor wrote there: no news of its source (I7)."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

from headrace.core import values
from headrace.mapping.values import is_empty
from headrace.pipeline.links import Link


def echoed(
    reads: Mapping[str, Collection[str]], asserted: Collection[str], link: Link | None, record: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the canonical fields that say nothing but what we wrote.

    A field counts if all that it was read from either carries our mark, or is empty; and something carries it. A value
    that the system added by itself is its own word.

    Args:
        reads: canonical field → paths of the record that it is made of.
        asserted: the fields that the record asserts.
        link: the record's link, with the mark of what was written.
        record: the record's data.
    """
    mark = link.written_fingerprint if link else None
    if not mark:
        return ()
    ours, changed = values.matching(mark, record), values.differing(mark, record)
    if not ours:
        return ()
    return tuple(name for name in asserted if _is_ours(reads.get(name, ()), record, ours, changed))


def renewed(
    reads: Mapping[str, Collection[str]], asserted: Collection[str], link: Link | None, record: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return the canonical fields that no longer hold what we wrote; arguments as in `echoed`.

    While a write has neither ended nor been found out, nobody can tell.
    """
    changed = contradicted(link, record) if link is not None and not link.writing else frozenset()
    return tuple(
        name
        for name in asserted
        if any(_within(each, path.partition("[]")[0]) for path in reads.get(name, ()) for each in changed)
    )


def contradicted(link: Link | None, record: Mapping[str, Any]) -> frozenset[str]:
    """Return the fields of a record that are not what we last wrote there."""
    return values.differing(link.written_fingerprint, record) if link and link.written_fingerprint else frozenset()


def struck(link: Link | None, record: Mapping[str, Any]) -> Link | None:
    """Return the link without the marks that the record contradicts: a change back is news. None: as it is."""
    gone = contradicted(link, record)
    if link is None or link.writing or not gone:
        return None
    left = values.without(link.written_fingerprint or "", gone)
    return replace(link, written_fingerprint=left or None, writing=False)


def _is_ours(paths: Collection[str], record: Mapping[str, Any], ours: frozenset[str], changed: frozenset[str]) -> bool:
    marked = False
    for path in paths:
        name = path.partition("[]")[0]
        if any(_within(each, name) for each in changed):
            return False
        covered = {each for each in ours if _within(each, name)}
        marked = marked or bool(covered)
        value = values.lookup(record, name)
        if name in covered or (covered and isinstance(value, list)):
            continue
        if any(leaf not in covered for leaf in _leaves(name, value)):
            return False
    return marked


def _leaves(name: str, value: Any) -> Iterator[str]:
    """Yield the names of everything in a value that is not empty."""
    if isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _leaves(f"{name}.{inner}", item)
    elif not is_empty(value):
        yield name


def _within(name: str, outer: str) -> bool:
    return name == outer or name.startswith(f"{outer}.")
