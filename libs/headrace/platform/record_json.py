"""A polled record as the body of a delivery, and back: JSON with tags for Decimal, date and time (`core.values`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headrace.core import values
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref

CONTENT_TYPE = "application/vnd.headrace.record+json"
"""Content type of a delivery whose body is a `Record` that a poll read."""

_TAGS = frozenset({"$decimal", "$date", "$time"})
_ESCAPE = "$$"


def dump_record(record: Record) -> bytes:
    """Return a record as bytes; equal records give equal bytes.

    Raises:
        TypeError: `data` holds something that records do not carry, such as a float.
    """
    return values.dump(
        {
            "object": record.ref.object,
            "external_id": record.ref.external_id,
            "data": _escaped(record.data),
            "version": record.version,
            "modified_at": record.modified_at,
            "deleted": record.deleted,
            "own": record.own,
            "complete": record.complete,
        }
    )


def load_record(data: bytes) -> Record:
    """Return the record that `dump_record` was given.

    Raises:
        RejectRecord: the bytes are something else; the delivery parks with them.
    """
    try:
        found = values.load(data)
        modified_at = found["modified_at"]
        if not (modified_at is None or isinstance(modified_at, datetime)) or not isinstance(found["data"], dict):
            raise TypeError("modified_at or data")
        return Record(
            Ref(str(found["object"]), str(found["external_id"])),
            _unescaped(found["data"]),
            version=str(found["version"]),
            modified_at=modified_at,
            deleted=bool(found["deleted"]),
            own=bool(found["own"]),
            complete=bool(found["complete"]),
        )
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise RejectRecord(
            "stored record unreadable",
            f"the delivery claims {CONTENT_TYPE} but its body is not one ({type(error).__name__}); "
            "it was not written by this version of the poller",
        ) from None


def _escaped(value: Any) -> Any:
    """Keep a source's own names that look like tags from being read as tags."""
    if isinstance(value, dict):
        return {_ESCAPE + name if _looks_tagged(name) else name: _escaped(item) for name, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list | tuple) else value


def _unescaped(value: Any) -> Any:
    if isinstance(value, float):
        raise TypeError("a float, which no record holds")
    if isinstance(value, dict):
        return {
            name.removeprefix(_ESCAPE) if _is_escaped(name) else name: _unescaped(item) for name, item in value.items()
        }
    return [_unescaped(item) for item in value] if isinstance(value, list) else value


def _looks_tagged(name: str) -> bool:
    return name in _TAGS or _is_escaped(name)


def _is_escaped(name: str) -> bool:
    return name.startswith(_ESCAPE) and _looks_tagged(name[len(_ESCAPE) :])
