"""JSON with exact decimals: numbers with a fraction come in as Decimal and go out digit for digit."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

# Wraps a decimal's digits on their way through the C encoder; unguessable, so that no text can imitate it.
_MARK = f"decimal-{uuid.uuid4().hex}"
_OPEN = f'"{_MARK}'
_CLOSE = f'{_MARK}"'


def _encode_other(value: object) -> object:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError(f"{value} has no JSON form; send a finite number")
        return f"{_MARK}{value:f}{_MARK}"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


_encoder = json.JSONEncoder(default=_encode_other, separators=(",", ":"), ensure_ascii=False)
_decoder = json.JSONDecoder(parse_float=Decimal)


def dump_text(value: object) -> str:
    """Return compact JSON; Decimal becomes a JSON number with the same digits, times become UTC with Z.

    Raises:
        TypeError: a value has no JSON form.
    """
    text = _encoder.encode(value)
    return text.replace(_OPEN, "").replace(_CLOSE, "") if _MARK in text else text


def dump_bytes(value: object) -> bytes:
    """Return `dump_text` in UTF-8."""
    return dump_text(value).encode()


def load(raw: bytes | str) -> Any:
    """Parse JSON, fractions as Decimal.

    Raises:
        ValueError: not JSON, or not UTF-8.
    """
    return _decoder.decode(raw if isinstance(raw, str) else raw.decode())
