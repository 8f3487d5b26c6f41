"""Values of custom fields in the four shapes that Pipedrive gives them.

The stored value has the v2 shape. v1 spreads a value over sibling keys (`K`, `K_currency`, `K_until`, …) and writes
option ids as text; webhooks v2 wrap each value in an object with its type.
Source: https://pipedrive.readme.io/docs/core-api-concepts-custom-fields and the v2 and webhooks v2 migration guides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from headrace.sandbox.pipedrive.times import clock_time, is_date

ADDRESS_PARTS = (
    "street_number",
    "route",
    "sublocality",
    "locality",
    "admin_area_level_1",
    "admin_area_level_2",
    "country",
    "postal_code",
    "subpremise",
    "formatted_address",
)
CREATABLE_TYPES = (
    "varchar",
    "varchar_auto",
    "text",
    "double",
    "monetary",
    "date",
    "daterange",
    "time",
    "timerange",
    "enum",
    "set",
    "phone",
    "address",
    "user",
    "org",
    "people",
)
OPTION_TYPES = ("enum", "set")
SEARCHABLE_TYPES = frozenset({"address", "varchar", "text", "varchar_auto", "double", "monetary", "phone"})
SUBFIELDS: Mapping[str, tuple[str, ...]] = {
    "monetary": ("currency",),
    "daterange": ("until",),
    "time": ("timezone_id",),
    "timerange": ("until", "timezone_id"),
    "address": ADDRESS_PARTS,
}
# Pipedrive's numbers for time zones are not published; 318 for London stands in its own samples.
TIMEZONES: Mapping[int, str] = {1: "Etc/UTC", 318: "Europe/London", 330: "Europe/Tallinn", 90: "America/New_York"}
DEFAULT_TIMEZONE = 1

_TEXT_LIMITS = {"varchar": 255, "varchar_auto": 255, "phone": 255, "text": 65_000}
_TEXTS = frozenset(_TEXT_LIMITS)
_REFERENCES = {"user": "user", "org": "organization", "people": "person"}


class ValueProblem(ValueError):
    """A value does not fit its field; the text says why, without the field's name."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a value is checked against: which records exist, and the caller's defaults."""

    exists: Callable[[str, int], bool]
    default_currency: str
    currencies: Callable[[str], bool]


def is_number(value: object) -> bool:
    """Whether the value is a JSON number."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def read_v2(field_type: str, options: frozenset[int], value: Any, around: Surroundings) -> Any:
    """Check a value of a v2 request and return what is stored; None clears.

    Raises:
        ValueProblem: the value does not fit the type.
    """
    if value is None:
        return None
    if field_type in _TEXTS:
        return _text(value, _TEXT_LIMITS[field_type])
    if field_type == "double":
        return _number(value)
    if field_type == "enum":
        return _option(value, options)
    if field_type == "set":
        if not isinstance(value, list) or not value:
            raise ValueProblem("Expected a non-empty array of option ids; send null to clear")
        return [_option(item, options) for item in value]
    if field_type in _REFERENCES:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueProblem("Expected integer")
        if not around.exists(_REFERENCES[field_type], value):
            raise ValueProblem(f"{_REFERENCES[field_type].capitalize()} with id {value} was not found")
        return value
    if field_type == "date":
        return _date(value)
    return _READ_OBJECT[field_type](_object(field_type, value), around)


