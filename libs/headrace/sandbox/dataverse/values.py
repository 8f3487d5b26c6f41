"""Values on their way in: what JSON a column takes, and the one form in which it is kept."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from headrace.sandbox.dataverse.errors import BAD_OPTION, OUT_OF_RANGE, TOO_LONG, ServiceError, bad_payload
from headrace.sandbox.dataverse.tables.model import CHOICES, Column, Table

GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


def parse_value(table: Table, column: Column, value: object) -> Any:
    """Return the kept form of a JSON value; None stays None.

    Raises:
        ServiceError: a 400, for a value of another type, too long, or out of range.
    """
    if value is None:
        return None
    if column.kind in ("string", "memo", "tablename"):
        return _text(table, column, value)
    if column.kind == "boolean":
        if isinstance(value, bool):
            return value
        raise _wrong_type(table, column, value)
    if column.kind in CHOICES:
        return _option(table, column, value)
    if column.kind in ("integer", "bigint"):
        if isinstance(value, bool) or not isinstance(value, int):
            raise _wrong_type(table, column, value)
        _check_range(table, column, Decimal(value))
        return value
    if column.kind in ("decimal", "double", "money"):
        return _number(table, column, value)
    if column.kind == "date":
        return _date(table, column, value)
    if column.kind == "moment":
        return _moment(table, column, value)
    if isinstance(value, str) and GUID.fullmatch(value):
        return value.lower()
    raise _wrong_type(table, column, value)


def _wrong_type(table: Table, column: Column, value: object) -> ServiceError:
    shown = "…" if column.name == "documentbody" else value
    return bad_payload(
        table,
        "InnerException : Microsoft.OData.ODataException: Cannot convert the literal "
        f"'{shown}' to the expected type '{column.edm_type}' of the property '{column.name}'.",
    )


def _text(table: Table, column: Column, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong_type(table, column, value)
    if column.size is not None and len(value) > column.size:
        raise ServiceError(
            400,
            TOO_LONG,
            f"A validation error occurred. The length of the '{column.name}' attribute of the '{table.name}' entity "
            f"exceeded the maximum allowed length of '{column.size}'.",
        )
    return value


def _option(table: Table, column: Column, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(table, column, value)
    if column.label_of(value) is None:
        accepted = ",".join(str(number) for number, _ in column.options)
        raise ServiceError(
            400,
            BAD_OPTION,
            f"A validation error occurred. The value {value} of '{column.name}' on record of type '{table.name}' is "
            f"outside the valid range. Accepted Values: {accepted}",
        )
    return value


def _number(table: Table, column: Column, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong_type(table, column, value)
    number = Decimal(value)
    _check_range(table, column, number)
    return number if column.kind == "double" else rounded(number, column.precision)


def rounded(number: Decimal, precision: int) -> Decimal:
    """Return a number with so many decimal places, halves away from zero."""
    return number.quantize(Decimal(1).scaleb(-precision), ROUND_HALF_UP)


def _check_range(table: Table, column: Column, number: Decimal) -> None:
    if (column.minimum is not None and number < column.minimum) or (
        column.maximum is not None and number > column.maximum
    ):
        raise ServiceError(
            400,
            OUT_OF_RANGE,
            f"A validation error occurred. The value {number} of '{column.name}' on record of type '{table.name}' is "
            f"outside the valid range. Accepted Values: {column.minimum} to {column.maximum}.",
        )


def _date(table: Table, column: Column, value: object) -> str:
    if not isinstance(value, str) or len(value) != len("2026-01-31"):
        raise _wrong_type(table, column, value)
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise _wrong_type(table, column, value) from None


def _moment(table: Table, column: Column, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong_type(table, column, value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _wrong_type(table, column, value) from None
    if moment.tzinfo is None:
        raise _wrong_type(table, column, value)
    return moment_text(moment)


def moment_text(moment: datetime) -> str:
    """Return a UTC time to the second, as the service writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
