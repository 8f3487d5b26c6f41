"""Verbs that give one value, at run time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from headrace.core.errors import ConfigurationError, HeadraceError, RejectRecord
from headrace.core.ids import marker
from headrace.core.refs import encode_key
from headrace.mapping import expressions as ex
from headrace.mapping.compiling import (
    COMPILERS,
    Scope,
    compile_expression,
    compile_fields,
    compile_path,
    compile_test,
    no_float,
    reject,
)
from headrace.mapping.running import Evaluate, Run, StepValue
from headrace.mapping.values import ABSENT, UNLINKED, is_empty, shown, to_date, to_money, to_text
from headrace.mapping.words import words


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


def _cases(expression: ex.Cases, scope: Scope) -> Evaluate:
    cases = tuple((compile_test(case.when, scope), compile_expression(case.then, scope)) for case in expression.cases)
    otherwise = compile_expression(expression.otherwise, scope) if expression.otherwise is not None else None

    def choose(item: Any, run: Run) -> Any:
        for holds, then in cases:
            if holds(item, run):
                return then(item, run)
        return ABSENT if otherwise is None else otherwise(item, run)

    return choose


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


def _key(expression: ex.KeyOf, scope: Scope) -> Evaluate:
    parts, source = compile_fields(expression.key, scope), words(expression)

    def key(item: Any, run: Run) -> Any:
        found = {name: evaluate(item, run) for name, evaluate in parts}
        for value in found.values():
            if value is UNLINKED:
                return UNLINKED
        if any(is_empty(value) for value in found.values()):
            return ABSENT if all(value is ABSENT for value in found.values()) else None
        try:
            return encode_key({name: to_text(value) for name, value in found.items()})
        except ValueError as error:
            raise reject(scope.where, source, list(found.values()), error) from None

    return key


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
        return no_float(result, where) if result.__class__ is float else result

    return transform


def _from_step(expression: ex.FromStep, scope: Scope) -> Evaluate:
    value = StepValue(expression.from_step, expression.field)
    return lambda item, run: value


def _marker(expression: ex.Marker, scope: Scope) -> Evaluate:
    length = expression.marker.length
    return lambda item, run: marker(run.meta.canonical_id, length)


COMPILERS.update(
    {
        ex.Copy: _copy,
        ex.Const: _const,
        ex.First: _first,
        ex.Cases: _cases,
        ex.Lookup: _lookup,
        ex.EnumOf: _enum,
        ex.DateOf: _date,
        ex.MoneyOf: _money,
        ex.Join: _join,
        ex.KeyOf: _key,
        ex.Transform: _transform,
        ex.FromStep: _from_step,
        ex.Marker: _marker,
    }
)
