"""Records of one connection that share a natural key: nobody guesses which of them is meant (design §6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord
from headrace.core.refs import decode_key
from headrace.mapping.documents import InMapping
from headrace.mapping.inward import map_in
from headrace.mapping.results import Skipped
from headrace.mapping.running import Transforms
from headrace.pipeline.identity import Identity
from headrace.pipeline.links import Links, natural_key


@dataclass(frozen=True, slots=True)
class Twin:
    """A record that is not loaded, because another one of its connection has its natural key."""

    entity: str
    identity: str
    external_id: str
    other: str
    reason: str


class Twins:
    """Looks for twins among the records of a load, in the order in which they are read, and those known before.

    A record that has a link is never a twin: what it is was decided, be it by `--keys`. Records of several legal
    entities (the first part of a composite id) may share a key: they are one customer in several books.

    Args:
        connection: whose records.
        mappings: in mappings of the object.
        transforms: functions that the mappings use.
        links: what is known.
    """

    def __init__(self, connection: str, mappings: Sequence[InMapping], transforms: Transforms, links: Links) -> None:
        self._connection = connection
        self._mappings = mappings
        self._transforms = transforms
        self._links = links
        self._context = Identity(connection, links, 0.0)
        self._claims: dict[tuple[str, ...], str] = {}

    def of(self, record: Record) -> Twin | None:
        """Return why a record is not loaded, None if nothing speaks against it.

        A record whose parts are still to be read, or whose values do not fit, is not looked at: the normaliser does.
        """
        if not record.complete:
            return None
        for document in self._mappings:
            try:
                mapped = map_in(document, record, self._context, self._transforms)
            except RejectRecord:
                continue
            if isinstance(mapped, Skipped):
                continue
            twin = self._twin(document, record.ref.external_id, mapped.marker, mapped.natural_keys.items())
            if twin is not None:
                return twin
        return None

    def _twin(
        self, document: InMapping, external_id: str, marker: str | None, keys: Iterable[tuple[str, str]]
    ) -> Twin | None:
        linked = bool(marker) or self._links.get(self._connection, document.identity, external_id) is not None
        scope = _scope(external_id)
        for name, value in keys:
            address = natural_key(document.entity, name, value)
            other = self._claims.setdefault((document.identity, scope or "", *address), external_id)
            if other == external_id:
                other = self._known(document, address, scope) or external_id
            if other != external_id and not linked:
                words = f"{document.object} {external_id} has the {name} of {document.object} {other}: {value}"
                reason = f"{words}; merge the two or correct one in {self._connection}, or say what they are by --keys"
                return Twin(document.entity, document.identity, external_id, other, reason)
        return None

    def _known(self, document: InMapping, address: tuple[str, str, str], scope: str | None) -> str | None:
        known = self._links.get(*address)
        if known is None:
            return None
        return self._links.external(known.canonical_id, self._connection, document.identity, scope)


def _scope(external_id: str) -> str | None:
    return next(iter(decode_key(external_id).values())) if "=" in external_id else None
