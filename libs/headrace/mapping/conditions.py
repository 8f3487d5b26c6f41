"""Conditions: which records a rule lets through, which case counts, which items are taken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from headrace.core.errors import ConfigurationError, RejectRecord
from headrace.mapping.paths import Path, PathField
from headrace.mapping.values import is_empty, shown, to_date, to_decimal, to_text

OPERATORS = ("in", "not_in", "equals", "present", "absent", "greater", "less")


class Condition(BaseModel):
    """A test of one field (every operator that is given must hold), or a combination of conditions."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    field: PathField | None = None
    in_: list[Any] | None = Field(None, alias="in", min_length=1)
    not_in: list[Any] | None = Field(None, min_length=1)
    equals: Any = None
    present: bool | None = None
    absent: bool | None = None
    greater: Any = None
    less: Any = None
    all_: list[Condition] | None = Field(None, alias="all", min_length=1)
    any_: list[Condition] | None = Field(None, alias="any", min_length=1)
    not_: Condition | None = Field(None, alias="not")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        tests = self.operands()
        combined = [part for part in (self.all_, self.any_, self.not_) if part is not None]
        if len(combined) + (self.field is not None) != 1:
            raise ValueError("a condition is one of: field, all, any, not")
        if self.field is not None and not tests:
            raise ValueError(f"a condition on a field needs one of: {', '.join(OPERATORS)}")
        if self.field is None and tests:
            raise ValueError(f"{', '.join(tests)} needs a field")
        for name, operand in tests.items():
            for value in operand if isinstance(operand, list) else [operand]:
                if not isinstance(value, str | bool | int | Decimal | date):
                    raise ValueError(f"{name} compares with text, numbers, true, false or dates")
        return self

    def operands(self) -> dict[str, Any]:
        """Return the operators that the document gives, with what they compare with."""
        given = {name: "in_" if name == "in" else name for name in OPERATORS}
        return {
            name: getattr(self, attribute) for name, attribute in given.items() if attribute in self.model_fields_set
        }


Test = Callable[[Any, Any], bool]
"""A compiled condition: called with the current item and the run."""

Read = Callable[[Path], Callable[[Any, Any], Any]]
"""Compiles a path to a function of the current item and the run."""


def compile_condition(condition: Condition, read: Read, where: str) -> Test:
    """Return the condition as a function of (item, run).

    Args:
        condition: the condition.
        read: compiles paths for the scope that the condition stands in.
        where: place in the document, for errors.

    The function raises RejectRecord if `greater` or `less` meets a value that has no order with its operand.
    """
    if condition.not_ is not None:
        inner = compile_condition(condition.not_, read, where)
        return lambda item, run: not inner(item, run)
    if condition.all_ is not None:
        every = tuple(compile_condition(part, read, where) for part in condition.all_)
        return lambda item, run: all(test(item, run) for test in every)
    if condition.any_ is not None:
        some = tuple(compile_condition(part, read, where) for part in condition.any_)
        return lambda item, run: any(test(item, run) for test in some)
    assert condition.field is not None  # noqa: S101 - the model says so
    get = read(condition.field)
    source = condition.field.text
    tests = tuple(_test(name, operand, f"{where}: {source}") for name, operand in condition.operands().items())
    if len(tests) == 1:
        (only,) = tests
        return lambda item, run: only(get(item, run))

    def holds(item: Any, run: Any) -> bool:
        value = get(item, run)
        return all(test(value) for test in tests)

    return holds


def fields_of(condition: Condition) -> list[Path]:
    """Return every path that a condition reads."""
    parts = [*(condition.all_ or ()), *(condition.any_ or ()), *([condition.not_] if condition.not_ else ())]
    own = [condition.field] if condition.field is not None else []
    return own + [path for part in parts for path in fields_of(part)]


def _test(name: str, operand: Any, where: str) -> Callable[[Any], bool]:
    if name in ("present", "absent"):
        wanted = operand if name == "absent" else not operand
        return lambda value: is_empty(value) is wanted
    if name == "equals":
        return lambda value: _same(value, operand)
    if name in ("in", "not_in"):
        wanted = name == "in"
        if all(isinstance(one, str) for one in operand):
            texts = frozenset(operand)
            return lambda value: (isinstance(value, str) and value in texts) is wanted
        return lambda value: any(_same(value, one) for one in operand) is wanted
    return _order(operand, name == "greater", where)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) is not isinstance(right, bool):
        return False  # Python holds that True == 1
    return bool(left == right)


def _order(operand: Any, greater: bool, where: str) -> Callable[[Any], bool]:
    if isinstance(operand, bool):
        raise ConfigurationError(f"{where}: true and false have no order")
    convert = to_text if isinstance(operand, str) else to_date if isinstance(operand, date) else to_decimal
    limit: Any = convert(operand)

    def test(value: Any) -> bool:
        if is_empty(value):
            return False
        try:
            found: Any = convert(value)
        except ValueError as error:
            detail = f"{where} is {shown(value)}, compared with {shown(operand)}: {error}"
            raise RejectRecord("values cannot be compared", detail) from None
        return bool(found > limit) if greater else bool(found < limit)

    return test
