"""Cross-reference keys: which records are the same, told by a file where natural keys cannot tell."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.core.contracts import Record, Source
from headrace.core.errors import HeadraceError, RejectRecord, RetryLater
from headrace.core.event import Ref
from headrace.core.ids import mint_canonical_id
from headrace.core.refs import decode_key
from headrace.mapping.documents import InMapping, OutMapping
from headrace.pipeline.gate import back_off
from headrace.pipeline.links import Link, Links

COLUMNS = ("external_id", "other_connection", "other_object", "other_external_id")
_AT_ONCE = 8


class KeysUnusable(HeadraceError):
    """The file of keys says something that cannot be; nothing was linked.

    Args:
        problems: one line each, with file and line.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Side:
    """What is known of a connection: how its records are read and mapped. `source` is None if it is not read."""

    source: Source | None
    ins: Sequence[InMapping]
    outs: Sequence[OutMapping]


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the file: a record of the loaded connection is the same as another one."""

    line: int
    entity: str
    identity: str
    external_id: str
    other_connection: str
    other_object: str
    other_external_id: str

    @property
    def words(self) -> str:
        """The line for people."""
        there = f"{self.other_connection} {self.other_object} {self.other_external_id}"
        return f"{self.identity} {self.external_id} is {there}"


@dataclass(frozen=True, slots=True)
class Linking:
    """What a key comes to: links to be written, none if they are there; or a conflict with what is known."""

    key: Key
    links: tuple[Link, ...] = ()
    conflict: str = ""


class Keys:
    """Reads a file of keys and holds it against both systems and the links.

    Args:
        file: CSV with a header of `COLUMNS`.
        connection: the connection that is loaded.
        obj: the object.
        sides: every configured connection.
        links: what is known.
    """

    def __init__(self, file: Path, connection: str, obj: str, sides: Mapping[str, Side], links: Links) -> None:
        self._file = file
        self._connection = connection
        self._object = obj
        self._sides = sides
        self._links = links

    async def check(self) -> list[Key]:
        """Return the keys, with the ids as the systems spell them.

        Raises:
            KeysUnusable: every problem at once: unknown names, records that are not there, keys that contradict others.
            StopConnection: a system cannot be read.
        """
        problems: list[str] = []
        keys: list[Key] = []
        for line, row in self._rows():
            found = self._key(line, row)
            if isinstance(found, Key):
                keys.append(found)
            else:
                problems.append(f"{self._file}:{line}: {found}")
        spelled: list[Key | str] = []
        for start in range(0, len(keys), _AT_ONCE):
            spelled += await asyncio.gather(*(self._spelled(key) for key in keys[start : start + _AT_ONCE]))
        problems += [found for found in spelled if isinstance(found, str)]
        keys = [found for found in spelled if isinstance(found, Key)]
        problems += self._contradictions(keys)
        if problems:
            raise KeysUnusable(problems)
        return keys

    async def link(self, keys: Sequence[Key]) -> list[Linking]:
        """Write the links of all keys, or of none if one conflicts with what is known; return what each comes to."""
        planned: dict[tuple[str, str, str], Link] = {}
        found = []
        for key in keys:
            found.append(linking := self._linking(key, planned))
            planned |= {link.address: link for link in linking.links}
        if not any(linking.conflict for linking in found):
            for linking in found:
                for link in linking.links:
                    await self._links.put(link)
        return found

    # --- the file ---

    def _rows(self) -> Iterator[tuple[int, Mapping[str, str]]]:
        try:
            with self._file.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.DictReader(stream, restkey="", strict=True)
                if tuple(reader.fieldnames or ()) != COLUMNS:
                    raise KeysUnusable([f"{self._file}:1: the header must be {','.join(COLUMNS)}"])
                for row in reader:
                    yield reader.line_num, row
        except OSError as error:
            raise KeysUnusable([f"{self._file}: cannot be read: {error.strerror}"]) from None
        except (UnicodeDecodeError, csv.Error) as error:
            raise KeysUnusable([f"{self._file}: not CSV in UTF-8: {error}"]) from None

    def _key(self, line: int, row: Mapping[str, str | None]) -> Key | str:
        values = [(row.get(name) or "").strip() for name in COLUMNS]
        if "" in row or not all(values):
            return f"four values are needed: {', '.join(COLUMNS)}"
        external_id, connection, obj, other_id = values
        side = self._sides.get(connection)
        if side is None:
            return f"other_connection: {connection} is not configured; there are {', '.join(self._sides)}"
        own = {document.entity: document.identity for document in self._own.ins if document.object == self._object}
        theirs = {document.entity for document in side.ins if obj == document.identity}
        theirs |= {each.entity for each in side.outs if obj == each.known_as}
        entities = sorted(own.keys() & theirs)
        if len(entities) != 1:
            what = " or ".join(sorted(own))
            return f"other_object: {connection} has no {obj} that is a {what}"
        items = [
            document
            for document in side.outs
            if document.entity == entities[0] and any(step.each is not None for step in document.steps)
        ]
        if items:
            return (
                f"{obj} is a document with items, which would be added to it a second time; "
                "leave documents that are there already out by --since"
            )
        return Key(line, entities[0], own[entities[0]], external_id, connection, obj, other_id)

    @property
    def _own(self) -> Side:
        return self._sides[self._connection]

    # --- the systems ---

    async def _spelled(self, key: Key) -> Key | str:
        """Read both records; a key to nowhere would make a second record of what is there under another id."""
        objects = {document.identity: document.object for document in self._sides[key.other_connection].ins}
        sides = (
            (self._connection, self._object, key.external_id),
            (key.other_connection, objects.get(key.other_object, key.other_object), key.other_external_id),
        )
        ids = []
        for connection, obj, external_id in sides:
            source = self._sides[connection].source
            try:
                record = await _read(source, Ref(obj, external_id)) if source else None
            except RejectRecord as error:
                return f"{self._file}:{key.line}: {connection} {obj} {external_id}: {error.detail}"
            if source and (record is None or record.deleted):
                return f"{self._file}:{key.line}: {connection} has no {obj} {external_id}; correct the id"
            ids.append(record.ref.external_id if record else external_id)
        return replace(key, external_id=ids[0], other_external_id=ids[1])

    # --- what is known ---

    def _contradictions(self, keys: Sequence[Key]) -> Iterator[str]:
        first: dict[tuple[str, ...], Key] = {}
        for key in keys:
            there = (key.other_connection, key.other_object)
            own = (key.external_id, *there, _scope(key.other_external_id) or "")
            for address, said, what in (
                (own, key.external_id, " ".join(there)),
                ((*there, key.other_external_id), key.other_external_id, f"{self._connection} {self._object}"),
            ):
                if address[:2] == (self._connection, key.identity):
                    continue  # several records may be the same as one of their own kind
                before = first.setdefault(address, key)
                if (before.external_id, before.other_external_id) != (key.external_id, key.other_external_id):
                    yield f"{self._file}:{key.line}: {said} stands in line {before.line} too, as another {what}"

    def _linking(self, key: Key, planned: Mapping[tuple[str, str, str], Link]) -> Linking:
        links = self._links
        here = (self._connection, key.identity, key.external_id)
        there = (key.other_connection, key.other_object, key.other_external_id)
        own, other = planned.get(here) or links.get(*here), planned.get(there) or links.get(*there)
        if own is not None and other is not None and own.canonical_id != other.canonical_id:
            words = f"{key.words}: they are linked to two identities, {own.canonical_id} and {other.canonical_id}"
            return Linking(key, conflict=f"{words}; `headrace trace` tells how")
        known = own or other
        canonical_id = (
            known.canonical_id if known else mint_canonical_id(self._connection, key.identity, key.external_id)
        )
        for connection, obj, external_id in (here, there) if here[:2] != there[:2] else ():
            linked = links.external(canonical_id, connection, obj, _scope(external_id))
            if linked is not None and linked != external_id:
                return Linking(key, conflict=f"{key.words}: that identity is linked to {connection} {obj} {linked}")
        missing = dict.fromkeys(address for link, address in ((own, here), (other, there)) if link is None)
        return Linking(key, tuple(Link(*address, canonical_id, key.entity, "operator") for address in missing))


async def _read(source: Source, ref: Ref) -> Record | None:
    attempt = 1
    while True:
        try:
            return await source.fetch(ref)
        except RetryLater as later:
            await asyncio.sleep(back_off(attempt, later.after))
            attempt += 1


def _scope(external_id: str) -> str | None:
    return next(iter(decode_key(external_id).values())) if "=" in external_id else None
