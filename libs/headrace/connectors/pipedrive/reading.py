"""From REST v2 to `Record.data`: typed values, custom fields by name, and what related records add."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from headrace.connectors.pipedrive.custom_fields import Definitions
from headrace.connectors.pipedrive.objects import CATEGORY, CATEGORY_NAME, CUSTOM, POINTS, PRICE_PREFIX, Object
from headrace.core.contracts import Record
from headrace.core.event import Ref

Row = Mapping[str, Any]


def readable(kind: Object, row: Row, definitions: Definitions) -> dict[str, Any]:
    """Return one record of REST v2 as `Record.data`, without what related records add."""
    data = typed(row, kind.fields)
    for name, fields in kind.lists.items():
        if isinstance(row.get(name), list):
            data[name] = [typed(item, fields) for item in row[name] if isinstance(item, Mapping)]
    for name, fields in kind.objects.items():
        if isinstance(row.get(name), Mapping):
            data[name] = typed(row[name], fields)
    data.pop("custom_fields", None)
    data[CUSTOM] = definitions.readable(row.get("custom_fields") or {})
    if "label_ids" in row:
        data["labels"] = definitions.labels("label_ids", row["label_ids"])
    if kind.name == "person":
        data |= {name: primary(row.get(plural)) for name, plural in POINTS.items()}
    if kind.name == "product":
        data |= {f"{PRICE_PREFIX}{item['currency']}": item.get("price") for item in data.get("prices") or ()}
        category = row.get(CATEGORY)
        ids = [int(category)] if isinstance(category, str) and category.isdigit() else [category]
        data[CATEGORY_NAME] = None if category in (None, "") else definitions.labels(CATEGORY, ids)[0]
    return data


def record_of(kind: Object, row: Row, data: Mapping[str, Any], *, complete: bool = True) -> Record:
    """Return a record; `update_time` is its version, and a soft-deleted one is marked so."""
    moment = data.get("update_time")
    return Record(
        Ref(kind.name, str(row["id"])),
        data,
        version=version_of(moment),
        modified_at=moment if isinstance(moment, datetime) else None,
        deleted=row.get("is_deleted") is True,
        complete=complete,
    )


def version_of(moment: Any) -> str:
    """Return a time as text that sorts: RFC 3339 in UTC, always with milliseconds; "" for anything else."""
    if not isinstance(moment, datetime):
        return ""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def typed(row: Row, fields: Mapping[str, str]) -> dict[str, Any]:
    """Return a row with the values of known fields converted; unknown ones, and what does not convert, stay."""
    return {name: convert(value, fields.get(name, "any")) for name, value in row.items()}


def convert(value: Any, word: str) -> Any:
    """Return a JSON value as its type word says."""
    converter = _CONVERTERS.get(word)
    return value if value is None or converter is None else converter(value)


def primary(points: Any) -> str | None:
    """Return the primary e-mail address or phone number, else the first."""
    rows = [item for item in points or () if isinstance(item, Mapping) and item.get("value")]
    chosen = next((item for item in rows if item.get("primary") is True), rows[0] if rows else None)
    return None if chosen is None else str(chosen["value"])


def moment(value: Any) -> Any:
    """Return a UTC time of RFC 3339 text, or of v1's "YYYY-MM-DD HH:MM:SS", which is UTC without saying so."""
    if not isinstance(value, str):
        return value
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None if value.startswith("0000-") else value
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _day(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _decimal(value: Any) -> Any:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


_CONVERTERS = {"decimal": _decimal, "datetime": moment, "date": _day}
