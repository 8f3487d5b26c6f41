"""How Finance and Operations writes keys, filters and values on the wire. Pure: no HTTP.

Source: Microsoft, "Open Data Protocol (OData)" for finance and operations. What is peculiar: an empty value is never
null (empty text, 1900-01-01, zero), a calendar day is a time at noon UTC, an enumeration is its member's name, and a
`*` in a compared text is a wildcard.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from headrace.connectors.dynamics_fo.entity_sets import NAMESPACE, EntitySet, Field
from headrace.core.errors import RejectRecord
from headrace.core.refs import decode_key, encode_key
from headrace.platform.odata_text import in_key, literal_text

EMPTY_DATE = "1900-01-01T12:00:00Z"
EMPTY_DATETIME = "1900-01-01T00:00:00Z"
EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
_EMPTY_YEARS = (1, 1900)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_OPEN_END = 2154
"""Year of 2154-12-31T23:59:59Z, the product's "no end"."""


@dataclass(frozen=True, slots=True)
class Query:
    """The options of a read. `filter` is an expression of the functions below."""

    filter: str = ""
    select: tuple[str, ...] = ()
    order: str = ""
    top: int | None = None
    skip: int = 0
    count: bool = False

    def parameters(self) -> dict[str, str]:
        """Return the query string's parameters; every read crosses companies, else rows of others silently miss."""
        parameters = {"cross-company": "true"}
        if self.filter:
            parameters["$filter"] = self.filter
        if self.select:
            parameters["$select"] = ",".join(self.select)
        if self.order:
            parameters["$orderby"] = self.order
        if self.top is not None:
            parameters["$top"] = str(self.top)
        if self.skip:
            parameters["$skip"] = str(self.skip)
        if self.count:
            parameters["$count"] = "true"
        return parameters


# --- keys and filters ---


def literal(value: Any, field: Field) -> str:
    """Return a value as it stands in a filter or a key: text quoted with `'` doubled, enumerations with namespace.

    Raises:
        RejectRecord: the value is not of the field's kind.
    """
    if field.kind == "boolean":
        return f"{NAMESPACE}.NoYes'{_yes_no(value)}'"
    if field.kind == "enum":
        return f"{NAMESPACE}.{field.enum}'{value}'"
    if isinstance(value, datetime):
        return _utc_text(value)
    if isinstance(value, date):
        return f"{value.isoformat()}T12:00:00Z"
    if field.kind == "date":
        return _noon(value)
    if field.kind == "datetime":
        return str(value)
    if field.kind in ("integer", "decimal"):
        number = _digits(value)
        if not _NUMBER.fullmatch(number):
            raise RejectRecord("not a number", f"{value!r} is not a number")
        return number
    text = "" if value is None else str(value)
    return literal_text(text)


def equals(entity_set: EntitySet, values: Mapping[str, Any]) -> str:
    """Return the filter that all these fields have these values."""
    return " and ".join(f"{name} eq {literal(value, entity_set.field(name))}" for name, value in values.items())


def is_wildcard(value: Any) -> bool:
    """Say whether a text would match other texts too when compared with `eq`."""
    return isinstance(value, str) and ("*" in value or "?" in value)


def key_path(entity_set: EntitySet, key: Mapping[str, Any]) -> str:
    """Return `CustomersV3(dataAreaId='usmf',CustomerAccount='US-001')`, percent-encoded.

    Raises:
        RejectRecord: a part is missing; such a request would be answered with "no route".
    """
    missing = [name for name in entity_set.key if key.get(name) in (None, "") and name not in entity_set.blank]
    if missing or set(key) - set(entity_set.key):
        raise RejectRecord("not a key", f"{entity_set.name}: key {dict(key)} is not {', '.join(entity_set.key)}")
    parts = (f"{name}={in_key(literal(key.get(name), entity_set.field(name)))}" for name in entity_set.key)
    return f"{entity_set.name}({','.join(parts)})"


def target_id(entity_set: EntitySet, row: Mapping[str, Any]) -> str:
    """Return the id of a row for links: its key, each part spelt one way however the service writes it."""
    return partial_id(entity_set, entity_set.key, row)


def partial_id(entity_set: EntitySet, names: Iterable[str], row: Mapping[str, Any]) -> str:
    """Return the same of some of the key's parts."""
    return encode_key({name: _key_part(entity_set, name, row[name]) for name in names})


