"""Plain values as bytes and back, keeping Decimal, date and datetime; and when two systems hold the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

_EMPTY_DATES = (date(1900, 1, 1), date(1, 1, 1))


def dump(value: Any) -> bytes:
    """Return `value` as compact JSON with sorted names; equal values give equal bytes, fit for fingerprints.

    Decimal, date and datetime become {"$decimal": …}, {"$date": …}, {"$time": …}.
    Floats are refused: money never is one.
    """
    return json.dumps(_tagged(value), ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def load(data: bytes | str) -> Any:
    """Return what `dump` was given."""
    return json.loads(data, object_hook=_untagged)


def same(ours: Any, theirs: Any) -> bool:
    """Say whether a target holds what we would write, in spite of how it spells values.

    Decimals compare by amount, a date equals a UTC timestamp of that day, None equals "" and 1900-01-01 (the empty
    date of Dynamics), text ignores spaces at its ends.
    """
    if type(ours) is type(theirs) and ours == theirs:
        return True
    left, right = _plain(ours), _plain(theirs)
    if _is_day(left) != _is_day(right):
        left, right = _as_day(left), _as_day(right)
    return type(left) is type(right) and bool(left == right)


def _tagged(value: Any) -> Any:
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Decimal):
        text = format(value, "f")
        return {"$decimal": text.rstrip("0").rstrip(".") if "." in text else text}
    if isinstance(value, datetime):
        return {"$time": value.astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, Mapping):
        return {str(name): _tagged(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(item) for item in value]
    raise TypeError(f"{type(value).__name__} is not a value that events carry")


def _untagged(pairs: dict[str, Any]) -> Any:
    if len(pairs) == 1:
        (name, value), *_ = pairs.items()
        if name == "$decimal":
            return Decimal(value)
        if name == "$time":
            return datetime.fromisoformat(value)
        if name == "$date":
            return date.fromisoformat(value)
    return pairs


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
        return None if not value or _as_day(value) is None else value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value))
    return None if isinstance(value, date) and _as_day(value) is None else value


def _is_day(value: Any) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _as_day(value: Any) -> Any:
    """Return the calendar date of a date, timestamp or ISO text, None for an empty date, other values as they are."""
    if isinstance(value, str) and value[:4].isdigit() and value[4:5] == "-":
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value
    if isinstance(value, datetime):
        value = (value.astimezone(UTC) if value.tzinfo else value).date()
    return None if value in _EMPTY_DATES else value


def mark(fields: Mapping[str, Any]) -> str:
    """Return a mark of field values by which a record is known again in another spelling: name=hash for each."""
    return " ".join(f"{name}={_hash(fields[name])}" for name in sorted(fields) if " " not in name)


def matches(found: str, record: Mapping[str, Any]) -> bool:
    """Say whether `record` holds the values that `mark` was made of, as far as it has these fields at all."""
    marks = dict(part.rpartition("=")[::2] for part in found.split(" ") if part)
    present = [name for name in marks if name in record]
    return bool(present) and all(_hash(record[name]) == marks[name] for name in present)


def _hash(value: Any) -> str:
    try:
        content = dump(_as_day(_plain(value)))
    except TypeError:
        content = repr(value).encode()
    return hashlib.sha256(content).hexdigest()[:8]
