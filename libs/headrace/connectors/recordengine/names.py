"""Names of contacts and folders, which documents refer to by id: read once in an hour."""

from __future__ import annotations

import time
from collections import OrderedDict

from headrace.connectors.recordengine import values
from headrace.connectors.recordengine.client import RecordengineClient
from headrace.connectors.recordengine.contract import Contract

KEPT_SECONDS = 3600.0
_MOST = 10_000


class Names:
    """Names of one instance's contacts and folders."""

    def __init__(self, rules: Contract, client: RecordengineClient) -> None:
        self._rules = rules
        self._client = client
        self._known: OrderedDict[tuple[str, int], tuple[float, str | None]] = OrderedDict()

    async def of(self, kind: str, id_: int | None) -> str | None:
        """Return the name of a contact or folder; None if it is not there.

        Raises:
            RetryLater, StopConnection, RejectRecord: as reads do.
        """
        if id_ is None:
            return None
        known = self._known.get((kind, id_))
        if known is not None and known[0] > time.monotonic():
            return known[1]
        row = await self._client.one(kind, str(id_))
        name = None if row is None else values.text(self._rules.value(kind, "name", row))
        self._known[kind, id_] = (time.monotonic() + KEPT_SECONDS, name)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return name
