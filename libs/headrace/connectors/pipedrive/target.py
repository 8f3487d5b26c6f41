"""Writes Pipedrive: organizations, persons, products, and custom fields of deals.

Pipedrive has no idempotency key and no unique field, so a marker in a custom field is all that tells an earlier
write of ours. The search index lags, so recent records are also looked for in a list, which does not (I4, I12).
It has no guard either: an expected version is compared by a read right before the call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.connectors.pipedrive import writing
from headrace.connectors.pipedrive.client import V2, ListPage, PipedriveClient, whole_seconds
from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.custom_fields import SEARCHABLE, Definition, FieldBook
from headrace.connectors.pipedrive.errors import NOT_THERE
from headrace.connectors.pipedrive.objects import CUSTOM_PREFIX, KINDS, POINTS, Object
from headrace.connectors.pipedrive.reading import Row, moment, readable, version_of
from headrace.core import values
from headrace.core.contracts import Action, Found, Limits, Operation, Written
from headrace.core.errors import ChangedMeanwhile, OutcomeUnknown, RejectRecord

SKEW = timedelta(seconds=30)
"""How far clocks may be apart before it matters, with the age of an answer's date."""
SETTLE_SECONDS = 15.0
"""How long after `call_deadline` a call may still take effect. The lists that `find` reads show it at once, so the
search index, which lags by minutes, does not lengthen it."""


