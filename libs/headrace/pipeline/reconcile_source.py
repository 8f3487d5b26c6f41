"""From a connection: what its records say now, and what was told of them.

Each record is mapped in as the normaliser does it, and compared by the fingerprint that the normaliser keeps. What
differs is read anew once the workers are through with what was on its way, and counts if it then still says the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from headrace.core.contracts import Record, Source
from headrace.core.errors import RejectRecord
from headrace.core.event import Ref
from headrace.mapping.documents import InMapping
from headrace.mapping.inward import map_in
from headrace.mapping.results import Mapped, Skipped
from headrace.mapping.running import Transforms
from headrace.pipeline.echoes import echoed, renewed
from headrace.pipeline.emitted import LAPSED, Seen, content_of
from headrace.pipeline.files import Files
from headrace.pipeline.history import History, Span
from headrace.pipeline.identity import Identity
from headrace.pipeline.links import GONE, Links, facts_of
from headrace.pipeline.reconcile import Direction, Finding, Tally, Verdict, Watcher, in_parallel, patiently
from headrace.pipeline.reconcile_fields import NAMED, Told, named
from headrace.pipeline.reconcile_tables import Tables, Waiting
from headrace.platform.codec import Codec

_LAPSED = content_of(LAPSED, Record(Ref("", ""), {}, deleted=True))


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look at a record found for one mapping: `said` and `told` are fingerprint and id of the event."""

    finding: Finding
    said: str = ""
    told: str = ""
    mapped: Mapped | None = None
    ours: tuple[str, ...] = ()
    unchanged: bool = False
    modified_at: datetime | None = None

    def same_as(self, earlier: _Look) -> bool:
        """Say whether nothing has moved since an earlier look."""
        return (self.finding.verdict, self.said, self.told) == (earlier.finding.verdict, earlier.said, earlier.told)