def _key_part(entity_set: EntitySet, name: str, value: Any) -> str:
    """Return a part of a key as ids have it: companies in lower case, numbers without zeros, days as YYYY-MM-DD."""
    kind = entity_set.field(name).kind
    if name in entity_set.companies:
        return str(value).lower()
    if kind in ("decimal", "integer") and _NUMBER.fullmatch(number := _digits(value)):
        return _digits(Decimal(number).normalize())
    if kind == "date":
        day = decode(value, entity_set.field(name)) if isinstance(value, str) else value
        return day.isoformat() if day else EMPTY_DATE[:10]
    return "" if value is None else str(value)


def _digits(value: Any) -> str:
    """Return a number without an exponent."""
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def parse_target_id(entity_set: EntitySet, text: str) -> dict[str, str]:
    """Return the key of an id that `target_id` gave.

    Raises:
        RejectRecord: it is an id of something else.
    """
    key = decode_key(text)
    if set(key) != set(entity_set.key):
        raise RejectRecord("not a key", f"{text!r} is not a key of {entity_set.name} ({', '.join(entity_set.key)})")
    return {name: key[name].lower() if name in entity_set.companies else key[name] for name in entity_set.key}


def same_text(left: Any, right: Any) -> bool:
    """Say whether the database takes two texts for the same: it ignores case and spaces at the end."""
    return str(left).rstrip().casefold() == str(right).rstrip().casefold()


def has(entity_set: EntitySet, row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Say whether a row has these values as the database compares them, and not just by a wildcard."""
    return all(
        same_text(row.get(name) or "", value) if isinstance(value, str) else True
        for name, value in wanted.items()
        if entity_set.field(name).kind == "string"
    )


# --- values ---


def encode(value: Any, field: Field) -> Any:
    """Return a value for a JSON body; None becomes the field's empty form, since null is not stored.

    Raises:
        RejectRecord: the value is not of the field's kind.
    """
    if value is None:
        return _EMPTY.get(field.kind, "")
    if field.kind == "boolean" or isinstance(value, bool):
        return _yes_no(value)
    if field.kind == "date" or (isinstance(value, date) and not isinstance(value, datetime)):
        return _noon(value)
    if isinstance(value, datetime):
        return _utc_text(value)
    if field.kind in ("decimal", "integer"):
        value = typed(value, field)
        if not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
            raise RejectRecord("not a number", f"{value!r} is not a decimal number")
    if field.kind in ("string", "memo", "enum") and not isinstance(value, str):
        raise RejectRecord("not a text", f"{value!r} is not a text")
    return value


def typed(value: Any, field: Field) -> Any:
    """Return a value with the type of its field: parts of ids are texts, and mappings hand them on as fields."""
    is_number = field.kind in ("decimal", "integer") and isinstance(value, str) and _NUMBER.fullmatch(value)
    return Decimal(value) if is_number else value


_EMPTY: Mapping[str, Any] = {
    "decimal": 0,
    "integer": 0,
    "boolean": "No",
    "date": EMPTY_DATE,
    "datetime": EMPTY_DATETIME,
    "enum": None,
}


def decode_row(entity_set: EntitySet, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of an answer with plain values: empty forms are None, NoYes is bool, days are dates.

    Annotations (`@odata.…`) and the content of files are left out; fields that are not declared come as the service
    wrote them, if not empty.
    """
    return {
        name: decode(value, field)
        for name, value in row.items()
        if not name.startswith("@") and (field := entity_set.field(name)).kind != "binary"
    }


def decode(value: Any, field: Field) -> Any:
    """Return one value of an answer as a plain value."""
    if value in (None, "", EMPTY_GUID):
        return None
    if field.kind == "boolean":
        return {"Yes": True, "No": False}.get(value, value)
    if field.kind in ("date", "datetime"):
        moment = parse_datetime(value)
        if moment is None or moment.year in _EMPTY_YEARS or moment.year >= _OPEN_END:
            return None
        return moment.date() if field.kind == "date" else moment
    return value


def parse_datetime(value: Any) -> datetime | None:
    """Return a time of an answer in UTC, None if it is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _yes_no(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if value in ("Yes", "No"):
        return str(value)
    raise RejectRecord("not yes or no", f"{value!r} is neither true nor false")


def _noon(value: Any) -> str:
    """Return a day at noon UTC, which no time zone shifts to another day."""
    if isinstance(value, datetime):
        value = value.astimezone(UTC).date()
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value[:10])
        except ValueError:
            raise RejectRecord("not a date", f"{value!r} is not a date (YYYY-MM-DD)") from None
    if not isinstance(value, date):
        raise RejectRecord("not a date", f"{value!r} is not a date")
    return f"{value.isoformat()}T12:00:00Z"


def _utc_text(value: datetime) -> str:
    if value.tzinfo is None:
        raise RejectRecord("not a time", f"{value.isoformat()} has no time zone")
    return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
