"""Finding exported documents by polling, since RecordEngine repeats no delivery that was lost.

Lists can be asked for a status and for days of upload, not for what changed since a time, and show the newest uploads
first. So each poll reads from the top until pages bring only what is known; and the first poll of each day (UTC) reads
all uploads of `history_days`, because a document that lay in review for weeks is exported far down the list. What was
exported and is not listed any more is handed over as well: it was taken back, or put away.

Cursor: `day` of the last reading of everything, `open` while one is under way (the first day of uploads that it reads,
or "all"), `since` before which states are left out, and the newest sightings as `known`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headrace.connectors.recordengine.client import RecordengineClient
from headrace.connectors.recordengine.config import RecordengineConfig
from headrace.connectors.recordengine.objects import DOCUMENT, EXPORT
from headrace.connectors.recordengine.reading import Reader
from headrace.connectors.recordengine.sightings import Origins, Sight, decode, encode, is_settled, sight_of
from headrace.connectors.recordengine.values import version_of
from headrace.core.contracts import Page, Record
from headrace.core.event import Ref

DAY, OPEN, SINCE, KNOWN = "day", "open", "since", "known"
KNOWN_PAGES = 3
"""Pages of nothing new after which a poll ends: uploads arrive while pages are read."""
SCANS = 5
"""How often a list is read that does not come to rest; then the next poll reads it again."""
_ALL = "all"
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Pass:
    """One poll: what was known before it, what it met, and the cursor as it stands."""

    place: dict[str, str]
    known: dict[str, Sight]
    met: dict[str, Sight] = field(default_factory=dict)
    listed: set[str] = field(default_factory=set)
    is_rested: bool = False
    """Whether the list was seen whole: as many different rows as it says that it has."""

    @property
    def is_whole(self) -> bool:
        """Whether it reads everything."""
        return OPEN in self.place

    def is_news(self, record: Record, sight: Sight) -> bool:
        """Say whether a row is another state than the one that is known."""
        known = self.met.get(record.ref.external_id) or self.known.get(record.ref.external_id)
        if known is None or known != sight:
            return True
        return not sight.changed and self.is_whole and record.ref.external_id not in self.met

    def cursor(self, **more: str) -> dict[str, str]:
        """Return the cursor after a page that is durable."""
        found = {**self.place, KNOWN: encode({**self.known, **self.met}), **more}
        return {name: value for name, value in found.items() if value}


class Changes:
    """Reads what was exported of one instance."""

    def __init__(
        self, config: RecordengineConfig, client: RecordengineClient, reader: Reader, origins: Origins
    ) -> None:
        self._config = config
        self._client = client
        self._reader = reader
        self._origins = origins
        self._memory: dict[str, Sight] = {}

    async def pages(self, cursor: Mapping[str, str]) -> AsyncIterator[Page]:
        """Yield one poll's pages. Records are short: whoever takes one up reads it."""
        known = decode(cursor.get(KNOWN, ""))
        if cursor.get(DAY):
            known = {**self._memory, **known}
        self._origins.learn(known.items())
        run = Pass(self._begun(cursor), known)
        last = dict(cursor)
        for _ in range(SCANS if run.is_whole else 1):
            async for page in self._scan(run):
                last = dict(page.cursor)
                yield page
            if run.is_rested:
                break
        else:
            _log.warning("a list changes while it is read; the next poll reads it again", extra={"list": DOCUMENT})
            return
        gone = self._gone(run) if run.is_whole else []
        for id_ in gone:
            run.known.pop(id_, None)
        records = [Record(Ref(DOCUMENT, id_), {}, complete=False) for id_ in gone]
        end = run.cursor(**self._ended())
        if records or end != last:
            yield Page(records, end)
        self._memory = {**run.known, **run.met}

    def begin_at(self, since: datetime) -> dict[str, str]:
        """Return the cursor that begins at a time."""
        return {SINCE: version_of(since)}

    # --- one reading of the list ---

    async def _scan(self, run: Pass) -> AsyncIterator[Page]:
        """Yield pages of news."""
        first_day = run.place.get(OPEN, "")
        params = {
            "status": getattr(self._config.rules.status.words, EXPORT),
            "date_from": "" if first_day == _ALL else first_day,
        }
        ids: set[str] = set()
        quiet, count, total = 0, 0, None
        async for listed in self._client.pages("documents", params):
            fresh: list[Record] = []
            seen: dict[str, Sight] = {}
            for row in listed.rows:
                record = self._reader.listed(row)
                if record is None:
                    continue
                sight = sight_of(record)
                ids.add(record.ref.external_id)
                is_late = not record.version or record.version >= run.place.get(SINCE, "")
                if is_late and run.is_news(record, sight):
                    fresh.append(record)
                if is_settled(record, self._client.now()):
                    seen[record.ref.external_id] = sight
            run.met |= seen
            count, total = count + len(listed.rows), listed.total
            run.listed |= ids
            if fresh:
                yield Page(fresh, run.cursor())
            quiet = 0 if fresh else quiet + 1
            if quiet == KNOWN_PAGES and not run.is_whole:
                break
        run.is_rested = not run.is_whole or len(ids) == (count if total is None else total)

    def _gone(self, run: Pass) -> list[str]:
        """Return what was exported, is young enough to be listed, and is not."""
        first_day = run.place[OPEN]
        return sorted(
            id_
            for id_, sight in run.known.items()
            if id_ not in run.listed and (first_day == _ALL or (sight.made and sight.made >= first_day))
        )

    def _begun(self, cursor: Mapping[str, str]) -> dict[str, str]:
        """Return the cursor of a poll that begins: `open` says that it reads everything."""
        place = {name: value for name, value in cursor.items() if name != KNOWN}
        if OPEN in place or place.get(DAY) == self._today():
            return place
        first = self._client.today() - timedelta(days=self._config.history_days)
        return {**place, OPEN: first.isoformat() if DAY in place else _ALL}

    def _ended(self) -> dict[str, str]:
        return {DAY: self._today(), OPEN: "", SINCE: ""}

    def _today(self) -> str:
        return self._client.today().isoformat()
