"""Parts of addresses that calls go to: which need no parsing, whose origin they are, their query."""

from __future__ import annotations

import re
from functools import lru_cache

import httpx

PLAIN_PATH = re.compile(r"/(?!/)(?:[\w\-.~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*", re.ASCII)
"""Paths below the connection's address that need no parsing: no scheme, host, query or fragment (RFC 3986, §3.3)."""


@lru_cache(maxsize=256)
def query_of(params: tuple[tuple[str, str], ...]) -> bytes:
    """Return an encoded query, remembered: most calls ask for the same long list of fields."""
    return str(httpx.QueryParams(dict(params))).encode("ascii")


def origin_of(url: httpx.URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port of an address, the scheme's own port where none is named."""
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    return url.scheme, url.host.lower(), port
