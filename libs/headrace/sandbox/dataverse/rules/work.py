"""What business rules may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.contexts import Context, Draft
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.model import Table

InsertRow = Callable[[Table, Mapping[str, Any], Context], Record]
ReviseRow = Callable[[Table, Record, Mapping[str, Any], Context], Record]
RemoveRow = Callable[[Table, Record, Context], None]


@dataclass(frozen=True, slots=True)
class Work:
    """The store, the tables, the switches, the operation, and writes that bypass rights and rules."""

    store: Store
    schema: Schema
    settings: DataverseSettings
    context: Context
    insert: InsertRow
    revise: ReviseRow
    remove: RemoveRow


Rule = Callable[[Work, Draft, str], None]
