"""Writes vendors, enterprise codes and purchase orders by bulk upserts.

The key of a record is chosen by us, so it is the mark by which an earlier write is found (I12), and writing twice makes
no second record. Nothing is ever deleted there: a delete makes a record inactive. Changes that wait at the same moment
go out as one call; each item of it has its own result.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.connectors.avidxchange import writing
from headrace.connectors.avidxchange.client import AvidxchangeClient
from headrace.connectors.avidxchange.companies import Companies
from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.contract import Row
from headrace.connectors.avidxchange.errors import NOT_THERE
from headrace.connectors.avidxchange.lookups import Key, Lookups, folded, key_of
from headrace.connectors.avidxchange.objects import IS_ACTIVE, LEGAL_ENTITY, ORDER, Object
from headrace.connectors.avidxchange.reading import Reader
from headrace.connectors.avidxchange.values import version_of
from headrace.core.contracts import Action, Found, Limits, Operation, Written
from headrace.core.errors import ChangedMeanwhile, HeadraceError, RejectRecord
from headrace.core.refs import encode_key
from headrace.platform.bundling import Bundler

READ_BACK_SECONDS = 10.0
"""How long reading records after their change may take, within `call_deadline`; the change itself is confirmed."""
_OWN_TIME = 0.9
"""Part of `call_deadline` that a change has here, so that the caller hears what became of it."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """An operation on its way."""

    operation: Operation
    obj: Object
    company: str
    key: Key

    @property
    def target_id(self) -> str:
        """Id of the record: company and key."""
        return encode_key(dict(zip(self.obj.key, (self.company, *self.key), strict=True)))


class AvidxchangeTarget:
    """The target side of one connection. `Written.version` and `Found.version` are the time of the last change."""

    def __init__(
        self,
        config: AvidxchangeConfig,
        client: AvidxchangeClient,
        companies: Companies,
        reader: Reader,
        lookups: Lookups,
    ) -> None:
        self._config = config
        self._rules = config.rules
        self._client = client
        self._companies = companies
        self._reader = reader
        self._lookups = lookups
        self._bundlers: dict[tuple[str, str], Bundler[Change, Written]] = {}

    @property
    def limits(self) -> Limits:
        """Concurrency and deadlines of the configuration; calls are bundled, so that many may wait."""
        return Limits(self._config.concurrency, self._config.call_deadline, self._config.settle_seconds)

    def check(self, operation: Operation) -> None:
        """Check company, key, fields, lengths and what is required; see `writing.check`.

        Raises:
            RejectRecord: AvidXchange would refuse this, or it could not be found again.
        """
        change = self._change(operation)
        writing.check(self._rules, change.obj, operation)

    async def find(self, operation: Operation) -> Found | None:
        """Look the record up by its key, together with others. For a delete an inactive record is gone.

        Raises:
            RejectRecord: the key cannot be asked for. RetryLater, StopConnection: as reads do.
        """
        change = self._change(operation)
        key = dict(zip(change.obj.key[1:], change.key, strict=True))
        rows = await self._lookups.rows(change.obj, change.company, key)
        if not rows or (operation.action is Action.DELETE and self._is_inactive(change.obj, rows[0])):
            return None
        return Found(change.target_id, self._version(change.obj, rows[0]), self._told(change, rows[0]), len(rows))

    async def apply(self, operation: Operation) -> Written:
        """Make the change once, in a call with others that wait; what is gone or inactive counts as deleted.

        Raises:
            RetryLater: not sent or not taken. ChangedMeanwhile: it has another version than expected.
            RejectRecord: refused, or an update of what is not there. StopConnection: credential or permission.
            OutcomeUnknown: the answer to the call was lost, or has nothing about this item.
        """
        change = self._change(operation)
        bundler = self._bundlers.get((change.obj.name, change.company))
        if bundler is None:
            what = f"{change.obj.name}.upsert"
            size = min(self._config.bundle_size, self._rules.bulk.largest_size)
            bundler = Bundler(self._send, size, lambda each: folded(each.key), what)
            self._bundlers[change.obj.name, change.company] = bundler
        return await bundler.put(change, self._config.call_deadline * _OWN_TIME)

    async def close(self) -> None:
        """Give up what is under way; its outcome is unknown."""
        for bundler in self._bundlers.values():
            await bundler.close()

    # --- one bundle: changes of one object and company ---

    async def _send(self, changes: Sequence[Change]) -> list[Written | Exception]:
        started = asyncio.get_running_loop().time()
        outcomes: dict[int, Written | Exception] = {}
        items: dict[int, dict[str, Any]] = {}
        rows = await self._rows_before(changes)
        for place, change in enumerate(changes):
            try:
                done = self._refused_or_done(change, rows.get(place))
                if done is not None:
                    outcomes[place] = done
                    continue
                fields = writing.fields_of(self._rules, change.obj, change.operation)
                items[place] = writing.item(self._rules, change.obj, change.key, fields, rows.get(place))
            except HeadraceError as error:
                outcomes[place] = error
        sent = {place: changes[place] for place in items}
        echoes = await self._sent(sent, items) if items else {}
        taken = {place: sent[place] for place, echo in echoes.items() if not isinstance(echo, Exception)}
        kept = await self._read_back(taken, started)
        for place, echo in echoes.items():
            outcomes[place] = echo if isinstance(echo, Exception) else self._written(sent[place], echo, kept.get(place))
        return [outcomes[place] for place in range(len(changes))]

    async def _rows_before(self, changes: Sequence[Change]) -> dict[int, Row | None]:
        """Return the records that changes must know, as they are; None for one that is not there."""
        wanted = {
            place: change
            for place, change in enumerate(changes)
            if writing.needs_row(self._rules, change.obj, change.operation)
        }
        if not wanted:
            return {}
        first = next(iter(wanted.values()))
        found = await self._lookups.among(first.obj, first.company, [each.key for each in wanted.values()])
        return {place: rows[0] if rows else None for place, rows in zip(wanted, found, strict=True)}

    def _refused_or_done(self, change: Change, row: Row | None) -> Written | None:
        """Return what there is no call for.

        Raises:
            ChangedMeanwhile: another version than expected. RejectRecord: an update of what is not there.
        """
        operation, obj = change.operation, change.obj
        if not writing.needs_row(self._rules, obj, operation):
            return None
        if operation.action is Action.DELETE and (row is None or self._is_inactive(obj, row)):
            return Written(change.target_id)
        if row is None:
            raise RejectRecord(NOT_THERE, f"{obj.name} {change.target_id} is not in AvidXchange; correct the link.")
        version = self._version(obj, row)
        if operation.expected_version not in ("", version):
            raise ChangedMeanwhile(f"{obj.name} {change.target_id}: changed meanwhile, at {version}")
        return None

    async def _sent(
        self, changes: Mapping[int, Change], items: Mapping[int, dict[str, Any]]
    ) -> dict[int, Row | Exception]:
        """Send items; a failure is theirs alone, and takes nothing from what became of others."""
        try:
            return await self._upsert(changes, items)
        except HeadraceError as error:
            return dict.fromkeys(items, error)

    async def _upsert(
        self, changes: Mapping[int, Change], items: Mapping[int, dict[str, Any]]
    ) -> dict[int, Row | Exception]:
        """Send items as one call. A call that is refused as a whole is halved, so that one item is found (I11)."""
        first = changes[next(iter(items))]
        obj, names = first.obj, self._rules.bulk
        body = {
            names.accounting_system: await self._companies.id_of(first.company),
            getattr(names, obj.path): list(items.values()),
        }
        trace = next((changes[place].operation.traceparent for place in items), "")
        try:
            answer = await self._client.change(self._rules.path(obj.path), f"{obj.name}.upsert", body, trace)
        except RejectRecord as refused:
            if len(items) == 1:
                return dict.fromkeys(items, refused)
            places = list(items)
            middle = len(places) // 2
            found: dict[int, Row | Exception] = {}
            for half in (places[:middle], places[middle:]):
                found |= await self._sent(changes, {place: items[place] for place in half})
            return found
        keys = [changes[place].key for place in items]
        return dict(zip(items, writing.results(self._rules, obj, keys, answer), strict=True))

    async def _read_back(self, changes: Mapping[int, Change], started: float) -> dict[int, Row]:
        """Return the records that changes left; fewer or none if they cannot be read: the changes are confirmed."""
        if not changes:
            return {}
        first = next(iter(changes.values()))
        left = self._config.call_deadline * _OWN_TIME - (asyncio.get_running_loop().time() - started)
        try:
            async with asyncio.timeout(min(READ_BACK_SECONDS, left / 2)):
                found = await self._lookups.among(first.obj, first.company, [each.key for each in changes.values()])
        except (HeadraceError, TimeoutError) as error:
            _log.warning(
                "upserted records could not be read back", extra={"object": first.obj.name, "error": str(error)}
            )
            return {}
        return {place: rows[0] for place, rows in zip(changes, found, strict=True) if rows}

    def _written(self, change: Change, echo: Row, row: Row | None) -> Written:
        version = self._version(change.obj, echo)
        if row is None:
            return Written(change.target_id, version)
        kept = self._version(change.obj, row)
        if version not in ("", kept):  # somebody else changed it since
            return Written(change.target_id, version)
        return Written(change.target_id, kept, self._told(change, row))

    # --- parts ---

    def _change(self, operation: Operation) -> Change:
        obj = self._config.targets.get(operation.object)
        if obj is None:
            off = " (set purchase_orders: true)" if operation.object == ORDER else ""
            raise RejectRecord(
                "unknown object",
                f"{operation.object} is not written{off}; known are {', '.join(self._config.targets)}.",
            )
        found = writing.key_values(obj, operation)
        company = self._companies.configured(found.get(LEGAL_ENTITY))
        return Change(operation, obj, company, key_of(obj, found))

    def _told(self, change: Change, row: Row) -> dict[str, Any]:
        """Return a record as sources tell it, with nested fields under the names of operations as well."""
        record, _ = self._reader.master(change.obj, row, change.company)
        data = dict(record.data)
        for name in change.obj.fields:
            part, dot, inner = name.partition(".")
            if dot:
                nested = data.get(part)
                data[name] = nested.get(inner) if isinstance(nested, Mapping) else None
        wanted = {**change.operation.fields, **change.operation.key}
        if str(wanted.get(LEGAL_ENTITY) or "").lower() == change.company:
            data[LEGAL_ENTITY] = wanted[LEGAL_ENTITY]  # the same company in another case
        return data

    def _version(self, obj: Object, row: Row) -> str:
        return version_of(self._reader.changed_at(obj.name, row))

    def _is_inactive(self, obj: Object, row: Row) -> bool:
        record, _ = self._reader.master(obj, row, "")
        return record.data.get(IS_ACTIVE) is False
