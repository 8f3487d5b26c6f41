"""Rows as the ledger tells them: of files their SHA-256 and their number of bytes, of secrets that there is one."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from headrace.sandbox.dataverse.tables.model import Table

FILE_COLUMNS = {"documentbody"}


def told(table: Table, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's data as the ledger tells it."""
    shown = {name: value for name, value in data.items() if not name.startswith("#")}
    for name, value in shown.items():
        column = table.by_name.get(name)
        if value is None or column is None:
            continue
        if name in FILE_COLUMNS:
            shown[name] = digest(str(value))
        elif not column.read:
            shown[name] = "***"
    return shown


def digest(body: str) -> dict[str, Any]:
    """Return SHA-256 and size of a base64 text."""
    try:
        content = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        content = body.encode()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
