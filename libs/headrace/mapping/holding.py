"""Holds of an out mapping, compiled: which facts of referenced records keep a new record back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from headrace.mapping.compiling import Scope, compile_expression, compile_path
from headrace.mapping.results import Held
from headrace.mapping.running import Run
from headrace.mapping.values import ABSENT, is_empty, to_decimal, to_text

if TYPE_CHECKING:
    from headrace.mapping.documents import Hold, OutMapping

Holding = Callable[[Run], Iterator[Held]]


def compile_holds(document: OutMapping, scope: Scope) -> tuple[Holding, ...]:
    """Return the document's holds as functions of a run."""
    return tuple(_compiled(name, hold, scope.inside(f"holds.{name}")) for name, hold in document.holds.items())


def _compiled(rule: str, hold: Hold, root: Scope) -> Holding:
    inner = root if hold.each is None else Scope(root.where, root.tables, at_root=False)
    items = None if hold.each is None else compile_path(hold.each, root)
    reference = compile_path(hold.of, inner)
    company = None if hold.scope is None else compile_expression(hold.scope, inner.inside("scope"))
    below = None if hold.below is None else compile_expression(hold.below, inner.inside("below"))
    unit = None if hold.unit is None else compile_expression(hold.unit, inner.inside("unit"))

    def held(run: Run) -> Iterator[Held]:
        found = [run.root] if items is None else items(run.root, run)
        for item in found if isinstance(found, list | tuple) else ():
            named = reference(item, run)
            if not isinstance(named, dict) or not named.get("canonical_id"):
                continue
            inside = None if company is None else company(item, run)
            canonical_id = str(named["canonical_id"])
            fact = run.context.fact(canonical_id, hold.object, None if is_empty(inside) else to_text(inside), hold.fact)
            if fact is None:
                continue
            if below is None:
                why = f"{hold.fact} is {fact}" if fact in (hold.in_ or ()) else ""
            else:
                why = _below(hold.fact, fact, below(item, run), None if unit is None else unit(item, run))
            if why:
                entity = str(named.get("entity") or hold.of.text.rpartition(".")[2].lstrip("/"))
                label = named.get("name") or named.get("number") or canonical_id
                yield Held(rule, hold.then, entity, canonical_id, f'{rule}: {entity} "{label}": {why}')

    return held


def _below(name: str, fact: str, value: Any, unit: Any) -> str:
    """Say why a fact that is a number, with or without a unit, is below a value; "" if it is not."""
    if value is None or value is ABSENT:
        return ""
    number, _, own = fact.partition(" ")
    if unit is not None and unit is not ABSENT and own != to_text(unit):
        return f"{name} is {fact}, which is not comparable with {value} {to_text(unit)}"
    try:
        limit, wanted = Decimal(number), to_decimal(value)
    except (InvalidOperation, ValueError):
        return f"{name} is {fact}, which is not comparable with {value}"
    return f"{name} is {fact}, below {wanted} {own}".rstrip() if limit < wanted else ""
