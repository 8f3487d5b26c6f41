"""What the last poll of a list handed over, so that the overlap of the next does not deliver it again.

Each deal of a list is read whole afterwards, which costs some twenty API tokens; an overlap of minutes at a poll each
minute would spend them again and again. This is thrift only: forgetting it (a restart) repeats, and never loses.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from headrace.connectors.pipedrive.client import ListPage
from headrace.connectors.pipedrive.reading import Row, moment, version_of

SETTLED_AFTER = timedelta(seconds=30)
"""`update_time` has whole seconds: a state counts as seen only if its second was long past when it was listed, so that
a second change within that second, shown a little later, is not taken for the first."""


class Overlap:
    """One list of one connection: what was handed over at the last poll, and at the present one."""

    def __init__(self) -> None:
        self._last: dict[int, str] = {}
        self._now: dict[int, str] = {}

    def begin(self, *, anew: bool) -> None:
        """Start a poll; `anew` forgets all, for a poll of everything."""
        self._last = {} if anew else self._last
        self._now = {}

    def news(self, page: ListPage) -> Sequence[Row]:
        """Return the rows that the last poll did not hand over in this state."""
        return [row for row in page.items if self._last.get(row["id"]) != _version(row)]

    def handed_over(self, page: ListPage) -> None:
        """Note a page that is durable: the caller asked for the next one (I1)."""
        settled = version_of(page.server_time - SETTLED_AFTER)
        for row in page.items:
            version = _version(row)
            if version and version < settled:
                self._now[row["id"]] = version

    def finish(self) -> None:
        """End a poll that came to the end of its list."""
        self._last, self._now = self._now, {}


def _version(row: Row) -> str:
    return version_of(moment(row.get("update_time")))
