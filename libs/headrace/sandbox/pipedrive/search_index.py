"""What a search can see: each record as it was some seconds ago, as the index of Pipedrive lags behind its data."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta

from headrace.sandbox.pipedrive.account import Account, Change, Data

INDEXED = ("deal", "person", "organization", "product")


class SearchIndex:
    """Remembers the former states of records for as long as the lag lasts."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._recent: deque[tuple[datetime, Change]] = deque()

    def reset(self) -> None:
        """Forget recent changes."""
        self._recent.clear()

    def hear(self, change: Change) -> None:
        """Note a change while there is a lag."""
        if change.object in INDEXED and self._account.settings.search_index_lag_seconds > 0:
            self._recent.append((self._account.clock.now(), change))

    def visible(self, object_: str) -> Iterator[Data]:
        """Return the records of an object, not deleted, as the index has them now."""
        former = self._former(object_)
        for record in self._account.all(object_):
            state = former.pop(record["id"], record) if former else record
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
