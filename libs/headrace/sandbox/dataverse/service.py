"""One operation, whether it came as a request of its own or inside a batch: finds who answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.store import Store
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.errors import Reply, ServiceError, bad_query, no_segment, not_allowed
from headrace.sandbox.dataverse.paths import Segment, parse_path
from headrace.sandbox.dataverse.rows import wanted_annotations
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.tables.model import NAMESPACE

Answer = Callable[[Call, list[Segment]], Reply]


class RowsApi(Protocol):
    """What answers below a set."""

    def answer(self, call: Call, segments: list[Segment]) -> Reply:
        """Answer a call whose first segment is a set."""


class Service:
    """Answers operations; synchronous, so that an operation is one step of the event loop."""

    def __init__(self, store: Store, schema: Schema, rows: RowsApi, named: Mapping[str, Answer]) -> None:
        self._store = store
        self._schema = schema
        self._rows = rows
        self._named = dict(named)

    def handle(self, call: Call) -> Reply:
        """Return the answer; refused operations answer too, and leave nothing behind."""
        try:
            return self.perform(call)
        except ServiceError as error:
            wants = wanted_annotations(call.prefer)
            return error.reply(wants("Microsoft.PowerApps.CDS.ErrorDetails.OperationStatus"))

    def perform(self, call: Call) -> Reply:
        """Return the answer of an operation that succeeds.

        Raises:
            ServiceError: refused; nothing was changed by a single operation, a changeset rolls back.
        """
        segments = parse_path(call.path)
        if not segments:
            return self._describe(call)
        first = segments[0]
        named = self._named.get(first.name.removeprefix(f"{NAMESPACE}."))
        if named is not None:
            with self._store.transaction():
                return named(call, segments)
        if first.name.startswith("$") and first.name[1:].isdigit():
            raise bad_query(f"Content-ID Reference: '{first.name}' does not exist in the batch context.")
        if self._schema.of_set(first.name) is None:
            raise no_segment(first.name)
        with self._store.transaction():
            return self._rows.answer(call, segments)

    def undone(self) -> None:
        """Read the tables again: what was undone may have customized them."""
        self._schema.load()

    def _describe(self, call: Call) -> Reply:
        if call.method != "GET":
            raise not_allowed("The root answers GET only.")
        sets = [{"name": each.set, "kind": "EntitySet", "url": each.set} for each in self._schema.tables.values()]
        body: dict[str, Any] = {"@odata.context": f"{call.base_url}$metadata", "value": sets}
        return Reply(200, dump_bytes(body))
