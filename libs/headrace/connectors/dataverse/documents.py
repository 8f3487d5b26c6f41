"""Files of opportunities: those of their notes, once an opportunity is in a stage whose files are handed on.

A file's content is a column of the note, as base64 text; it is read and decoded in parts.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from headrace.connectors.dataverse.client import DataverseClient
from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.guids import guid_of
from headrace.connectors.dataverse.objects import FILES, NOTE
from headrace.connectors.dataverse.tables import Tables
from headrace.core.attachments import Attachment
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord

_UNKNOWN_TYPE = "application/octet-stream"
_SELECT = "annotationid,filename,mimetype,filesize"
_BLANK = b" \t\r\n"
_GROUP = 4
"""Characters of base64 that make whole bytes."""


class Documents:
    """Lists and reads files of notes."""

    def __init__(self, config: DataverseConfig, client: DataverseClient, tables: Tables) -> None:
        self._config = config
        self._client = client
        self._tables = tables

    async def files(self, opportunity: str) -> list[dict[str, Any]]:
        """Return the files of an opportunity's notes, oldest first, as `Record.data` has them.

        Raises:
            RetryLater, StopConnection, RejectRecord: as reads do.
        """
        table = await self._tables.of(NOTE.name)
        params = {
            "$select": _SELECT,
            "$filter": f"_objectid_value eq {opportunity} and isdocument eq true",
            "$orderby": "createdon asc,annotationid asc",
        }
        return [
            {
                "id": str(row["annotationid"]).lower(),
                "name": str(row.get("filename") or f"{row['annotationid']}.bin"),
                "media_type": str(row.get("mimetype") or _UNKNOWN_TYPE),
                "size": row.get("filesize"),
            }
            async for row in self._client.rows(table.set, "annotation.files", params)
        ]

    async def read(self, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content of a file in parts.

        Raises:
            RejectRecord: it is gone, larger than `documents.largest_file`, not base64, or not as long as its note says.
            RetryLater, StopConnection: as reads do.
        """
        id_ = guid_of(attachment.id)
        if not id_:
            raise RejectRecord("not a GUID", f"file {attachment.id!r} of a note: ids of notes are GUIDs.")
        what = f"file {attachment.name} of note {id_}"
        path = f"{(await self._tables.of(NOTE.name)).set}({id_})"
        row = await self._client.one(path, "annotation.file", {"$select": _SELECT})
        if row is None:
            raise RejectRecord("attachment is gone", f"{what} was deleted in Dynamics; retry to go on without it.")
        size = self._told_size(what, row)
        total = 0
        async with self._client.content(f"{path}/documentbody/$value", "annotation.content") as (kind, parts):
            # Documentation shows base64 as text; a service that decodes it itself says so by the type.
            async for part in parts if kind == _UNKNOWN_TYPE else decoded(parts, what):
                total += len(part)
                if total > self._config.documents.largest_file:
                    raise self._too_large(what, total)
                yield part
        if size is not None and total != size:
            raise RejectRecord("attachment is not whole", f"{what}: {total} bytes came, its note says {size}; retry.")

    def _told_size(self, what: str, row: Mapping[str, Any]) -> int | None:
        size = row.get("filesize")
        if not isinstance(size, int):
            return None
        if size > self._config.documents.largest_file:
            raise self._too_large(what, size)
        return size

    def _too_large(self, what: str, size: int) -> RejectRecord:
        most = self._config.documents.largest_file
        return RejectRecord(
            "attachment too large", f"{what}: {size} bytes or more, documents.largest_file allows {most}; raise it."
        )


def attachments(record: Record) -> Sequence[Attachment]:
    """Return the files that a record lists."""
    return [Attachment(each["id"], each["name"], each["media_type"]) for each in record.data.get(FILES) or ()]


async def decoded(parts: AsyncIterator[bytes], what: str) -> AsyncIterator[bytes]:
    """Yield the bytes of base64 text that comes in parts of any length.

    Raises:
        RejectRecord: it is not base64.
    """
    rest = b""
    async for part in parts:
        rest += part.translate(None, _BLANK)
        whole = len(rest) - len(rest) % _GROUP
        if whole:
            yield _bytes(rest[:whole], what)
            rest = rest[whole:]
    if rest:
        raise RejectRecord("attachment is not whole", f"{what}: its text ends in the middle; retry.")


def _bytes(text: bytes, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise RejectRecord(
            "attachment is not what it says", f"{what} is not kept as base64; look at the note."
        ) from None
