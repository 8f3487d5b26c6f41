"""A row on its way into the store, and what the business rules may use while it is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dynamics_fo.entities.model import Entity
from headrace.sandbox.dynamics_fo.settings import FinanceSettings


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the Entra application and the F&O user that it is mapped to."""

    client_id: str
    user_id: str
    company: str
    object_id: str = "00000000-0000-0000-0000-000000000000"


@dataclass(slots=True)
class Draft:
    """Values of a row being created or changed; `supplied` are the fields that the request itself set."""

    entity: Entity
    company: str
    values: dict[str, Any]
    supplied: frozenset[str] = frozenset()
    original: Record | None = None

    def get(self, name: str) -> Any:
        """Return a value, or the empty value of its type."""
        return self.values.get(name, self.entity.empties[name])

    def default(self, name: str, value: Any) -> None:
        """Set a field that the request left alone and that is still empty; an explicit "" or 0 stays."""
        if name not in self.supplied and not self.is_filled(name):
            self.values[name] = value

    def is_filled(self, name: str) -> bool:
        """Whether a field holds something else than its empty value."""
        return bool(self.get(name) != self.entity.empties[name])

    def changes(self, name: str) -> bool:
        """Whether the write gives a field another value than it had."""
        before = self.original.data.get(name) if self.original else None
        return self.values.get(name) != before


InsertRow = Callable[[str, Mapping[str, Any], RequestNote], Record]
ReviseRow = Callable[[str, Record, Mapping[str, Any], RequestNote], Record]
RemoveRow = Callable[[str, Record, RequestNote], None]
TakeNumber = Callable[[str, str, str], str]


@dataclass(frozen=True, slots=True)
class Work:
    """What rules use: the store, the switches, the time, writes that bypass field checks, and number sequences.

    `number` takes the next one of a set, its field and a company. `reflect` changes what a row shows of another table:
    its own time of change stays.
    """

    store: Store
    settings: FinanceSettings
    now: datetime
    note: RequestNote
    insert: InsertRow
    revise: ReviseRow
    remove: RemoveRow
    number: TakeNumber
    reflect: ReviseRow

    @property
    def today(self) -> str:
        """Return the current date as the service writes dates."""
        return f"{self.now:%Y-%m-%d}T12:00:00Z"

    def related(self, set_name: str, name: str, value: Any, company: str) -> Record | None:
        """Return a row of another set by one indexed field, in this company."""
        found = self.store.find(set_name, name, value)
        return next((row for row in found if row.data.get("dataAreaId", company) == company), None)


class EntityRules:
    """Business rules of one entity, in the order in which the server calls them; the base class has none."""

    def default_row(self, work: Work, draft: Draft) -> None:
        """Fill what the request left open, from related rows."""

    def validate_write(self, work: Work, draft: Draft) -> None:
        """Check the whole row.

        Raises:
            WriteRefused: the row must not be written.
        """

    def after_write(self, work: Work, draft: Draft, record: Record) -> None:
        """Write what belongs to the row elsewhere."""

    def validate_delete(self, work: Work, record: Record) -> None:
        """Check that the row may go, and remove what goes with it.

        Raises:
            WriteRefused: the row must stay.
        """
