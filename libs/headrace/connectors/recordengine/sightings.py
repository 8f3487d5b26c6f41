"""What polls have seen of the list of exported documents, and in which state: nothing is delivered twice for nothing.

The newest sightings are part of the cursor, so that another process goes on; all of them are kept in memory, which is
thrift only: forgetting them repeats, and never loses.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from headrace.connectors.recordengine.values import version_of
from headrace.core.contracts import Record
from headrace.core.errors import RejectRecord

WINDOW = 200
"""Sightings in a cursor."""
SETTLED_AFTER = timedelta(seconds=30)
"""Times of changes have whole seconds: a state counts as seen only if its second was long past when it was listed."""
_ORIGINS = 50_000
_NONE = "-"


class Sight(NamedTuple):
    """A document's state in a list: when it was changed and made, "" if the list does not tell."""

    changed: str
    made: str


def sight_of(record: Record) -> Sight:
    """Return the state that a row tells."""
    made = record.data.get("created_at")
    return Sight(record.version, version_of(made) if isinstance(made, datetime) else "")


def is_settled(record: Record, now: datetime) -> bool:
    """Say whether no other state of the same second can follow."""
    changed = record.data.get("updated_at")
    return not isinstance(changed, datetime) or now - changed > SETTLED_AFTER


def encode(sights: Mapping[str, Sight]) -> str:
    """Return the newest sightings as one text."""
    newest = sorted(sights.items(), key=lambda item: (item[1].changed or item[1].made, item[0]), reverse=True)
    return ";".join(f"{id_} {sight.changed or _NONE} {sight.made or _NONE}" for id_, sight in newest[:WINDOW])


def decode(text: str) -> dict[str, Sight]:
    """Return the sightings of `encode`; what is none of them is left out."""
    found = {}
    for part in text.split(";"):
        names = part.split(" ")
        if len(names) == len(("id", *Sight._fields)):
            found[names[0]] = Sight(*("" if each == _NONE else each for each in names[1:]))
    return found


class Origins:
    """When documents were made, by id. An instance that was restored gives ids again, to other documents."""

    def __init__(self) -> None:
        self._made: OrderedDict[str, str] = OrderedDict()

    def learn(self, sights: Iterable[tuple[str, Sight]]) -> None:
        """Note documents; what was known first counts."""
        for id_, sight in sights:
            if sight.made:
                self._made.setdefault(id_, sight.made)
                self._made.move_to_end(id_)
        while len(self._made) > _ORIGINS:
            self._made.popitem(last=False)

    def check(self, id_: str, made: str) -> None:
        """Refuse a document whose id was another one's.

        Raises:
            RejectRecord: it was made at another time than the document that had this id before.
        """
        known = self._made.get(id_)
        if made and known and known != made:
            raise RejectRecord(
                "id of another document",
                f"document {id_} was made at {made}, the one that had this id before at {known}: the instance was "
                "restored, and its ids mean other documents now. Give it a connection with another name, so that they "
                "are not taken for each other.",
            )
        self.learn([(id_, Sight("", made))])
