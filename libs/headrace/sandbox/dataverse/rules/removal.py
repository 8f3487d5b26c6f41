"""What goes down with a row, what lets go of it, and what holds it."""

from __future__ import annotations

from headrace.sandbox.common.store import Record
from headrace.sandbox.dataverse.errors import ServiceError
from headrace.sandbox.dataverse.rules.work import Work
from headrace.sandbox.dataverse.tables.model import Table

_HELD = ("product", "uom", "uomschedule", "pricelevel", "transactioncurrency", "systemuser", "team")
"""Rows of these tables stay while another row refers to them."""
_CODE = "0x80048d21"


def take_down(work: Work, table: Table, record: Record) -> None:
    """Remove the rows that belong to a row, and clear other lookups to it.

    Raises:
        ServiceError: a 405, something refers to the row and holds it.
    """
    for other, column in work.schema.referring(table):
        if column.name in ("createdby", "modifiedby"):
            continue
        for row in work.store.find(other.name, column.name, record.key):
            if column.parent:
                take_down(work, other, row)
                work.remove(other, row, work.context)
            elif table.name in _HELD:
                raise ServiceError(
                    405,
                    _CODE,
                    f"The {table.label} cannot be deleted because it is associated with another record "
                    f"({other.name} {row.key}).",
                )
            elif work.store.get(other.name, row.key) is not None:
                work.revise(other, row, {column.name: None, **_untyped(column.type_column)}, work.context)


def _untyped(type_column: str) -> dict[str, None]:
    return {type_column: None} if type_column else {}