class SourceComparison:
    """Compares the records of one connection with what was told of them.

    Args:
        connection: its name.
        source: reads it.
        mappings: in mappings of the objects that are compared.
        transforms: functions that the mappings use.
        links: identities, facts and marks, followed.
        tables: of the connection.
        codec: of canonical events.
        files: names the files of a record; their content is not read.
        certain: objects that are compared in any case; of others only those of which anything was ever told.
        concurrency: calls at once.
        tally: counts what is found.
        watcher: hears how it goes.
    """

    def __init__(
        self,
        connection: str,
        source: Source,
        mappings: Sequence[InMapping],
        transforms: Transforms,
        *,
        links: Links,
        tables: Tables,
        codec: Codec,
        files: Files,
        certain: Collection[str],
        concurrency: int,
        tally: Tally,
        watcher: Watcher,
    ) -> None:
        self._connection = connection
        self._source = source
        self._mappings: dict[str, list[InMapping]] = {}
        for document in mappings:
            self._mappings.setdefault(document.object, []).append(document)
        self._transforms = transforms
        self._links = links
        self._identity = Identity(connection, links, 0.0)
        self._tables = tables
        self._codec = codec
        self._files = files
        self._certain = certain
        self._concurrency = concurrency
        self._tally = tally
        self._watcher = watcher
        self._suspects: dict[Ref, dict[str, _Look]] = {}
        """Record → entity → the last look, for what differed there."""
        self._otherwise: list[_Look] = []

    @property
    def objects(self) -> list[str]:
        """What is compared."""
        return list(self._mappings)

    @property
    def pending(self) -> set[str]:
        """Objects with records that differed and are to be looked at again."""
        return {ref.object for ref in self._suspects}

    async def first(self, obj: str) -> None:
        """Read all records of an object; what differs is kept for `again`.

        Raises:
            RetryLater, StopConnection, RejectRecord: the object cannot be read. KafkaError: Kafka is gone.
        """
        rows = await self._tables.emitted(obj)
        if not rows and obj not in self._certain:
            self._watcher.left_out(obj)
            return
        for document in self._mappings[obj]:
            self._tally.expect(Direction.FROM, obj, document.entity)
        read: set[str] = set()
        history = History(self._connection, self._source, obj, Span())
        async for page in history.patiently(history.begin(), self._watcher.later):
            fresh = {record.ref.external_id: record for record in page.records if record.ref.external_id not in read}
            read.update(fresh)
            found = await in_parallel(fresh.values(), self._concurrency, self._whole)
            for listed, record in zip(fresh.values(), found, strict=True):
                seen = await self._tables.seen(rows.get(_key(listed.ref)))
                self._keep(listed.ref, self._looks(listed.ref, record, seen))
            self._watcher.compared(Direction.FROM, obj, len(read))
        for key, row in rows.items():
            ref = Ref(obj, key.partition(":")[2])
            if ref.external_id not in read:
                self._keep(ref, self._looks(ref, None, await self._tables.seen(row)))

    async def again(self, last: bool) -> None:
        """Look again at what differed: the workers are through with what was on its way.

        Args:
            last: what still moves is not looked at any more.
        """
        earlier, self._suspects = self._suspects, {}
        for obj in sorted({ref.object for ref in earlier}):
            refs = [ref for ref in earlier if ref.object == obj]
            self._watcher.looking_again(Direction.FROM, obj, len(refs))
            keys = [_key(ref) for ref in refs]
            rows, parked = await self._tables.emitted(obj, keys), await self._tables.parked(keys)
            for ref, record in zip(refs, await in_parallel(refs, self._concurrency, self._fetched), strict=True):
                looks = self._looks(ref, record, await self._tables.seen(rows.get(_key(ref))))
                for look in looks:
                    self._decide(ref, look, earlier[ref], parked.get(_key(ref)), last)

    async def finish(self) -> None:
        """Name the fields of what was told otherwise, as far as the events that told it are still kept."""
        told = [
            Told(look.finding, look.told, look.mapped, look.ours, look.unchanged)
            for look in self._otherwise
            if look.mapped is not None
        ]
        for finding in await named(told, self._tables, self._codec):
            self._tally.add(finding)
        for look in self._otherwise:
            if look.mapped is None:
                self._tally.add(look.finding)
        self._otherwise = []

    def suspect(self, findings: Iterable[Finding]) -> None:
        """Have records of an earlier comparison looked at again."""
        for finding in findings:
            ref = Ref(finding.object, finding.external_id)
            self._suspects.setdefault(ref, {})[finding.entity] = _Look(finding)

    def _keep(self, ref: Ref, looks: Iterable[_Look]) -> None:
        for look in looks:
            if look.finding.verdict.is_difference:
                # What a mapping made of it is made again from a fresh record: here it would only fill memory.
                self._suspects.setdefault(ref, {})[look.finding.entity] = replace(look, mapped=None)
            else:
                self._tally.add(look.finding)

    def _decide(self, ref: Ref, look: _Look, earlier: Mapping[str, _Look], parked: Waiting | None, last: bool) -> None:
        finding = look.finding
        before = earlier.get(finding.entity)
        if before is None:
            return  # counted at the first look
        if parked is not None and finding.verdict.is_difference and _is_what_waits(parked, look):
            finding = replace(finding, verdict=Verdict.PARKED, detail=parked.detail)
        elif finding.verdict.is_difference and not look.same_as(before):
            if not last:
                self._suspects.setdefault(ref, {})[finding.entity] = replace(look, mapped=None)
                return
            finding = replace(finding, verdict=Verdict.UNDER_WAY)
        if finding.verdict is Verdict.TOLD_OTHERWISE:
            mapped = look.mapped if len(self._otherwise) < NAMED else None
            self._otherwise.append(replace(look, mapped=mapped))
        else:
            self._tally.add(finding)

    # --- one record ---

    async def _whole(self, listed: Record) -> Record | RejectRecord | None:
        return listed if listed.complete else await self._fetched(listed.ref)

    async def _fetched(self, ref: Ref) -> Record | RejectRecord | None:
        try:
            return await patiently(lambda: self._source.fetch(ref), self._watcher.later)
        except RejectRecord as error:
            return error

    def _looks(self, ref: Ref, record: Record | RejectRecord | None, seen: Seen) -> list[_Look]:
        """Return what is found of a record for each mapping that concerns it."""
        found = (self._look(document, ref, record, seen) for document in self._mappings[ref.object])
        return [look for look in found if look is not None]

    def _look(self, document: InMapping, ref: Ref, record: Record | RejectRecord | None, seen: Seen) -> _Look | None:
        known = (seen.entities or {}).get(document.entity)
        told = known["event_id"] if known else ""
        finding = Finding(
            Direction.FROM,
            ref.object,
            ref.external_id,
            document.entity,
            Verdict.SAME,
            canonical_id=known["canonical_id"] if known else "",
        )
        if isinstance(record, RejectRecord):
            return _Look(replace(finding, verdict=Verdict.CANNOT_BE_READ, detail=record.detail), told=told)
        if record is None or record.deleted:
            if known is None or not document.program.of_record:
                return None  # gone before anybody was told, or not its to tell
            gone = known["fingerprint"] == _LAPSED or self._is_told_gone(document, ref)
            return _Look(replace(finding, verdict=Verdict.KNOWN_GONE if gone else Verdict.GONE), told=told)
        if self._files.concern(document, record):
            record = self._files.named(record, seen)
        try:
            mapped = map_in(document, record, self._identity, self._transforms, told=known is not None)
        except RejectRecord as error:
            finding = replace(finding, verdict=Verdict.CANNOT_BE_MAPPED, detail=error.detail)
            return _Look(finding, record.version, told, modified_at=record.modified_at)
        if not document.program.of_record and (isinstance(mapped, Skipped) or mapped.id is None):
            return _Look(replace(finding, verdict=Verdict.SKIPPED))
        if isinstance(mapped, Skipped):
            if known is None or known["fingerprint"] == _LAPSED:
                return _Look(replace(finding, verdict=Verdict.SKIPPED, detail=mapped.rule))
            words = f"told, and no longer taken: {mapped.rule}"
            return _Look(replace(finding, verdict=Verdict.TOLD_OTHERWISE, detail=words), mapped.rule, told)
        return self._compared(document, record, mapped, seen, finding)

    def _compared(self, document: InMapping, record: Record, mapped: Mapped, seen: Seen, finding: Finding) -> _Look:
        known = (seen.entities or {}).get(document.entity)
        content = content_of(mapped, replace(record, deleted=False))
        if known is None:
            finding = replace(finding, verdict=Verdict.NOT_TOLD)
            return _Look(finding, content, modified_at=record.modified_at)
        link = self._links.get(self._connection, document.identity, record.ref.external_id)
        is_now = self._identity.expected(document.identity, mapped.id or record.ref.external_id, mapped.marker)
        look = _Look(finding, content, known["event_id"], modified_at=record.modified_at)
        if record.version and record.version < seen.version:
            return look  # a newer state was told
        if is_now not in (None, known["canonical_id"]):
            words = f"told as {known['canonical_id']}, and is {is_now}"
            return replace(look, finding=replace(finding, verdict=Verdict.TOLD_OTHERWISE, detail=words))
        reads = document.program.reads
        if known["fingerprint"] == content:
            if not (back := renewed(reads, mapped.asserted, link, record.data)):
                return look
            words = f"no longer what was written there: {', '.join(back)}"
            return replace(look, finding=replace(finding, verdict=Verdict.TOLD_OTHERWISE, detail=words))
        return replace(
            look,
            finding=replace(finding, verdict=Verdict.TOLD_OTHERWISE),
            mapped=mapped,
            ours=echoed(reads, mapped.asserted, link, record.data),
            unchanged=bool(record.version) and record.version == seen.version,
        )

    def _is_told_gone(self, document: InMapping, ref: Ref) -> bool:
        link = self._links.get(self._connection, facts_of(document.identity), ref.external_id)
        return link is not None and GONE in link.facts


def _key(ref: Ref) -> str:
    return f"{ref.object}:{ref.external_id}"


def _is_what_waits(parked: Waiting, look: _Look) -> bool:
    """Say whether a parked delivery told of the record as it is now, and not of an earlier state."""
    if look.finding.verdict is Verdict.GONE:
        return False
    if look.modified_at is not None:
        return parked.at >= look.modified_at
    return look.finding.verdict in (Verdict.CANNOT_BE_MAPPED, Verdict.CANNOT_BE_READ)
