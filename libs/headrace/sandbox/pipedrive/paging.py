"""Pages: v2 walks by an opaque keyset cursor, v1 by start and limit."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.sandbox.pipedrive.account import Data
from headrace.sandbox.pipedrive.calls import Call, Reply
from headrace.sandbox.pipedrive.errors import bad_request, not_allowed, validation_failed

DEFAULT_LIMIT = 100
MOST = 500
_NUMBERS = ("id", "order_nr", "deal_id")


def check_query(call: Call, allowed: Sequence[str]) -> None:
    """Refuse query parameters that v2 does not know.

    Raises:
        ApiError: 400 naming all of them.
    """
    unknown = [name for name in call.query if name not in allowed and name != "api_token"]
    if unknown:
        raise validation_failed([not_allowed(name) for name in unknown])


def limit_of(call: Call, most: int = MOST) -> int:
    """Return the page size.

    Raises:
        ApiError: 400 in v2 for a number out of range; v1 cuts it instead.
    """
    text = call.query.get("limit")
    if text is None:
        return min(DEFAULT_LIMIT, most)
    if call.version == "v1":
        return min(max(int(text), 1), most) if text.isdecimal() else min(DEFAULT_LIMIT, most)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise validation_failed([f"limit: Must be an integer between 1 and {most}"])
    return int(text)


def one_of(call: Call, name: str, choices: Sequence[str], default: str) -> str:
    """Return a query parameter with a closed list of values.

    Raises:
        ApiError: 400, another value.
    """
    value = call.query.get(name, default)
    if value not in choices:
        raise validation_failed([f"{name}: Must be one of: {', '.join(choices)}"])
    return value


def flag(call: Call, name: str) -> bool:
    """Return a boolean query parameter, false when absent.

    Raises:
        ApiError: 400, neither true nor false.
    """
    return one_of(call, name, ("true", "false"), "false") == "true"


def encode_cursor(value: Mapping[str, Any]) -> str:
    """Return an opaque cursor."""
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(text: str) -> dict[str, Any]:
    """Read a cursor of `encode_cursor`.

    Raises:
        ApiError: 400, not one of ours.
    """
    try:
        value = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError):
        value = None
    if not isinstance(value, dict):
        raise validation_failed(["cursor: Invalid cursor"])
    return value


def keyset_page(call: Call, records: list[Data], sort_by: str, limit: int) -> tuple[list[Data], str | None]:
    """Return one page of records and the cursor of the next.

    The cursor remembers the last record's sort value and id, so that a page is not disturbed by changes before it.

    Raises:
        ApiError: 400, a cursor of another listing.
    """
    direction = one_of(call, "sort_direction", ("asc", "desc"), "asc")
    descending = direction == "desc"

    def place(record: Data) -> tuple[Any, int]:
        value = record.get(sort_by)
        return ("" if value is None and sort_by != "id" else value, record["id"])

    if sort_by == "id":
        ordered = records[::-1] if descending else records
    else:
        ordered = sorted(records, key=place, reverse=descending)
    text = call.query.get("cursor")
    if text:
        cursor = decode_cursor(text)
        if cursor.get("field") != sort_by or cursor.get("sortDirection") != direction:
            raise validation_failed(["cursor: The cursor belongs to a request with other parameters"])
        last = (cursor.get("fieldValue"), cursor.get("id"))
        if not isinstance(last[1], int) or not isinstance(last[0], int if sort_by in _NUMBERS else str):
            raise validation_failed(["cursor: Invalid cursor"])
        ordered = [record for record in ordered if (place(record) < last if descending else place(record) > last)]
    page = ordered[:limit]
    if len(ordered) <= limit:
        return page, None
    value, id_ = place(page[-1])
    return page, encode_cursor({"field": sort_by, "fieldValue": value, "sortDirection": direction, "id": id_})


def offset_page(call: Call, items: list[Any], limit: int) -> tuple[list[Any], str | None]:
    """Return one page of a list that has no natural key, such as search hits."""
    text = call.query.get("cursor")
    start = decode_cursor(text).get("offset") if text else 0
    if not isinstance(start, int):
        raise validation_failed(["cursor: Invalid cursor"])
    following = encode_cursor({"offset": start + limit}) if start + limit < len(items) else None
    return items[start : start + limit], following


def v2_list(data: list[Any], cursor: str | None) -> Reply:
    """Return the v2 envelope of a list."""
    return Reply({"success": True, "data": data, "additional_data": {"next_cursor": cursor}})


def v1_page(call: Call, items: list[Any], most: int = MOST) -> tuple[list[Any], Data]:
    """Return one page by start and limit, and its pagination object.

    Raises:
        ApiError: 400, start is not a number.
    """
    limit, text = limit_of(call, most), call.query.get("start", "0")
    if not text.isdecimal():
        raise bad_request("start must be a number")
    start = int(text)
    more = start + limit < len(items)
    pagination: Data = {"start": start, "limit": limit, "more_items_in_collection": more}
    if more:
        pagination["next_start"] = start + limit
    return items[start : start + limit], pagination


def v1_list(data: list[Any], pagination: Data | None = None, **extra: Any) -> Reply:
    """Return the v1 envelope of a list; an empty one is null."""
    body: Data = {"success": True, "data": data or None}
    if pagination is not None:
        body["additional_data"] = {"pagination": pagination}
    return Reply(body | extra)
