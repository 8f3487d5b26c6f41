"""Writes customers, contacts, products, sales orders and their lines, one change per call.

Things the caller relies on:

- `Written.target_id` is the encoded entity key from the service's answer; `version` is the etag; `record` is what the
  service kept, decoded; an update is answered without it, so it is read afterwards. Where something else was kept
  than was sent (defaulting, or a dimension text dropped without a word), the field's name stands in
  `record["@differs"]`.
- `Operation.expected_version` goes out as `If-Match`: the service itself compares.
- `AssociatedCustomer` of ContactPersons is not a field of F&O: its value is the target id of a customer, and it is
  replaced by `AssociatedPartyNumber`, the party of that customer, which is read first.
- The steps of one order come one after the other: lines written in parallel collide on the order's totals.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.client import ETAG, ODataClient
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.dimensions import check_display_value, same_display_value
from headrace.connectors.dynamics_fo.objects import COMPANY, CUSTOMERS, ENTITY_SETS, EntitySet
from headrace.core import values
from headrace.core.contracts import Action, Found, Limits, Operation, Written
from headrace.core.errors import HeadraceError, RejectRecord

DIFFERS = "@differs"
ASSOCIATED_CUSTOMER, ASSOCIATED_PARTY = "AssociatedCustomer", "AssociatedPartyNumber"
_WILDCARD_ROWS = 1000
"""Rows looked through when a key contains a wildcard and so finds others as well."""

READ_BACK_SECONDS = 10.0
"""How long reading a record after its update may take, within `call_deadline`; the change itself is confirmed."""

_log = logging.getLogger(__name__)


class DynamicsFoTarget:
    """The target side of one connection."""

    def __init__(self, config: DynamicsFoConfig, client: ODataClient) -> None:
        self._config = config
        self._client = client

    @property
    def limits(self) -> Limits:
        """Concurrency and deadlines from the configuration."""
        return Limits(self._config.concurrency, self._config.call_deadline, self._config.settle_seconds)

    # --- check ---

    def check(self, operation: Operation) -> None:
        """Check company, required fields, lengths, value forms and dimension texts without a call.

        Raises:
            RejectRecord: F&O would refuse this, or accept it and drop a part.
        """
        entity_set = _entity_set(operation)
        self._check_company(entity_set, operation)
        if operation.action is Action.CREATE and not entity_set.creatable:
            raise RejectRecord("cannot be created here", f"{operation.object}: F&O creates it through another entity.")
        if operation.action is Action.DELETE:
            return
        for name, value in operation.fields.items():
            self._check_field(entity_set, operation, name, value)
        if operation.action is Action.CREATE:
            _check_required(entity_set, operation)

    def _check_company(self, entity_set: EntitySet, operation: Operation) -> None:
        if operation.target_id:
            company = odata.parse_target_id(entity_set, operation.target_id)[COMPANY]
        else:
            company = str(operation.fields.get(COMPANY) or operation.key.get(COMPANY) or "").lower()
        if not company:
            raise RejectRecord("no legal entity", f"{operation.object}: {COMPANY} is empty: no company to write to.")
        if company not in self._config.legal_entities:
            raise RejectRecord(
                "unknown legal entity",
                f"{operation.object}: company {company!r} is not among legal_entities "
                f"({', '.join(self._config.legal_entities)}) of the connection.",
            )

    def _check_field(self, entity_set: EntitySet, operation: Operation, name: str, value: Any) -> None:
        field = entity_set.field(name)
        if field.read_only or name in self._config.absent_fields.get(entity_set.name, []):
            raise RejectRecord("field cannot be written", f"{operation.object}.{name}: F&O does not take this field.")
        try:
            written = odata.encode(value, field)
        except RejectRecord as error:
            raise RejectRecord(error.reason, f"{operation.object}.{name}: {error.detail}") from None
        size = self._config.size(entity_set.name, name)
        if size is not None and isinstance(written, str) and field.kind == "string" and len(written) > size:
            raise RejectRecord(
                "text too long",
                f"{operation.object}.{name}: {len(written)} characters, F&O holds {size}: {written[:40]!r}… "
                "Shorten it at the source, or raise it under `sizes` if the environment holds more.",
            )
        if field.dimension and written:
            check_display_value(f"{operation.object}.{name}", written, self._config.dimension_format)

    # --- find ---

    async def find(self, operation: Operation) -> Found | None:
        """Look the record up by its id if set, else by the operation's key, across companies.

        F&O compares text without case and takes `*` for a wildcard, so what comes back is compared again here.

        Raises:
            RetryLater, StopConnection: as reads do. RejectRecord: the key cannot identify a record.
        """
        entity_set = _entity_set(operation)
        select = self._select(entity_set, operation)
        if operation.target_id:
            key = odata.parse_target_id(entity_set, operation.target_id)
            row = await self._client.get(entity_set, key, select)
            return await self._found(entity_set, operation, [] if row is None else [row])
        wanted = await self._lookup_key(entity_set, operation)
        if set(wanted) == set(entity_set.key):
            row = await self._client.get(entity_set, wanted, select)
            return await self._found(entity_set, operation, [] if row is None else [row])
        wild = any(odata.is_wildcard(value) for value in wanted.values())
        query = odata.Query(
            filter=odata.equals(entity_set, wanted),
            select=select,
            order=",".join(entity_set.key),
            top=_WILDCARD_ROWS if wild else 2,
        )
        page = await self._client.page(entity_set.name, query)
        rows = [row for row in page.rows if _matches(entity_set, row, wanted)]
        if not rows and len(page.rows) == _WILDCARD_ROWS:
            raise RejectRecord("key is a wildcard", f"{operation.object}: {dict(wanted)} finds too many records.")
        return await self._found(entity_set, operation, rows)

    async def _lookup_key(self, entity_set: EntitySet, operation: Operation) -> dict[str, Any]:
        key = {name: value for name, value in operation.key.items() if name != COMPANY}
        if not key or any(value in (None, "") for value in key.values()):
            raise RejectRecord("no key to look up", f"{operation.object}: {dict(operation.key)} identifies no record.")
        unfit = [name for name in key if entity_set.field(name).kind == "memo"]
        if unfit:
            raise RejectRecord("no key to look up", f"{operation.object}: F&O does not filter by {', '.join(unfit)}.")
        company = operation.key.get(COMPANY) or operation.fields.get(COMPANY)
        if not company:
            raise RejectRecord("no legal entity", f"{operation.object}: the key names no company ({COMPANY}).")
        return {COMPANY: str(company).lower(), **await self._resolved(key)}

    async def _found(self, entity_set: EntitySet, operation: Operation, rows: list[Mapping[str, Any]]) -> Found | None:
        if not rows:
            return None
        record = odata.decode_row(entity_set, rows[0])
        for name, value in operation.fields.items():
            if name == ASSOCIATED_CUSTOMER and value:
                resolved = await self._resolved({name: value})
                record[name] = value if resolved[ASSOCIATED_PARTY] == record.get(ASSOCIATED_PARTY) else None
            elif name == COMPANY or (operation.target_id and name in entity_set.key):
                # The same company in another case, or a key, which never changes: nothing that could be written.
                record[name] = value
        return Found(
            target_id=odata.target_id(entity_set, rows[0]),
            version=str(rows[0].get(ETAG, "")),
            record=record,
            matches=len(rows),
        )

    def _select(self, entity_set: EntitySet, operation: Operation) -> tuple[str, ...]:
        names = dict.fromkeys((*self._config.select(entity_set.name), *operation.fields, *operation.key))
        return tuple(name for name in names if name not in (entity_set.pseudo or {}))

    # --- apply ---

    async def apply(self, operation: Operation) -> Written:
        """Make the change once; errors are those of the table in `errors.py`. A read that follows it cannot fail it.

        Only fields that have a value are sent with a create: an empty one would suppress F&O's own default. With an
        update None clears the field. Key fields are never sent with an update.
        """
        started = time.monotonic()
        entity_set = _entity_set(operation)
        if operation.action is Action.CREATE:
            return await self._create(entity_set, operation)
        key = odata.parse_target_id(entity_set, operation.target_id)
        known = {"if_match": operation.expected_version, "trace": operation.traceparent}
        if operation.action is Action.DELETE:
            await self._client.delete(entity_set, key, **known)
            return Written(operation.target_id)
        fields = await self._resolved(operation.fields)
        body = {
            name: odata.encode(value, entity_set.field(name))
            for name, value in fields.items()
            if name not in entity_set.key
        }
        if not body:
            return Written(operation.target_id)
        row = await self._client.update(entity_set, key, body, **known)
        if not all(name in row for name in entity_set.key):
            left = self._config.call_deadline - (time.monotonic() - started)
            row = await self._read_back(entity_set, operation, str(row.get(ETAG, "")), min(READ_BACK_SECONDS, left / 2))
        record = self._told(entity_set, operation, fields, row)
        return Written(operation.target_id, str(row.get(ETAG, "")), record)

    async def _read_back(
        self, entity_set: EntitySet, operation: Operation, etag: str, seconds: float
    ) -> Mapping[str, Any]:
        """Return the row that an update left, only its etag if it cannot be read or has been changed since."""
        key = odata.parse_target_id(entity_set, operation.target_id)
        row = None
        try:
            async with asyncio.timeout(seconds):
                row = await self._client.get(entity_set, key, self._select(entity_set, operation))
        except (HeadraceError, TimeoutError) as error:
            _log.warning(
                "an updated record could not be read back",
                extra={"object": operation.object, "connection": operation.connection, "error": str(error)},
            )
        return {ETAG: etag} if row is None or etag not in ("", row.get(ETAG)) else row

    async def _create(self, entity_set: EntitySet, operation: Operation) -> Written:
        fields = await self._resolved(operation.fields)
        body = {
            name: str(value).lower() if name == COMPANY else odata.encode(value, entity_set.field(name))
            for name, value in fields.items()
            if value is not None
        }
        row = await self._client.create(entity_set, body, trace=operation.traceparent)
        record = self._told(entity_set, operation, fields, row)
        return Written(odata.target_id(entity_set, row), str(row.get(ETAG, "")), record)

    def _told(
        self, entity_set: EntitySet, operation: Operation, sent: Mapping[str, Any], row: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the record of an answer, decoded, with the names of fields that hold something else than was sent."""
        record = odata.decode_row(entity_set, row)
        differing = [name for name in sent if name in record and not self._kept(entity_set, name, sent, record)]
        if differing:
            record[DIFFERS] = differing
            _log.warning(
                "F&O kept other values than were sent",
                extra={"object": operation.object, "fields": differing, "connection": operation.connection},
            )
        if ASSOCIATED_PARTY in record and ASSOCIATED_CUSTOMER in operation.fields and ASSOCIATED_PARTY not in differing:
            record[ASSOCIATED_CUSTOMER] = operation.fields[ASSOCIATED_CUSTOMER]
        return record

    def _kept(self, entity_set: EntitySet, name: str, sent: Mapping[str, Any], kept: Mapping[str, Any]) -> bool:
        """Say whether the service kept what was sent; what was not sent, it may default."""
        if sent[name] is None or name == COMPANY:
            return True
        layout = self._config.dimension_format
        if entity_set.field(name).dimension and layout is not None:
            return same_display_value(str(sent[name]), str(kept[name] or ""), layout.delimiter)
        return values.same(sent[name], kept[name])

    async def _resolved(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return fields with the customer of a contact replaced by the number of its party."""
        found = dict(fields)
        if ASSOCIATED_CUSTOMER not in found:
            return found
        customer = found.pop(ASSOCIATED_CUSTOMER)
        if customer is None:
            return found
        key = odata.parse_target_id(CUSTOMERS, str(customer))
        row = await self._client.get(CUSTOMERS, key, (*CUSTOMERS.key, "PartyNumber"))
        if row is None or not row.get("PartyNumber"):
            raise RejectRecord(
                "customer is not there",
                f"ContactPersons.{ASSOCIATED_CUSTOMER}: customer {customer} is not in F&O or has no party number.",
            )
        found[ASSOCIATED_PARTY] = row["PartyNumber"]
        return found


def _entity_set(operation: Operation) -> EntitySet:
    entity_set = ENTITY_SETS.get(operation.object)
    if entity_set is None:
        raise RejectRecord(
            "unknown object",
            f"{operation.object} is not written by this connector; known are {', '.join(ENTITY_SETS)}.",
        )
    return entity_set


def _check_required(entity_set: EntitySet, operation: Operation) -> None:
    missing = [
        " or ".join(group)
        for group in entity_set.required
        if all(operation.fields.get(name) in (None, "") for name in group)
    ]
    if operation.fields.get("AddressDescription") and not operation.fields.get("AddressCountryRegionId"):
        missing.append("AddressCountryRegionId (an address needs its country)")
    if missing:
        raise RejectRecord("required field is empty", f"{operation.object}: {'; '.join(missing)}. Map it or fill it.")


def _matches(entity_set: EntitySet, row: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Say whether a row has these values as the database compares them, and not just by a wildcard."""
    return all(
        odata.same_text(row.get(name) or "", value) if isinstance(value, str) else True
        for name, value in wanted.items()
        if entity_set.field(name).kind == "string"
    )
