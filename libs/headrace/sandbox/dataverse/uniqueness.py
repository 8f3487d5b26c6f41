"""Alternate keys, which no two rows may share, and duplicate-detection rules, which a header turns on."""

from __future__ import annotations

from headrace.sandbox.common.store import Store
from headrace.sandbox.dataverse.contexts import Context, Draft
from headrace.sandbox.dataverse.errors import DUPLICATE_DETECTED, KEY_VIOLATED, ServiceError
from headrace.sandbox.dataverse.paths import rows_of_key
from headrace.sandbox.dataverse.settings import DataverseSettings


class Uniqueness:
    """Checks a row before it is written."""

    def __init__(self, store: Store, settings: DataverseSettings) -> None:
        self._store, self._settings = store, settings

    def check(self, draft: Draft, key: str, context: Context) -> None:
        """Check alternate keys and, where the request asks for it, the duplicate-detection rule.

        Raises:
            ServiceError: another row has these values.
        """
        self._check_keys(draft, key)
        columns = self._settings.duplicate_detection.get(draft.table.name, [])
        if context.detects_duplicates and columns:
            self._detect(draft, key, columns)

    def _check_keys(self, draft: Draft, own_key: str) -> None:
        table, values = draft.table, draft.values
        for key in table.keys:
            empty = any(values.get(name) is None for name in key.columns)
            if empty and self._settings.null_keys == "ignored":
                continue
            found = rows_of_key(self._store, table, key, {name: values.get(name) for name in key.columns})
            if any(each.key != own_key for each in found):
                names = ", ".join(table.by_name[name].shown_label for name in key.columns)
                raise ServiceError(
                    412,
                    KEY_VIOLATED,
                    f"Entity Key {key.label or key.name} violated. A record with the same value for {names} already "
                    f"exists. A duplicate record cannot be created. Select one or more unique values and try again.",
                )

    def _detect(self, draft: Draft, own_key: str, columns: list[str]) -> None:
        wanted = [str(draft.values.get(name, "")).casefold() for name in columns]
        if not any(wanted):
            return
        for record in self._store.list(draft.table.name):
            same = [str(record.data.get(name, "")).casefold() for name in columns] == wanted
            if same and record.key != own_key:
                raise ServiceError(
                    self._settings.duplicate_detected_status,
                    DUPLICATE_DETECTED,
                    "A record was not created or updated because a duplicate of the current record already exists.",
                )
