"""Creating, changing and deleting rows: rights, values, defaults, rules, keys; then row, ledger and webhooks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from headrace.sandbox.common.alterations import altered
from headrace.sandbox.common.control import Sandbox
from headrace.sandbox.common.requests import PERSON
from headrace.sandbox.common.store import Record
from headrace.sandbox.dataverse.bodies import Bodies, Body
from headrace.sandbox.dataverse.contexts import Context, Draft
from headrace.sandbox.dataverse.defaults import Defaults
from headrace.sandbox.dataverse.errors import DUPLICATE, INVALID_ARGUMENT, ServiceError
from headrace.sandbox.dataverse.rules import RULES, after_delete, after_write, before_delete
from headrace.sandbox.dataverse.rules.states import check_frozen, check_parents, settle_state
from headrace.sandbox.dataverse.rules.work import Work
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.security import Security
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.model import Table
from headrace.sandbox.dataverse.tellings import told
from headrace.sandbox.dataverse.uniqueness import Uniqueness
from headrace.sandbox.dataverse.values import GUID
from headrace.sandbox.dataverse.versions import RowVersions


class Listener(Protocol):
    """Hears of each change inside its transaction: `message` is Create, Update or Delete."""

    def changed(
        self,
        table: Table,
        message: str,
        key: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        sent: Collection[str],
        context: Context,
    ) -> None:
        """Hear of a change; `sent` are the columns that the request named."""


class Writer:
    """Writes rows of all tables; every method runs inside `store.transaction()`."""

    def __init__(
        self,
        sandbox: Sandbox,
        settings: DataverseSettings,
        schema: Schema,
        security: Security,
        versions: RowVersions,
        listener: Listener,
    ) -> None:
        self._sandbox = sandbox
        self._store = sandbox.store
        self._settings = settings
        self._schema = schema
        self._security = security
        self._versions = versions
        self._listener = listener
        self._defaults = Defaults(sandbox.store)
        self._uniqueness = Uniqueness(sandbox.store, settings)
        self.bodies = Bodies(sandbox.store, schema, settings)

    def create(self, table: Table, body: Mapping[str, Any], context: Context) -> Record:
        """Create a row from a request body, and the rows inside it.

        Raises:
            ServiceError: refused.
        """
        if context.checked:
            self._security.require(context.caller, "Create", table)
        sent = self.bodies.read(table, body, context, creating=True)
        self._create_parents(sent, context)
        self._check_appending(table, sent.values, context)
        supplied = frozenset(sent.values)
        draft = Draft(table, {**self._kept(table, sent.values, context)}, supplied)
        key = draft.values.pop(table.key, None) or self._given_id(body) or context.ids.next()
        if self._store.get(table.name, key) is not None:
            raise ServiceError(412, DUPLICATE, "A record with matching key values already exists.")
        self._defaults.fill(draft, context)
        settle_state(draft, key)
        work = self._work(context)
        self._rule(work, draft, key)
        self._require_columns(draft, context)
        self._uniqueness.check(draft, key, context)
        record = self._insert(table, key, draft.values, sent.values, context)
        after_write(work, draft, record)
        for child, column, rows in sent.children.values():
            for row in rows:
                linked = {**row, f"{_navigation(column, table)}@odata.bind": f"/{table.set}({key})"}
                self.create(child, linked, context)
        return self._store.get(table.name, key) or record

    def update(self, table: Table, record: Record, body: Mapping[str, Any], context: Context) -> Record:
        """Change the columns that a body names; equal values count as a change, as in the service.

        Raises:
            ServiceError: refused.
        """
        if context.checked:
            self._security.require(context.caller, "Write", table, record)
        sent = self.bodies.read(table, body, context, creating=False)
        self._create_parents(sent, context)
        sent.values.pop(table.key, None)
        self._check_appending(table, sent.values, context)
        supplied = frozenset(sent.values)
        draft = Draft(table, {**record.data, **self._kept(table, sent.values, context)}, supplied, record)
        if context.checked:
            check_frozen(self._settings, draft)
        settle_state(draft, record.key)
        work = self._work(context)
        self._rule(work, draft, record.key)
        self._defaults.convert(draft)
        self._uniqueness.check(draft, record.key, context)
        changed = self._replace(table, record, draft.values, sent.values, context)
        after_write(work, draft, changed)
        return self._store.get(table.name, record.key) or changed

    def delete(self, table: Table, record: Record, context: Context) -> None:
        """Remove a row, and those that go down with it.

        Raises:
            ServiceError: refused.
        """
        if context.checked:
            self._security.require(context.caller, "Delete", table, record)
        work = self._work(context)
        check_parents(work, Draft(table, dict(record.data), frozenset(), record))
        before_delete(work, table, record)
        self.remove(table, record, context)
        after_delete(work, table, record)

    def insert(self, table: Table, values: Mapping[str, Any], context: Context) -> Record:
        """Write a row past rights and rules: what other writes bring with them."""
        draft = Draft(table, dict(values), frozenset(values))
        self._defaults.fill(draft, context)
        settle_state(draft, "")
        return self._insert(table, context.ids.next(), draft.values, values, context)

    def revise(self, table: Table, record: Record, changes: Mapping[str, Any], context: Context) -> Record:
        """Change a row past rights and rules."""
        draft = Draft(table, {**record.data, **changes}, frozenset(changes), record)
        self._defaults.convert(draft)
        return self._replace(table, record, draft.values, changes, context)

    def remove(self, table: Table, record: Record, context: Context) -> None:
        """Remove a row past rights and rules; one that went meanwhile is gone."""
        if self._store.delete(table.name, record.key) is None:
            return
        self._versions.note_deletion(table.name, record.key, context.now)
        self._sandbox.ledger.append(table.name, record.key, "delete", {}, told(table, record.data), None, context.note)
        self._listener.changed(table, "Delete", record.key, record.data, None, (), context)

    def _work(self, context: Context) -> Work:
        return Work(self._store, self._schema, self._settings, context, self.insert, self.revise, self.remove)

    def _rule(self, work: Work, draft: Draft, key: str) -> None:
        check_parents(work, draft)
        for rule in RULES.get(draft.table.name, ()):
            rule(work, draft, key)

    def _given_id(self, body: Mapping[str, Any]) -> str:
        match = GUID.search(str(body.get("@odata.id", "")))
        return match[0].lower() if match else ""

    def _create_parents(self, sent: Body, context: Context) -> None:
        for name, (column, table, row) in sent.parents.items():
            created = self.create(table, row, context)
            target = next(each for each in column.targets if each.navigation == name and each.table == table.name)
            sent.values[column.name] = created.key
            if column.type_column:
                sent.values[column.type_column] = target.table

    def _check_appending(self, table: Table, values: Mapping[str, Any], context: Context) -> None:
        if not context.checked:
            return
        for name, value in values.items():
            column = table.by_name.get(name)
            if column is None or column.kind != "lookup" or value is None:
                continue
            target = self._schema.table(str(values.get(column.type_column) or column.targets[0].table))
            if name == "ownerid":
                if value != context.caller.user_id:
                    self._security.require(context.caller, "Assign", table)
            elif target is not None:
                self._security.require(context.caller, "Append", table)
                self._security.require(context.caller, "AppendTo", target, self._store.get(target.name, str(value)))

    def _kept(self, table: Table, values: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
        """Return what is kept of a request to the API (`transform`); what a person enters stays as it is."""
        rules = self._settings.transform
        return altered(rules, table.name, values) if rules and context.note.method != PERSON else values

    def _require_columns(self, draft: Draft, context: Context) -> None:
        if not context.checked or self._settings.create_missing_system_columns == "accept":
            return
        for column in draft.table.columns:
            if column.level == "system" and column.name != draft.table.key and draft.values.get(column.name) is None:
                raise ServiceError(
                    400,
                    INVALID_ARGUMENT,
                    f"Required field '{column.name}' is missing on the {draft.table.name} entity.",
                )

    def _insert(
        self, table: Table, key: str, values: Mapping[str, Any], sent: Mapping[str, Any], context: Context
    ) -> Record:
        user = context.caller.user_id
        created = values.get("overriddencreatedon") or context.moment
        data = _sparse(values) | {table.key: key, "createdon": created, "modifiedon": context.moment}
        data |= {"createdby": user, "modifiedby": user, "versionnumber": self._versions.next()}
        record = self._store.put(table.name, key, data, context.now)
        self._sandbox.ledger.append(table.name, key, "create", told(table, sent), None, told(table, data), context.note)
        self._listener.changed(table, "Create", key, None, data, sent, context)
        return record

    def _replace(
        self, table: Table, record: Record, values: Mapping[str, Any], sent: Mapping[str, Any], context: Context
    ) -> Record:
        data = _sparse(values) | {"modifiedon": context.moment, "modifiedby": context.caller.user_id}
        data["versionnumber"] = self._versions.next()
        changed = self._store.put(table.name, record.key, data, context.now)
        before, after = told(table, record.data), told(table, data)
        self._sandbox.ledger.append(table.name, record.key, "update", told(table, sent), before, after, context.note)
        self._listener.changed(table, "Update", record.key, record.data, data, sent, context)
        return changed


def _sparse(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _navigation(column: Any, parent: Table) -> str:
    return next(str(each.navigation) for each in column.targets if each.table == parent.name)
