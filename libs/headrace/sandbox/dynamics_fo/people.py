"""What a person does in the client, through the control API: edits and deletes a row, with the rules of any write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.core.refs import decode_key
from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import PERSON, RequestNote
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES
from headrace.sandbox.dynamics_fo.entities.model import Entity
from headrace.sandbox.dynamics_fo.errors import ServiceError, WriteRefused
from headrace.sandbox.dynamics_fo.rows import find, visible
from headrace.sandbox.dynamics_fo.writes import Writer


class People:
    """Edits rows of one environment."""

    def __init__(self, store: Store, writer: Writer) -> None:
        self._store = store
        self._writer = writer

    def edit(self, set_name: str, key: str, fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Change fields of a row; None if it is not there.

        Args:
            set_name: the entity set.
            key: its key, as "dataAreaId=usmf,CustomerAccount=US-001".
            fields: properties by name.

        Raises:
            ControlError: a set, property or value that does not exist or fit, or a rule that refuses.
        """
        entity, record = self._row(set_name, key)
        if record is None:
            return None
        note = RequestNote(PERSON, f"{set_name} {key}")
        try:
            with self._store.transaction():
                return visible(self._writer.update(entity, record, fields, note).data)
        except (ServiceError, WriteRefused) as error:
            raise ControlError(f"{set_name} {key}: {error}") from error

    def remove(self, set_name: str, key: str) -> Mapping[str, Any] | None:
        """Delete a row; None if it is not there.

        Raises:
            ControlError: a set that does not exist, or a rule that refuses.
        """
        entity, record = self._row(set_name, key)
        if record is None:
            return None
        try:
            with self._store.transaction():
                self._writer.delete(entity, record, RequestNote(PERSON, f"{set_name} {key}"))
        except (ServiceError, WriteRefused) as error:
            raise ControlError(f"{set_name} {key}: {error}") from error
        return visible(record.data)

    def _row(self, set_name: str, key: str) -> tuple[Entity, Record | None]:
        entity = ENTITIES.get(set_name)
        if entity is None or entity.read_only:
            raise ControlError(f"people edit no {set_name!r}; known are {', '.join(ENTITIES)}")
        parts = decode_key(key)
        if set(parts) != set(entity.key):
            raise ControlError(f"{key!r} is no key of {set_name}; write {','.join(f'{name}=…' for name in entity.key)}")
        return entity, find(self._store, entity, parts)
