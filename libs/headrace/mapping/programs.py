"""Compiled documents: what `map_in` and `map_out` run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.event import CanonicalEvent, Change
from headrace.mapping import expressions as ex
from headrace.mapping import linking, nested_values, single_values
from headrace.mapping.checks import CheckProgram
from headrace.mapping.compiling import Scope, compile_expression, compile_fields
from headrace.mapping.converting import ConvertProgram
from headrace.mapping.holding import compile_holds
from headrace.mapping.results import Mapped, Plan, PlannedStep, Skipped
from headrace.mapping.rules import Rules
from headrace.mapping.running import Evaluate, InContext, OutContext, RecordMeta, Run, Transforms
from headrace.mapping.steps import StepProgram
from headrace.mapping.values import ABSENT, is_empty, shown, to_datetime, to_text
from headrace.mapping.walking import record_paths

if TYPE_CHECKING:
    from headrace.mapping.documents import InMapping, OutMapping


Fields = tuple[tuple[str, Evaluate], ...]

_VERBS = (single_values, nested_values, linking)
"""Imported for the compilers that they add to `compiling.COMPILERS`."""


class InProgram:
    """A compiled in mapping; safe to share between tasks, since each application has its own `Run`."""

    def __init__(self, document: InMapping) -> None:
        scope = Scope(document.entity, document.tables)
        self._rules = Rules(document.when, scope.inside("when"))
        self._fields = compile_fields(document.fields, scope)
        self._facts = compile_fields(document.facts, scope.inside("facts"))
        self.reads = {name: record_paths(expression) for name, expression in document.fields.items()}
        """Canonical field → paths of the record that its value is made of."""
        self._natural_keys = compile_fields(document.natural_keys, scope.inside("natural_keys"))
        self._legal_entity = self._optional(document.legal_entity, scope.inside("legal_entity"))
        self._occurred_at = self._optional(document.occurred_at, scope.inside("occurred_at"))
        self._marker = self._optional(document.marker, scope.inside("marker"))
        self._id = self._optional(document.id, scope.inside("id"))
        self.of_record = document.id is None
        """Whether events are about the record itself."""

    @staticmethod
    def _optional(expression: ex.Verb | None, scope: Scope) -> Evaluate | None:
        return None if expression is None else compile_expression(expression, scope)

    def apply(self, record: Record, context: InContext, transforms: Transforms, told: bool) -> Mapped | Skipped:
        """See `map_in`."""
        ref = record.ref
        meta = RecordMeta(
            context.connection,
            ref.object,
            ref.external_id,
            record.version,
            record.modified_at,
            record.deleted,
            record.own,
            told,
        )
        root = record.data
        run = Run(root, meta, context, transforms, record.deleted)
        rule = self._rules.failing(run)
        if rule is not None:
            return Skipped(rule)
        data = {}
        for name, evaluate in self._fields:
            value = evaluate(root, run)
            if value is not ABSENT:
                data[name] = value
        return Mapped(
            data=data,
            asserted=tuple(data),
            legal_entity=_text(self._legal_entity, run, "legal_entity"),
            occurred_at=self._when(run),
            marker=_text(self._marker, run, "marker"),
            natural_keys={name: text.casefold() for name, text in self._texts(self._natural_keys, "natural_keys", run)},
            references=tuple(run.references),
            facts=dict(self._texts(self._facts, "facts", run)),
            id=_text(self._id, run, "id"),
        )

    def _when(self, run: Run) -> datetime | None:
        value = None if self._occurred_at is None else self._occurred_at(run.root, run)
        if is_empty(value):
            value = run.meta.modified_at
        if value is None:
            return None
        try:
            return to_datetime(value)
        except ValueError as error:
            raise _unfit("occurred_at", value, error) from None

    @staticmethod
    def _texts(fields: Fields, place: str, run: Run) -> Iterator[tuple[str, str]]:
        for name, evaluate in fields:
            text = _text(evaluate, run, f"{place}.{name}")
            if text is not None:
                yield name, text


def _text(evaluate: Evaluate | None, run: Run, name: str) -> str | None:
    value = None if evaluate is None else evaluate(run.root, run)
    if is_empty(value):
        return None
    try:
        return to_text(value).strip()
    except ValueError as error:
        raise _unfit(name, value, error) from None


def _unfit(name: str, value: Any, why: ValueError) -> RejectRecord:
    detail = f"{name}: {shown(value)} is {why}; correct it at its source or in the mapping"
    return RejectRecord("value does not fit", detail)


class OutProgram:
    """A compiled out mapping; safe to share between tasks, since each application has its own `Run`."""

    def __init__(self, document: OutMapping) -> None:
        scope = Scope(document.system, document.tables)
        self._rules = Rules(document.when, scope.inside("when"))
        self._review = Rules(document.review, scope.inside("review"))
        self._steps = tuple(StepProgram(step, document.tables) for step in document.steps)
        self._reasons = {step.name: step.reasons for step in self._steps}
        self._holds = compile_holds(document, scope)
        self._checks = CheckProgram(document)
        convert = document.convert
        self._convert = ConvertProgram(convert, scope.inside("convert"), self._checks.arithmetic) if convert else None
        self.reads = {step.name: step.reads for step in self._steps}
        """Step → field → the canonical fields that its value is made of."""

    def apply(
        self, event: CanonicalEvent, context: OutContext, transforms: Transforms, done: frozenset[str] = frozenset()
    ) -> Plan | Skipped:
        """See `map_out`."""
        meta = event.meta
        run = Run(event.data, meta, context, transforms, meta.change is Change.DELETE, done)
        rule = self._rules.failing(run)
        if rule is not None:
            return Skipped(rule)
        asserted = frozenset(meta.asserted)
        if not run.lenient:
            self._checks.stated(event.data, asserted)
            if self._convert is not None:
                self._convert.apply(run)
        planned: list[PlannedStep] = []
        for step in self._steps:
            step.plan(run, asserted, planned)
        if not run.lenient and not run.missing:
            self._checks.planned(run.root, asserted, planned, transforms)
        held = tuple(held for hold in self._holds for held in hold(run))
        reviews = () if run.lenient else self._review.holding(run)
        return Plan(tuple(planned), tuple(run.missing), held, reviews, run.conversion, self._reasons)
