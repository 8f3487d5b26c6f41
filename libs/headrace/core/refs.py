"""Target ids of records with composite keys, as one readable text."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, unquote


def encode_key(parts: Mapping[str, object]) -> str:
    """Return "dataAreaId=usmf,CustomerAccount=US-001": key fields in order, values percent-encoded where needed."""
    return ",".join(f"{name}={quote(str(value), safe=_SAFE, errors=_ANY_TEXT)}" for name, value in parts.items())


def decode_key(text: str) -> dict[str, str]:
    """Return the parts of `encode_key`; an id without "=" is a single key under the name "id"."""
    if "=" not in text:
        return {"id": unquote(text, errors=_ANY_TEXT)}
    pairs = (part.partition("=") for part in text.split(","))
    return {name: unquote(value, errors=_ANY_TEXT) for name, _, value in pairs}


_ANY_TEXT = "surrogatepass"
"""Half a surrogate pair is kept too: what a system cut in the middle is an id all the same."""
_SAFE = " !\"#$&'()*+-./:;<>?@[\\]^_`{|}~"
