"""Ids of rows: GUIDs, in lower case and bare wherever we write them."""

from __future__ import annotations

import re
import uuid

from headrace.core.refs import decode_key

_SPACE = uuid.UUID("6f0f6a46-54b5-5d0c-9a70-3a0c6f3c5a1e")
"""Namespace of ids that we make; it never changes, as by them our rows are found again."""
_FORM = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def guid_of(text: object) -> str:
    """Return a GUID in lower case, "" if it is none. Braces and capitals, as people and addresses have them, go."""
    bare = str(text or "").strip().lower()
    if bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1]
    return bare if _FORM.fullmatch(bare) else ""


def made_of(*parts: object) -> str:
    """Return the GUID that these parts always give (UUIDv5)."""
    return str(uuid.uuid5(_SPACE, "\x1f".join(str(part) for part in parts)))


def lookup_of(text: object) -> tuple[str, str]:
    """Return table and GUID of "opportunity=3f0f9d3e-…"; two empty texts if it is not of that form."""
    parts = decode_key(text) if isinstance(text, str) and text.count("=") == 1 else {}
    table, id_ = next(iter(parts.items()), ("", ""))
    known = guid_of(id_)
    return (table, known) if table and known else ("", "")
