"""Verbs at run time: each expression becomes a closure once, when its document is loaded.

A closure takes the current item and the run, and gives a value, ABSENT (the source does not tell) or UNLINKED.
It raises RejectRecord, or what the pipeline's own callables raise, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from headrace.core.errors import ConfigurationError, HeadraceError, RejectRecord
from headrace.core.ids import marker
from headrace.mapping import expressions as ex
from headrace.mapping.conditions import Test, compile_condition
from headrace.mapping.paths import Path, getter
from headrace.mapping.running import Evaluate, Run, StepValue
from headrace.mapping.values import ABSENT, CONVERSIONS, UNLINKED, is_empty, shown, to_date, to_money, to_text
from headrace.mapping.words import words


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands: for its paths (`at_root`), its tables, and its errors (`where`)."""

    where: str
    tables: Mapping[str, Mapping[Any, Any]]
    at_root: bool = True

    def inside(self, name: str, *, item: bool = False) -> Scope:
        """Return the scope of a field below this one; with `item`, of one that belongs to a list's item."""
        return replace(self, where=f"{self.where}.{name}", at_root=self.at_root and not item)


def compile_expression(expression: ex.Verb, scope: Scope) -> Evaluate:
    """Return the expression as a closure.

    Raises:
        ConfigurationError: it names a table that the document does not have.
    """
    evaluate = COMPILERS[type(expression)](expression, scope)
    conversion = expression.as_ if isinstance(expression, ex.ValueVerb) else None
    limit = expression.max if isinstance(expression, ex.ValueVerb) else None
    if conversion is not None:
        evaluate = _converted(evaluate, expression, conversion, scope.where)
    if limit is not None:
        evaluate = _limited(evaluate, limit, scope.where)
    return _required(evaluate, expression, scope.where) if expression.required else evaluate


def compile_fields(fields: Mapping[str, ex.Verb], scope: Scope) -> tuple[tuple[str, Evaluate], ...]:
    """Return the named expressions compiled, in order."""
    return tuple((name, compile_expression(part, scope.inside(name))) for name, part in fields.items())


def compile_test(condition: Any, scope: Scope) -> Test:
    """Return a condition compiled for this scope."""
    return compile_condition(condition, lambda path: compile_path(path, scope), scope.where)


def compile_path(path: Path, scope: Scope) -> Evaluate:
    """Return a path as a closure; a float that it meets rejects the record."""
    where, at_root = f"{scope.where}: {path.text}", path.absolute or scope.at_root
    if at_root and path.segments and path.segments[0] == "meta":
        if len(path.segments) != 2:
            raise ConfigurationError(f"{where}: write meta and one name, such as meta.legal_entity")
        attribute = attrgetter(path.segments[1])
        return lambda item, run: attribute(run.meta)
    get = getter(path.segments)
    if path.absolute:

        def from_root(item: Any, run: Run) -> Any:
            value = get(run.root)
            return _no_float(value, where) if value.__class__ is float else value

        return from_root

    def from_item(item: Any, run: Run) -> Any:
        value = get(item)
        return _no_float(value, where) if value.__class__ is float else value

    return from_item


def reject(where: str, source: str, value: Any, why: object) -> RejectRecord:
    """Return the error of a value that does not fit: target field, source and value are named."""
    detail = f"{where} ({source}): {shown(value)} is {why}; correct it at its source or in the mapping"
    return RejectRecord("value does not fit", detail)


def _no_float(value: float, where: str) -> Any:
    raise RejectRecord("value does not fit", f"{where} is a binary float ({value}); its source must decode to Decimal")


def _converted(evaluate: Evaluate, expression: ex.Verb, conversion: str, where: str) -> Evaluate:
    _, convert = CONVERSIONS[conversion]
    source = words(expression)

    def converted(item: Any, run: Run) -> Any:
        value = evaluate(item, run)
        if value is None or value is ABSENT or value is UNLINKED or value.__class__ is StepValue:
            return value
        try:
            return convert(value)
        except ValueError as error:
            if not isinstance(value, str) or value.strip():
                raise reject(where, source, value, f"no {conversion}: {error}") from None
            return None  # blank text has nothing to convert

    return converted


def _limited(evaluate: Evaluate, limit: int, where: str) -> Evaluate:
    def limited(item: Any, run: Run) -> Any:
        value = evaluate(item, run)
        if isinstance(value, str) and len(value) > limit:
            detail = (
                f"{where}: {shown(value)} has {len(value)} characters, {limit} are allowed; shorten it at its source"
            )
            raise RejectRecord("value too long", detail)
        return value

    return limited