class PipedriveTarget:
    """Target of one company account (`headrace.core.contracts.Target`).

    `Written.version` and `Found.version` are `update_time`, as `Record.version` is. It has whole seconds: two changes
    in one second have one version, so an equal version does not prove that nobody else wrote.
    """

    def __init__(self, config: PipedriveConfig, client: PipedriveClient, fields: FieldBook) -> None:
        self._config = config
        self._client = client
        self._fields = fields
        self._limits = Limits(config.concurrency, config.call_deadline, SETTLE_SECONDS)

    @property
    def limits(self) -> Limits:
        """Concurrency and deadline of the configuration."""
        return self._limits

    def check(self, operation: Operation) -> None:
        """See `writing.check`; and a create needs a key by which it can be found again (I12).

        Raises:
            RejectRecord: Pipedrive would refuse this, or nobody could tell whether it was done.
        """
        kind = _kind(operation)
        writing.check(kind, operation)
        if operation.action is Action.CREATE and not any(value not in (None, "") for value in operation.key.values()):
            raise RejectRecord(
                "no marker", f"{kind.name}: a create without a marker cannot be found again; set one in the mapping."
            )

    async def find(self, operation: Operation) -> Found | None:
        """Find a record by its id, else by its key: a custom field ("custom.<name>"), name, title, code or e-mail.

        Candidates come from the search and, for records younger than `search_lag_seconds`, from a list. Each is read
        again and compared; case counts.
        """
        kind = _kind(operation)
        if operation.target_id:
            row = await self._read(kind, _id(operation))
            return None if row is None else await self._found(kind, operation, [row])
        key = {name: value for name, value in operation.key.items() if value not in (None, "")}
        if not key:
            return None
        rows: dict[int, Row] = {}
        async for id_ in self._candidates(kind, key):
            if id_ not in rows:
                row = await self._read(kind, str(id_))
                if row is not None and await self._has(kind, row, key):
                    rows[id_] = row
        return await self._found(kind, operation, list(rows.values())) if rows else None

    async def apply(self, operation: Operation) -> Written:
        """Create, update (PATCH, only these fields) or delete. A record that is gone counts as deleted.

        Raises:
            RetryLater, RejectRecord, StopConnection, OutcomeUnknown: see `errors.TABLE`.
        """
        kind = _kind(operation)
        path, trace = f"{V2}/{kind.path}", operation.traceparent
        if operation.action is not Action.CREATE:
            path = f"{path}/{_id(operation)}"
        if operation.action is Action.DELETE:
            await self._delete(kind, operation, path)
            return Written(operation.target_id)
        definitions = await self._fields.of(kind.name)  # before the change, so that nothing can fail after it
        row = await self._before(kind, operation)
        body = await writing.body_of(kind, operation, self._fields, row)
        if not body:
            return Written(operation.target_id)
        method = "POST" if operation.action is Action.CREATE else "PATCH"
        row = await self._client.change(method, path, f"{kind.name}.{operation.action.value}", body, trace)
        if not isinstance(row, Mapping) or "id" not in row:
            raise OutcomeUnknown(f"{method} {path}: the answer shows no record")
        definitions = self._fields.cached(kind.name) or definitions
        record = writing.told(kind, row, definitions, {*operation.fields, *operation.key})
        return Written(str(row["id"]), _version(record), record)

    async def _before(self, kind: Object, operation: Operation) -> Row:
        """Return the record that an update changes, if that must be known; it is the last read before the call.

        Raises:
            ChangedMeanwhile: it has another version than expected. RejectRecord: it is not there.
        """
        if not operation.target_id or not (operation.expected_version or writing.needs_record(operation)):
            return {}
        row = await self._read(kind, _id(operation))
        if row is None:
            raise RejectRecord(
                NOT_THERE, f"{writing.what_of(operation)} was deleted or is not visible: look in Pipedrive."
            )
        found = version_of(moment(row.get("update_time")))
        if operation.expected_version not in ("", found):
            raise ChangedMeanwhile(f"{writing.what_of(operation)}: changed meanwhile, at {found}")
        return row

    # --- finding ---

    async def _read(self, kind: Object, id_: str) -> Row | None:
        row = await self._client.one(f"{V2}/{kind.path}/{id_}", f"{kind.name}.get")
        return row if isinstance(row, Mapping) and row.get("is_deleted") is not True else None

    async def _found(self, kind: Object, operation: Operation, rows: list[Row]) -> Found:
        row = min(rows, key=lambda row: int(row["id"]))
        definitions = await self._fields.covering(kind.name, [row.get("custom_fields") or {}])
        record = writing.told(kind, row, definitions, {*operation.fields, *operation.key})
        return Found(str(row["id"]), _version(record), record, matches=len(rows))

    async def _has(self, kind: Object, row: Row, key: Mapping[str, Any]) -> bool:
        definitions = await self._fields.covering(kind.name, [row.get("custom_fields") or {}])
        data = readable(kind, row, definitions)
        return all(_holds(data, name, value) for name, value in key.items())

    async def _candidates(self, kind: Object, key: Mapping[str, Any]) -> AsyncIterator[int]:
        name = next((name for name in key if name.startswith(CUSTOM_PREFIX)), next(iter(key)))
        term = str(key[name]).strip()
        definition = await self._definition(kind, name)
        if term:
            for id_ in await self._search(kind, name, definition, term):
                yield id_
        async for page in self._recent(kind):
            definitions = await self._fields.of(kind.name)
            for row in page.items:
                if all(_holds(readable(kind, row, definitions), part, value) for part, value in key.items()):
                    yield int(row["id"])

    async def _recent(self, kind: Object) -> AsyncIterator[ListPage]:
        """Yield pages of what was changed while the search may not know it yet.

        Lists are not index-based, so a record that was made or got its value a moment ago is there. Ascending: one
        that is changed between two pages moves to the end, and is not passed over. "A moment ago" is by Pipedrive's
        clock: with ours ahead, its records would be too old for the list and too young for the search.
        """
        lag = timedelta(seconds=self._config.search_lag_seconds)
        since = datetime.now(UTC) - lag
        while True:
            query = {"updated_since": whole_seconds(since), "sort_by": "update_time", "sort_direction": "asc"}
            async for page in self._client.pages(f"{V2}/{kind.path}", f"{kind.name}.recent", query):
                if page.server_time - lag < since - SKEW:
                    since = page.server_time - lag
                    break
                yield page
            else:
                return

    async def _definition(self, kind: Object, name: str) -> Definition | None:
        if not name.startswith(CUSTOM_PREFIX):
            if name not in kind.search:
                raise RejectRecord(
                    "cannot be looked up",
                    f"{kind.name}: nothing finds a record by {name}; use a custom field or {', '.join(kind.search)}.",
                )
            return None
        label = name.removeprefix(CUSTOM_PREFIX)
        definition = await self._fields.named(kind.name, label)
        if definition is None or definition.type not in SEARCHABLE:
            problem = "does not exist" if definition is None else f"is of type {definition.type}, which no search finds"
            raise RejectRecord(
                "cannot be looked up",
                f'{kind.name}: custom field "{label}" {problem}; create it as text (varchar) in Pipedrive.',
            )
        return definition

    async def _search(self, kind: Object, name: str, definition: Definition | None, term: str) -> list[int]:
        if definition is not None:
            query = {"term": term, "entity_type": kind.name, "field": definition.code, "match": "exact"}
            return await self._client.search(f"{V2}/itemSearch/field", "itemSearch.field", query)
        query = {"term": term, "fields": kind.search[name], "exact_match": "true"}
        return await self._client.search(f"{V2}/{kind.path}/search", f"{kind.name}.search", query)

    async def _delete(self, kind: Object, operation: Operation, path: str) -> None:
        try:
            await self._before(kind, operation)
            await self._client.change("DELETE", path, f"{kind.name}.delete", trace=operation.traceparent)
        except RejectRecord as refused:
            if refused.reason != NOT_THERE:
                raise


def _kind(operation: Operation) -> Object:
    kind = KINDS.get(operation.object)
    if kind is None:
        raise RejectRecord(
            "unknown object", f'Pipedrive object "{operation.object}" is not written; known are {", ".join(KINDS)}'
        )
    return kind


def _id(operation: Operation) -> str:
    if not (operation.target_id.isascii() and operation.target_id.isdigit()):
        raise RejectRecord(
            "not a Pipedrive id",
            f'{operation.object} "{operation.target_id}": ids are whole numbers; correct the link.',
        )
    return operation.target_id


def _holds(data: Mapping[str, Any], name: str, value: Any) -> bool:
    if name in POINTS:
        return any(str(item.get("value")) == str(value) for item in data.get(POINTS[name]) or ())
    found = values.lookup(data, name)
    return found is not None and values.same(value, found)


def _version(record: Mapping[str, Any]) -> str:
    return version_of(record.get("update_time"))