def _text(value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise ValueProblem("Expected string")
    if len(value) > limit:
        raise ValueProblem(f"Must be at most {limit} characters long")
    return value


def _number(value: Any) -> int | Decimal:
    if not is_number(value):
        raise ValueProblem("Expected number")
    return value  # type: ignore[no-any-return]


def _option(value: Any, options: frozenset[int]) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueProblem("Expected integer option id")
    if value not in options:
        raise ValueProblem(f"Option {value} does not exist")
    return value


def _date(value: Any) -> str:
    if not is_date(value):
        raise ValueProblem(f"'{value}' is not a valid date")
    return str(value)


def _clock(value: Any) -> str:
    text = clock_time(value)
    if text is None:
        raise ValueProblem(f"'{value}' is not a valid time")
    return text


def _object(field_type: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueProblem("Expected object")
    allowed = {"value", *SUBFIELDS[field_type]} | ({"timezone_name"} if "time" in field_type else set())
    unknown = sorted(set(value) - allowed)
    if unknown:
        raise ValueProblem(f"Parameter '{unknown[0]}' is not allowed for this request")
    if "value" not in value:
        raise ValueProblem("Parameter 'value' is required")
    return value


def _read_monetary(value: dict[str, Any], around: Surroundings) -> dict[str, Any] | None:
    if value["value"] is None:
        return None
    currency = value.get("currency") or around.default_currency
    if not isinstance(currency, str) or not around.currencies(currency):
        raise ValueProblem(f"Currency '{currency}' does not exist")
    return {"value": _number(value["value"]), "currency": currency}


def _read_daterange(value: dict[str, Any], around: Surroundings) -> dict[str, Any]:
    del around
    until = value.get("until")
    return {"value": _date(value["value"]), "until": None if until is None else _date(until)}


def _read_timezone(value: dict[str, Any]) -> dict[str, Any]:
    zone = value.get("timezone_id") or DEFAULT_TIMEZONE
    if zone not in TIMEZONES:
        raise ValueProblem(f"Time zone {zone} does not exist")
    return {"timezone_id": zone, "timezone_name": TIMEZONES[zone]}


def _read_time(value: dict[str, Any], around: Surroundings) -> dict[str, Any]:
    del around
    return {"value": _clock(value["value"])} | _read_timezone(value)


def _read_timerange(value: dict[str, Any], around: Surroundings) -> dict[str, Any]:
    del around
    until = value.get("until")
    return {"value": _clock(value["value"]), "until": None if until is None else _clock(until)} | _read_timezone(value)


def _read_address(value: dict[str, Any], around: Surroundings) -> dict[str, Any] | None:
    del around
    if value["value"] is None:
        return None
    address: dict[str, Any] = {"value": _text(value["value"], 65_000)}
    for part in ADDRESS_PARTS:
        text = value.get(part)
        address[part] = None if text is None else _text(text, 255)
    return address


_READ_OBJECT: Mapping[str, Callable[[dict[str, Any], Surroundings], Any]] = {
    "monetary": _read_monetary,
    "daterange": _read_daterange,
    "time": _read_time,
    "timerange": _read_timerange,
    "address": _read_address,
}


def from_v1(field_type: str, code: str, body: Mapping[str, Any]) -> Any:
    """Gather a value of a v1 request from its sibling keys into the v2 shape; not yet checked."""
    value = body.get(code)
    if value is None or value == "":
        return None
    if field_type == "double":
        return _coerced_number(value)
    if field_type in _REFERENCES or field_type == "enum":
        return _coerced_number(value.get("value") if isinstance(value, Mapping) else value)
    if field_type == "set":
        parts = value if isinstance(value, list) else str(value).split(",")
        return [_coerced_number(part) for part in parts]
    if field_type not in SUBFIELDS:
        return value if isinstance(value, str) else str(value)
    gathered: dict[str, Any] = {"value": _coerced_number(value) if field_type == "monetary" else value}
    for part in SUBFIELDS[field_type]:
        if body.get(f"{code}_{part}") is not None:
            sibling = body[f"{code}_{part}"]
            gathered[part] = _coerced_number(sibling) if part == "timezone_id" else sibling
    return gathered


def _coerced_number(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        return value
    return int(number) if number == number.to_integral_value() and "." not in value else number


def to_v1(field_type: str, code: str, value: Any) -> dict[str, Any]:
    """Return the flat keys of a v1 object for a stored value."""
    if field_type in SUBFIELDS:
        flat = {code: None if value is None else value["value"]}
        for part in SUBFIELDS[field_type]:
            flat[f"{code}_{part}"] = None if value is None else value.get(part)
        return flat
    if value is None:
        return {code: None}
    if field_type == "enum":
        return {code: str(value)}
    if field_type == "set":
        return {code: ",".join(str(item) for item in value)}
    return {code: value}


def to_webhook(field_type: str, value: Any) -> dict[str, Any] | None:
    """Return the typed object of a webhook v2 for a stored value."""
    if value is None:
        return None
    if field_type == "enum":
        return {"type": field_type, "id": value}
    if field_type == "set":
        return {"type": field_type, "values": [{"id": item} for item in value]}
    if field_type in _REFERENCES:
        return {"type": field_type, "id": value}
    if field_type == "monetary":
        return {"type": field_type, "value": value["value"], "currency": value["currency"]}
    if field_type == "daterange":
        return {"type": field_type, "from": value["value"], "until": value["until"]}
    if field_type == "time":
        return {"type": field_type, "value": value["value"], "timezone_id": value["timezone_id"]}
    if field_type == "timerange":
        zone = value["timezone_id"]
        return {"type": field_type, "from": value["value"], "until": value["until"], "timezone_id": zone}
    if field_type == "address":
        return {"type": field_type, **value}
    return {"type": field_type, "value": value}


def with_labels(value: Any, labels: Mapping[int, str]) -> Any:
    """Return an option value with its labels, as `include_option_labels=true` asks."""
    if isinstance(value, list):
        return [{"id": item, "label": labels.get(item, "")} for item in value]
    return None if value is None else {"id": value, "label": labels.get(value, "")}


def search_text(field_type: str, value: Any) -> str | None:
    """Return the text under which a search finds the value, None when the type is not searchable."""
    if value is None or field_type not in SEARCHABLE_TYPES:
        return None
    return str(value["value"] if isinstance(value, Mapping) else value)
