"""The rule of an out mapping by which a document goes out in another currency. Without it amounts stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.core.conversion import Conversion, converted
from headrace.core.documents import Arithmetic
from headrace.core.errors import RejectRecord
from headrace.core.rates import ENTITY, rate_id
from headrace.mapping import expressions as ex
from headrace.mapping.compiling import COMPILERS, Scope, compile_expression, reject
from headrace.mapping.running import Evaluate, Missing, Run
from headrace.mapping.values import is_empty, to_date, to_text
from headrace.mapping.words import words


class ConvertProgram:
    """A compiled `convert:`."""

    def __init__(self, rule: ex.Convert, scope: Scope, arithmetic: Arithmetic) -> None:
        self._to = compile_expression(rule.to, scope.inside("to"))
        self._rate_type = compile_expression(rule.rate_type, scope.inside("rate_type"))
        self._on = compile_expression(rule.on, scope.inside("on"))
        self._where, self._source = scope.where, words(rule.on)
        self._arithmetic = arithmetic

    def apply(self, run: Run) -> Conversion | None:
        """Replace the run's document by one in the rule's currency; None if it is in that currency already.

        A rate that nobody told yet is reported among what is missing, under its name; the document then stays.

        Raises:
            RejectRecord: there is no date or rate type to convert by. NeedsReview: as `conversion.converted`.
        """
        data: Mapping[str, Any] = run.root
        before, to = _code(data.get("currency")), _code(self._to(data, run))
        if not before or not to or before == to:
            return None
        rate_type, day = self._rate_type(data, run), self._on(data, run)
        if is_empty(rate_type) or is_empty(day):
            detail = (
                f"{self._where}: {before} to {to} needs a rate type and a day; the source of the day: {self._source}"
            )
            raise RejectRecord("conversion without a day", detail)
        try:
            kind, on = to_text(rate_type).strip(), to_date(day)
        except ValueError as error:
            raise reject(self._where, self._source, day, error) from None
        quote = run.context.rate(kind, before, to, on)
        if quote is None:
            detail = f"exchange rate {kind} {before}/{to} of {on.isoformat()} is not known"
            run.missing.append(Missing(ENTITY, rate_id(kind, before, to), ENTITY, None, (), "currency", detail))
            return None
        run.root, run.conversion = converted(data, quote, to, self._arithmetic)
        return run.conversion


def _code(value: Any) -> str:
    return "" if is_empty(value) else to_text(value).strip().upper()


def _conversion(expression: ex.ConversionPart, scope: Scope) -> Evaluate:
    part = _PARTS[expression.conversion]
    return lambda item, run: None if run.conversion is None else part(run.conversion)


_PARTS: Mapping[str, Any] = {
    "words": str,
    "rate": lambda conversion: str(conversion.quote),
    "currency": lambda conversion: conversion.currency_before,
    "total": lambda conversion: conversion.total_before,
}

COMPILERS.update({ex.ConversionPart: _conversion})
