"""Uploads files, each once.

The API has no key of ours to make an upload safe to repeat. So each carries one in its external references, by which it
is found again among the uploads of the last days (I4, I12): the list shows names of files, each candidate is read. An
upload is neither changed nor deleted from here. `Written.target_id` is the document's id.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from headrace.connectors.recordengine import uploads, values
from headrace.connectors.recordengine.client import RecordengineClient
from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.connectors.recordengine.contract import Row
from headrace.connectors.recordengine.objects import DOCUMENT, UPLOAD
from headrace.core.attachments import Attachments
from headrace.core.contracts import Found, Limits, Operation, Written
from headrace.core.errors import OutcomeUnknown, RejectRecord
from headrace.platform.multipart import spooled


class RecordengineTarget:
    """The target side of one connection."""

    def __init__(
        self, config: RecordengineConfig, client: RecordengineClient, attachments: Attachments | None = None
    ) -> None:
        self._config = config
        self._rules = config.rules
        self._client = client
        self._attachments = attachments

    @property
    def limits(self) -> Limits:
        """Concurrency and deadlines of the configuration."""
        return Limits(self._config.concurrency, self._config.call_deadline, self._config.settle_seconds)

    def check(self, operation: Operation) -> None:
        """Check fields, type and size of the file; see `uploads.check`.

        Raises:
            RejectRecord: RecordEngine would refuse this, or it could not be found again.
        """
        uploads.check(self._rules, operation)

    async def find(self, operation: Operation) -> Found | None:
        """Look a document up by its id, else our key among what was uploaded for its contact in the last days.

        Raises:
            RejectRecord: neither id nor key. RetryLater, StopConnection: as reads do.
        """
        if operation.target_id:
            _check_id(operation.target_id)
            row = await self._client.one(DOCUMENT, operation.target_id)
            return None if row is None else self._found([row])
        wanted = {**operation.fields, **operation.key}
        if not wanted.get("key"):
            raise RejectRecord("no key", f"{UPLOAD}: it is looked for by its key; name it under marker in the mapping.")
        key, contact, filename = str(wanted["key"]), wanted.get("contact_id"), wanted.get("filename")
        rows = [row async for row in self._with_key(key, contact, filename)]
        return self._found(rows) if rows else None

    async def apply(self, operation: Operation) -> Written:
        """Upload the file once, from a temporary file: nothing is sent of what is not whole.

        Raises:
            RejectRecord: refused, or its content is no longer there. RetryLater: not sent or not taken.
            StopConnection: credential, or address. OutcomeUnknown: the answer to the upload was lost.
        """
        uploads.check(self._rules, operation)
        if self._attachments is None:
            raise RejectRecord("no stored content", f"{UPLOAD}.file: nothing reads files here.")
        async with spooled(self._attachments.parts(operation.fields["file"])) as (content, size):
            form = uploads.form_of(self._rules, operation, content, size)
            row = await self._client.upload(form, operation.traceparent)
        id_ = values.whole(self._rules.value(UPLOAD, "id", row))
        if id_ is None:
            raise OutcomeUnknown("document.upload: the answer has no id; compare fields.upload.id of the contract")
        return Written(str(id_), record={name: operation.fields[name] for name in ("key", "file")})

    async def _with_key(self, key: str, contact: object, filename: object) -> AsyncIterator[Row]:
        """Yield documents that carry a key. A folder is no filter: rules and people move documents."""
        first_day = self._client.today() - timedelta(days=self._config.lookup_days)
        params = {"contact_id": str(contact or ""), "date_from": first_day.isoformat()}
        seen: set[int] = set()
        async for page in self._client.pages("documents", params, size=self._rules.lists.largest_size):
            for listed in page.rows:
                id_ = values.whole(self._rules.value("row", "id", listed))
                name = self._rules.value("row", "filename", listed)
                # As the instance may have cleaned it.
                is_candidate = not filename or values.letters(name or "") == values.letters(filename)
                if id_ is None or id_ in seen or not is_candidate:
                    continue
                seen.add(id_)
                row = await self._client.one(DOCUMENT, str(id_))
                if row is not None and uploads.told(self._rules, row).get("key") == key:
                    yield row

    def _found(self, rows: list[Row]) -> Found:
        """Return a document as it was found; of several with one key, the first upload."""
        ids = [values.whole(self._rules.value(DOCUMENT, "id", row)) or 0 for row in rows]
        first = min(range(len(rows)), key=ids.__getitem__)
        return Found(str(ids[first]), record=uploads.told(self._rules, rows[first]), matches=len(rows))


def _check_id(id_: str) -> None:
    if not (id_.isascii() and id_.isdigit()):
        raise RejectRecord("not a RecordEngine id", f'{UPLOAD} "{id_}": ids are whole numbers; correct the link.')
