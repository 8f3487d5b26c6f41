"""Plain values as bytes and back, keeping Decimal, date and datetime; and when two systems hold the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

_EMPTY_DATES = (date(1900, 1, 1), date(1, 1, 1))
_MONEY = ({"amount", "currency"}, {"value", "currency"})
_LOOKUP = {"type", "id", "name"}
_MAX_EXPONENT = 400
_AS_THEY_ARE = frozenset({str, bool, int, type(None)})


def dump(value: Any) -> bytes:
    """Return `value` as compact JSON with sorted names; equal values give equal bytes, fit for fingerprints.

    Decimal, date and datetime become {"$decimal": …}, {"$date": …}, {"$time": …}.
    Floats are refused: money never is one.
    """
    # Half a surrogate pair, which systems of UTF-16 leave when they cut a text, has no UTF-8, but a JSON escape.
    return _ENCODER.encode(_tagged(value)).encode("utf-8", "backslashreplace")


def load(data: bytes | str) -> Any:
    """Return what `dump` was given.

    Raises:
        ValueError, TypeError, RecursionError: it was not `dump` that wrote this.
    """
    return _DECODER.decode(data if isinstance(data, str) else data.decode())


def decimal_of(text: str) -> Decimal:
    """Return the number that a text from outside says, in a form that is not much longer written out.

    "1e999999999" has eleven characters, and a gigabyte of digits. Every binary float is within bounds.

    Raises:
        ValueError: it is no finite number, or beyond 10^400 or below 10^-400.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError("not a number") from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or number.adjusted() > _MAX_EXPONENT or exponent < -_MAX_EXPONENT - len(text):
        raise ValueError("a number beyond reason")
    return number


def same(ours: Any, theirs: Any) -> bool:
    """Say whether a target holds what we would write, in spite of how it spells values.

    Decimals compare by amount, a date equals a UTC timestamp of that day, None equals "" and 1900-01-01 (the empty
    date of Dynamics), text ignores spaces at its ends, money names its number "amount" or "value". Stored content
    (`common/attachment`) is what it holds, wherever it lies; what leads to a record ({type, id, name}) is "type=id".
    """
    if type(ours) is type(theirs) and ours == theirs:
        return True
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping) and "sha256" in ours and "sha256" in theirs:
        return bool(ours["sha256"] == theirs["sha256"])
    left, right = _plain(ours), _plain(theirs)
    if _is_day(left) != _is_day(right):
        left, right = _as_day(left), _as_day(right)
    return type(left) is type(right) and bool(left == right)


def _tagged(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_THEY_ARE:
        return value
    if kind is dict:
        return {str(name): item if type(item) in _AS_THEY_ARE else _tagged(item) for name, item in value.items()}
    if isinstance(value, str | int):
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
            return decimal_of(value)
        if name == "$time":
            return datetime.fromisoformat(value)
        if name == "$date":
            return date.fromisoformat(value)
    return pairs


# Made once: json.loads and json.dumps make one at each call that asks for more than their defaults.
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_DECODER = json.JSONDecoder(object_hook=_untagged)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        value = value.strip()
        return None if not value or _as_day(value) is None else value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float | Decimal):
        return Decimal(str(value))
    if isinstance(value, Mapping) and set(value) in _MONEY:
        return {"amount": _plain(value.get("amount", value.get("value"))), "currency": value["currency"]}
    if isinstance(value, Mapping) and set(value) == _LOOKUP:
        return f"{value['type']}={value['id']}"
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
    return " ".join(f"{_escaped(name)}={_hash(fields[name])}" for name in sorted(fields))


def announced(found: str | None, fields: Mapping[str, Any]) -> str:
    """Return a mark by which a record is known before and after a write of these fields: either value is ours."""
    kept = [part for part in (found or "").split(" ") if part]
    return " ".join(kept + [part for part in mark(fields).split(" ") if part not in kept])


def taken_back(found: str, fields: Mapping[str, Any]) -> str:
    """Return what was marked before a write of these fields was announced that was not made."""
    gone = mark(fields).split(" ")
    return " ".join(part for part in found.split(" ") if part not in gone)


def matches(found: str, record: Mapping[str, Any]) -> bool:
    """Say whether `record` holds the values that `mark` was made of, as far as it has these fields at all."""
    present = [same_value for _, there, same_value in _compared(found, record) if there]
    return bool(present) and all(present)


def matching(found: str, record: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of a mark whose value in `record` is the one that was marked.

    Args:
        found: what `mark` returned.
        record: a record of the same system, in the names of `lookup`.
    """
    return frozenset(name for name, there, same_value in _compared(found, record) if there and same_value)


def differing(found: str, record: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of a mark that `record` has with another value; a field that it lacks tells nothing."""
    return frozenset(name for name, there, same_value in _compared(found, record) if there and not same_value)


def without(found: str, names: Collection[str]) -> str:
    """Return a mark without some of its names."""
    return " ".join(part for part in found.split(" ") if _unescaped(part.rpartition("=")[0]) not in names)


def lookup(record: Mapping[str, Any], name: str) -> Any:
    """Return the value of a field that mappings name "custom.Account number", at top level or nested; else None."""
    value = _at(record, name)
    return None if value is _ABSENT else value


def tells(record: Mapping[str, Any], name: str) -> bool:
    """Say whether a record has a field, empty or not; names as in `lookup`."""
    return _at(record, name) is not _ABSENT


def _compared(found: str, record: Mapping[str, Any]) -> Iterator[tuple[str, bool, bool]]:
    """Yield each name of a mark, whether the record has it, and whether its value is a marked one."""
    marked: dict[str, list[str]] = {}
    for part in found.split(" "):
        name, _, digest = part.rpartition("=")
        if name:
            marked.setdefault(_unescaped(name), []).append(digest)
    for name, digests in marked.items():
        value = _at(record, name)
        yield name, value is not _ABSENT, value is not _ABSENT and _hash(value) in digests


def _at(record: Mapping[str, Any], name: str) -> Any:
    """Return the value at a name, dots and all, or below a prefix that ends at one of its dots; else `_ABSENT`.

    What a nested record does not list, it holds empty: systems leave out what has no value.
    """
    if name in record:
        return record[name]
    at = name.find(".")
    while at != -1:
        inner = record.get(name[:at], _ABSENT)
        if inner is not _ABSENT:
            value = _at(inner, name[at + 1 :]) if isinstance(inner, Mapping) else _ABSENT
            return None if value is _ABSENT else value
        at = name.find(".", at + 1)
    return _ABSENT


_ABSENT = object()


def _escaped(name: str) -> str:
    """Names of custom fields have spaces, which part a mark."""
    return name.replace("%", "%25").replace(" ", "%20")


def _unescaped(name: str) -> str:
    return name.replace("%20", " ").replace("%25", "%")


def _hash(value: Any) -> str:
    try:
        content = dump(_as_day(_plain(value)))
    except TypeError:
        content = repr(value).encode()
    return hashlib.sha256(content).hexdigest()[:8]
