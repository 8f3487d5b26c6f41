"""Identifiers that come out the same on every worker and at every replay."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid

NAMESPACE = uuid.UUID("6f1b3c52-6a0d-5e0e-9d0c-6865616472ac")
"""Namespace of every UUIDv5 that Headrace mints."""
_MARKER = re.compile(r"HR[A-Z2-7]+")


def mint_canonical_id(connection: str, obj: str, external_id: str) -> str:
    """Return the canonical id of a record that nothing else identifies (design §6): a UUIDv5 of its address."""
    return str(uuid.uuid5(NAMESPACE, f"{connection}\x1f{obj}\x1f{external_id}"))


def event_id(canonical_id: str, entity: str, version: str, fingerprint: str) -> str:
    """Return the id of a canonical event: the same content at the same version of a record always gives the same id."""
    return str(uuid.uuid5(NAMESPACE, f"{entity}\x1f{canonical_id}\x1f{version}\x1f{fingerprint}"))


def operation_id(event: str, connection: str, step: str) -> str:
    """Return `op_id` of design §5: one step of one event on one target connection. 32 hexadecimal digits."""
    return hashlib.sha256(f"{event}\x1f{connection}\x1f{step}".encode()).hexdigest()[:32]


def marker(canonical_id: str, length: int = 18) -> str:
    """Return a short token of a canonical id for target fields that are too small for a UUID.

    Args:
        canonical_id: the id to mark.
        length: characters allowed, 10 to 28; 18 leave 80 bits, so that 10^9 records collide with p < 10^-6.

    Returns:
        "HR" and base32 characters, upper case, so that case-folding targets keep it intact.
    """
    if not 10 <= length <= 28:
        raise ValueError(f"a marker has 10 to 28 characters, not {length}")
    digest = hashlib.sha256(canonical_id.encode()).digest()
    needed = -(-(length - 2) // 8) * 5  # bytes; encoding the rest would be for nothing
    return ("HR" + base64.b32encode(digest[:needed]).decode())[:length]


def is_marker(text: str, length: int = 18) -> bool:
    """Say whether a text has the form of a marker of this length: then it says nothing to people."""
    return len(text) == length and _MARKER.fullmatch(text) is not None


def fingerprint(content: bytes) -> str:
    """Return the hexadecimal SHA-256 of canonical bytes; equal content gives equal fingerprints."""
    return hashlib.sha256(content).hexdigest()
