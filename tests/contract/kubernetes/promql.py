"""What a PromQL expression asks for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

from tests.unit.platform.declared_metrics import DECLARED, WORDS, series_of

OF_THE_TARGET = {"job", "instance"}
"""Labels that Prometheus adds to whatever it scrapes."""
OF_THE_PROCESS = {"process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes"}
"""Series that the client library adds, all without labels."""

SERIES: dict[str, tuple[str, set[str]]] = {
    series: (name, labels | OF_THE_TARGET) for name in DECLARED for series, labels in series_of(name).items()
} | dict.fromkeys(OF_THE_PROCESS, ("", OF_THE_TARGET))
"""Every series that may be asked for: the metric that it belongs to, and its labels."""


@dataclass(frozen=True)
class Selector:
    """One selection of series, and the function that it is given to over a range, "" if it is taken as it stands."""

    series: str
    matchers: tuple[tuple[str, str], ...]
    over: str


def selectors(expression: str) -> list[Selector]:
    """Every selector of an expression. Raises ValueError if it is no PromQL."""
    return list(_selectors(promql_parser.parse(_filled_in(expression)), ""))


def kept(expression: str) -> set[str]:
    """Every label that an aggregation of the expression keeps; all of its selectors' if nothing aggregates."""
    found = set(_kept(promql_parser.parse(_filled_in(expression))))
    return found or {label for each in selectors(expression) for label in SERIES[each.series][1]}


def problems_of(expression: str) -> list[str]:
    """What the expression asks for that no process tells."""
    problems = []
    for each in selectors(expression):
        if each.series not in SERIES:
            problems.append(f"{each.series} is not declared")
            continue
        name, labels = SERIES[each.series]
        for label, value in each.matchers:
            words = {str(word) for word in WORDS.get((name, label), ())}
            if label not in labels:
                problems.append(f"{each.series} has no label {label}")
            elif words and not set(value.split("|")) <= words:
                problems.append(f"{label} of {each.series} is never {value}")
        grows = each.series.endswith(("_total", "_bucket", "_count", "_sum"))
        if grows != (each.over in ("rate", "increase")) and not each.over.endswith("_over_time"):
            problems += [f"{each.series} is a counter: its rate counts"] if grows and not each.over else []
            problems += (
                [f"{each.series} is a gauge: it has no {each.over}"] if not grows and each.over != "changes" else []
            )
        problems += [f"{each.series} is summed by {label}" for label in kept(expression) - labels - {"le"}]
    return problems


def _filled_in(expression: str) -> str:
    return expression.replace("$__rate_interval", "5m")


def _selectors(node: Any, over: str) -> Iterator[Selector]:
    match type(node).__name__:
        case "VectorSelector":
            matchers = tuple((each.name, each.value) for each in node.matchers.matchers)
            yield Selector(node.name, matchers, over)
        case "MatrixSelector":
            yield from _selectors(node.vector_selector, over)
        case "Call":
            for argument in node.args:
                over_range = type(argument).__name__ == "MatrixSelector"
                yield from _selectors(argument, node.func.name if over_range else over)
        case "BinaryExpr":
            yield from _selectors(node.lhs, over)
            yield from _selectors(node.rhs, over)
        case "AggregateExpr" | "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
            yield from _selectors(node.expr, over)


def _kept(node: Any) -> Iterator[str]:
    match type(node).__name__:
        case "AggregateExpr":
            yield from node.modifier.labels if node.modifier else ()
        case "BinaryExpr":
            yield from _kept(node.lhs)
            yield from _kept(node.rhs)
        case "Call":
            for argument in node.args:
                yield from _kept(argument)
        case "ParenExpr" | "UnaryExpr" | "SubqueryExpr":
            yield from _kept(node.expr)
