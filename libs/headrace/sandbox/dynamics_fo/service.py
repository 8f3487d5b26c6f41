"""One OData operation, whether it came as a request of its own or inside a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.encoding import dump_bytes, load
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo import metadata
from headrace.sandbox.dynamics_fo.contention import Contention
from headrace.sandbox.dynamics_fo.drafts import Caller
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.entities.model import Entity
from headrace.sandbox.dynamics_fo.errors import (
    DELETE_EXCEPTION,
    WRITE_EXCEPTION,
    Reply,
    ServiceError,
    WriteRefused,
    empty_error,
    infolog,
    no_route,
    odata_error,
    query_error,
)
from headrace.sandbox.dynamics_fo.paths import KeyRefused, ResourcePath, key_predicate, parse_key, parse_path
from headrace.sandbox.dynamics_fo.query import Options, follow, matching, parse_options, read_page, render_row
from headrace.sandbox.dynamics_fo.rows import company_of, etag, find, reader, render
from headrace.sandbox.dynamics_fo.rules.vendor_invoices import ATTACHMENTS, HEADERS, LINES, POSTED_REFERENCES
from headrace.sandbox.dynamics_fo.settings import FinanceSettings
from headrace.sandbox.dynamics_fo.writes import Writer

_INVOICE_SETS = (HEADERS, LINES, ATTACHMENTS)


@dataclass(slots=True)
class Call:
    """An operation; `path` is decoded and below /data/, header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    caller: Caller
    note: RequestNote
    base_url: str
    holds: frozenset[str] = frozenset()
    parsed: Any = field(default=None)

    def json(self) -> Mapping[str, Any]:
        """Return the body as a JSON object.

        Raises:
            ServiceError: a 400.
        """
        if self.parsed is None:
            try:
                self.parsed = load(self.body)
            except ValueError as error:
                raise query_error(f"An unexpected end or token was found in the JSON input: {error}.") from error
        if not isinstance(self.parsed, dict):
            raise query_error("The request body must be a JSON object.")
        return self.parsed

    @property
    def uri(self) -> str:
        """Return the address as error texts name it."""
        return f"{self.base_url}/data/{self.path}"


