"""Writes rows of Dataverse: one change for each call, each answered with the row as it is then.

Things the caller relies on:

- A create that brings the row's own GUID, or the values of an active alternate key as its mark, is refused by the
  service where that row is there (`If-None-Match: *`): `AlreadyThere`. All others are found by the operation's key.
- An update never creates (`If-Match: *`), and with `expected_version` changes only that version of the row.
- Amounts go only into a row of their currency (`writing.py`); the row is read right before, and the change is bound to
  what was read.
- Columns that the service took and kept otherwise, as it computes them, are `lost`.
- `summary` is a note or a task (`summary.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.connectors.dataverse import writing
from headrace.connectors.dataverse.client import ETAG, DataverseClient
from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.errors import NOT_THERE, UNKNOWN_COLUMN
from headrace.connectors.dataverse.fields import CUSTOM_PREFIX
from headrace.connectors.dataverse.guids import guid_of
from headrace.connectors.dataverse.lookup import Lookup, keyed
from headrace.connectors.dataverse.objects import CURRENCY, SUMMARY, Object
from headrace.connectors.dataverse.reading import Reader, etag_of, object_of, version_of
from headrace.connectors.dataverse.summary import Summaries
from headrace.connectors.dataverse.tables import Currencies, Tables
from headrace.connectors.dataverse.values import Row
from headrace.core import values
from headrace.core.contracts import Action, AlreadyThere, Found, Limits, Operation, Written
from headrace.core.errors import ChangedMeanwhile, HeadraceError, RejectRecord

_CREATE_ONLY, _UPDATE_ONLY = {"If-None-Match": "*"}, {"If-Match": "*"}
_CURRENCY_COLUMN = "transactioncurrencyid"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Before:
    """What is known of a row right before its update: the condition of the call, and what goes along."""

    condition: Mapping[str, str]
    more: Mapping[str, Any]


class DataverseTarget:
    """Target of one environment (`headrace.core.contracts.Target`). Versions are `versionnumber`, zero-padded."""

    def __init__(
        self,
        config: DataverseConfig,
        client: DataverseClient,
        tables: Tables,
        currencies: Currencies,
        reader: Reader,
        lookup: Lookup,
    ) -> None:
        self._config = config
        self._client = client
        self._tables = tables
        self._currencies = currencies
        self._reader = reader
        self._lookup = lookup
        self._bodies = writing.Bodies(tables)
        self._summaries = Summaries(config, tables)

    @property
    def limits(self) -> Limits:
        """Concurrency and deadlines from the configuration."""
        return Limits(self._config.concurrency, self._config.call_deadline, self._config.settle_seconds)

    def check(self, operation: Operation) -> None:
        """Check what needs no call: columns that the service keeps, lengths, forms of values, amounts and currencies.

        Raises:
            RejectRecord: Dataverse would refuse this, or accept it and drop a part.
        """
        if operation.object == SUMMARY:
            self._summaries.check(operation)
            return
        kind = object_of(operation.object)
        writing.check(kind, operation)
        has_key = any(value not in (None, "") for value in operation.key.values())
        if operation.action is Action.CREATE and not has_key:
            raise RejectRecord(
                "no marker", f"{kind.name}: a create without a marker cannot be found again; set one in the mapping."
            )

    async def find(self, operation: Operation) -> Found | None:
        """Look the record up by its id if set, else by the operation's key. Case does not count, as in the database.

        Raises:
            RetryLater, StopConnection: as reads do. RejectRecord: the key cannot identify a record.
        """
        if operation.object == SUMMARY:
            return await self._find_summary(operation)
        rows = await self._lookup.rows(operation)
        if not rows:
            return None
        record = _told(operation, await self._reader.data(operation.object, rows[0]))
        return Found(self._id(object_of(operation.object), rows[0]), version_of(rows[0]), record, matches=len(rows))

    async def apply(self, operation: Operation) -> Written:
        """Create, update or delete, once. A row that is gone counts as deleted.

        Raises:
            AlreadyThere, RetryLater, RejectRecord, StopConnection, OutcomeUnknown: see `errors.TABLE`.
        """
        if operation.object == SUMMARY:
            return await self._apply_summary(operation)
        kind = object_of(operation.object)
        if operation.action is Action.DELETE:
            etag = etag_of(operation.expected_version) if operation.expected_version else ""
            path = await self._lookup.path(kind.name, operation.target_id)
            await self._client.delete(path, f"{kind.name}.delete", etag=etag, trace=operation.traceparent)
            return Written(operation.target_id)
        body = await self._bodies.of(kind, operation)
        try:
            row = await self._write(kind, operation, body)
        except RejectRecord as refused:
            if refused.reason == UNKNOWN_COLUMN:
                self._tables.forget(kind.name)
            raise
        if row is None:
            return Written(operation.target_id)
        return await self._written(kind, operation, row)

    # --- one call ---

    async def _write(self, kind: Object, operation: Operation, body: Mapping[str, Any]) -> Row | None:
        table = await self._tables.of(kind.name)
        columns = await self._reader.select(kind.name)  # before the change, so that nothing can fail after it
        currency = writing.currencies_of(operation)
        if operation.action is Action.CREATE:
            path, condition, left = f"{table.set}({guid_of(operation.fields.get(kind.key))})", _CREATE_ONLY, {**body}
            method = "PATCH"
            if not guid_of(operation.fields.get(kind.key)):
                key = {writing.column_name(name): value for name, value in operation.key.items()}
                by_key = keyed(table, key)
                if by_key is None:
                    method, path, condition = "POST", table.set, {}
                else:
                    # Values in the body would win over those in the address.
                    path, left = by_key, {name: value for name, value in body.items() if name not in key}
            return await self._client.write(
                method,
                path,
                f"{kind.name}.create",
                {**left, **(await self._in_currency(currency) if currency else {})},
                condition=condition,
                select=columns,
                trace=operation.traceparent,
            )
        if not body:
            return None
        path = await self._lookup.path(kind.name, operation.target_id)
        before = await self._before(kind, operation, currency)
        return await self._client.write(
            "PATCH",
            path,
            f"{kind.name}.update",
            {**body, **before.more},
            condition=before.condition,
            select=columns,
            trace=operation.traceparent,
        )

    async def _before(self, kind: Object, operation: Operation, currency: str) -> _Before:
        """Return the condition of an update. If it has amounts, the row is read: they must be in its currency.

        Raises:
            RejectRecord: the row has another currency, or is gone. ChangedMeanwhile: it has another version.
        """
        expected = operation.expected_version
        if not currency:
            return _Before({"If-Match": etag_of(expected)} if expected else _UPDATE_ONLY, {})
        what = writing.what_of(operation)
        row = await self._lookup.by_target(kind.name, operation.target_id)
        if row is None:
            raise RejectRecord(NOT_THERE, f"{what} was deleted, or belongs to another environment: look in Dynamics.")
        version = version_of(row)
        if expected not in ("", version):
            raise ChangedMeanwhile(f"{what}: changed meanwhile")
        held = (await self._reader.data(kind.name, row)).get(CURRENCY)
        if held not in (None, currency):
            raise RejectRecord(
                "another currency",
                f"{what} is in {held}, the amounts are in {currency}; they are never converted here. Change the "
                "record's currency in Dynamics, or take the amounts out of the mapping, then retry.",
            )
        more = {} if held else await self._in_currency(currency)
        return _Before({"If-Match": str(row.get(ETAG) or etag_of(version))}, more)

    async def _in_currency(self, code: str) -> dict[str, str]:
        id_ = await self._currencies.id_of(code)
        if not id_:
            raise RejectRecord(
                "unknown currency", f"the environment has no currency {code}; create it in Dynamics, then retry."
            )
        return {f"{_CURRENCY_COLUMN}@odata.bind": f"/transactioncurrencies({id_})"}

    # --- what came of it ---

    async def _written(self, kind: Object, operation: Operation, row: Row) -> Written:
        target_id = self._id(kind, row)
        try:
            record = _told(operation, await self._reader.data(kind.name, row))
        except HeadraceError as error:
            # The change is confirmed, whatever cannot be read besides.
            _log.warning(
                "a written record cannot be told",
                extra={"object": operation.object, "connection": operation.connection, "error": str(error)},
            )
            return Written(target_id, version_of(row))
        lost: dict[str, tuple[object, object]] = {}
        for name, sent in operation.fields.items():
            kept = values.lookup(record, name)
            if sent is not None and values.tells(record, name) and not values.same(sent, kept):
                lost[name] = (sent, kept)
        return Written(target_id, version_of(row), record, lost)

    @staticmethod
    def _id(kind: Object, row: Row) -> str:
        return str(row[kind.key]).lower()

    # --- summaries ---

    async def _find_summary(self, operation: Operation) -> Found | None:
        for meant in self._summaries.candidates(operation):
            found = await self.find(meant)
            if found is not None:
                record = await self._summaries.told(operation, meant, found.record)
                return Found(self._summaries.target_id(meant, found.target_id), found.version, record)
        return None

    async def _apply_summary(self, operation: Operation) -> Written:
        if operation.action is Action.CREATE:
            # Under another configuration it may have been written as the other one (I12).
            for other in self._summaries.candidates(operation)[1:]:
                if await self.find(other) is not None:
                    raise AlreadyThere(f"{SUMMARY} {operation.fields['id']} is a {other.object}")
        meant = await self._summaries.meant(operation)
        written = await self.apply(meant)
        record = await self._summaries.told(operation, meant, written.record) if written.record else {}
        return Written(self._summaries.target_id(meant, written.target_id), written.version, record)


def _told(operation: Operation, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as the source gives it, with the names of custom columns that the operation has besides."""
    names = [name for name in (*operation.fields, *operation.key) if name.startswith(CUSTOM_PREFIX)]
    return {**data, **{name: values.lookup(data, name) for name in names if values.tells(data, name)}}
