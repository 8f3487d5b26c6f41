"""Expressions in words, for `mapping preview` and for errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from headrace.mapping import expressions as ex
from headrace.mapping.values import shown


def words(expression: ex.Verb) -> str:
    """Return what an expression does, as a phrase: 'copied from currency', 'marker of the canonical id'."""
    phrase = WORDS[type(expression)](expression)
    conversion = expression.as_ if isinstance(expression, ex.ValueVerb) else None
    return f"{phrase}, as {conversion}" if conversion else phrase


def _lookup(verb: ex.Lookup) -> str:
    return f'{words(verb.lookup.key)}, through the table "{verb.lookup.table}"'


def _date(verb: ex.DateOf) -> str:
    return f"day in {verb.date.zone}, {words(verb.date.of)}"


def _join(verb: ex.Join) -> str:
    return "joined: " + " + ".join(words(part) for part in verb.join)


def _key(verb: ex.KeyOf) -> str:
    return "id of " + ", ".join(f"{name}: {words(part)}" for name, part in verb.key.items())


def _cases(verb: ex.Cases) -> str:
    parts = [words(case.then) for case in verb.cases]
    return "by cases: " + " or ".join(parts + ([words(verb.otherwise)] if verb.otherwise else []))


def _transform(verb: ex.Transform) -> str:
    return f"transform {verb.transform} of " + ", ".join(words(part) for part in verb.with_.values())


def _link(verb: ex.Link) -> str:
    return f"{verb.link.part or verb.link.fact or 'id'} of the {verb.link.object} that is linked to {verb.link.to.text}"


WORDS: dict[type[ex.Verb], Callable[[Any], str]] = {
    ex.Copy: lambda verb: f"copied from {verb.copy_.text}",
    ex.Const: lambda verb: f"always {shown(verb.const)}",
    ex.First: lambda verb: "first that is set: " + ", else ".join(words(part) for part in verb.first),
    ex.Lookup: _lookup,
    ex.EnumOf: lambda verb: f"translated from {verb.enum.copy_.text}",
    ex.DateOf: _date,
    ex.MoneyOf: lambda verb: f"amount {words(verb.money.amount)}, currency {words(verb.money.currency)}",
    ex.Join: _join,
    ex.KeyOf: _key,
    ex.ListOf: lambda verb: "list: " + ", ".join(words(part) for part in verb.list_),
    ex.ObjectOf: lambda verb: "record of " + ", ".join(verb.object.fields),
    ex.Each: lambda verb: f"each of {verb.each.text}: " + ", ".join(verb.fields),
    ex.Cases: _cases,
    ex.Transform: _transform,
    ex.ReferenceTo: lambda verb: f"the {verb.reference.entity} whose id is {words(verb.reference.id)}",
    ex.Link: _link,
    ex.FromStep: lambda verb: f"{verb.field} from the answer of step {verb.from_step}",
    ex.ConversionPart: lambda verb: f"{verb.conversion} of the conversion into the target's currency",
    ex.Marker: lambda verb: f"marker of the canonical id, {verb.marker.length} characters",
}
"""One phrase per verb."""
