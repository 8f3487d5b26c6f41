"""Values on their way in and out: what JSON a field takes, and the one form in which it is kept."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from headrace.sandbox.dynamics_fo.entities.enums import ENUMS
from headrace.sandbox.dynamics_fo.entities.model import Property

_DATE_ONLY = re.compile(r"\d{4}-\d\d-\d\d")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_INT_LIMITS = {"int32": 2**31, "int64": 2**63}


class ValueRefused(Exception):
    """A JSON value that the field's type cannot take."""


def parse_value(field: Property, value: object) -> Any:
    """Return the kept form of a JSON value; null is the empty value of the type.

    Raises:
        ValueRefused: the value does not fit the type.
    """
    if value is None:
        return field.empty
    if field.kind == "string":
        return _text(field, value)
    if field.kind == "enum":
        return _member(field, value)
    if field.kind == "decimal":
        return _decimal(field, value)
    if field.kind in _INT_LIMITS:
        return _integer(field, value)
    if field.kind == "binary":
        return _binary(field, value)
    if field.kind == "guid":
        if isinstance(value, str) and _GUID.fullmatch(value):
            return value.lower()
        raise _refused(field, value)
    return format_moment(field, parse_moment(field, value))


def _refused(field: Property, value: object) -> ValueRefused:
    return ValueRefused(f"Cannot convert a value '{value}' to the expected target type '{field.edm_type}'.")


def _text(field: Property, value: object) -> str:
    if isinstance(value, str):
        return value
    raise _refused(field, value)


def _binary(field: Property, value: object) -> str:
    """Return base64 as it came; bytes are kept in the form in which they travel."""
    try:
        base64.b64decode(_text(field, value), validate=True)
    except (binascii.Error, ValueError):
        raise _refused(field, "…") from None
    return str(value)


def _member(field: Property, value: object) -> str:
    members = ENUMS[field.enum]
    if isinstance(value, str) and value in members:
        return value
    raise ValueRefused(
        f"Requested value '{value}' was not found. Cannot convert it to the expected target type '{field.edm_type}'."
    )


def _decimal(field: Property, value: object) -> Decimal:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return Decimal(value)
    raise _refused(field, value)


def _integer(field: Property, value: object) -> int:
    limit = _INT_LIMITS[field.kind]
    if isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit:
        return value
    raise _refused(field, value)


def parse_moment(field: Property, value: object) -> datetime:
    """Return the UTC time of an ISO 8601 text; a bare date is noon.

    Raises:
        ValueRefused: not such a text, or a time without a zone.
    """
    if not isinstance(value, str):
        raise _refused(field, value)
    try:
        moment = datetime.fromisoformat(f"{value}T12:00:00Z" if _DATE_ONLY.fullmatch(value) else value)
    except ValueError:
        raise _refused(field, value) from None
    if moment.tzinfo is None:
        raise _refused(field, value)
    return moment.astimezone(UTC)


def format_moment(field: Property, moment: datetime) -> str:
    """Return the kept form: dates at noon UTC, times to the second."""
    if field.kind == "date":
        return f"{moment:%Y-%m-%d}T12:00:00Z" if moment.year > 999 else "1900-01-01T12:00:00Z"
    return moment_text(moment)


def moment_text(moment: datetime) -> str:
    """Return a UTC time to the second, as the service writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_decimal(value: object) -> Decimal:
    """Return a kept number as Decimal; JSON brings whole ones back as int."""
    return value if isinstance(value, Decimal) else Decimal(str(value))
