"""Change tracking: a first read with `odata.track-changes`, then deltas by a token that expires."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.errors import BAD_QUERY, EXPIRED_VERSION, Reply, ServiceError
from headrace.sandbox.dataverse.query import Reader
from headrace.sandbox.dataverse.security import Security
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.model import Table
from headrace.sandbox.dataverse.versions import RowVersions

PREFERENCE = "odata.track-changes"
_REFUSED = ("$filter", "$orderby", "$expand", "$top")
_TOKEN = re.compile(r"(?P<version>\d+)!(?P<at>[^!]+)")
_PAGE = re.compile(r"(?P<until>\d+)!(?P<part>rows|gone)!(?P<last>\d+)")
DEFAULT_DAYS = 7


def wants_tracking(prefer: str) -> bool:
    """Whether a read starts to track changes."""
    return PREFERENCE in prefer


@dataclass(frozen=True, slots=True)
class _Place:
    until: int
    part: str = "rows"
    last: int = 0


class Tracking:
    """Answers tracked reads; a link continues what its first page began, up to the version of then."""

    def __init__(
        self, store: Store, settings: DataverseSettings, security: Security, reader: Reader, versions: RowVersions
    ) -> None:
        self._store = store
        self._settings = settings
        self._security = security
        self._reader = reader
        self._versions = versions

    def read(self, call: Call, table: Table, *, counted: bool) -> Reply:
        """Answer the first read, a page of it, or a delta.

        Raises:
            ServiceError: an option that tracking refuses, a table without it, a token that expired, no right.
        """
        for name in _REFUSED:
            if name in call.query:
                raise ServiceError(
                    400, BAD_QUERY, f"The {name} parameter isn't supported when Change Tracking is enabled."
                )
        if not table.tracking:
            raise ServiceError(400, "0x80072491", f"Change tracking is not enabled for the entity {table.name}.")
        self._security.require_everything(call.context.caller, table)
        since = self._since(call.query.get("$deltatoken"), call.context.now)
        place = self._place(call.query.get("$skiptoken"))
        rows = self._changed(table, since, place)
        gone = [] if since is None else self._gone(table, since, place)
        if counted:
            return Reply(200, str(len(rows) + len(gone)).encode(), "text/plain")
        return Reply(200, dump_bytes(self._page(call, table, rows, gone, place.until)), headers=call.applied)

    def _changed(self, table: Table, since: int | None, place: _Place) -> list[Record]:
        if place.part == "gone":
            return []
        after = max(since or 0, place.last)
        rows = [row for row in self._store.list(table.name) if after < _version(row) <= place.until]
        return sorted(rows, key=_version)

    def _gone(self, table: Table, since: int, place: _Place) -> list[Record]:
        after = place.last if place.part == "gone" else since
        return [each for each in self._versions.deletions(table.name, after) if _version(each) <= place.until]

    def _since(self, token: str | None, now: datetime) -> int | None:
        if token is None:
            return None
        match = _TOKEN.fullmatch(token)
        try:
            at = datetime.fromisoformat(match["at"]) if match else None
        except ValueError:
            at = None
        if match is None or at is None:
            raise ServiceError(400, BAD_QUERY, "The delta token is not valid; use the delta link as it was given.")
        if now - at > timedelta(days=self._days()):
            raise ServiceError(
                self._settings.change_tracking_expired_status,
                EXPIRED_VERSION,
                "Version stamp associated with the client has expired. Please perform a full sync.",
            )
        return int(match["version"])

    def _days(self) -> int:
        organizations = self._store.list("organization")
        return int(organizations[0].data.get("expirechangetrackingindays", DEFAULT_DAYS)) if organizations else 7

    def _place(self, token: str | None) -> _Place:
        if token is None:
            return _Place(self._versions.last)
        match = _PAGE.fullmatch(token)
        if match is None:
            raise ServiceError(400, BAD_QUERY, "Invalid paging cookie; use the next link as it was given.")
        return _Place(int(match["until"]), match["part"], int(match["last"]))

    def _page(self, call: Call, table: Table, rows: list[Record], gone: list[Record], until: int) -> dict[str, Any]:
        options = self._reader.options(table, _plain(call.query), call.prefer)
        visible = self._security.visible(call.context.caller)
        living = rows[: options.page_size]
        dead = gone[: options.page_size - len(living)] if len(living) == len(rows) else []
        shown = [self._reader.row(table, record, options, visible, call.base_url) for record in living]
        context = f"{call.base_url}$metadata#{table.set}/$deletedEntity"
        shown += [{"@odata.context": context, "id": record.data["id"], "reason": "deleted"} for record in dead]
        body: dict[str, Any] = {"@odata.context": f"{call.base_url}$metadata#{table.set}/$delta", "value": shown}
        kept = {name: value for name, value in call.query.items() if name != "$skiptoken"}
        if len(shown) < len(rows) + len(gone):
            part, last = ("gone", _version(dead[-1])) if dead else ("rows", _version(living[-1]))
            body["@odata.nextLink"] = _address(call, table, {**kept, "$skiptoken": f"{until}!{part}!{last}"})
        else:
            token = f"{until}!{call.context.now:%Y-%m-%dT%H:%M:%S%z}"
            body["@odata.deltaLink"] = _address(call, table, {**kept, "$deltatoken": token})
        return body


def _version(record: Record) -> int:
    return int(record.data["versionnumber"])


def _plain(query: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name not in ("$deltatoken", "$skiptoken")}


def _address(call: Call, table: Table, query: Mapping[str, str]) -> str:
    text = "&".join(f"{quote(name, safe='$-')}={quote(value, safe='')}" for name, value in query.items())
    return f"{call.base_url}{table.set}?{text}"
