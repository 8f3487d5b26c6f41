"""What a person does in the app, through the control API: edits and deletes a row, with the rules of any write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import PERSON
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.errors import ServiceError
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.seeding import Seeder
from headrace.sandbox.dataverse.tables.model import Table
from headrace.sandbox.dataverse.tellings import told
from headrace.sandbox.dataverse.writes import Writer


class People:
    """Edits rows of one environment as its administrator."""

    def __init__(self, store: Store, schema: Schema, seeder: Seeder, writer: Writer) -> None:
        self._store = store
        self._schema = schema
        self._seeder = seeder
        self._writer = writer

    def edit(self, table_name: str, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Change columns of a row; None if it is not there.

        Raises:
            ControlError: a table, column or value that does not exist or fit, or a rule that refuses.
        """
        table, record = self._row(table_name, key)
        if record is None:
            return None
        context = self._seeder.context(PERSON, f"{table_name} {key}", checked=True)
        try:
            with self._store.transaction():
                return told(table, self._writer.update(table, record, fields, context).data)
        except ServiceError as error:
            raise ControlError(f"{table_name} {key}: {error}") from error

    def remove(self, table_name: str, key: str) -> Mapping[str, Any] | None:
        """Delete a row; None if it is not there.

        Raises:
            ControlError: a table that does not exist, or a rule that refuses.
        """
        table, record = self._row(table_name, key)
        if record is None:
            return None
        context = self._seeder.context(PERSON, f"{table_name} {key}", checked=True)
        try:
            with self._store.transaction():
                self._writer.delete(table, record, context)
        except ServiceError as error:
            raise ControlError(f"{table_name} {key}: {error}") from error
        return told(table, record.data)

    def _row(self, table_name: str, key: str) -> tuple[Table, Record | None]:
        table = self._schema.table(table_name)
        if table is None:
            raise ControlError(f"people edit no {table_name!r}; known are {', '.join(sorted(self._schema.tables))}")
        return table, self._store.get(table.name, key.lower())
