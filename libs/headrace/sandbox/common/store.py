"""Records of one sandbox in one SQLite file, with a write-through copy in memory that answers every read.

All calls are synchronous and short. A transaction never awaits, so on one event loop no two of them interleave
and no lock is needed; `synchronous=NORMAL` in WAL mode survives a crash of the process.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from headrace.sandbox.common.encoding import dump_text, load

metadata = sa.MetaData()

_records = sa.Table(
    "records",
    metadata,
    sa.Column("object", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("data", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("modified_at", sa.Text, nullable=False),
)
_PUT = (
    "INSERT INTO records (object, key, data, version, modified_at) "
    "VALUES (:object, :key, :data, :version, :modified_at) "
    "ON CONFLICT (object, key) DO UPDATE SET data = :data, version = :version, modified_at = :modified_at"
)
_DELETE = "DELETE FROM records WHERE object = :object AND key = :key"


@dataclass(frozen=True, slots=True)
class Record:
    """One stored record; `data` must not be changed in place, `version` starts at 1 and grows by one per change."""

    object: str
    key: str
    data: Mapping[str, Any]
    version: int
    modified_at: datetime


Records = list[Record]


class Store:
    """Generic record table of a sandbox.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the file cannot be opened or written; the sandbox cannot go on.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(f"sqlite:///{path}", poolclass=StaticPool, connect_args={"check_same_thread": False})
        self._engine = engine
        self._connection = engine.connect()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "temp_store=MEMORY",
            "wal_autocheckpoint=4000",
        ):
            self._connection.exec_driver_sql(f"PRAGMA {pragma}")
        self._connection.commit()
        self._depth = 0
        self._undo: list[tuple[str, str, Record | None]] = []
        self._cache: dict[str, dict[str, Record]] = {}
        self._indexes: dict[tuple[str, str], dict[Any, dict[str, None]]] = {}
        self._indexed_fields: dict[str, list[str]] = {}
        metadata.create_all(self._connection)
        self._connection.commit()
        self._load()

    def _load(self) -> None:
        for row in self._connection.execute(sa.select(_records).order_by(sa.text("rowid"))):
            record = Record(row.object, row.key, load(row.data), row.version, datetime.fromisoformat(row.modified_at))
            self._cache.setdefault(row.object, {})[row.key] = record
        self._connection.commit()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything done inside together, or nothing when an exception leaves it; nested ones join the outer.

        Never await inside.
        """
        self._depth += 1
        try:
            yield
        except BaseException:
            if self._depth == 1:
                self._connection.rollback()
                for object_, key, previous in reversed(self._undo):
                    self._replace(object_, key, previous)
                self._undo.clear()
            raise
        else:
            if self._depth == 1:
                self._connection.commit()
                self._undo.clear()
        finally:
            self._depth -= 1

    @property
    def in_transaction(self) -> bool:
        """Whether a `transaction` is open."""
        return self._depth > 0

    def get(self, object_: str, key: str) -> Record | None:
        """Return the record, or None."""
        return self._cache.get(object_, {}).get(key)

    def list(self, object_: str) -> Records:
        """Return all records of an object in the order of their creation."""
        return [*self._cache.get(object_, {}).values()]

    def objects(self) -> Mapping[str, int]:
        """Return how many records each object has."""
        return {name: len(found) for name, found in self._cache.items()}

    def put(self, object_: str, key: str, data: Mapping[str, Any], modified_at: datetime) -> Record:
        """Create or replace a record inside a transaction and return it with its new version."""
        self._require_transaction()
        previous = self.get(object_, key)
        record = Record(object_, key, data, previous.version + 1 if previous else 1, modified_at)
        self._connection.exec_driver_sql(
            _PUT,
            {
                "object": object_,
                "key": key,
                "data": dump_text(data),
                "version": record.version,
                "modified_at": modified_at.isoformat(),
            },
        )
        self._undo.append((object_, key, previous))
        self._replace(object_, key, record)
        return record

    def delete(self, object_: str, key: str) -> Record | None:
        """Remove a record inside a transaction and return what it was, or None if there was none."""
        self._require_transaction()
        previous = self.get(object_, key)
        if previous is not None:
            self._connection.exec_driver_sql(_DELETE, {"object": object_, "key": key})
            self._undo.append((object_, key, previous))
            self._replace(object_, key, None)
        return previous

    def define_index(self, object_: str, field: str) -> None:
        """Make `find` on this field fast; a text is found in any case."""
        if (object_, field) not in self._indexes:
            self._indexes[(object_, field)] = {}
            self._indexed_fields.setdefault(object_, []).append(field)
            for record in self.list(object_):
                self._index(record, field)

    def has_index(self, object_: str, field: str) -> bool:
        """Whether `define_index` was called for the field."""
        return (object_, field) in self._indexes

    def find(self, object_: str, field: str, value: object) -> Records:
        """Return the records whose indexed field equals the value, a text in any case.

        Raises:
            KeyError: the field has no index.
        """
        keys = self._indexes[(object_, field)].get(_folded(value), {})
        records = self._cache.get(object_, {})
        return [records[key] for key in keys]

    def execute(self, statement: sa.Executable, parameters: Mapping[str, Any] | None = None) -> sa.CursorResult[Any]:
        """Run a statement on the sandbox's other tables; a change needs an open `transaction`."""
        return self._connection.execute(statement, parameters or {})

    def execute_text(self, statement: str, parameters: Mapping[str, Any]) -> None:
        """Run one SQL text as the driver takes it: for rows that are added with every change."""
        self._require_transaction()
        self._connection.exec_driver_sql(statement, dict(parameters))

    def clear(self) -> None:
        """Remove all records and empty every other table (`/_sandbox/reset`)."""
        with self.transaction():
            for table in metadata.tables.values():
                self._connection.execute(table.delete())
            self._cache.clear()
            for index in self._indexes.values():
                index.clear()
            self._undo.clear()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        self._engine.dispose()

    def _require_transaction(self) -> None:
        if not self._depth:
            raise RuntimeError("a change outside of store.transaction() would not commit with its ledger row")

    def _replace(self, object_: str, key: str, record: Record | None) -> None:
        records = self._cache.setdefault(object_, {})
        fields = self._indexed_fields.get(object_, ())
        previous = records.get(key)
        for field in fields:
            if previous is not None:
                self._indexes[(object_, field)].get(_folded(previous.data.get(field)), {}).pop(key, None)
        if record is None:
            records.pop(key, None)
            return
        records[key] = record
        for field in fields:
            self._index(record, field)

    def _index(self, record: Record, field: str) -> None:
        index = self._indexes[(record.object, field)]
        index.setdefault(_folded(record.data.get(field)), {})[record.key] = None


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value
