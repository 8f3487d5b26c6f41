"""Looking records up by their id, or by the key of an operation, in one company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ETAG, ODataClient, Row
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.contact_party import ASSOCIATED_CUSTOMER, ASSOCIATED_PARTY, ContactParty
from headrace.connectors.dynamics_fo.display_values import DisplayValues
from headrace.connectors.dynamics_fo.entity_sets import EntitySet
from headrace.connectors.dynamics_fo.natural_keys import NaturalKeys
from headrace.core.contracts import Found, Operation
from headrace.core.errors import RejectRecord

_WILDCARD_ROWS = 1000
"""Rows looked through when a key contains a wildcard and so finds others as well."""


class Lookup:
    """Finds rows; F&O compares text without case and takes `*` for a wildcard, so what comes is compared again."""

    def __init__(
        self, config: DynamicsFoConfig, client: ODataClient, display: DisplayValues, party: ContactParty
    ) -> None:
        self._config = config
        self._client = client
        self._display = display
        self._party = party
        self._natural = NaturalKeys(client)

    async def rows(self, entity_set: EntitySet, operation: Operation) -> list[Row]:
        """Return the rows that have the operation's id, else its key; more than one if the key is not unique.

        Raises:
            RetryLater, StopConnection: as reads do. RejectRecord: the key cannot identify a record.
        """
        select = self.select(entity_set, operation)
        if operation.target_id:
            row = await self._client.get(entity_set, odata.parse_target_id(entity_set, operation.target_id), select)
            return [] if row is None else [row]
        wanted = await self._key(entity_set, operation)
        if wanted is None:
            return []
        if set(wanted) == set(entity_set.key):
            row = await self._client.get(entity_set, wanted, select)
            return [] if row is None else [row]
        wild = any(odata.is_wildcard(value) for value in wanted.values())
        query = odata.Query(
            filter=self._natural.filter(entity_set, wanted),
            select=select,
            order=",".join(entity_set.key),
            top=_WILDCARD_ROWS if wild else 2,
        )
        page = await self._client.page(entity_set.name, query)
        rows = [row for row in page.rows if self._natural.has(entity_set, row, wanted)]
        if not rows and len(page.rows) == _WILDCARD_ROWS:
            raise RejectRecord("key is a wildcard", f"{operation.object}: {dict(wanted)} finds too many records.")
        return rows

    async def found(self, entity_set: EntitySet, operation: Operation, rows: Sequence[Row]) -> Found | None:
        """Return what rows tell of an operation's record, None if there are none."""
        if not rows:
            return None
        record = self._display.plain(entity_set, odata.decode_row(entity_set, rows[0]))
        for name, value in operation.fields.items():
            if name == ASSOCIATED_CUSTOMER and value:
                resolved = await self._party.resolved({name: value})
                record[name] = value if resolved[ASSOCIATED_PARTY] == record.get(ASSOCIATED_PARTY) else None
            elif (
                name in entity_set.companies
                or (operation.target_id and name in entity_set.key)
                or self._display.same(entity_set, name, value, record.get(name), record)
            ):
                # The same company in another case, a key, which never changes, or the same dimensions.
                record[name] = value
        return Found(
            target_id=odata.target_id(entity_set, rows[0]),
            version=str(rows[0].get(ETAG, "")),
            record=record,
            matches=len(rows),
        )

    def select(self, entity_set: EntitySet, operation: Operation) -> tuple[str, ...]:
        """Return the fields to read: all that are declared, and what the operation names besides."""
        names = dict.fromkeys((*self._config.select(entity_set.name), *operation.fields, *operation.key))
        hidden = {*(entity_set.pseudo or ()), *(name for name in names if entity_set.field(name).kind == "binary")}
        return tuple(name for name in names if name not in hidden)

    async def _key(self, entity_set: EntitySet, operation: Operation) -> dict[str, Any] | None:
        own = entity_set.company
        key = {name: value for name, value in operation.key.items() if name != own}
        if not key or any(value in (None, "") for value in key.values()):
            raise RejectRecord("no key to look up", f"{operation.object}: {dict(operation.key)} identifies no record.")
        unfit = [name for name in key if entity_set.field(name).kind in ("memo", "binary")]
        if unfit:
            raise RejectRecord("no key to look up", f"{operation.object}: F&O does not filter by {', '.join(unfit)}.")
        company = operation.key.get(own) or operation.fields.get(own) if own else None
        if own and not company:
            raise RejectRecord("no legal entity", f"{operation.object}: the key names no company ({own}).")
        scope = {own: str(company).lower()} if own else {}
        natural = await self._natural.resolved(entity_set, await self._party.resolved(key), scope.get(own))
        if natural is None:
            return None
        wire: Mapping[str, Any] = self._display.wire(entity_set, {**operation.fields, **natural})
        return {**scope, **{name: wire[name] for name in natural}}
