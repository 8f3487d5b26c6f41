"""Lines that are written at the same moment collide: each one changes the totals of its document.

The first writer of a document's lines holds it until it has written; another one that comes meanwhile loses (or wins,
by a probability), as the kernel's optimistic concurrency check lets it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.entities.model import Entity
from headrace.sandbox.dynamics_fo.errors import WriteRefused
from headrace.sandbox.dynamics_fo.paths import KeyRefused, parse_key, parse_path
from headrace.sandbox.dynamics_fo.rows import find
from headrace.sandbox.dynamics_fo.settings import FinanceSettings

_CHANGING = ("POST", "PATCH", "PUT", "DELETE")


@dataclass(frozen=True, slots=True)
class Contended:
    """The document of a set of lines: the fields that name it, and its table as error texts name it."""

    company: str
    number: str
    table: str


_JOURNAL = "Ledger journal table (LedgerJournalTable)"
CONTENDED: Mapping[str, Contended] = {
    "SalesOrderLines": Contended("dataAreaId", "SalesOrderNumber", "Sales orders (SalesTable)"),
    "PurchaseOrderLinesV2": Contended("dataAreaId", "PurchaseOrderNumber", "Purchase orders (PurchTable)"),
    "VendorPaymentJournalLines": Contended("dataAreaId", "JournalBatchNumber", _JOURNAL),
    "VendorPaymentJournalLineSettledInvoices": Contended("JournalLineCompany", "JournalBatchNumber", _JOURNAL),
}


class Contention:
    """Which documents are held, and who loses."""

    def __init__(self, store: Store, settings: FinanceSettings) -> None:
        self._store = store
        self._settings = settings
        self.held: set[str] = set()
        # Which of two colliding writes loses is chance; a fixed seed makes runs repeatable.
        self._random = random.Random(3)  # noqa: S311

    def document(self, method: str, path_text: str, body: Mapping[str, Any], company: str) -> str:
        """Return the document whose totals a write touches, or ""; `company` is the caller's."""
        path = parse_path(path_text)
        rule = CONTENDED.get(path.set) if path is not None and method in _CHANGING else None
        if path is None or rule is None:
            return ""
        if path.key_text is None:
            return _name(rule, {rule.company: company} | {name: value for name, value in body.items() if value})
        entity = ENTITIES[path.set]
        try:
            record = find(self._store, entity, parse_key(entity, path.key_text))
        except KeyRefused:
            return ""
        return _of(rule, record)

    def check(self, entity: Entity, document: str, holds: frozenset[str]) -> None:
        """Refuse a write of a document that another request holds, if it loses.

        Raises:
            WriteRefused: it loses.
        """
        if document in self.held and document not in holds and self.loses():
            raise conflict(entity)

    def loses(self) -> bool:
        """Draw whether a write that overlaps another one of its document fails."""
        return self._random.random() < self._settings.line_conflict_probability


def conflict(entity: Entity) -> WriteRefused:
    """Return the refusal of a line write that lost."""
    table = CONTENDED[entity.set].table
    return WriteRefused(
        f"Error: Cannot edit a record in {table}. An update conflict occurred due to another user process deleting "
        "the record or changing one or more fields in the record.",
        failure="conflict",
    )


def _of(rule: Contended, record: Record | None) -> str:
    return "" if record is None else _name(rule, record.data)


def _name(rule: Contended, values: Mapping[str, Any]) -> str:
    table = rule.table.partition(" (")[0]
    return f"{table}/{values.get(rule.company, '')}/{values.get(rule.number, '')}".casefold()
