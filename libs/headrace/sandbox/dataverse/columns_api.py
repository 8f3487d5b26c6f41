"""What lies below a row: single columns, files, and rows that it is related to."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.bodies import BIND
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.errors import Reply, ServiceError, no_segment, not_allowed
from headrace.sandbox.dataverse.files import FileColumns
from headrace.sandbox.dataverse.paths import Segment
from headrace.sandbox.dataverse.query import Expansion, Reader
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.security import Security
from headrace.sandbox.dataverse.tables.model import NAMESPACE, Column, Table
from headrace.sandbox.dataverse.tellings import FILE_COLUMNS
from headrace.sandbox.dataverse.writes import Writer


class ColumnsApi:
    """Answers below one row."""

    def __init__(self, store: Store, schema: Schema, security: Security, reader: Reader, writer: Writer) -> None:
        self._store = store
        self._schema = schema
        self._security = security
        self._reader = reader
        self._writer = writer
        self._files = FileColumns(store, writer)

    def answer(self, call: Call, table: Table, record: Record, rest: list[Segment]) -> Reply:
        """Answer a call below a row.

        Raises:
            ServiceError: refused.
        """
        name = rest[0].name
        if table.name == "systemuser" and name.removeprefix(f"{NAMESPACE}.") == "RetrieveUserPrivileges":
            return self._privileges(call, record)
        column = table.by_property.get(name) or table.by_name.get(name)
        navigable = name in table.by_navigation or self._schema.collection(table, name) is not None
        if navigable and (column is None or column.kind == "lookup"):
            return self._navigate(call, table, record, rest)
        if column is None or not column.read:
            raise no_segment(name)
        if call.method == "GET":
            self._security.require(call.context.caller, "Read", table, record)
        if column.kind == "file":
            return self._files.answer(call, table, record, column, rest)
        if call.method == "GET":
            return self._show(call, table, record, column, raw=rest[1:] == [Segment("$value")])
        if len(rest) > 1 or column.kind == "lookup":
            raise not_allowed(f"The HTTP method '{call.method}' is not supported on '{name}'.")
        if call.method == "PUT":
            body = call.json()
            if set(body) != {"value"}:
                raise ServiceError(400, "0x80060888", 'The body of a single property must be {"value": …}.')
            self._writer.update(table, record, {column.name: body["value"]}, call.context)
        elif call.method == "DELETE":
            self._writer.update(table, record, {column.name: None}, call.context)
        else:
            raise not_allowed(f"The HTTP method '{call.method}' is not supported on '{name}'.")
        return Reply(204, content_type="")

    def _privileges(self, call: Call, user: Record) -> Reply:
        found = self._security.granted(user.key, self._schema.tables.values())
        context = f"{call.base_url}$metadata#{NAMESPACE}.RetrieveUserPrivilegesResponse"
        return Reply(200, dump_bytes({"@odata.context": context, "RolePrivileges": found}))

    def _show(self, call: Call, table: Table, record: Record, column: Column, *, raw: bool) -> Reply:
        value = record.data.get(column.name)
        if value is None:
            return Reply(204, content_type="")
        if raw and column.name in FILE_COLUMNS:
            return Reply(200, base64.b64decode(str(value)), "application/octet-stream")
        if raw:
            return Reply(200, str(value).encode(), "text/plain")
        context = f"{call.base_url}$metadata#{table.set}({record.key})/{column.property_name}"
        return Reply(200, dump_bytes({"@odata.context": context, "value": value}))

    def _navigate(self, call: Call, table: Table, record: Record, rest: list[Segment]) -> Reply:
        if len(rest) > 1 and rest[1].name == "$ref":
            return self._refer(call, table, record, rest[0])
        if call.method != "GET":
            raise not_allowed(f"The HTTP method '{call.method}' is not supported on '{rest[0].name}'.")
        self._security.require(call.context.caller, "Read", table, record)
        each = self._reader.expansion(table, rest[0].name, {})
        self._security.require(call.context.caller, "Read", each.table)
        visible = self._security.visible(call.context.caller)
        options = self._reader.options(each.table, call.query, call.prefer)
        if each.many:
            each.options = options
            rows = self._reader.related(record, each, visible)
            path = f"{table.set}({record.key})/{each.name}"
            body = self._reader.page_of(each.table, rows, options, visible, call.base_url, path)
            return Reply(200, dump_bytes(body))
        found = self._one(record, each)
        if found is None:
            return Reply(204, content_type="")
        context = f"{call.base_url}$metadata#{each.table.set}/$entity"
        row = self._reader.row(each.table, found, options, visible, call.base_url)
        return Reply(200, dump_bytes({"@odata.context": context, **row}))

    def _one(self, record: Record, each: Expansion) -> Record | None:
        leads = record.data.get(each.column.type_column, each.table.name) == each.table.name
        return self._store.get(each.table.name, str(record.data.get(each.column.name))) if leads else None

    def _refer(self, call: Call, table: Table, record: Record, segment: Segment) -> Reply:
        """Link or unlink: PUT, POST and DELETE of `…/$ref`."""
        collection = self._schema.collection(table, segment.name)
        change: dict[str, Any]
        if collection is None and call.method == "PUT":
            change = {f"{segment.name}{BIND}": call.json().get("@odata.id")}
            self._writer.update(table, record, change, call.context)
        elif collection is None and call.method == "DELETE":
            self._writer.update(table, record, {segment.name: None}, call.context)
        elif collection is not None and call.method in ("POST", "DELETE"):
            child, column = collection
            row = self._child(call, child, segment)
            target = next(each for each in column.targets if each.table == table.name)
            change = {f"{target.navigation}{BIND}": f"/{table.set}({record.key})"}
            self._writer.update(
                child, row, change if call.method == "POST" else {target.navigation: None}, call.context
            )
        else:
            raise not_allowed(f"The HTTP method '{call.method}' is not supported on a reference.")
        return Reply(204, content_type="")

    def _child(self, call: Call, child: Table, segment: Segment) -> Record:
        address = call.query.get("$id") or (f"{child.set}({segment.key})" if segment.key else None)
        if call.method == "POST":
            address = str(call.json().get("@odata.id", ""))
        if not address or not urlsplit(address).path:
            raise ServiceError(400, "0x80060888", "Name the row to link in @odata.id, or to unlink in $id.")
        bound, key = self._writer.bodies.resolve(child, address, call.context)
        row = self._store.get(bound.name, key)
        if row is None or bound.name != child.name:
            raise no_segment(address)
        return row
