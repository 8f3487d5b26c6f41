"""Which type an expression gives, and which types may stand for which: the plausibility half of `check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from headrace.core.contracts import ObjectDescription
from headrace.core.spelling import closest, nearest
from headrace.mapping import expressions as ex
from headrace.mapping.paths import Path
from headrace.mapping.values import CONVERSIONS

ANY = "any"


@dataclass(frozen=True, slots=True)
class Names:
    """What one side knows: dotted names with type words (list items as "lines[].quantity"), and free prefixes."""

    owner: str
    fields: Mapping[str, str]
    open_prefixes: tuple[str, ...] = ()

    @classmethod
    def of(cls, description: ObjectDescription) -> Names:
        """Return the names of a system's object."""
        return cls(description.name, description.fields, tuple(description.open_prefixes))

    def type_of(self, name: str) -> str | None:
        """Return the type word of a dotted name; None if there is no such name."""
        if name in self.fields:
            return self.fields[name]
        if any(name.startswith(prefix) for prefix in self.open_prefixes):
            return ANY
        if any(other.startswith((f"{name}.", f"{name}[]")) for other in self.fields):
            return "list" if any(other.startswith(f"{name}[]") for other in self.fields) else "object"
        if any(prefix.rstrip(".") == name for prefix in self.open_prefixes):
            return "object"
        return self._inside_of_whole(name)

    def hint(self, name: str) -> str:
        """Return "; did you mean …" for the nearest name, first of the same level, else what there is."""
        level, _, leaf = name.rpartition(".")
        there = {other.rpartition(".")[2]: other for other in self.fields if other.rpartition(".")[0] == level}
        near = nearest(leaf, there)
        if near is not None:
            return f'; did you mean "{there[near]}"?'
        if there:
            names = sorted(there.values())
            return f"; there are: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
        return closest(name, self.fields)

    def _inside_of_whole(self, name: str) -> str | None:
        """Inside an object or list whose inner names nobody declared, any name is plausible."""
        whole = name
        while whole:
            whole = whole.removesuffix("[]") if whole.endswith("[]") else _parent(whole)
            word = self.fields.get(whole)
            if word in ("object", "list", ANY):
                declared = any(other.startswith((f"{whole}.", f"{whole}[]")) for other in self.fields)
                return None if declared else ANY
            if word is not None:
                return None
        return None


def _parent(name: str) -> str:
    head, _, last = name.rpartition(".")
    return f"{head}.{last.removesuffix('[]')}" if last.endswith("[]") and head else head


def fits(given: str, wanted: str) -> bool:
    """Return whether a value of type `given` may be written to a field of type `wanted`."""
    return given == wanted or ANY in (given, wanted) or (given, wanted) == ("integer", "decimal")


def literal_type(value: Any) -> str:
    """Return the type word of a constant."""
    for kind, word in _LITERALS:
        if isinstance(value, kind):
            return word
    return ANY


def common(types: Iterable[str]) -> str:
    """Return the one type of several; integer and decimal make decimal, other differences make any."""
    found = set(types)
    if found == {"integer", "decimal"}:
        return "decimal"
    return found.pop() if len(found) == 1 else ANY


def type_of(expression: ex.Verb, read: Callable[[Path], str], tables: Mapping[str, Mapping[Any, Any]]) -> str:
    """Return the type word that an expression gives; `read` gives that of a path."""
    if isinstance(expression, ex.ValueVerb) and expression.as_ is not None:
        return CONVERSIONS[expression.as_][0]
    simple = _SIMPLE.get(type(expression))
    if simple is not None:
        return simple

    def several(parts: Iterable[ex.Verb | None]) -> list[str]:
        return [type_of(part, read, tables) for part in parts if part is not None and not _null(part)]

    if isinstance(expression, ex.ConversionPart):
        return "decimal" if expression.conversion == "total" else "string"
    if isinstance(expression, ex.Copy):
        return read(expression.copy_)
    if isinstance(expression, ex.Const):
        return literal_type(expression.const)
    if isinstance(expression, ex.First):
        return common(several(expression.first))
    if isinstance(expression, ex.Cases):
        return common(several([*(case.then for case in expression.cases), expression.otherwise]))
    if isinstance(expression, ex.Lookup):
        values = tables.get(expression.lookup.table, {}).values()
        return common([literal_type(value) for value in values] + several([expression.lookup.otherwise]))
    if isinstance(expression, ex.EnumOf):
        values = expression.enum.values.values()
        return common([literal_type(value) for value in values] + several([expression.enum.otherwise]))
    return ANY


def _null(expression: ex.Verb) -> bool:
    return isinstance(expression, ex.Const) and expression.const is None


_LITERALS: tuple[tuple[type, str], ...] = (
    (str, "string"),
    (bool, "boolean"),
    (int, "integer"),
    (Decimal, "decimal"),
    (datetime, "datetime"),
    (date, "date"),
)
_SIMPLE: Mapping[type[ex.Verb], str] = {
    ex.DateOf: "date",
    ex.MoneyOf: "object",
    ex.Join: "string",
    ex.KeyOf: "string",
    ex.ListOf: "list",
    ex.ObjectOf: "object",
    ex.Each: "list",
    ex.ReferenceTo: "object",
    ex.Link: "string",
    ex.Marker: "string",
}
