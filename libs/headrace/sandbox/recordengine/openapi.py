"""The assumed contract as OpenAPI, under the names in force, to be compared with what a real instance shows."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from typing import Any

from headrace.sandbox.recordengine.statuses import NAMES
from headrace.sandbox.recordengine.wire import Wire, put

TITLE = "RecordEngine, as Headrace assumes it"
_INTEGER = {"type": "integer"}
_TEXT = {"type": "string"}
_NUMBERS = frozenset(
    ("id", "contact_id", "folder_id", "profile_id", "default_profile_id", "parent_id", "version", "confidence_score")
)


def openapi(wire: Wire) -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for path, method, operation in _operations(wire):
        paths.setdefault(path, {}).setdefault(method, operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": "0"},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Upload": _object(wire, "upload"),
                "DocumentRow": _object(wire, "row"),
                "Document": _document(wire),
                "Contact": _object(wire, "contact"),
                "Folder": _object(wire, "folder"),
                "Change": _change(wire),
            },
        },
        "security": [{"token": []}],
    }


def docs_page(wire: Wire) -> str:
    """Return a page that lists the operations; a real instance shows Swagger UI here."""
    rows = "".join(
        f"<tr><td>{method.upper()}</td><td><code>{html.escape(path)}</code></td>"
        f"<td>{html.escape(operation['summary'])}</td></tr>"
        for path, method, operation in _operations(wire)
    )
    title = html.escape(TITLE)
    return (
        f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>"
        f'<p><a href="openapi.json">openapi.json</a></p><table>{rows}</table>'
    )


def _operations(wire: Wire) -> Iterable[tuple[str, str, dict[str, Any]]]:
    paths, params = wire.paths, wire.lists["params"]
    filters = [params[name] for name in ("status", "contact_id", "folder_id", "date_from", "date_to")]
    yield paths["upload"], "post", _operation("Upload a document", "Upload", body=_upload(wire), code=_ok(wire))
    yield paths["documents"], "get", _listing(wire, "List documents, newest first", "DocumentRow", filters)
    yield paths["document"], "get", _operation("Read a document with what was read of it", "Document")
    yield paths["file"], "get", {**_operation("Read the original file", None)}
    change = {"application/json": {"schema": {"$ref": "#/components/schemas/Change"}}}
    yield paths["status"], wire.method("status").lower(), _operation("Change a document", "Document", body=change)
    yield paths["refs"], wire.method("refs").lower(), _operation("Change a document", "Document", body=change)
    for name, schema, parameter in (("contact", "Contact", "contact_name"), ("folder", "Folder", "folder_contact_id")):
        body = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
        yield paths[f"{name}s"], "get", _listing(wire, f"List {name}s", schema, [params[parameter]])
        yield paths[f"{name}s"], "post", _operation(f"Make a {name}", schema, body=body)
        yield paths[name], "get", _operation(f"Read a {name}", schema)


def _operation(
    summary: str, schema: str | None, *, body: Mapping[str, Any] | None = None, code: int = 200
) -> dict[str, Any]:
    content = (
        {"application/octet-stream": {}}
        if schema is None
        else {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    )
    operation: dict[str, Any] = {
        "summary": summary,
        "operationId": re.sub(r"\W+", "_", summary).lower(),
        "responses": {str(code): {"description": summary, "content": content}},
    }
    return operation if body is None else {**operation, "requestBody": {"required": True, "content": dict(body)}}


def _listing(wire: Wire, summary: str, schema: str, filters: Iterable[str]) -> dict[str, Any]:
    lists = wire.lists
    names = [*filters, lists["page_param"], lists["size_param"]]
    envelope = {
        "type": "object",
        "properties": {
            lists["items"]: {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}},
            **{lists[name]: _INTEGER for name in ("total", "page", "size")},
        },
    }
    return {
        **_operation(summary, schema),
        "parameters": [{"name": name, "in": "query", "schema": _TEXT} for name in names],
        "responses": {"200": {"description": summary, "content": {"application/json": {"schema": envelope}}}},
    }


def _object(wire: Wire, kind: str) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for name, place in wire.fields[kind].items():
        inner = [part for step in place.split(".") for part in ("properties", step)][1:]
        put(properties, inner, _kind(wire, name))
    return {"type": "object", "properties": properties}


def _kind(wire: Wire, name: str) -> dict[str, Any]:
    if name == "status":
        return {"type": "string", "enum": [wire.word(status) for status in NAMES]}
    if name == "external_refs":
        return {"type": ["object", "null"]}
    return _INTEGER if name in _NUMBERS else _TEXT


def _document(wire: Wire) -> dict[str, Any]:
    schema = _object(wire, "document")
    for place in (0, 2):
        outer = wire.place_of("document", place, "")[:-1]
        if outer:
            schema["properties"].setdefault(outer[0], {"type": "object"})
    return schema


def _change(wire: Wire) -> dict[str, Any]:
    status = {wire.status["field"]: _kind(wire, "status")}
    refs = {wire.refs["field"]: {"type": "object"} if wire.refs["form"] == "object" else _TEXT}
    return {"type": "object", "properties": {**status, **refs}}


def _upload(wire: Wire) -> dict[str, Any]:
    parts = wire.upload["parts"]
    properties = {parts[name]: _INTEGER for name in ("contact_id", "folder_id", "profile_id")}
    properties |= {parts["file"]: {"type": "string", "format": "binary"}, parts["external_refs"]: _TEXT}
    required = [parts[name] for name in ("file", "contact_id", "folder_id")]
    return {"multipart/form-data": {"schema": {"type": "object", "properties": properties, "required": required}}}


def _ok(wire: Wire) -> int:
    return int(next(iter(wire.upload["ok"]), 200))
