"""JSON on the wire without binary floats: numbers with a fraction are Decimal in both directions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx

from headrace.core.values import decimal_of

_quoted = json.encoder.encode_basestring


def parse_json(response: httpx.Response | bytes) -> Any:
    """Return the JSON of an answer; fractions as Decimal, whole numbers as int.

    Raises:
        ValueError: the body is not JSON in UTF-8, or has a number beyond reason (`decimal_of`). The caller decides what
            that means after a read or a change.
    """
    content = response if isinstance(response, bytes) else response.content
    return _DECODER.decode(content.decode().removeprefix("\ufeff"))


def dump_json(value: Any) -> bytes:
    """Return JSON in UTF-8; Decimal as a plain number, dates and times as ISO text (times in UTC with "Z").

    Raises:
        TypeError: a float (money never is one), or anything else that JSON has no form for. ValueError: not a number.
    """
    parts: list[str] = []
    _write(value, parts)
    # Half a surrogate pair has no UTF-8, but "\\ud83d" is its JSON escape.
    return "".join(parts).encode("utf-8", "backslashreplace")


def _write(value: Any, parts: list[str]) -> None:
    if value is None or value is True or value is False:
        parts.append("null" if value is None else "true" if value else "false")
    elif isinstance(value, str):
        parts.append(_quoted(value))
    elif isinstance(value, int):
        parts.append(str(int(value)))
    elif isinstance(value, Decimal):
        parts.append(_number(value))
    elif isinstance(value, datetime):
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        parts.append(f'"{moment.isoformat().replace("+00:00", "Z")}"')
    elif isinstance(value, date):
        parts.append(f'"{value.isoformat()}"')
    elif isinstance(value, Mapping):
        _write_items("{", "}", ((f"{_quoted(str(name))}:", item) for name, item in value.items()), parts)
    elif isinstance(value, list | tuple):
        _write_items("[", "]", (("", item) for item in value), parts)
    else:
        raise TypeError(f"{type(value).__name__} has no JSON form")


def _write_items(start: str, end: str, items: Any, parts: list[str]) -> None:
    parts.append(start)
    for position, (prefix, item) in enumerate(items):
        parts.append(f",{prefix}" if position else prefix)
        _write(item, parts)
    parts.append(end)


def _number(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is not a number")
    return format(value, "f")


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is not a JSON number")


_DECODER = json.JSONDecoder(parse_float=decimal_of, parse_constant=_no_number)
"""Made once: json.loads makes one at each call that asks for more than its defaults."""
