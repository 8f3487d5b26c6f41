"""Files of records on their way in: stored once, and named by the event with where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.core.attachments import Attached, Attachment
from headrace.core.contracts import Record, Source
from headrace.mapping.documents import InMapping
from headrace.pipeline.emitted import Seen
from headrace.platform import metrics
from headrace.platform.attachments import AttachmentStore

ATTACHMENTS = "attachments"
"""Field of a record's data that mappings read: its files, as `schemas/common/attachment.avsc` describes them."""

_STORED_AGAIN_AFTER = timedelta(days=90)
"""Half the time for which the topic keeps content: what an event names can be read for the other half at least."""


class Files:
    """Completes records of one source with their files.

    Args:
        connection: the source's connection.
        source: it; one that is not `Attached` has none.
        store: where contents go.
        documents: its mappings; a file that none of them reads is not fetched.
    """

    def __init__(self, connection: str, source: Source, store: AttachmentStore, documents: Sequence[InMapping]) -> None:
        self._connection = connection
        self._source = source if isinstance(source, Attached) else None
        self._store = store
        self._wanted = frozenset(document.file for document in documents if _reads_files(document))

    def concern(self, document: InMapping, record: Record) -> bool:
        """Say whether a record lacks the files that a mapping reads."""
        return (
            self._source is not None
            and document.file in self._wanted
            and not record.deleted
            and ATTACHMENTS not in record.data
        )

    def named(self, record: Record, seen: Seen) -> Record:
        """Return the record with its files as they are remembered; nothing is read."""
        if self._source is None:
            return record
        files = [
            _named(attachment, seen.files.get(attachment.id, {}).get("content"))
            for attachment in self._source.attachments(record)
        ]
        return replace(record, data={**record.data, ATTACHMENTS: files})

    async def complete(self, record: Record, seen: Seen) -> Record:
        """Return the record with its files, stored; `seen` remembers what is stored already, and of which version.

        A file may change without another name: it is read again when its record has changed.

        Raises:
            RetryLater: a file cannot be read now. StopConnection: an operator must act. RejectRecord: it is not there.
        """
        if self._source is None:
            return record
        kept: dict[str, dict[str, Any]] = {}
        files = []
        for attachment in self._source.attachments(record):
            content = await self._content(record, attachment, seen.files.get(attachment.id))
            files.append(_named(attachment, content))
            kept[attachment.id] = {"attachment_id": attachment.id, "version": record.version, "content": content}
        seen.files = kept
        return replace(record, data={**record.data, ATTACHMENTS: files})

    async def _content(
        self, record: Record, attachment: Attachment, before: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Return where a file lies: where it lay, unless it holds something else by now or will soon be gone."""
        kept: dict[str, Any] | None = before["content"] if before is not None else None
        if kept is not None and kept["stored_at"] < datetime.now(UTC) - _STORED_AGAIN_AFTER:
            kept = None
        if kept is not None and before is not None and before["version"] == record.version:
            return kept
        found = await self._stored(record, attachment)
        return kept if kept is not None and kept["sha256"] == found["sha256"] else found

    async def _stored(self, record: Record, attachment: Attachment) -> dict[str, Any]:
        if self._source is None:
            raise RuntimeError("a source without files")
        ref = record.ref
        name = f"{self._connection}:{ref.object}:{ref.external_id}:{attachment.id}"
        content = await self._store.put(name, self._source.read(ref, attachment))
        metrics.ATTACHMENT_BYTES.labels(self._connection).inc(content["size"])
        return content


def _named(attachment: Attachment, content: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "attachment_id": attachment.id,
        "name": attachment.name,
        "media_type": attachment.media_type,
        "content": content,
    }


def _reads_files(document: InMapping) -> bool:
    reads = document.program.reads.values()
    return any(path.partition(".")[0].removesuffix("[]") == ATTACHMENTS for paths in reads for path in paths)
