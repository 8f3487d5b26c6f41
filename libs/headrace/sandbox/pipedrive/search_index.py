"""What a search can see: each record as it was some seconds ago, as the index of Pipedrive lags behind its data."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from headrace.sandbox.pipedrive.account import Account, Change, Data
from headrace.sandbox.pipedrive.custom_fields import search_text

INDEXED = ("deal", "person", "organization", "product")

_Ids = dict[int | str, None]


class SearchIndex:
    """Remembers former states for as long as the lag lasts, and where values of custom fields occur.

    An id stays under a value that its record no longer has, so that a former state, or a change that was rolled back,
    does no harm; whoever asks for `having` compares the record itself.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._recent: deque[tuple[datetime, Change]] = deque()
        self._values: dict[str, dict[str, dict[str, _Ids]]] = {}

    def reset(self) -> None:
        """Forget everything; indexes are built again when they are needed."""
        self._recent.clear()
        self._values.clear()

    def hear(self, change: Change) -> None:
        """Add new values to the indexes, and remember the former state while there is a lag."""
        if change.object not in INDEXED:
            return
        if self._account.settings.search_index_lag_seconds > 0:
            self._recent.append((self._account.clock.now(), change))
        if change.after is not None:
            for code, places in self._values.get(change.object, {}).items():
                self._add(change.object, code, places, change.after)

    def _add(self, object_: str, code: str, places: dict[str, _Ids], record: Data) -> None:
        type_ = self._account.custom_types(object_).get(code)
        text = None if type_ is None else search_text(type_, record["custom_fields"].get(code))
        if text is not None:
            places.setdefault(text, {})[record["id"]] = None

    def having(self, object_: str, code: str, text: str) -> Iterator[Data]:
        """Return visible records that have, or had, this text in a custom field."""
        fields, former = self._values.setdefault(object_, {}), self._former(object_)
        if code not in fields:
            fields[code] = {}
            for record in (*self._account.all(object_), *filter(None, former.values())):
                self._add(object_, code, fields[code], record)
        for id_ in sorted(fields[code].get(text, ()), key=int):
            state = former[id_] if id_ in former else self._account.get(object_, id_)
            if state is not None and not state["is_deleted"]:
                yield state

    def visible(self, object_: str) -> Iterator[Data]:
        """Return the records of an object, not deleted, as the index has them now."""
        former = self._former(object_)
        for record in self._account.all(object_):
            state = former.get(record["id"], record) if former else record
            if state is not None and not state["is_deleted"]:
                yield state

    def _former(self, object_: str) -> dict[int | str, Data | None]:
        lag = timedelta(seconds=self._account.settings.search_index_lag_seconds)
        oldest = self._account.clock.now() - lag
        while self._recent and self._recent[0][0] <= oldest:
            self._recent.popleft()
        former: dict[int | str, Data | None] = {}
        for _, change in self._recent:
            if change.object == object_:
                former.setdefault(change.id, change.before)
        return former
