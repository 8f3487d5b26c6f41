"""Values on the wire and in `Record.data`: money with its currency, lookups with what they lead to, days as days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from headrace.connectors.dataverse.metadata import CHOICES, LOOKUPS, NUMBERS, Column
from headrace.core.errors import RejectRecord

FORMATTED = "OData.Community.Display.V1.FormattedValue"
LOOKUP_TYPE = "Microsoft.Dynamics.CRM.lookuplogicalname"
ANNOTATIONS = f"{FORMATTED},{LOOKUP_TYPE}"
"""What rows are asked to say besides: labels of choices, names and tables of what lookups lead to."""

Row = Mapping[str, Any]
CurrencyOf = Callable[[Row], str | None]
"""Gives the ISO code of a row's currency."""
_INTEGERS = frozenset({"Integer", "BigInt"})


def decode(column: Column, row: Row, currency: str | None) -> Any:
    """Return the value of a column; rows show it under `Column.property`."""
    value = row[column.property]
    if value is None or value == "":
        return None
    if column.type in LOOKUPS:
        kind = row.get(f"{column.property}@{LOOKUP_TYPE}") or (next(iter(column.targets), "") if _one(column) else "")
        return {"type": kind, "id": str(value).lower(), "name": row.get(f"{column.property}@{FORMATTED}")}
    if column.type == "Money":
        return {"amount": _decimal(value), "currency": currency}
    if column.type in NUMBERS:
        return _decimal(value)
    if column.type == "DateTime":
        return _moment(value)
    return str(value).lower() if column.type == "Uniqueidentifier" else value


def label(column: Column, row: Row) -> str | None:
    """Return the label of a choice."""
    found = row.get(f"{column.property}@{FORMATTED}")
    return None if found is None else str(found)


def encode(column: Column, value: Any, what: str) -> Any:
    """Return a value as a body holds it; lookups and money are their own matter (`writing.py`).

    Raises:
        RejectRecord: the value does not fit the column; `what` names record and field.
    """
    if value is None:
        return None
    encoder = _ENCODERS.get(column.type)
    if encoder is not None:
        return encoder(column, value, what)
    if column.type in CHOICES or column.type in _INTEGERS:
        return _whole(value, what)
    if column.type in NUMBERS or column.type == "Money":
        return number(value, what)
    return value


def number(value: Any, what: str) -> Decimal | int:
    """Return a decimal number for a body.

    Raises:
        RejectRecord: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise _unfit(what, f"takes a number and is given {value!r}; convert with `as: decimal`")
    return value


def units(text: str) -> int:
    """Return the length of a text as Dataverse counts it: in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _text(column: Column, value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise _unfit(what, f"takes text and is given {value!r}; convert with `as: string`")
    if column.size is not None and units(value) > column.size:
        raise RejectRecord(
            "text too long",
            f"{what}: {units(value)} characters, the column holds {column.size}: {value[:40]!r}… "
            "Shorten it at the source, or enlarge the column in Dynamics.",
        )
    return value


def _boolean(column: Column, value: Any, what: str) -> bool:
    if not isinstance(value, bool):
        raise _unfit(what, f"takes true or false and is given {value!r}")
    return value


def _time(column: Column, value: Any, what: str) -> str:
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    if column.day:
        if not is_day:
            raise _unfit(what, f"holds a calendar date and is given {value!r}; take the day with `date`")
        return str(value.isoformat())
    if is_day:
        raise _unfit(
            what, f"holds a time and is given the day {value}, which a zone would shift; use a Date Only column"
        )
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise _unfit(what, f"takes a time with its zone and is given {value!r}")
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _whole(value: Any, what: str) -> int:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise _unfit(what, f"takes a whole number and is given {value!r}")
    return value


def _unfit(what: str, words: str) -> RejectRecord:
    return RejectRecord("value does not fit", f"{what} {words}.")


def _one(column: Column) -> bool:
    return len(column.targets) == 1


def _decimal(value: Any) -> Any:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(value: Any) -> Any:
    """Return a day, or a time in UTC: their texts differ in form."""
    if not isinstance(value, str):
        return value
    try:
        if len(value) == len("2026-01-31"):
            return date.fromisoformat(value)
        found = datetime.fromisoformat(value)
    except ValueError:
        return value
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


_ENCODERS: Mapping[str, Callable[[Column, Any, str], Any]] = {
    "String": _text,
    "Memo": _text,
    "Boolean": _boolean,
    "DateTime": _time,
}
