"""The append-only ledger: every change that was made to a sandbox, what it was before, and the request that made it.

Tests judge by it (the oracle): what a client believes to have done counts for nothing, what the ledger holds does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from headrace.sandbox.common.encoding import dump_text, load
from headrace.sandbox.common.requests import RequestNote
from headrace.sandbox.common.store import Store, metadata

Action = Literal["create", "update", "delete", "unchanged"]
"""`unchanged` is an upsert that found every field as it was sent; only systems with upserts have such rows."""

_ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False, index=True),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("reply", sa.Text, nullable=False),
)
_APPEND = (
    "INSERT INTO ledger (at, object, key, action, fields, before, after, request, reply) "
    "VALUES (:at, :object, :key, :action, :fields, :before, :after, :request, :reply)"
)


class Ledger:
    """Rows are added in the transaction of the change and never touched again."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    def append(
        self,
        object_: str,
        key: str,
        action: Action,
        fields: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        request: RequestNote,
    ) -> None:
        """Record one change inside the transaction that makes it; `fields` is what the request itself set.

        Raises:
            RuntimeError: no transaction is open.
        """
        if not self._store.in_transaction:
            raise RuntimeError("a ledger row outside of store.transaction() would not commit with its change")
        self._store.execute_text(
            _APPEND,
            {
                "at": self._now().isoformat(),
                "object": object_,
                "key": key,
                "action": action,
                "fields": dump_text(fields),
                "before": None if before is None else dump_text(before),
                "after": None if after is None else dump_text(after),
                "request": dump_text(request.describe()),
                "reply": request.reply,
            },
        )

    def entries(self, after: int = 0, object_: str | None = None, limit: int = 1000) -> list[dict[str, Any]]:
        """Return rows with a greater sequence number, oldest first, at most `limit` of them."""
        query = sa.select(_ledger).where(_ledger.c.seq > after).order_by(_ledger.c.seq).limit(limit)
        if object_ is not None:
            query = query.where(_ledger.c.object == object_)
        return [_entry(row) for row in self._store.execute(query).mappings()]

    def tally(self, object_: str) -> dict[str, dict[str, int]]:
        """Return how often each key of an object met each action."""
        query = (
            sa.select(_ledger.c.key, _ledger.c.action, sa.func.count().label("count"))
            .where(_ledger.c.object == object_)
            .group_by(_ledger.c.key, _ledger.c.action)
        )
        counts: dict[str, dict[str, int]] = {}
        for row in self._store.execute(query).mappings():
            counts.setdefault(row["key"], {})[row["action"]] = row["count"]
        return counts

    def last(self) -> int:
        """Return the highest sequence number, 0 when the ledger is empty."""
        return int(self._store.execute(sa.select(sa.func.max(_ledger.c.seq))).scalar() or 0)


def _entry(row: sa.RowMapping) -> dict[str, Any]:
    entry: dict[str, Any] = {str(name): value for name, value in row.items()}
    for name in ("fields", "before", "after", "request"):
        entry[name] = None if entry[name] is None else load(entry[name])
    return entry
