"""A walk over every part of a document, with its location and the scope that its paths start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from headrace.mapping.expressions import Verb
from headrace.mapping.paths import Path

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a document: where it stands, and the path of the item that its own paths start from ("" = root)."""

    location: Location
    part: Any
    scope: str

    @property
    def at_root(self) -> bool:
        """Whether paths start at the root."""
        return not self.scope


def walk(part: Any, location: Location = (), scope: str = "") -> Iterator[Place]:
    """Yield `part` and everything below it: models, and the paths in them."""
    if isinstance(part, Path):
        yield Place(location, part, scope)
    elif isinstance(part, BaseModel):
        yield Place(location, part, scope)
        each = getattr(part, "each", None)
        inner = f"{each.below(scope)}[]" if isinstance(each, Path) else scope
        for name, info in type(part).model_fields.items():
            below = inner if name not in ("each", "object") and isinstance(each, Path) else scope
            yield from walk(getattr(part, name), (*location, info.alias or name), below)
    elif isinstance(part, list | tuple):
        for position, entry in enumerate(part):
            yield from walk(entry, (*location, position), scope)
    elif isinstance(part, dict):
        for name, entry in part.items():
            yield from walk(entry, (*location, name), scope)


def verbs(part: Any, location: Location = (), scope: str = "") -> Iterator[tuple[Place, Verb]]:
    """Yield every expression at and below `part`."""
    for place in walk(part, location, scope):
        if isinstance(place.part, Verb):
            yield place, place.part


def record_paths(expression: Verb) -> frozenset[str]:
    """Return every path of the record that an expression at the root reads, items of lists as "lines[].price"."""
    found = set()
    for place in walk(expression):
        if isinstance(place.part, Path) and place.part.segments and place.part.segments[0] != "meta":
            found.add(place.part.below(place.scope))
    return frozenset(found)


def root_fields(expression: Verb) -> frozenset[str]:
    """Return the top-level canonical fields that an expression at the root is made of; `meta` is none."""
    names = set()
    for place in walk(expression):
        if isinstance(place.part, Path) and place.part.segments:
            names.add(place.part.below(place.scope).partition(".")[0].removesuffix("[]"))
    return frozenset(names - {"meta"})
