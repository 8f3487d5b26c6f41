"""Looking rows up by their id, or by the key of an operation. What waits at the same moment goes out as one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zlib import crc32

from headrace.connectors.dataverse.client import DataverseClient
from headrace.connectors.dataverse.guids import guid_of, lookup_of
from headrace.connectors.dataverse.metadata import LOOKUPS, Column, Table
from headrace.connectors.dataverse.reading import Reader, object_of
from headrace.connectors.dataverse.tables import Tables
from headrace.connectors.dataverse.values import Row, encode
from headrace.connectors.dataverse.writing import column_name, what_of
from headrace.core.contracts import Operation
from headrace.core.errors import OutcomeUnknown, RejectRecord, RetryLater
from headrace.core.refs import decode_key
from headrace.platform.bundling import Bundler
from headrace.platform.odata_text import in_key, literal_text

PATIENCE = 150.0
"""Seconds for a read, with its wait for a batch: longer than a read with its repeats takes."""
BATCH = 50
"""Rows of a batch; the service takes 1,000, but an answer should not grow beyond a few megabytes."""
UNADDRESSABLE = frozenset("/<>*%&:\\?+")
"""Characters that break an address with an alternate key in it."""
LANES = 4
"""Batches that may be under way at once: one row that answers slowly holds up only its own lane."""
_FEW = 3


class Lookup:
    """Finds rows of one environment."""

    def __init__(self, client: DataverseClient, tables: Tables, reader: Reader) -> None:
        self._client = client
        self._tables = tables
        self._reader = reader
        self._lanes: list[Bundler[str, Row | None]] = [Bundler(self._send, BATCH, str, "row.get") for _ in range(LANES)]

    async def by_id(self, name: str, id_: str) -> Row | None:
        """Return a row by its GUID, None if it is not there.

        Raises:
            RetryLater, StopConnection, RejectRecord: as reads do.
        """
        table = await self._tables.of(name)
        return await self._get(f"{table.set}({id_})", name)

    async def by_target(self, name: str, target_id: str) -> Row | None:
        """Return a row by a target id: its GUID, or the columns of an alternate key ("new_sourceid=C-42")."""
        return await self._get(await self.path(name, target_id), name)

    async def path(self, name: str, target_id: str) -> str:
        """Return the address of a row by its target id.

        Raises:
            RejectRecord: it is neither a GUID nor an alternate key of the table.
        """
        table = await self._tables.of(name)
        id_ = guid_of(target_id)
        if id_:
            return f"{table.set}({id_})"
        key = decode_key(target_id) if "=" in target_id else {}
        address = keyed(table, key)
        if address is None:
            raise RejectRecord(
                "not a GUID",
                f'{name} "{target_id}": ids are GUIDs, or the columns of an alternate key that is active.',
            )
        return address

    async def rows(self, operation: Operation) -> list[Row]:
        """Return the rows that have the operation's id, else its key; more than one if the key is not unique.

        Raises:
            RetryLater, StopConnection: as reads do. RejectRecord: the key cannot identify a record.
        """
        name = operation.object
        if operation.target_id:
            row = await self.by_target(name, operation.target_id)
            return [] if row is None else [row]
        key = {column_name(part): value for part, value in operation.key.items()}
        kind = object_of(name)
        if not key or any(value in (None, "") for value in key.values()):
            raise RejectRecord("no key to look up", f"{name}: {dict(operation.key)} identifies no record.")
        if set(key) == {kind.key}:
            id_ = guid_of(key[kind.key])
            if not id_:
                raise RejectRecord("not a GUID", f"{what_of(operation)}: {key[kind.key]!r} is no id of a row.")
            row = await self.by_id(name, id_)
            return [] if row is None else [row]
        table = await self._tables.of(name)
        conditions = [await self._condition(table, part, value) for part, value in key.items()]
        params = {
            "$select": ",".join(await self._reader.select(name)),
            "$filter": " and ".join(conditions),
            "$orderby": f"createdon asc,{table.key} asc",
            "$top": str(_FEW),
        }
        page = await self._client.page(table.set, f"{name}.find", params)
        return list(page.rows)

    async def close(self) -> None:
        """Give up what is under way."""
        for lane in self._lanes:
            await lane.close()

    async def _condition(self, table: Table, name: str, value: Any) -> str:
        column = await self._tables.column(table.name, name)
        if column is None:
            hint = (await self._tables.of(table.name)).hint(name)
            raise RejectRecord("unknown column", f"{table.name} has no column {name}{hint}; nothing is found by it.")
        return f"{column.property} eq {_literal(column, value)}"

    async def _get(self, path: str, name: str) -> Row | None:
        query = ",".join(await self._reader.select(name))
        lane = self._lanes[crc32(path.encode()) % LANES]
        try:
            return await lane.put(f"{path}?$select={query}", PATIENCE)
        except OutcomeUnknown as unknown:
            raise RetryLater(unknown.reason) from None

    async def _send(self, paths: Sequence[str]) -> Sequence[Row | Exception | None]:
        """Read one row alone, several as a batch."""
        if len(paths) == 1:
            return [await self._client.one(paths[0], "row.get")]
        return await self._client.each(paths, "row.batch")


def keyed(table: Table, key: Mapping[str, Any]) -> str | None:
    """Return the address of a row by an alternate key, None if the columns are none, or a value breaks addresses."""
    names = next((each for each in table.keys if set(each) == set(key)), None)
    if names is None or any(UNADDRESSABLE & set(str(value)) for value in key.values()):
        return None
    parts = []
    for name in names:
        column = table.columns.get(name)
        if column is None or key[name] in (None, ""):
            return None
        parts.append(f"{column.property}={in_key(_literal(column, key[name]))}")
    return f"{table.set}({','.join(parts)})"


def _literal(column: Column, value: Any) -> str:
    """Return a value as it stands in a filter or key.

    Raises:
        RejectRecord: it is of another kind than the column.
    """
    if column.type in LOOKUPS:
        id_ = lookup_of(value)[1] or guid_of(value)
        if not id_:
            raise RejectRecord("no key to look up", f"{column.name}: {value!r} leads to no record.")
        return id_
    if column.type == "Uniqueidentifier":
        return guid_of(value) or literal_text(str(value))
    wire = (
        value
        if isinstance(value, str) and column.type not in ("String", "Memo")
        else encode(column, value, column.name)
    )
    if isinstance(wire, bool):
        return "true" if wire else "false"
    if isinstance(wire, int | Decimal):
        return format(wire, "f") if isinstance(wire, Decimal) else str(wire)
    if isinstance(value, date | datetime):
        return str(wire)
    return literal_text(str(wire)) if column.type in ("String", "Memo") else str(wire)
