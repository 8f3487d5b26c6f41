"""The way in: a system's record becomes canonical data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.mapping import expressions as ex
from headrace.mapping import linking as linking  # completes the table of compilers
from headrace.mapping.compiling import Scope, compile_expression, compile_fields
from headrace.mapping.rules import Rules
from headrace.mapping.running import Evaluate, InContext, RecordMeta, Reference, Run
from headrace.mapping.values import ABSENT, is_empty, shown, to_datetime, to_text

if TYPE_CHECKING:
    from headrace.mapping.documents import InMapping


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a record says, in canonical words.

    `data` holds the asserted top-level fields only; `asserted` names them: None in `data` means "cleared", a field
    that is not there means "unknown". `natural_keys` are case-folded and trimmed, empty ones left out.
    """

    data: dict[str, Any]
    asserted: tuple[str, ...]
    legal_entity: str | None
    occurred_at: datetime | None
    marker: str | None
    natural_keys: Mapping[str, str]
    references: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A named rule of the mapping says that the record does not concern this mapping (I9)."""

    rule: str


def map_in(document: InMapping, record: Record, context: InContext) -> Mapped | Skipped:
    """Apply an in mapping to one record.

    `occurred_at` without an expression is the record's `modified_at`. For a deleted record, what the source no longer
    tells fails no rule and no `required`.

    Raises:
        RejectRecord: a value does not fit; the text names target field, source, value and remedy.
        HeadraceError: what `context.canonical_id` or a transform raises passes through.
    """
    return document.program.apply(record, context)


class InProgram:
    """A compiled in mapping; safe to share between tasks, since each application has its own `Run`."""

    def __init__(self, document: InMapping) -> None:
        scope = Scope(document.entity, document.tables)
        self._rules = Rules(document.when, scope)
        self._fields = compile_fields(document.fields, scope)
        self._natural_keys = compile_fields(document.natural_keys, scope.inside("natural_keys"))
        self._legal_entity = self._optional(document.legal_entity, scope.inside("legal_entity"))
        self._occurred_at = self._optional(document.occurred_at, scope.inside("occurred_at"))
        self._marker = self._optional(document.marker, scope.inside("marker"))

    @staticmethod
    def _optional(expression: ex.Verb | None, scope: Scope) -> Evaluate | None:
        return None if expression is None else compile_expression(expression, scope)

    def apply(self, record: Record, context: InContext) -> Mapped | Skipped:
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
        )
        root = record.data
        run = Run(root, meta, context, record.deleted)
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
            natural_keys=self._keys(run),
            references=tuple(run.references),
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

    def _keys(self, run: Run) -> dict[str, str]:
        result = {}
        for name, evaluate in self._natural_keys:
            text = _text(evaluate, run, f"natural_keys.{name}")
            if text is not None:
                result[name] = text.casefold()
        return result


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
