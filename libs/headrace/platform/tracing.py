"""The trace that a delivery began with, on its way to other systems."""

from __future__ import annotations

import secrets


def traceparent(trace: str) -> str:
    """Return a W3C traceparent for a trace id of 32 hexadecimal digits; a whole traceparent stays as it is.

    Source: W3C Trace Context, §3.2.
    """
    return trace if "-" in trace else f"00-{trace}-{secrets.token_hex(8)}-01"
