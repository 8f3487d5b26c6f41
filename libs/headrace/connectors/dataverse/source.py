"""Reads the tables of `objects.py`: on request, by webhooks of service endpoints, by change tracking.

`Record.data` has columns under their logical names, custom ones under "custom"; lookups as {type, id, name}, money as
{amount, currency}, choices as number with the label beside it, and what `objects.py` says is added. `Record.version` is
`versionnumber`, which orders all rows of an environment.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from headrace.connectors.dataverse import documents, webhooks
from headrace.connectors.dataverse.changes import Changes, begin_at
from headrace.connectors.dataverse.client import DataverseClient
from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.guids import guid_of
from headrace.connectors.dataverse.lookup import Lookup
from headrace.connectors.dataverse.objects import FILES, OPPORTUNITY, READABLE, STAGE
from headrace.connectors.dataverse.reading import Reader
from headrace.connectors.dataverse.tables import Ourselves, Tables
from headrace.connectors.dataverse.values import Row
from headrace.core.attachments import Attachment
from headrace.core.contracts import Notice, Page, Record, WebhookRequest
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref


class DataverseSource:
    """Source of one environment (`headrace.core.contracts.Source`, `Dated`, `headrace.core.attachments.Attached`)."""

    def __init__(
        self,
        config: DataverseConfig,
        client: DataverseClient,
        tables: Tables,
        reader: Reader,
        lookup: Lookup,
        ourselves: Ourselves,
    ) -> None:
        self._config = config
        self._reader = reader
        self._lookup = lookup
        self._ourselves = ourselves
        self._changes = Changes(config, client, tables, reader)
        self._documents = documents.Documents(config, client, tables)

    def verify(self, request: WebhookRequest) -> None:
        """See `webhooks.verify`."""
        webhooks.verify(self._config, request)

    def notice(self, request: WebhookRequest) -> Notice:
        """See `webhooks.notice`."""
        return webhooks.notice(self._config, request)

    def decode(self, ref: Ref, body: bytes) -> Record | None:
        """See `webhooks.decode`."""
        return webhooks.decode(ref, body, self._ourselves.organization, self._ourselves.user)

    async def fetch(self, ref: Ref) -> Record | None:
        """Read one row; an opportunity in a stage whose files are handed on also with these (`files`).

        Returns:
            The record; None if it is not there.

        Raises:
            RejectRecord: this table is not read, or the id is no GUID. RetryLater, StopConnection: as reads do.
        """
        _readable(ref.object)
        id_ = guid_of(ref.external_id)
        if not id_:
            raise RejectRecord("not a GUID", f'{ref.object} "{ref.external_id}": ids of rows are GUIDs.')
        row = await self._lookup.by_id(ref.object, id_)
        if row is None:
            return None
        record = await self._reader.record(ref.object, row)
        if not self._hands_on(record):
            return record
        return replace(record, data={**record.data, FILES: await self._documents.files(id_)})

    async def changes(self, obj: str, cursor: Mapping[str, str]) -> AsyncIterator[Page]:
        """Yield pages of what changed since the cursor; see `changes.py`.

        Opportunities whose files are handed on come incomplete (`complete=False`: no files).

        Raises:
            RejectRecord: this table is not read. RetryLater, StopConnection: as reads do.
        """
        _readable(obj)
        async for told in self._changes.pages(obj, cursor):
            records = [await self._listed(obj, row) for row in told.rows]
            yield Page([*records, *told.gone], told.cursor)

    def cursor_at(self, obj: str, since: datetime) -> Mapping[str, str]:
        """Return the cursor of what changed at `since` or later; `changes` takes its overlap off."""
        _readable(obj)
        return begin_at(since)

    def attachments(self, record: Record) -> Sequence[Attachment]:
        """Return the files that `fetch` listed."""
        return documents.attachments(record)

    def read(self, ref: Ref, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content of a file in parts; see `documents.Documents.read`."""
        del ref
        return self._documents.read(attachment)

    async def _listed(self, obj: str, row: Row) -> Record:
        record = await self._reader.record(obj, row)
        return replace(record, complete=False) if self._hands_on(record) else record

    def _hands_on(self, record: Record) -> bool:
        is_opportunity = record.ref.object == OPPORTUNITY.name
        return is_opportunity and self._config.documents.concerns(record.data.get(STAGE))


def _readable(obj: str) -> None:
    if obj not in READABLE:
        raise RejectRecord("unknown object", f'Table "{obj}" is not read; known are {", ".join(READABLE)}.')
