"""How OData writes text in keys and filters, and conditions of several parts. What services differ in is their own.

Source: OData 4.0 part 2 (URL conventions), 4.3.1 and 5.1.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

KEY_SAFE = "'!$()*-._~:@"
"""Characters that stay as they are in the key of an address."""


def literal_text(text: str) -> str:
    """Return a text as it stands in a filter or, encoded besides (`in_key`), in a key: quoted, with `'` doubled."""
    return "'" + text.replace("'", "''") + "'"


def in_key(literal: str) -> str:
    """Return a literal percent-encoded for the key of an address."""
    return quote(literal, safe=KEY_SAFE)


def any_of(conditions: Iterable[str]) -> str:
    """Return the filter that at least one condition holds."""
    listed = list(conditions)
    return listed[0] if len(listed) == 1 else "(" + " or ".join(f"({condition})" for condition in listed) + ")"


def both(*conditions: str) -> str:
    """Return the filter that all conditions hold; "" is none."""
    return " and ".join(condition for condition in conditions if condition)
