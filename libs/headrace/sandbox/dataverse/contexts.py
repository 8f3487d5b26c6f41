"""Who calls, and what one operation carries with it on its way through rules and webhooks."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.dataverse.tables.model import Table
from headrace.sandbox.dataverse.values import moment_text


@dataclass(frozen=True, slots=True)
class Caller:
    """An application user, or the person whom the control API plays; `acting_for` called in their name."""

    user_id: str
    client_id: str
    business_unit: str
    roles: tuple[str, ...]
    acting_for: str = ""

    @property
    def initiating_user(self) -> str:
        """Return who really called."""
        return self.acting_for or self.user_id


class Ids:
    """Mints ids, the same ones again when an operation is done a second time after its rehearsal."""

    def __init__(self) -> None:
        self._minted: list[str] = []
        self._position = 0

    def next(self) -> str:
        """Return the next id."""
        if self._position == len(self._minted):
            self._minted.append(str(uuid.uuid4()))
        self._position += 1
        return self._minted[self._position - 1]

    def again(self) -> None:
        """Begin with the first id again."""
        self._position = 0


@dataclass(slots=True)
class Context:
    """One operation.

    `synchronous` collects what synchronous webhooks must be sent before it commits; while it is rehearsed, nothing
    else is sent.
    """

    caller: Caller
    note: RequestNote
    now: datetime
    ids: Ids = field(default_factory=Ids)
    correlation_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    depth: int = 1
    detects_duplicates: bool = False
    checked: bool = True
    rehearsing: bool = False
    agreed: bool = False
    synchronous: list[Any] = field(default_factory=list)

    @property
    def moment(self) -> str:
        """Return the time as rows keep it."""
        return moment_text(self.now)


@dataclass(slots=True)
class Draft:
    """Values of a row being created or changed; `supplied` are the columns that the request itself set."""

    table: Table
    values: dict[str, Any]
    supplied: frozenset[str]
    original: Record | None = None

    def changes(self, name: str) -> bool:
        """Whether the write gives a column another value than it had."""
        before = self.original.data.get(name) if self.original else None
        return self.values.get(name) != before
