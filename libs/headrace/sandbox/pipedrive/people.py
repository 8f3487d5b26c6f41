"""What a person does in the app, through the control API: edits and deletes a record.

Webhooks say `change_source: app`. Fields are named as in a seed: custom ones by display name under `custom`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.sandbox.common.control import ControlError
from headrace.sandbox.common.requests import PERSON, RequestNote
from headrace.sandbox.pipedrive import records
from headrace.sandbox.pipedrive.account import Account, Caller, Data
from headrace.sandbox.pipedrive.errors import ApiError
from headrace.sandbox.pipedrive.resources import RESOURCES
from headrace.sandbox.pipedrive.seed import Seeder

_USER = 1
"""The account's first user."""


class People:
    """Edits records of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def edit(self, object_: str, key: str, fields: Mapping[str, Any]) -> Data | None:
        """Change fields of a record; None if it is not there.

        Raises:
            ControlError: an object, field or value that does not exist or fit.
        """
        before = self._record(object_, key)
        if before is None:
            return None
        place = f"{object_} {key}"
        body = Seeder(self._account, {}).resolved(object_, dict(fields), place)
        try:
            with self._account.store.transaction():
                return records.change(self._account, self._caller(place), RESOURCES[object_], before, body)
        except ApiError as error:
            raise ControlError(f"{place}: {error}") from error

    def remove(self, object_: str, key: str) -> Data | None:
        """Delete a record; None if it is not there."""
        before = self._record(object_, key)
        if before is None:
            return None
        with self._account.store.transaction():
            return self._account.soft_delete(object_, before, self._caller(f"{object_} {key}"))

    def _record(self, object_: str, key: str) -> Data | None:
        if object_ not in RESOURCES:
            raise ControlError(f"people edit no {object_!r}; known are {', '.join(RESOURCES)}")
        record = self._account.get(object_, key)
        return None if record is None or record.get("is_deleted") else record

    def _caller(self, place: str) -> Caller:
        return Caller(_USER, RequestNote(PERSON, place), "app")
