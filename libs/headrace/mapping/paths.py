"""Paths: where a value lies in a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator

from headrace.mapping.values import ABSENT


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `absolute` paths start at the root, others at the current item; no segments: the item itself."""

    segments: tuple[str, ...]
    absolute: bool = False

    @property
    def text(self) -> str:
        """The path as a mapping writes it."""
        return ("/" if self.absolute else "") + (".".join(self.segments) or ".")

    def below(self, scope: str) -> str:
        """Return the path from the root, list items as "[]"; `scope`: the path of the item ("lines[]") or ""."""
        start = "" if self.absolute else scope
        for segment in self.segments:
            start = f"{start}[]" if segment.isdigit() else f"{start}.{segment}" if start else segment
        return start


def parse_path(value: Any) -> Path:
    """Return the path that a mapping wrote: dotted text, or a list of names.

    Raises:
        ValueError: not a path; the text says what one looks like.
    """
    if isinstance(value, Path):
        return value
    if isinstance(value, list) and value and all(isinstance(name, str) and name for name in value):
        absolute = value[0] == "/"
        return Path(tuple(value[1:] if absolute else value), absolute)
    if not isinstance(value, str):
        raise ValueError('a path is text such as "org.name", or a list of names')
    if value == ".":
        return Path(())
    absolute = value.startswith("/")
    segments = tuple(value.removeprefix("/").split("."))
    if not all(segments):
        raise ValueError(f'"{value}" has an empty name between its dots')
    return Path(segments, absolute)


PathField = Annotated[Path, PlainValidator(parse_path)]
"""A path inside a mapping document."""


def getter(segments: tuple[str, ...]) -> Callable[[Any], Any]:
    """Return a function that gives what lies at `segments`: ABSENT if a name is missing, None below a null."""
    if not segments:
        return lambda item: item
    if len(segments) == 1:
        (only,) = segments

        def one(item: Any) -> Any:
            return item.get(only, ABSENT) if item.__class__ is dict else _step(item, only)

        return one

    def many(item: Any) -> Any:
        for segment in segments:
            item = item.get(segment, ABSENT) if item.__class__ is dict else _step(item, segment)
        return item

    return many


def _step(container: Any, segment: str) -> Any:
    if isinstance(container, Mapping):
        return container.get(segment, ABSENT)
    if container is None:
        return None
    if isinstance(container, list | tuple) and segment.isdigit() and int(segment) < len(container):
        return container[int(segment)]
    return ABSENT
