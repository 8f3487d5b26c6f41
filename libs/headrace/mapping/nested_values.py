"""Verbs that give lists and records, at run time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from headrace.mapping import expressions as ex
from headrace.mapping.compiling import (
    COMPILERS,
    Scope,
    compile_expression,
    compile_fields,
    compile_path,
    compile_test,
    reject,
)
from headrace.mapping.running import Evaluate, Run
from headrace.mapping.values import ABSENT, UNLINKED, is_empty


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


COMPILERS.update(
    {
        ex.ListOf: _list,
        ex.ObjectOf: _object,
        ex.Each: _each,
    }
)
