"""The way in: a system's record becomes canonical data."""

from __future__ import annotations

from headrace.core.contracts import Record
from headrace.mapping.documents import InMapping
from headrace.mapping.results import Mapped, Skipped
from headrace.mapping.running import InContext, Reference, Transforms

__all__ = ["InContext", "InMapping", "Mapped", "Reference", "Skipped", "map_in"]


def map_in(
    document: InMapping,
    record: Record,
    context: InContext,
    transforms: Transforms | None = None,
    *,
    told: bool = False,
) -> Mapped | Skipped:
    """Apply an in mapping to one record.

    `occurred_at` without an expression is the record's `modified_at`. For a deleted record, what the source no longer
    tells fails no rule and no `required`. `told`: whether an event of this entity was told of the record before.

    Raises:
        RejectRecord: a value does not fit; the text names target field, source, value and remedy.
        HeadraceError: what `context.canonical_id` or a transform raises passes through.
    """
    return document.program.apply(record, context, transforms or {}, told)
