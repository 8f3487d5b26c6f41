"""Resource paths below /data/: sets, keys with all their named parts, navigation, $count, actions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from headrace.sandbox.dynamics_fo.entities.model import NAMESPACE, Entity, Property
from headrace.sandbox.dynamics_fo.values import ValueRefused, parse_value

_PATH = re.compile(r"(?P<set>[A-Za-z_]\w*)(?:\((?P<key>(?:[^'()]|'(?:[^']|'')*')*)\))?(?:/(?P<rest>.+))?", re.DOTALL)
_KEY_PART = re.compile(
    rf"\s*(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<literal>(?:{re.escape(NAMESPACE)}\.\w+)?'(?:[^']|'')*'|[^',]+)\s*(?:,|$)"
)


class KeyRefused(Exception):
    """A key that the service finds no route for: parts missing, unnamed, unknown or of another type."""


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """A parsed path; `key_text` is None when there are no brackets."""

    set: str
    key_text: str | None
    rest: str


def parse_path(path: str) -> ResourcePath | None:
    """Return the parts of a decoded path below /data/, or None when it is none."""
    match = _PATH.fullmatch(path)
    return None if match is None else ResourcePath(match["set"], match["key"], match["rest"] or "")


def parse_key(entity: Entity, key_text: str) -> Mapping[str, Any]:
    """Return the values of all key fields.

    Raises:
        KeyRefused: a part is missing, has no name, is unknown, or its literal does not fit.
    """
    parts: dict[str, Any] = {}
    position = 0
    while position < len(key_text):
        match = _KEY_PART.match(key_text, position)
        if match is None or match["name"] not in entity.key:
            raise KeyRefused(key_text)
        parts[match["name"]] = _literal(entity.by_name[match["name"]], match["literal"].strip())
        position = match.end()
    if set(parts) != set(entity.key):
        raise KeyRefused(key_text)
    return parts


def _literal(field: Property, literal: str) -> Any:
    quoted = literal.endswith("'")
    try:
        if field.kind == "enum":
            prefix = f"{NAMESPACE}.{field.enum}'"
            if not (quoted and literal.startswith(prefix)):
                raise KeyRefused(literal)
            return parse_value(field, literal[len(prefix) : -1])
        if field.kind == "string":
            if not literal.startswith("'"):
                raise KeyRefused(literal)
            value = literal[1:-1].replace("''", "'")
            return value.lower() if field.name == "dataAreaId" else value
        if quoted:
            raise KeyRefused(literal)
        if field.kind in ("int32", "int64"):
            return parse_value(field, int(literal))
        if field.kind == "decimal":
            return parse_value(field, Decimal(literal))
        return parse_value(field, literal)
    except (ValueRefused, ArithmeticError, ValueError) as error:
        raise KeyRefused(literal) from error


def key_predicate(entity: Entity, values: Mapping[str, Any]) -> str:
    """Return the bracketed key of a row as it stands in a Location header: percent-encoded, hence plain ASCII."""
    parts = []
    for name in entity.key:
        field, value = entity.by_name[name], values[name]
        if field.kind == "string":
            text = "'" + quote(str(value).replace("'", "''"), safe="'") + "'"
        elif field.kind == "enum":
            text = f"{NAMESPACE}.{field.enum}'{value}'"
        else:
            text = str(value)
        parts.append(f"{name}={text}")
    return f"({','.join(parts)})"
