"""File columns: uploads in one piece or in blocks, downloads, removal.

A file column reads as the id of its file; `<column>_name` is the file's name. Source: vendor's page on file columns.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.errors import Reply, ServiceError, bad_query, not_allowed
from headrace.sandbox.dataverse.paths import Segment
from headrace.sandbox.dataverse.tables.model import Column, Table
from headrace.sandbox.dataverse.writes import Writer

FILES, UPLOADS = "#files", "#uploads"
BLOCK_BYTES = 4_194_304
_RANGE = re.compile(r"bytes (?P<first>\d+)-(?P<last>\d+)/(?P<total>\d+)")


class FileColumns:
    """Answers for one column of kind `file`."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store, self._writer = store, writer

    def answer(self, call: Call, table: Table, record: Record, column: Column, rest: list[Segment]) -> Reply:
        """Answer a call on a file column.

        Raises:
            ServiceError: refused.
        """
        if call.method == "GET":
            return self._download(record, column, raw=len(rest) > 1)
        if call.method == "DELETE":
            self._writer.revise(table, record, {column.name: None, f"{column.name}_name": None}, call.context)
            return Reply(204, content_type="")
        if call.method not in ("PATCH", "PUT"):
            raise not_allowed(f"The HTTP method '{call.method}' is not supported on a file.")
        if call.headers.get("x-ms-transfer-mode") == "chunked":
            return self._begin(call, table, record, column)
        if "sessiontoken" in call.query:
            return self._take(call, table, record, column)
        name = unquote(call.headers.get("x-ms-file-name") or call.query.get("x-ms-file-name", ""))
        if not name:
            raise bad_query("The file name must be given in x-ms-file-name.")
        self._keep(call, table, record, column, name, call.body)
        return Reply(204, content_type="")

    def _begin(self, call: Call, table: Table, record: Record, column: Column) -> Reply:
        token = call.context.ids.next()
        name = unquote(call.query.get("x-ms-file-name") or call.headers.get("x-ms-file-name", ""))
        self._store.put(UPLOADS, token, {"name": name, "blocks": []}, call.context.now)
        address = f"{call.base_url}{table.set}({record.key})/{column.name}?sessiontoken={token}"
        headers = {"Location": address, "x-ms-chunk-size": str(BLOCK_BYTES), "Accept-Ranges": "bytes"}
        return Reply(200, content_type="", headers=headers)

    def _take(self, call: Call, table: Table, record: Record, column: Column) -> Reply:
        upload = self._store.get(UPLOADS, call.query["sessiontoken"])
        place = _RANGE.fullmatch(call.headers.get("content-range", ""))
        if upload is None or place is None:
            raise bad_query("The upload session is not known, or its block has no Content-Range.")
        blocks = [*upload.data["blocks"], base64.b64encode(call.body).decode()]
        if int(place["last"]) + 1 < int(place["total"]):
            self._store.put(UPLOADS, upload.key, {**upload.data, "blocks": blocks}, call.context.now)
            return Reply(206, content_type="")
        self._store.delete(UPLOADS, upload.key)
        content = b"".join(map(base64.b64decode, blocks))
        if len(content) != int(place["total"]):
            raise ServiceError(400, "0x80040203", f"{len(content)} bytes came of {place['total']}.")
        self._keep(call, table, record, column, str(upload.data["name"]), content)
        return Reply(204, content_type="")

    def _keep(self, call: Call, table: Table, record: Record, column: Column, name: str, content: bytes) -> None:
        key = call.context.ids.next()
        self._store.put(FILES, key, {"name": name, "body": base64.b64encode(content).decode()}, call.context.now)
        self._writer.revise(table, record, {column.name: key, f"{column.name}_name": name}, call.context)

    def _download(self, record: Record, column: Column, *, raw: bool) -> Reply:
        file = self._store.get(FILES, str(record.data.get(column.name)))
        if file is None:
            return Reply(204, content_type="")
        content = base64.b64decode(file.data["body"])
        headers = {"x-ms-file-name": str(file.data["name"]), "x-ms-file-size": str(len(content))}
        if raw:
            return Reply(200, content, "application/octet-stream", headers)
        return Reply(200, dump_bytes({"value": file.data["body"]}), headers=headers)
