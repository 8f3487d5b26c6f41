"""CreateMultiple, UpdateMultiple, UpsertMultiple: one transaction, and any error undoes all of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.errors import DUPLICATE, Reply, ServiceError, bad_payload, missing, no_segment
from headrace.sandbox.dataverse.paths import find_row, parse_key, parse_path, relative
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.tables.model import NAMESPACE, Table
from headrace.sandbox.dataverse.writes import Writer

MESSAGES = ("CreateMultiple", "UpdateMultiple", "UpsertMultiple")


class Bulk:
    """Answers bulk messages; they run inside the transaction of their call."""

    def __init__(self, store: Store, schema: Schema, writer: Writer) -> None:
        self._store, self._schema, self._writer = store, schema, writer

    def answer(self, call: Call, table: Table, message: str) -> Reply:
        """Answer a bulk message.

        Raises:
            ServiceError: refused; the items before the one at fault are undone with it.
        """
        if message not in MESSAGES or call.method != "POST":
            raise no_segment(f"{NAMESPACE}.{message}")
        targets = call.json().get("Targets")
        if not isinstance(targets, list) or not targets:
            raise ServiceError(400, "0x80040203", "Required field 'Targets' is missing")
        for target in targets:
            kind = target.get("@odata.type") if isinstance(target, dict) else None
            if str(kind).lstrip("#") != f"{NAMESPACE}.{table.name}":
                raise bad_payload(table, f"Each item of Targets needs @odata.type {NAMESPACE}.{table.name}.")
        if message == "CreateMultiple":
            ids = [self._create(table, target, call) for target in targets]
            context = f"{call.base_url}$metadata#{NAMESPACE}.CreateMultipleResponse"
            return Reply(200, dump_bytes({"@odata.context": context, "Ids": ids}))
        for target in targets:
            self._change(table, target, call, creates=message == "UpsertMultiple")
        return Reply(204, content_type="")

    def _create(self, table: Table, target: Mapping[str, Any], call: Call) -> str:
        try:
            return self._writer.create(table, target, call.context).key
        except ServiceError as error:
            if error.code == DUPLICATE:
                raise ServiceError(412, DUPLICATE, "Cannot insert duplicate key.") from error
            raise

    def _change(self, table: Table, target: Mapping[str, Any], call: Call, *, creates: bool) -> None:
        body = dict(target)
        record, keys = self._find(table, body, call)
        if record is not None:
            for name in keys:
                body.pop(name, None)
            self._writer.update(table, record, body, call.context)
        elif creates:
            body.pop("@odata.id", None)
            self._create(table, {**keys, **body}, call)
        else:
            raise missing(table, str(body.get(table.key, "00000000-0000-0000-0000-000000000000")))

    def _find(self, table: Table, body: Mapping[str, Any], call: Call) -> tuple[Record | None, dict[str, Any]]:
        """Return the row that an item names, by its address, its id, or the columns of an alternate key."""
        address = str(body.get("@odata.id", ""))
        if address:
            segments = parse_path(relative(address))
            if len(segments) != 1 or segments[0].name != table.set:
                raise no_segment(address)
            key = parse_key(table, segments[0].key or "", call.context.moment)
            keys = {table.key: key.id} if key.alternate is None else dict(key.values or {})
            return find_row(self._store, table, key), keys
        if table.key in body:
            return self._store.get(table.name, str(body[table.key]).lower()), {}
        raise ServiceError(400, "0x80040203", f"An item names no row: give @odata.id or {table.key}.")
