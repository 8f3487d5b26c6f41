"""Tables of one environment, read when first needed; and the caches of what rows point to: currencies, our own user."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Mapping

from headrace.connectors.dataverse.client import DataverseClient
from headrace.connectors.dataverse.metadata import Column, Table, table_of
from headrace.connectors.dataverse.objects import TABLES
from headrace.connectors.dataverse.values import Row
from headrace.core.errors import HeadraceError, RejectRecord, RetryLater
from headrace.core.spelling import closest
from headrace.platform.odata_text import in_key, literal_text

FRESH_SECONDS = 3600.0
"""Tables are read again after this time."""
PATIENCE_SECONDS = 60.0
"""A column that a table lacks leads to one more read of the table, then not again for this long."""

_ATTRIBUTES = "LogicalName,AttributeType,AttributeOf,IsCustomAttribute,IsValidForRead,IsValidForCreate,IsValidForUpdate"
_DEFINITION = {
    "$select": "LogicalName,EntitySetName,PrimaryIdAttribute,ChangeTrackingEnabled,HasNotes,Privileges",
    "$expand": (
        f"Attributes($select={_ATTRIBUTES}),Keys($select=LogicalName,KeyAttributes,EntityKeyIndexStatus),"
        "ManyToOneRelationships($select=ReferencingAttribute,ReferencedEntity,ReferencingEntityNavigationPropertyName)"
    ),
}
_CAST = "Attributes/Microsoft.Dynamics.CRM."
_log = logging.getLogger(__name__)


class Tables:
    """Definitions of tables by logical name."""

    def __init__(self, client: DataverseClient) -> None:
        self._client = client
        self._known: dict[str, tuple[float, Table]] = {}
        self._asked: dict[tuple[str, str], float] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, name: str) -> Table:
        """Return a table.

        Raises:
            RejectRecord: the environment has no such table. RetryLater, StopConnection: it cannot be read.
        """
        async with self._locks[name]:  # many records at once need one read
            read_at, known = self._known.get(name, (0.0, None))
            if known is None:
                return await self._read(name)
            if time.monotonic() - read_at > FRESH_SECONDS:
                try:
                    return await self._read(name)
                except HeadraceError as error:
                    # What is known does until it can be read again.
                    _log.warning("a table's metadata cannot be renewed", extra={"table": name, "error": str(error)})
                    self._known[name] = (time.monotonic() - FRESH_SECONDS + PATIENCE_SECONDS, known)
            return known

    def cached(self, name: str) -> Table | None:
        """Return a table if it was read before."""
        known = self._known.get(name)
        return known[1] if known else None

    async def column(self, name: str, column: str) -> Column | None:
        """Return a column, looking again (once a minute) if the table did not have it."""
        found = (await self.of(name)).columns.get(column)
        return found if found is not None else (await self.lacking(name, column)).columns.get(column)

    async def lacking(self, name: str, what: str) -> Table:
        """Return a table that was read after something turned out to be unknown; `what` is asked for once a minute."""
        now = time.monotonic()
        if now - self._asked.get((name, what), -PATIENCE_SECONDS) < PATIENCE_SECONDS:
            return await self.of(name)
        self._asked[name, what] = now
        async with self._locks[name]:
            return await self._read(name, strong=True)

    def forget(self, name: str) -> None:
        """Read a table anew when it is needed next: an answer contradicted what is known."""
        self._known.pop(name, None)

    async def _read(self, name: str, *, strong: bool = False) -> Table:
        path, operation = f"EntityDefinitions(LogicalName={in_key(literal_text(name))})", "metadata.table"

        async def part(kind: str, select: str) -> list[Row]:
            params = {"$select": select}
            found = await self._client.one(f"{path}/{_CAST}{kind}", operation, params, strong=strong)
            rows = found.get("value") if found else None
            return rows if isinstance(rows, list) else []

        # The first one alone: where it cannot be read, the others need not be tried.
        definition = await self._client.one(path, operation, _DEFINITION, strong=strong)
        if definition is None:
            raise RejectRecord(
                "unknown table", f'the environment has no table "{name}"{closest(name, TABLES)}; look at its solutions.'
            )
        texts, memos, moments = await asyncio.gather(
            part("StringAttributeMetadata", "LogicalName,MaxLength"),
            part("MemoAttributeMetadata", "LogicalName,MaxLength"),
            part("DateTimeAttributeMetadata", "LogicalName,DateTimeBehavior"),
        )
        try:
            table = table_of(definition, [*texts, *memos], moments)
        except (KeyError, TypeError, AttributeError) as error:
            raise RetryLater(f"{operation}: the answer describes no table ({type(error).__name__})") from None
        self._known[name] = (time.monotonic(), table)
        return table


class Currencies:
    """Currencies of one environment: their ids and ISO codes. New ones are looked for once a minute."""

    def __init__(self, client: DataverseClient) -> None:
        self._client = client
        self._codes: Mapping[str, str] = {}
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def codes(self, *ids: str) -> Mapping[str, str]:
        """Return ISO codes by the ids of currencies; errors are those of reads."""
        async with self._lock:
            age = time.monotonic() - self._read_at
            if age > FRESH_SECONDS or (age > PATIENCE_SECONDS and any(id_ not in self._codes for id_ in ids)):
                select = {"$select": "transactioncurrencyid,isocurrencycode"}
                rows = self._client.rows("transactioncurrencies", "transactioncurrency.list", select)
                found = {str(row["transactioncurrencyid"]).lower(): str(row["isocurrencycode"]) async for row in rows}
                self._codes, self._read_at = found, time.monotonic()
            return self._codes

    async def id_of(self, code: str) -> str:
        """Return the id of a currency by its ISO code, "" if the environment has none."""
        codes = await self.codes()
        if code not in codes.values():
            codes = await self.codes("")
        return next((id_ for id_, each in codes.items() if each == code), "")


class Ourselves:
    """The application user that the connection signs in as, asked for once."""

    def __init__(self, client: DataverseClient) -> None:
        self._client = client
        self._lock = asyncio.Lock()
        self.user = self.organization = ""

    async def known(self) -> str:
        """Return our user's id; errors are those of reads."""
        async with self._lock:
            if not self.user:
                answer, _ = await self._client.who_am_i()
                self.user = str(answer.get("UserId") or "").lower()
                self.organization = str(answer.get("OrganizationId") or "").lower()
            return self.user
