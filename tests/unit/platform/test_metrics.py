"""Every metric is used, tells what it is, and has labels that cannot grow without bound."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from prometheus_client import Counter, Histogram

from tests.unit.house.files import ROOT, python_files
from tests.unit.platform.declared_metrics import DECLARED, WORDS

TOLD_ELSEWHERE = {("NORMALISED", "arrival"), ("EFFECTS", "outcome"), ("PARKED_OLDEST_SECONDS", "reason")}
"""In the schema of deliveries, in `core/outcome.py`, and in the help of what stands beside it."""

BOUNDED = {
    "connection": {"connection", "self._connection", "self.connection", "operation.connection"},
    "entity": {"entity", "meta.entity", "event.meta.entity", "document.entity"},
    "object": {"obj"},
    "operation": {"operation"},
    "rule": {"held.rule", "mapped.rule", "rule", "rule if rule in RULES else 'not taken'"},
    "what": {"_what(parked)"},
    "budget": {"name"},
    "status": {"str(refused.status)", "status"},
    "arrival": {"LOAD", "arrival"},
    "result": {"result"},
    "reason": {"reason.value", "parked.reason"},
    "outcome": {"outcome.value", "outcome"},
}
"""Expressions that give a label's value: each was looked at and can take as many values as configuration, mappings and
code have names. Add one only after asking what it can hold at most."""


@dataclass(frozen=True)
class Use:
    """One `metric.labels(…)` in the code."""

    where: str
    metric: str
    arguments: tuple[ast.expr, ...]


def uses() -> Iterator[Use]:
    for path in python_files("libs/headrace"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "labels":
                metric = re.fullmatch(r"(?:metrics\.)?([A-Z_]+)", ast.unparse(node.func.value))
                if metric is not None:
                    assert not node.keywords, f"{path}: labels are given in order"
                    yield Use(f"{path.relative_to(ROOT)}:{node.lineno}", metric[1], tuple(node.args))


USES = tuple(uses())
EACH = pytest.mark.parametrize("name", DECLARED)


def labels(name: str) -> tuple[str, ...]:
    return tuple(DECLARED[name]._labelnames)


def test_what_is_declared_is_used_and_nothing_else() -> None:
    assert {use.metric for use in USES} == set(DECLARED)


@EACH
def test_names_follow_the_conventions_of_prometheus(name: str) -> None:
    metric = DECLARED[name]
    full = metric._name + ("_total" if isinstance(metric, Counter) else "")
    assert re.fullmatch(r"headrace(_[a-z]+)+", full)
    assert not re.search(r"_(ms|milliseconds|minutes|count|sum|bucket|info)$", full)
    assert full.endswith("_seconds") or not isinstance(metric, Histogram)


@EACH
def test_help_is_a_sentence(name: str) -> None:
    assert re.fullmatch(r"[A-Z0-9][^\n]{15,}\.", DECLARED[name]._documentation)


@pytest.mark.parametrize(("name", "label"), sorted(WORDS.keys() - TOLD_ELSEWHERE))
def test_help_names_the_words_of_labels(name: str, label: str) -> None:
    assert not [word for word in WORDS[name, label] if word not in DECLARED[name]._documentation]


@pytest.mark.parametrize("use", USES, ids=lambda use: use.where)
def test_labels_are_bounded(use: Use) -> None:
    names = labels(use.metric)
    assert len(use.arguments) == len(names)
    for label, argument in zip(names, use.arguments, strict=True):
        words = WORDS.get((use.metric, label))
        if isinstance(argument, ast.Constant):
            assert argument.value == "" or words is None or argument.value in words
        else:
            assert ast.unparse(argument) in BOUNDED[label]


def test_every_label_is_known() -> None:
    assert {label for name in DECLARED for label in labels(name)} == set(BOUNDED)
    assert {(name, label) for name, label in WORDS} <= {(name, label) for name in DECLARED for label in labels(name)}


@EACH
def test_children_are_remembered(name: str) -> None:
    """Finding one anew costs more than counting, and both are on the path of every event."""
    assert hasattr(DECLARED[name].labels, "cache_info")
