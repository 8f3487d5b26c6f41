"""Records that others point to: names of organizations and persons, codes of products, stages, pipelines, users.

Kept for a short time, because a batch of deals points at the same few again and again.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from headrace.connectors.pipedrive.client import V1, V2, PipedriveClient
from headrace.connectors.pipedrive.objects import KINDS
from headrace.core.errors import RejectRecord, StopConnection

FRESH_SECONDS = 60.0
LISTS_FRESH_SECONDS = 600.0
_MOST_IDS = 100
_ONE_BY_ONE = 10
"""A list of any length costs ten API tokens, a single record one."""
_KEPT = 5000

Row = Mapping[str, Any]
_LISTS = {"stage": f"{V2}/stages", "pipeline": f"{V2}/pipelines"}


class Related:
    """Looks related records up for one connection."""

    def __init__(self, client: PipedriveClient) -> None:
        self._client = client
        self._records: dict[tuple[str, int], tuple[float, Row]] = {}
        self._lists: dict[str, tuple[float, dict[int, Row]]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def records(self, obj: str, ids: Iterable[Any]) -> dict[int, Row]:
        """Return records by id, without those that do not exist or are not visible.

        Raises:
            RetryLater, StopConnection: they cannot be read.
        """
        wanted = sorted({id_ for id_ in ids if isinstance(id_, int)})
        async with self._locks[obj]:
            now = time.monotonic()
            kept = {id_: self._records[obj, id_] for id_ in wanted if (obj, id_) in self._records}
            found = {id_: row for id_, (expires, row) in kept.items() if expires > now}
            missing = [id_ for id_ in wanted if id_ not in found]
            return {**found, **await self._read(obj, missing)} if missing else found

    async def listed(self, name: str) -> Mapping[int, Row]:
        """Return all stages, pipelines or users by id; nothing if the token's user may not see them."""
        async with self._locks[name]:
            fresh_until, rows = self._lists.get(name, (0.0, {}))
            if fresh_until <= time.monotonic():
                rows = await self._list(name)
                self._lists[name] = (time.monotonic() + LISTS_FRESH_SECONDS, rows)
            return rows

    async def _read(self, obj: str, ids: list[int]) -> dict[int, Row]:
        path = f"{V2}/{KINDS[obj].path}"
        found: dict[int, Row] = {}
        if len(ids) > _ONE_BY_ONE:
            for start in range(0, len(ids), _MOST_IDS):
                query = {"ids": ",".join(map(str, ids[start : start + _MOST_IDS]))}
                found |= {row["id"]: row for row in await self._client.all(path, f"{obj}.list", query)}
        # A list leaves deleted records out without a word; a single read still shows them.
        for id_ in [id_ for id_ in ids if id_ not in found]:
            try:
                row = await self._client.one(f"{path}/{id_}", f"{obj}.get")
            except RejectRecord:
                continue  # not visible to the token's user
            if row is not None:
                found[id_] = row
        if len(self._records) > _KEPT:
            self._records.clear()
        expires = time.monotonic() + FRESH_SECONDS
        # What was not found is not kept: it may appear at any moment.
        self._records |= {(obj, id_): (expires, row) for id_, row in found.items()}
        return found

    async def _list(self, name: str) -> dict[int, Row]:
        try:
            if name == "user":
                rows = await self._client.listed(f"{V1}/users", "user.list") or []
            else:
                rows = await self._client.all(_LISTS[name], f"{name}.list")
        except (RejectRecord, StopConnection):
            return {}  # names only; what truly stops the connection shows in every other call
        return {int(row["id"]): row for row in rows}