def _required(evaluate: Evaluate, expression: ex.Verb, where: str) -> Evaluate:
    source = words(expression)

    def required(item: Any, run: Run) -> Any:
        value = evaluate(item, run)
        if is_empty(value) and not run.lenient:
            detail = (
                f"{run.label}{where} is required and empty ({source}); fill it in at its source, or give a fallback"
            )
            raise RejectRecord("required field is empty", detail)
        return value

    return required


def _copy(expression: ex.Copy, scope: Scope) -> Evaluate:
    return compile_path(expression.copy_, scope)


def _const(expression: ex.Const, scope: Scope) -> Evaluate:
    value = expression.const
    return lambda item, run: value


def _first(expression: ex.First, scope: Scope) -> Evaluate:
    parts = tuple(compile_expression(part, scope) for part in expression.first)

    def first(item: Any, run: Run) -> Any:
        result: Any = ABSENT
        for part in parts:
            value = part(item, run)
            if not is_empty(value):
                return value
            result = result if value is ABSENT else value
        return result

    return first


def _lookup(expression: ex.Lookup, scope: Scope) -> Evaluate:
    arguments = expression.lookup
    if arguments.table not in scope.tables:
        raise ConfigurationError(f'{scope.where}: there is no table "{arguments.table}"')
    table = {to_text(name): value for name, value in scope.tables[arguments.table].items()}
    key = compile_expression(arguments.key, scope)
    words_of_key = words(arguments.key)
    return _table(table, key, words_of_key, arguments.otherwise, f'the table "{arguments.table}"', scope)


def _enum(expression: ex.EnumOf, scope: Scope) -> Evaluate:
    arguments = expression.enum
    table = {to_text(name): value for name, value in arguments.values.items()}
    source = arguments.copy_.text
    return _table(table, compile_path(arguments.copy_, scope), source, arguments.otherwise, "the values", scope)


def _table(
    table: Mapping[str, Any], key: Evaluate, source: str, otherwise: ex.Verb | None, name: str, scope: Scope
) -> Evaluate:
    fallback = compile_expression(otherwise, scope) if otherwise is not None else None
    where = scope.where

    def look(item: Any, run: Run) -> Any:
        found = key(item, run)
        if is_empty(found) or found is UNLINKED:
            return None if isinstance(found, str) else found
        try:
            word = to_text(found).strip()
        except ValueError as error:
            raise reject(where, source, found, error) from None
        if word in table:
            return table[word]
        if fallback is not None:
            return fallback(item, run)
        detail = f"{where}: {shown(found)} ({source}) is not in {name} of the mapping; add it there, or an `otherwise`"
        raise RejectRecord("value not in table", detail)

    return look


def _date(expression: ex.DateOf, scope: Scope) -> Evaluate:
    of, zone = compile_expression(expression.date.of, scope), ZoneInfo(expression.date.zone)
    source = words(expression.date.of)

    def day(item: Any, run: Run) -> Any:
        value = of(item, run)
        if is_empty(value):
            return None if isinstance(value, str) else value
        try:
            return to_date(value, zone)
        except ValueError as error:
            raise reject(scope.where, source, value, f"no date: {error}") from None

    return day


def _money(expression: ex.MoneyOf, scope: Scope) -> Evaluate:
    arguments = expression.money
    amount, currency = compile_expression(arguments.amount, scope), compile_expression(arguments.currency, scope)
    source = words(arguments.amount)

    def money(item: Any, run: Run) -> Any:
        value = amount(item, run)
        if is_empty(value):
            return None if isinstance(value, str) else value
        try:
            return to_money(value, currency(item, run), arguments.digits)
        except ValueError as error:
            raise reject(scope.where, source, value, f"no amount: {error}") from None

    return money


def _join(expression: ex.Join, scope: Scope) -> Evaluate:
    parts = tuple((compile_expression(part, scope), isinstance(part, ex.Const)) for part in expression.join)
    only_constants = all(constant for _, constant in parts)
    source = words(expression)

    def join(item: Any, run: Run) -> Any:
        texts: list[str] = []
        said, known = only_constants, False
        for part, constant in parts:
            value = part(item, run)
            if value is UNLINKED:
                return UNLINKED
            known = known or (not constant and value is not ABSENT)
            if is_empty(value):
                continue
            said = said or not constant
            try:
                texts.append(to_text(value))
            except ValueError as error:
                raise reject(scope.where, source, value, error) from None
        if said:
            return expression.with_.join(texts)
        return None if known else ABSENT

    return join


