"""Verbs at run time: each expression becomes a closure once, when its document is loaded.

A closure takes the current item and the run, and gives a value, ABSENT (the source does not tell) or UNLINKED.
It raises RejectRecord, or what the pipeline's own callables raise, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from headrace.core.errors import ConfigurationError, RejectRecord
from headrace.mapping import expressions as ex
from headrace.mapping.conditions import Test, compile_condition
from headrace.mapping.paths import Path, getter
from headrace.mapping.running import Evaluate, Run, StepValue
from headrace.mapping.values import ABSENT, CONVERSIONS, UNLINKED, is_empty, shown
from headrace.mapping.words import words


@dataclass(frozen=True, slots=True)
class Scope:
    """Where an expression stands: for its paths (`at_root`), its tables, and its errors (`where`)."""

    where: str
    tables: Mapping[str, Mapping[Any, Any]]
    at_root: bool = True

    def inside(self, name: str) -> Scope:
        """Return the scope of a part of this one."""
        return replace(self, where=f"{self.where}.{name}")


COMPILERS: dict[type[ex.Verb], Callable[[Any, Scope], Evaluate]] = {}
"""Verb → its compiler; filled by `single_values`, `nested_values` and `linking` (see `programs`)."""


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
            return no_float(value, where) if value.__class__ is float else value

        return from_root

    if len(path.segments) == 1:
        (name,) = path.segments

        def from_field(item: Any, run: Run) -> Any:  # most paths are one name: this is the inner loop
            value = item.get(name, ABSENT) if item.__class__ is dict else get(item)
            return no_float(value, where) if value.__class__ is float else value

        return from_field

    def from_item(item: Any, run: Run) -> Any:
        value = get(item)
        return no_float(value, where) if value.__class__ is float else value

    return from_item


def reject(where: str, source: str, value: Any, why: object) -> RejectRecord:
    """Return the error of a value that does not fit: target field, source and value are named."""
    detail = f"{where} ({source}): {shown(value)} is {why}; correct it at its source or in the mapping"
    return RejectRecord("value does not fit", detail)


def no_float(value: float, where: str) -> Any:
    """Refuse a binary float: amounts are Decimal end to end."""
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
