"""Reaching into records, and polling to the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

from headrace.core.contracts import Page, Record, Source
from headrace.core.event import Ref


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT
"""A field that a record does not have; None is a field that is empty."""


def at(record: Record, path: str) -> Any:
    """Return the value at a dotted path of `Record.data`, `ABSENT` if there is no such field."""
    value: Any = record.data
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return ABSENT
        value = value[part]
    return value


async def fetched(source: Source, obj: str, external_id: str) -> Record:
    """Read a record that is there."""
    record = await source.fetch(Ref(obj, external_id))
    assert record is not None, f"{obj} {external_id} is not found"
    return record


async def polled(source: Source, obj: str, cursor: Mapping[str, str] | None = None) -> list[Page]:
    """Read every page of one poll."""
    return [page async for page in source.changes(obj, cursor or {})]


def records_of(pages: Sequence[Page]) -> list[Record]:
    """Return the records of pages in order."""
    return [record for page in pages for record in page.records]


def ids_of(pages: Sequence[Page]) -> list[str]:
    """Return the external ids of pages' records in order."""
    return [record.ref.external_id for record in records_of(pages)]