def _list(expression: ex.ListOf, scope: Scope) -> Evaluate:
    parts = tuple(compile_expression(part, scope.inside(str(at))) for at, part in enumerate(expression.list_))

    def entries(item: Any, run: Run) -> Any:
        values = [part(item, run) for part in parts]
        if UNLINKED in values:
            return UNLINKED
        result = [value for value in values if not is_empty(value)]
        return result if result or not values or any(value is not ABSENT for value in values) else ABSENT

    return entries


def _object(expression: ex.ObjectOf, scope: Scope) -> Evaluate:
    fields = compile_fields(expression.object.fields, scope)
    constants = frozenset(name for name, part in expression.object.fields.items() if isinstance(part, ex.Const))
    only_constants = len(constants) == len(fields)

    def nested(item: Any, run: Run) -> Any:
        result: dict[str, Any] = {}
        said, known = only_constants, False
        for name, evaluate in fields:
            value = evaluate(item, run)
            if value is ABSENT or value is UNLINKED:
                continue
            result[name] = value
            if name not in constants:
                known = True
                said = said or not is_empty(value)
        if said:
            return result
        return None if known else ABSENT

    return nested


def _each(expression: ex.Each, scope: Scope) -> Evaluate:
    items = compile_path(expression.each, scope)
    inner = replace(scope, where=f"{scope.where}[]", at_root=False)
    fields = compile_fields(expression.fields, inner)
    where = compile_test(expression.where, inner) if expression.where is not None else None

    def each(item: Any, run: Run) -> Any:
        found = items(item, run)
        if found is ABSENT:
            return ABSENT
        if found is not None and not isinstance(found, list | tuple):
            raise reject(scope.where, expression.each.text, found, "not a list")
        result = []
        for one in found or ():
            if where is not None and not where(one, run):
                continue
            values = ((name, evaluate(one, run)) for name, evaluate in fields)
            result.append({name: value for name, value in values if value is not ABSENT and value is not UNLINKED})
        return result

    return each


def _cases(expression: ex.Cases, scope: Scope) -> Evaluate:
    cases = tuple((compile_test(case.when, scope), compile_expression(case.then, scope)) for case in expression.cases)
    otherwise = compile_expression(expression.otherwise, scope) if expression.otherwise is not None else None

    def choose(item: Any, run: Run) -> Any:
        for holds, then in cases:
            if holds(item, run):
                return then(item, run)
        return ABSENT if otherwise is None else otherwise(item, run)

    return choose


def _transform(expression: ex.Transform, scope: Scope) -> Evaluate:
    arguments = compile_fields(expression.with_, scope)
    name, where = expression.transform, scope.where

    def transform(item: Any, run: Run) -> Any:
        function = run.transforms.get(name)
        if function is None:
            raise RejectRecord("transform is unknown", f"{where}: the connector has no transform {name}")
        values = {key: evaluate(item, run) for key, evaluate in arguments}
        if UNLINKED in values.values():
            return UNLINKED
        if values and all(value is ABSENT for value in values.values()):
            return ABSENT
        try:
            result = function(**{key: None if value is ABSENT else value for key, value in values.items()})
        except HeadraceError:
            raise
        except Exception as error:
            detail = f"{where}: the transform {name} failed with {type(error).__name__}: {error}"
            raise RejectRecord("transform failed", detail) from error
        return _no_float(result, where) if result.__class__ is float else result

    return transform


def _from_step(expression: ex.FromStep, scope: Scope) -> Evaluate:
    value = StepValue(expression.from_step, expression.field)
    return lambda item, run: value


def _marker(expression: ex.Marker, scope: Scope) -> Evaluate:
    length = expression.marker.length
    return lambda item, run: marker(run.meta.canonical_id, length)


COMPILERS: dict[type[ex.Verb], Callable[[Any, Scope], Evaluate]] = {
    ex.Copy: _copy,
    ex.Const: _const,
    ex.First: _first,
    ex.Lookup: _lookup,
    ex.EnumOf: _enum,
    ex.DateOf: _date,
    ex.MoneyOf: _money,
    ex.Join: _join,
    ex.ListOf: _list,
    ex.ObjectOf: _object,
    ex.Each: _each,
    ex.Cases: _cases,
    ex.Transform: _transform,
    ex.FromStep: _from_step,
    ex.Marker: _marker,
}
"""Every verb that stays inside the record; `linking` adds those that name other records."""
