"""Creating, changing and deleting rows, in the server's call order.

Create: clear, initial values, supplied fields, validateField per field, defaultRow, validateWrite, write.
Update: read for update, set, validateField, validateWrite, write. Delete: validateDelete, delete.
(Vendor page on OData, section on the sequence of calls on the service.)
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.sandbox.common.alterations import altered
from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.requests import PERSON, RequestNote
from headrace.sandbox.common.store import Record
from headrace.sandbox.dynamics_fo import dimensions
from headrace.sandbox.dynamics_fo.drafts import Caller, Draft, Work
from headrace.sandbox.dynamics_fo.entities.catalog import ENTITIES, stored_set
from headrace.sandbox.dynamics_fo.entities.model import NAMESPACE, Entity, Property
from headrace.sandbox.dynamics_fo.errors import (
    WriteRefused,
    must_be_filled,
    query_error,
    related_value,
    validate_field,
)
from headrace.sandbox.dynamics_fo.events import BusinessEvents
from headrace.sandbox.dynamics_fo.numbering import NumberSequences
from headrace.sandbox.dynamics_fo.rows import CREATED, KEY_INDEX, RECORD_ID, find, key_of, told
from headrace.sandbox.dynamics_fo.rules import NO_RULES, RULES
from headrace.sandbox.dynamics_fo.settings import FinanceSettings
from headrace.sandbox.dynamics_fo.values import ValueRefused, moment_text, parse_value

FIRST_RECORD_ID = 5_637_144_576


class Writer:
    """Writes rows of all entities; every method runs inside `store.transaction()`."""

    def __init__(
        self, sandbox: Sandbox, settings: FinanceSettings, numbers: NumberSequences, events: BusinessEvents
    ) -> None:
        self._sandbox = sandbox
        self._store = sandbox.store
        self._settings = settings
        self._numbers = numbers
        self._events = events
        # Unique over restarts without a write of its own: the clock moves faster than rows are made.
        self._record_id = FIRST_RECORD_ID + time.time_ns() // 1_000_000

    def work(self, note: RequestNote) -> Work:
        """Return what rules and control calls use to write on behalf of a request."""
        now = self._sandbox.clock.now()
        writes = (self.insert, self.revise, self.remove, self._next_number, self._reflect)
        return Work(self._store, self._settings, now, note, *writes)

    def create(self, entity: Entity, body: Mapping[str, Any], caller: Caller, note: RequestNote) -> Record:
        """Create a row from a request body.

        Raises:
            WriteRefused: an infolog.
            ServiceError: the body cannot be read.
        """
        self._refuse_read_only(entity)
        supplied = self._parse(entity, body)
        company = self._company(entity, supplied, caller)
        initial = {field.name: field.default for field in entity.properties if field.default is not None}
        if entity.has_company:
            supplied["dataAreaId"] = company
        draft = Draft(entity, company, {**initial, **self._kept(entity, supplied, note)}, frozenset(supplied))
        for name in supplied:
            self._validate_field(draft, entity.by_name[name], on_create=True)
        work = self.work(note)
        self._number(draft, work)
        rules = RULES.get(entity.set, NO_RULES)
        rules.default_row(work, draft)
        self._require(draft)
        rules.validate_write(work, draft)
        if find(self._store, entity, draft.values) is not None:
            raise already_exists(entity, draft.values)
        record = self._insert(entity, draft.values, supplied, note)
        rules.after_write(work, draft, record)
        return record

    def update(self, entity: Entity, record: Record, body: Mapping[str, Any], note: RequestNote) -> Record:
        """Change the fields that a body names; a body that changes nothing writes nothing.

        Raises:
            WriteRefused: an infolog.
            ServiceError: the body cannot be read.
        """
        self._refuse_read_only(entity)
        supplied = self._parse(entity, body)
        for name in [name for name in supplied if name in entity.key]:
            if _same(supplied.pop(name), record.data.get(name, entity.by_name[name].empty)):
                continue
            if self._settings.key_change == "refuse":
                raise query_error(f"The key property '{name}' of type '{NAMESPACE}.{entity.type}' cannot be changed.")
        company = str(record.data.get("dataAreaId", ""))
        draft = Draft(
            entity, company, {**record.data, **self._kept(entity, supplied, note)}, frozenset(supplied), record
        )
        for name in [*supplied]:
            self._validate_field(draft, entity.by_name[name], on_create=False)
        work = self.work(note)
        rules = RULES.get(entity.set, NO_RULES)
        if all(draft.values.get(name) == record.data.get(name, entity.by_name[name].empty) for name in supplied):
            return record
        rules.default_row(work, draft)
        self._require(draft)
        rules.validate_write(work, draft)
        changed = self._replace(entity, record, draft.values, supplied, note)
        rules.after_write(work, draft, changed)
        return changed

    def delete(self, entity: Entity, record: Record, note: RequestNote) -> None:
        """Remove a row.

        Raises:
            WriteRefused: an infolog.
        """
        self._refuse_read_only(entity)
        RULES.get(entity.set, NO_RULES).validate_delete(self.work(note), record)
        self.remove(entity.set, record, note)

    def seed(self, entity: Entity, body: Mapping[str, Any], company: str, note: RequestNote) -> Record:
        """Create or replace a row with defaults and numbers, but without any check.

        Raises:
            ServiceError: a property that the entity does not have, or a value that does not fit.
        """
        supplied = self._parse(entity, body)
        if entity.has_company:
            supplied.setdefault("dataAreaId", company)
        initial = {field.name: field.default for field in entity.properties if field.default is not None}
        draft = Draft(entity, supplied.get("dataAreaId", company), {**initial, **supplied}, frozenset(supplied))
        work = self.work(note)
        for sequence in entity.sequences:
            if not draft.is_filled(sequence.field):
                draft.values[sequence.field] = self._numbers.next(entity, sequence, draft.company, work.now)
        existing = find(self._store, entity, draft.values)
        if existing is not None:
            return self.revise(entity.set, existing, supplied, note)
        rules = RULES.get(entity.set, NO_RULES)
        rules.default_row(work, draft)
        draft.values.update(supplied)
        record = self._insert(entity, draft.values, supplied, note)
        rules.after_write(work, draft, record)
        return record

    def insert(self, set_name: str, values: Mapping[str, Any], note: RequestNote) -> Record:
        """Write a row past all checks except the unique key: seeds, and what other writes bring with them.

        Raises:
            WriteRefused: the key exists.
        """
        entity = ENTITIES[set_name]
        if not entity.record_key and find(self._store, entity, values) is not None:
            raise already_exists(entity, values)
        return self._insert(entity, values, values, note)

    def revise(self, set_name: str, record: Record, changes: Mapping[str, Any], note: RequestNote) -> Record:
        """Change a row past all checks."""
        return self._replace(ENTITIES[set_name], record, {**record.data, **changes}, changes, note)

    def _reflect(self, set_name: str, record: Record, changes: Mapping[str, Any], note: RequestNote) -> Record:
        values = {**record.data, **changes}
        return self._replace(ENTITIES[set_name], record, values, changes, note, at=record.modified_at)

    def remove(self, set_name: str, record: Record, note: RequestNote) -> None:
        """Remove a row past all checks."""
        self._store.delete(set_name, record.key)
        before = told(ENTITIES[set_name], record.data)
        self._sandbox.ledger.append(set_name, record.key, "delete", {}, before, None, note)
        self._events.changed(ENTITIES[set_name], "delete", before, record, self._sandbox.clock.now())

    def _insert(
        self, entity: Entity, values: Mapping[str, Any], supplied: Mapping[str, Any], note: RequestNote
    ) -> Record:
        now = self._sandbox.clock.now()
        self._record_id += 1
        if entity.record_key:
            values = {**values, entity.record_key: self._record_id}
        key = key_of(entity, values)
        data = self._sparse(entity, values)
        data |= {RECORD_ID: self._record_id, CREATED: moment_text(now), KEY_INDEX: key}
        record = self._store.put(entity.set, key, data, now)
        after = told(entity, data)
        self._sandbox.ledger.append(entity.set, key, "create", told(entity, supplied), None, after, note)
        self._events.changed(entity, "create", after, record, now)
        return record

    def _replace(
        self,
        entity: Entity,
        record: Record,
        values: Mapping[str, Any],
        supplied: Mapping[str, Any],
        note: RequestNote,
        at: datetime | None = None,
    ) -> Record:
        now = self._sandbox.clock.now()
        changed = self._store.put(entity.set, record.key, self._sparse(entity, values), at or now)
        before, after = told(entity, record.data), told(entity, changed.data)
        self._sandbox.ledger.append(entity.set, record.key, "update", told(entity, supplied), before, after, note)
        self._events.changed(entity, "update", after, changed, now)
        return changed

    def _sparse(self, entity: Entity, values: Mapping[str, Any]) -> dict[str, Any]:
        """Keep filled fields, key fields, and what the sandbox itself noted."""
        empties, key = entity.empties, entity.key
        return {
            name: value
            for name, value in values.items()
            if name in key or name.startswith("#") or value != empties[name]
        }

    def _refuse_read_only(self, entity: Entity) -> None:
        if entity.read_only:
            raise WriteRefused(f"Error: The data entity {entity.aot} is read-only.")

    def _parse(self, entity: Entity, body: Mapping[str, Any]) -> dict[str, Any]:
        by_name = entity.by_name
        supplied: dict[str, Any] = {}
        for name, value in body.items():
            if "@" in name:
                continue
            field = by_name.get(name)
            if field is None:
                raise query_error(
                    f"The property '{name}' does not exist on type '{NAMESPACE}.{entity.type}'. Make sure to only use "
                    "property names that are defined by the type."
                )
            try:
                parsed = parse_value(field, value)
            except ValueRefused as error:
                raise query_error(f"{error} Property '{name}'.") from error
            supplied[name] = parsed.lower() if name == "dataAreaId" else parsed
        return supplied

    def _kept(self, entity: Entity, supplied: Mapping[str, Any], note: RequestNote) -> Mapping[str, Any]:
        """Return what is kept of a request to the API (`transform`); what a person enters stays as it is."""
        rules = self._settings.transform
        return altered(rules, entity.set, supplied) if rules and note.method != PERSON else supplied

    def _company(self, entity: Entity, supplied: Mapping[str, Any], caller: Caller) -> str:
        if not entity.has_company:
            return caller.company
        company = str(supplied.get("dataAreaId") or caller.company)
        if not self._store.find("LegalEntities", "LegalEntityId", company):
            raise WriteRefused(related_value(company, "Company", "Legal entities"))
        return company

    def _validate_field(self, draft: Draft, field: Property, *, on_create: bool) -> None:
        entity, value = draft.entity, draft.values[field.name]
        if field.read_only:
            if self._settings.read_only_fields == "refuse":
                raise WriteRefused(
                    f"Error: Field '{field.shown_label}' does not allow editing.",
                    validate_field(entity.aot, field.name),
                )
            draft.values[field.name] = (draft.original.data if draft.original else {}).get(field.name, field.empty)
            return
        if field.size is not None and len(value) > field.size:
            if self._settings.long_strings == "refuse":
                raise WriteRefused(
                    f"Error: The value in field '{field.shown_label}' is longer than {field.size} characters.",
                    validate_field(entity.aot, field.name),
                )
            draft.values[field.name] = value = value[: field.size]
        if field.dimension and value:
            self._resolve_dimension(draft, field, value)
        if field.lookup is not None and value and not self._is_own_key(draft, field, value):
            self._look_up(draft, field, value)

    def _resolve_dimension(self, draft: Draft, field: Property, value: str) -> None:
        try:
            draft.values[field.name] = dimensions.resolve(self._store, field.dimension, value, draft.company)
        except dimensions.DimensionRefused as error:
            if self._settings.dimension_errors == "silent" and field.dimension == "default":
                draft.values[field.name] = (draft.original.data if draft.original else {}).get(field.name, "")
                return
            raise WriteRefused(f"Error: {error}", validate_field(draft.entity.aot, field.name)) from error

    def _is_own_key(self, draft: Draft, field: Property, value: str) -> bool:
        """Whether a look-up points at the row itself, as a customer's invoice account may."""
        lookup = field.lookup
        return (
            lookup is not None
            and draft.entity.set in lookup.sets
            and str(draft.get(lookup.field)).casefold() == value.casefold()
        )

    def _look_up(self, draft: Draft, field: Property, value: str) -> None:
        lookup = field.lookup
        if lookup is None:
            return
        for name in lookup.sets:
            target = ENTITIES[name]
            for found in self._store.find(stored_set(target), lookup.field, value):
                if not target.has_company or found.data.get("dataAreaId") == draft.company:
                    draft.values[field.name] = found.data[lookup.field]
                    return
        raise WriteRefused(
            related_value(value, field.shown_label, lookup.label), validate_field(draft.entity.aot, field.name)
        )

    def _number(self, draft: Draft, work: Work) -> None:
        for sequence in draft.entity.sequences:
            mode = self._numbers.mode(draft.entity, sequence, draft.company)
            label = draft.entity.by_name[sequence.field].shown_label
            if draft.is_filled(sequence.field):
                if mode == "auto":
                    raise WriteRefused(
                        f"Error: Field '{label}' cannot be set manually, its number sequence is automatic.",
                        validate_field(draft.entity.aot, sequence.field),
                    )
            elif mode == "manual":
                raise WriteRefused(must_be_filled(label))
            else:
                draft.values[sequence.field] = self._numbers.next(draft.entity, sequence, draft.company, work.now)

    def _next_number(self, set_name: str, field: str, company: str) -> str:
        entity = ENTITIES[set_name]
        sequence = next(each for each in entity.sequences if each.field == field)
        return self._numbers.next(entity, sequence, company, self._sandbox.clock.now())

    def _require(self, draft: Draft) -> None:
        for field in draft.entity.properties:
            if field.required and not draft.is_filled(field.name):
                raise WriteRefused(must_be_filled(field.shown_label))


def already_exists(entity: Entity, values: Mapping[str, Any]) -> WriteRefused:
    """Return the refusal of a second row with the same key."""
    names = [name for name in entity.key if name != "dataAreaId"]
    labels = ", ".join(entity.by_name[name].shown_label for name in names)
    keys = ", ".join(str(values.get(name, "")) for name in names)
    return WriteRefused(
        f"Error: Cannot create a record in {entity.label} ({entity.table}). {labels}: {keys}.\n"
        "The record already exists.",
        failure="duplicate",
    )


def _same(left: object, right: object) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return left == right
