"""Texts and bytes that break careless code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

TEXTS: Mapping[str, str] = {
    "emoji": "Bike 🚲👩‍🔧",
    "right-to-left": "שלום عالم",
    "combining": "Ame\u0301lie n\u0303",
    "four-byte": "𝒜 𠮷野家",
    "quotes": "O'Hara \"x\" ''",
    "markup": "<b>&amp;</b> {x}",
    "address": "100% #1/2+3&a=b;c",
    "wildcard": "a*b?c",
    "backslash": r"a\b\n%20",
}
"""By name, texts of at most 20 characters, so that they also fit short key fields."""

GARBAGE: Mapping[str, bytes] = {
    "nothing": b"",
    "no text": b"\xff\xfe\x00",
    "no JSON": b"<xml/>",
    "cut": b'{"a": ',
    "list": b"[]",
    "number": b"1",
    "strange object": b'{"a": 1}',
    "deep": b"[" * 100_000,
    "deep object": b'{"meta":' * 50_000,
}
"""By name, bodies that no system sends."""


def retry_after(form: str, seconds: int) -> dict[str, str]:
    """Return a `Retry-After` header in the form "seconds" or "date" (RFC 9110 §10.2.3)."""
    if form == "seconds":
        return {"Retry-After": str(seconds)}
    return {"Retry-After": format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)}
