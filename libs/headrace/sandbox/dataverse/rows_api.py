"""Rows over HTTP: sets, single rows, conditions, upserts; what lies below a row is in columns_api."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.bulk import Bulk
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.columns_api import ColumnsApi
from headrace.sandbox.dataverse.errors import (
    DEADLOCK,
    DUPLICATE,
    STALE,
    Reply,
    ServiceError,
    no_segment,
    not_allowed,
)
from headrace.sandbox.dataverse.paths import RowKey, Segment, absent, find_row, parse_key
from headrace.sandbox.dataverse.query import Options, Reader
from headrace.sandbox.dataverse.rows import etag
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.security import Security
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.model import NAMESPACE, Table
from headrace.sandbox.dataverse.tracking import Tracking, wants_tracking
from headrace.sandbox.dataverse.writes import Writer

_CHANGING = ("POST", "PATCH", "PUT", "DELETE")


class DataRows:
    """Answers below the sets."""

    def __init__(
        self,
        store: Store,
        settings: DataverseSettings,
        schema: Schema,
        security: Security,
        reader: Reader,
        writer: Writer,
        tracking: Tracking,
    ) -> None:
        self._store = store
        self._settings = settings
        self._schema = schema
        self._security = security
        self._reader = reader
        self._writer = writer
        self._tracking = tracking
        self._bulk = Bulk(store, schema, writer)
        self._columns = ColumnsApi(store, schema, security, reader, writer)

    def answer(self, call: Call, segments: list[Segment]) -> Reply:
        """Answer a call whose first segment is a set.

        Raises:
            ServiceError: refused.
        """
        first, rest = segments[0], segments[1:]
        table = self._schema.of_set(first.name)
        if table is None:
            raise no_segment(first.name)
        if call.method in _CHANGING:
            self._meet_deadlock(call)
        if first.key is None:
            return self._on_set(call, table, rest)
        key = parse_key(table, first.key, call.context.moment)
        record = find_row(self._store, table, key)
        if rest:
            if record is None:
                raise absent(table, key)
            return self._columns.answer(call, table, record, rest)
        if call.method == "GET":
            return self._read(call, table, key, record)
        if call.method == "DELETE":
            return self._delete(call, table, key, record)
        if call.method == "PATCH":
            return self._patch(call, table, key, record)
        raise not_allowed(f"The HTTP method '{call.method}' is not supported on a row.")

    def _meet_deadlock(self, call: Call) -> None:
        if self._settings.deadlock_next and not call.context.agreed:
            self._settings.deadlock_next -= 1
            text = (
                "SQL Server error: Transaction was deadlocked on lock resources with another process. Sql Number: 1205"
            )
            raise ServiceError(500, DEADLOCK, text)

    def _on_set(self, call: Call, table: Table, rest: list[Segment]) -> Reply:
        if rest and rest[0].name.startswith(f"{NAMESPACE}."):
            return self._bulk.answer(call, table, rest[0].name.removeprefix(f"{NAMESPACE}."))
        if rest and rest[0].name != "$count":
            raise no_segment(rest[0].name)
        if call.method == "POST" and not rest:
            return self._create(call, table, call.json())
        if call.method != "GET":
            raise not_allowed(f"The HTTP method '{call.method}' is not supported on the set '{table.set}'.")
        self._security.require(call.context.caller, "Read", table)
        visible = self._security.visible(call.context.caller)
        if "$deltatoken" in call.query or wants_tracking(call.prefer):
            return self._tracking.read(call, table, counted=bool(rest))
        options = self._reader.options(table, call.query, call.prefer)
        if rest:
            total = len(self._reader.matching(table, options, visible))
            return Reply(200, str(min(total, self._settings.count_limit)).encode(), "text/plain")
        body = self._reader.page(table, options, visible, call.base_url, table.set)
        return Reply(200, dump_bytes(body), headers=call.applied)

    def _read(self, call: Call, table: Table, key: RowKey, record: Record | None) -> Reply:
        if record is None:
            raise absent(table, key)
        self._security.require(call.context.caller, "Read", table, record)
        options = self._reader.options(table, call.query, call.prefer)
        plain = not options.expand and "odata.include-annotations" not in call.prefer
        if plain and table.concurrency and call.condition("if-none-match") == etag(record):
            return Reply(304, content_type="", headers={"ETag": etag(record)})
        headers = {"ETag": etag(record), **call.applied}
        return Reply(200, dump_bytes(self._shown(call, table, record, options)), headers=headers)

    def _shown(self, call: Call, table: Table, record: Record, options: Options) -> dict[str, Any]:
        selected = f"({','.join(options.select)})" if options.select else ""
        context = f"{call.base_url}$metadata#{table.set}{selected}/$entity"
        visible = self._security.visible(call.context.caller)
        return {"@odata.context": context, **self._reader.row(table, record, options, visible, call.base_url)}

    def _create(self, call: Call, table: Table, body: Mapping[str, Any], key: RowKey | None = None) -> Reply:
        record = self._writer.create(table, body, call.context)
        return self._changed(call, table, record, 201, key)

    def _changed(self, call: Call, table: Table, record: Record, status: int, key: RowKey | None) -> Reply:
        if call.wants_row:
            query = {name: call.query[name] for name in ("$select", "$expand") if name in call.query}
            options = self._reader.options(table, query, call.prefer)
            headers = {"ETag": etag(record), "Preference-Applied": "return=representation"}
            return Reply(status, dump_bytes(self._shown(call, table, record, options)), headers=headers)
        by_key = key is not None and key.alternate is not None and self._settings.entity_id_of_key == "key"
        shown = key.shown(table) if by_key and key is not None else record.key
        address = f"{call.base_url}{table.set}({shown})"
        return Reply(204, content_type="", headers={"OData-EntityId": address, "Location": address})

    def _patch(self, call: Call, table: Table, key: RowKey, record: Record | None) -> Reply:
        body = dict(call.json())
        only_new, only_known = call.condition("if-none-match"), call.condition("if-match")
        if record is None:
            if only_known:
                raise absent(table, key)
            if key.alternate is None:
                body[table.key] = key.id
            else:
                body = {**self._key_values(table, key), **body}
            return self._create(call, table, body, key)
        if only_new == "*":
            raise ServiceError(412, DUPLICATE, "A record with matching key values already exists.")
        self._check_version(table, only_known, record)
        for name in key.values or {}:
            body.pop(name, None)
        changed = self._writer.update(table, record, body, call.context)
        return self._changed(call, table, changed, 200, key)

    def _key_values(self, table: Table, key: RowKey) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in (key.values or {}).items():
            column = table.by_name[name]
            if column.kind == "lookup":
                target = column.targets[0]
                values[f"{target.navigation}@odata.bind"] = f"/{self._schema.tables[target.table].set}({value})"
            else:
                values[name] = value
        return values

    def _check_version(self, table: Table, wanted: str, record: Record) -> None:
        if wanted in ("", "*"):
            return
        if not table.concurrency:
            text = f"Optimistic concurrency isn't enabled for entity type {table.name}. The IfVersionMatches behavior"
            raise ServiceError(400, "0x8006088d", f"{text} can only be used if optimistic concurrency is enabled.")
        if wanted != etag(record):
            raise ServiceError(
                412, STALE, "The version of the existing record doesn't match the RowVersion property provided."
            )

    def _delete(self, call: Call, table: Table, key: RowKey, record: Record | None) -> Reply:
        if record is None:
            raise absent(table, key)
        self._check_version(table, call.condition("if-match"), record)
        self._writer.delete(table, record, call.context)
        return Reply(204, content_type="")
