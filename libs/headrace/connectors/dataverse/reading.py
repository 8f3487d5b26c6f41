"""From rows to `Record.data`: declared columns by logical name, custom ones under "custom", and what is added."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.fields import CUSTOM, LABEL
from headrace.connectors.dataverse.metadata import CHOICES, Column, Table
from headrace.connectors.dataverse.objects import CURRENCY, OPPORTUNITY, OWN, RECORD_URL, STAGE, TABLES, Object
from headrace.connectors.dataverse.tables import Currencies, Ourselves, Tables
from headrace.connectors.dataverse.values import FORMATTED, Row, decode, label
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref

VERSION = "versionnumber"
_DIGITS = 20
_CURRENCY = "_transactioncurrencyid_value"
_MODIFIED_BY = "_modifiedby_value"


def object_of(name: str) -> Object:
    """Return a table that the connector knows.

    Raises:
        RejectRecord: it does not.
    """
    found = TABLES.get(name)
    if found is None:
        raise RejectRecord("unknown object", f'"{name}" is not read or written; known are {", ".join(TABLES)}.')
    return found


def columns(kind: Object, table: Table, more: Sequence[str] = ()) -> list[Column]:
    """Return the columns that are read of a table: those that are declared, custom ones, `more`, as far as there."""
    return [
        each
        for name, each in table.columns.items()
        if each.readable and (each.custom or name in kind.fields or name == kind.key or name in more)
    ]


def select(found: Sequence[Column]) -> tuple[str, ...]:
    """Return the names by which columns are asked for."""
    return tuple(sorted(each.property for each in found))


def version_of(row: Row) -> str:
    """Return a row's version as text that sorts."""
    number = row.get(VERSION)
    return str(number).zfill(_DIGITS) if isinstance(number, int) else ""


def etag_of(version: str) -> str:
    """Return the etag of a version: the number inside it is `versionnumber`."""
    return f'W/"{int(version)}"'


def fingerprint(names: Sequence[str]) -> str:
    """Return a short mark of the columns that a cursor reads."""
    return hashlib.sha256(",".join(names).encode()).hexdigest()[:16]


class Reader:
    """Turns rows of one environment into records."""

    def __init__(self, config: DataverseConfig, tables: Tables, currencies: Currencies, ourselves: Ourselves) -> None:
        self._config = config
        self._tables = tables
        self._currencies = currencies
        self._ourselves = ourselves

    async def select(self, name: str) -> tuple[str, ...]:
        """Return the names by which the columns of a table are asked for.

        Raises:
            RejectRecord: unknown table. RetryLater, StopConnection: its metadata cannot be read.
        """
        return select(columns(object_of(name), await self._tables.of(name), self._more(name)))

    async def data(self, name: str, row: Row) -> dict[str, Any]:
        """Return the data of one row; errors are those of reads."""
        kind, table = object_of(name), await self._tables.of(name)
        code = row.get(_CURRENCY)
        currency = (await self._currencies.codes(str(code))).get(str(code).lower()) if code else None
        data: dict[str, Any] = {}
        custom: dict[str, Any] = {}
        for column in columns(kind, table, self._more(name)):
            if column.property not in row:
                continue  # unknown is not none
            place = custom if column.custom and column.name not in kind.fields else data
            place[column.name] = decode(column, row, currency)
            if column.type in CHOICES:
                place[f"{column.name}{LABEL}"] = label(column, row)
        data[CUSTOM] = custom
        data[RECORD_URL] = self._config.record_url(name, str(row.get(kind.key) or ""))
        if kind.has_money and _CURRENCY in row:
            data[CURRENCY] = currency
        if name == OPPORTUNITY.name:
            data[STAGE] = self._stage(row, table)
        return data

    async def record(self, name: str, row: Row, *, complete: bool = True) -> Record:
        """Return a record; errors are those of reads."""
        user = await self._ourselves.known()
        data = await self.data(name, row)
        own = str(row.get(_MODIFIED_BY) or "").lower() == user
        modified = data.get("modifiedon")
        return Record(
            Ref(name, str(row[object_of(name).key]).lower()),
            {**data, OWN: own},
            version=version_of(row),
            modified_at=modified if isinstance(modified, datetime) else None,
            own=own,
            complete=complete,
        )

    def _more(self, name: str) -> Sequence[str]:
        return (self._config.stage_column,) if name == OPPORTUNITY.name else ()

    def _stage(self, row: Row, table: Table) -> str | None:
        """Return the stage as people see it: the label of a choice, the name behind a lookup, else the value."""
        column = table.columns.get(self._config.stage_column)
        if column is None:
            return None
        found = row.get(f"{column.property}@{FORMATTED}", row.get(column.property))
        return None if found is None else str(found)


def deleted(name: str, external_id: str, data: Mapping[str, Any] | None = None) -> Record:
    """Return what is left of a row that is gone."""
    return Record(Ref(name, external_id), {object_of(name).key: external_id, **(data or {})}, deleted=True)
