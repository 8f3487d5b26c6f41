"""Values that a system keeps in another form than they were sent: cut, in lower case, rounded.

Vendors do such things here and there, and so do rules that a company adds. A sandbox does them where a test says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import Any

PATTERN = re.compile(r"truncate:\d+|fold|round:\d+")
_VALUE_KEYS = ("value", "price")
"""Where an item of a list holds its value: a contact point, a price."""


def altered(rules: Mapping[str, str], object_: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as the system keeps them.

    Args:
        rules: "object.field" → `truncate:N` (characters), `fold` (lower case) or `round:N` (decimal places).
        object_: whose values they are.
        values: by field; a field inside another is named with a dot, as "organization.address.locality".
    """
    kept = dict(values)
    for name, rule in rules.items():
        owner, _, field = name.partition(".")
        if owner == object_:
            kept = _at(kept, field, _alteration(rule))
    return kept


def checked(rules: Mapping[str, str], knows: Callable[[str, str], bool]) -> None:
    """Check rules.

    Raises:
        ValueError: a rule that is none, or a field that does not exist.
    """
    for name, rule in rules.items():
        owner, _, field = name.partition(".")
        if not knows(owner, field):
            raise ValueError(f"transform: there is no {name}; write object.field")
        if not PATTERN.fullmatch(rule):
            raise ValueError(f"transform: {name}: {rule!r} is not truncate:N, fold or round:N")


def _at(values: Mapping[str, Any], field: str, alter: Callable[[Any], Any]) -> dict[str, Any]:
    if field in values:
        return {**values, field: alter(values[field])}
    outer, _, inner = field.partition(".")
    held = values.get(outer)
    return {**values, outer: _at(held, inner, alter)} if inner and isinstance(held, Mapping) else dict(values)


@cache
def _alteration(rule: str) -> Callable[[Any], Any]:
    kind, _, argument = rule.partition(":")
    one = {"truncate": _cut, "fold": _folded, "round": _rounded}[kind]
    number = int(argument or 0)

    def alter(value: Any) -> Any:
        if isinstance(value, list):
            return [alter(item) for item in value]
        if isinstance(value, Mapping):
            return {name: alter(part) if name in _VALUE_KEYS else part for name, part in value.items()}
        return one(value, number)

    return alter


def _cut(value: Any, length: int) -> Any:
    return value[:length] if isinstance(value, str) else value


def _folded(value: Any, _: int) -> Any:
    return value.casefold() if isinstance(value, str) else value


def _rounded(value: Any, places: int) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return value
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