class ODataService:
    """Answers operations; synchronous, so that an operation is one step of the event loop."""

    def __init__(self, sandbox: Sandbox, settings: FinanceSettings, writer: Writer) -> None:
        self._store = sandbox.store
        self._settings = settings
        self._writer = writer
        self.contention = Contention(sandbox.store, settings)

    def handle(self, call: Call) -> Reply:
        """Return the answer; refused operations answer too, and leave nothing behind."""
        try:
            return self.perform(call)
        except ServiceError as error:
            return error.reply

    def perform(self, call: Call) -> Reply:
        """Return the answer of an operation that succeeds.

        Raises:
            ServiceError: refused; nothing was changed by a single operation, a changeset rolls back.
        """
        if call.path in ("", "$metadata"):
            return self._describe(call)
        path = parse_path(call.path)
        entity = ENTITIES.get(path.set) if path else None
        if path is None or entity is None:
            raise no_route(call.uri)
        if path.key_text is None:
            return self._on_set(call, entity, path)
        try:
            key = parse_key(entity, path.key_text)
        except KeyRefused as error:
            raise no_route(call.uri) from error
        record = self._visible(call, entity, key)
        if call.method in ("PATCH", "PUT") and record is None and self._settings.patch_unknown_key == "create":
            return self._create(call, entity, {**key, **call.json()})
        if record is None:
            raise self._absent(call, entity, key)
        return self._on_record(call, entity, path, record)

    def _describe(self, call: Call) -> Reply:
        if call.method != "GET":
            raise no_route(call.uri)
        if call.path == "$metadata":
            return Reply(200, metadata.edmx().encode(), "application/xml")
        return Reply(200, dump_bytes(metadata.service_document(call.base_url)))

    def _on_set(self, call: Call, entity: Entity, path: ResourcePath) -> Reply:
        if call.method == "POST" and not path.rest:
            return self._create(call, entity, call.json())
        if call.method != "GET" or path.rest not in ("", "$count"):
            raise no_route(call.uri)
        options = parse_options(entity, call.query, call.headers.get("prefer", ""), self._settings)
        if path.rest:
            total = len(matching(self._store, entity, options, call.caller.company))
            return Reply(200, str(total).encode(), "text/plain")
        body = read_page(self._store, entity, options, call.caller.company, call.base_url)
        return Reply(200, dump_bytes(body))

    def _on_record(self, call: Call, entity: Entity, path: ResourcePath, record: Record) -> Reply:
        if call.method == "GET":
            return self._read(call, entity, path, record)
        if path.rest:
            raise no_route(call.uri)
        wanted = call.headers.get("if-match", "*")
        if call.method in ("PATCH", "PUT", "DELETE") and wanted not in ("*", etag(entity, record)):
            raise odata_error(
                self._settings.stale_etag_status, "The record was modified by another user.", WRITE_EXCEPTION
            )
        if call.method == "DELETE":
            self._check_conflict(call, entity)
            self._transact(entity, lambda: self._writer.delete(entity, record, call.note), deleting=True)
            return Reply(204, content_type="")
        if call.method in ("PATCH", "PUT"):
            self._check_conflict(call, entity)
            changed = self._transact(entity, lambda: self._writer.update(entity, record, call.json(), call.note))
            headers = {"ETag": etag(entity, changed)} if self._settings.patch_etag else {}
            if self._settings.patch_representation and "return=representation" in call.headers.get("prefer", ""):
                return Reply(200, dump_bytes(self._full(call, entity, changed)), headers=headers)
            return Reply(204, content_type="", headers=headers)
        raise no_route(call.uri)

    def _read(self, call: Call, entity: Entity, path: ResourcePath, record: Record) -> Reply:
        options = parse_options(entity, call.query, "", self._settings)
        context = f"{call.base_url}/data/$metadata#{entity.set}"
        if not path.rest:
            row = {"@odata.context": f"{context}/$entity", **render_row(self._store, entity, record, options)}
            return Reply(200, dump_bytes(row), headers={"ETag": etag(entity, record)})
        navigation = entity.navigation(path.rest)
        if navigation is not None:
            target = ENTITIES[navigation.target_set]
            rows = [render(target, found) for found in follow(self._store, entity, record, navigation)]
            if navigation.many:
                body: Mapping[str, Any] = {
                    "@odata.context": f"{call.base_url}/data/$metadata#{target.set}",
                    "value": rows,
                }
            elif rows:
                body = rows[0]
            else:
                raise self._missing()
            return Reply(200, dump_bytes(body))
        if path.rest not in entity.by_name:
            raise no_route(call.uri)
        value = reader(entity, path.rest)(record)
        return Reply(200, dump_bytes({"@odata.context": f"{context}/{path.rest}", "value": value}))

    def _create(self, call: Call, entity: Entity, body: Mapping[str, Any]) -> Reply:
        self._check_conflict(call, entity)
        record = self._transact(entity, lambda: self._writer.create(entity, body, call.caller, call.note))
        shown = {name: reader(entity, name)(record) for name in entity.key}
        location = f"{call.base_url}/data/{entity.set}{key_predicate(entity, shown)}"
        headers = {"Location": location, "ETag": etag(entity, record)}
        return Reply(201, dump_bytes(self._full(call, entity, record)), headers=headers)

    def _full(self, call: Call, entity: Entity, record: Record) -> Mapping[str, Any]:
        row = render_row(self._store, entity, record, Options())
        return {"@odata.context": f"{call.base_url}/data/$metadata#{entity.set}/$entity", **row}

    def _transact(self, entity: Entity, action: Callable[[], Any], *, deleting: bool = False) -> Any:
        try:
            with self._store.transaction():
                return action()
        except WriteRefused as refusal:
            raise self._refusal(entity, refusal, deleting=deleting) from refusal

    def _refusal(self, entity: Entity, refusal: WriteRefused, *, deleting: bool = False) -> ServiceError:
        statuses = {
            "validation": self._settings.validation_status,
            "duplicate": self._settings.duplicate_status,
            "conflict": self._settings.conflict_status,
            "posted": self._settings.posted_change_status,
        }
        verb, exception = ("Delete", DELETE_EXCEPTION) if deleting else ("Write", WRITE_EXCEPTION)
        text = infolog(entity.aot, refusal.entries, verb)
        return odata_error(statuses[refusal.failure], text, exception, stack=self._settings.infolog_stacktrace)

    def document_of(self, call: Call) -> str:
        """Return the document whose lines an operation writes, or ""."""
        try:
            body = call.json() if call.method == "POST" else {}
        except ServiceError:
            return ""
        return self.contention.document(call.method, call.path, body, call.caller.company)

    def _check_conflict(self, call: Call, entity: Entity) -> None:
        if not self.contention.held:
            return
        try:
            self.contention.check(entity, self.document_of(call), call.holds)
        except WriteRefused as refusal:
            raise self._refusal(entity, refusal) from refusal

    def _visible(self, call: Call, entity: Entity, key: Mapping[str, Any]) -> Record | None:
        record = find(self._store, entity, key)
        if record is None or not entity.has_company or call.query.get("cross-company", "").lower() == "true":
            return record
        return record if company_of(entity, record) == call.caller.company else None

    def _absent(self, call: Call, entity: Entity, key: Mapping[str, Any]) -> ServiceError:
        posted = f"{key.get('dataAreaId', '')}:{key.get('HeaderReference', '')}".casefold()
        refuses = self._settings.posted_invoices == "refuse" and entity.set in _INVOICE_SETS and call.method != "GET"
        if refuses and self._store.get(POSTED_REFERENCES, posted) is not None:
            text = f"Error: Vendor invoice {key['HeaderReference']} is posted and cannot be changed."
            return self._refusal(entity, WriteRefused(text, failure="posted"), deleting=call.method == "DELETE")
        return self._missing()

    def _missing(self) -> ServiceError:
        if self._settings.missing_record_body == "empty":
            return empty_error(404)
        if self._settings.missing_record_body == "web_api":
            return no_route("")
        return odata_error(404, "No resource was found for the segment.", stack=False)
