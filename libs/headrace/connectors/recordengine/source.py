"""Reads exported documents: webhooks as notices, documents as they are now, and what webhooks lost by polling."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from headrace.connectors.recordengine import webhooks
from headrace.connectors.recordengine.changes import Changes
from headrace.connectors.recordengine.client import RecordengineClient
from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.connectors.recordengine.names import Names
from headrace.connectors.recordengine.objects import DOCUMENT
from headrace.connectors.recordengine.reading import Reader
from headrace.connectors.recordengine.sightings import Origins, sight_of
from headrace.connectors.recordengine.values import whole
from headrace.core.contracts import Notice, Page, Record, WebhookRequest
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref


class RecordengineSource:
    """The source side of one connection (`headrace.core.contracts.Source`)."""

    def __init__(self, config: RecordengineConfig, client: RecordengineClient, reader: Reader, names: Names) -> None:
        self._config = config
        self._client = client
        self._reader = reader
        self._names = names
        self._origins = Origins()
        self._changes = Changes(config, client, reader, self._origins)

    def verify(self, request: WebhookRequest) -> None:
        """See `webhooks.verify`."""
        webhooks.verify(self._config, request)

    def notice(self, request: WebhookRequest) -> Notice:
        """See `webhooks.notice`."""
        return webhooks.notice(self._config, request)

    def decode(self, ref: Ref, body: bytes) -> Record | None:
        """Return None: deliveries come in any order, and what they hold may be anybody's; the document is read."""
        return None

    async def fetch(self, ref: Ref) -> Record | None:
        """Read one document as it is now, in whatever status; None if it is not there.

        Raises:
            RejectRecord: this object is not read, the id is none, or means another document since a restore.
            RetryLater, StopConnection: as reads do.
        """
        _check(ref.object)
        if not (ref.external_id.isascii() and ref.external_id.isdigit()):
            raise RejectRecord("not a RecordEngine id", f'{ref.object} "{ref.external_id}": ids are whole numbers')
        row = await self._client.one(DOCUMENT, ref.external_id)
        if row is None:
            return None
        rules = self._config.rules
        if whole(rules.value(DOCUMENT, "id", row)) != int(ref.external_id):
            raise RejectRecord(
                "not the document that was asked for",
                f"document {ref.external_id}: the answer is about {rules.value(DOCUMENT, 'id', row)!r}; "
                "compare paths.document and fields.document.id of the contract with /api/docs",
            )
        names = {
            f"{kind}_name": await self._names.of(kind, whole(rules.value(DOCUMENT, f"{kind}_id", row)))
            for kind in ("contact", "folder")
            if rules.tells(DOCUMENT, f"{kind}_id", row)
        }
        record = self._reader.document(row, names)
        self._origins.check(record.ref.external_id, sight_of(record).made)
        return record

    async def changes(self, obj: str, cursor: Mapping[str, str]) -> AsyncIterator[Page]:
        """Yield pages of documents that were exported since the cursor, newest uploads first; see `changes.py`.

        Raises:
            RejectRecord: this object is not read. RetryLater, StopConnection: as reads do.
        """
        _check(obj)
        async for page in self._changes.pages(cursor):
            yield page

    def cursor_at(self, obj: str, since: datetime) -> Mapping[str, str]:
        """Return the cursor of what changed at `since` or later."""
        _check(obj)
        return self._changes.begin_at(since)


def _check(obj: str) -> None:
    if obj != DOCUMENT:
        raise RejectRecord("unknown object", f"{obj} is not read by this connector; known is {DOCUMENT}.")
