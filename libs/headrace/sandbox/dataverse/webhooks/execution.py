"""The context of one change for one step: what RemoteExecutionContext says of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.contexts import Context
from headrace.sandbox.dataverse.rows import Rows
from headrace.sandbox.dataverse.tables.model import Table
from headrace.sandbox.dataverse.tables.webhooks import IMAGE, STEP
from headrace.sandbox.dataverse.webhooks.wire import entity, reference, wire_time

_PRE, _POST, _BOTH = 0, 1, 2
_MAIN_OPERATION = 30


@dataclass(frozen=True, slots=True)
class Event:
    """A change as its listeners hear of it."""

    table: Table
    message: str
    key: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    sent: Sequence[str]
    context: Context

    @property
    def attributes(self) -> list[str]:
        """Return the columns of its Target: of an update those that were sent, and what followed from them."""
        after, before = self.after or {}, self.before or {}
        if self.message == "Create":
            return [name for name in after if name != "versionnumber"]
        changed = [name for name in {**before, **after} if after.get(name) != before.get(name)]
        names = [*self.sent, self.table.key, *changed, "modifiedon", "modifiedby"]
        return [name for name in dict.fromkeys(names) if name != "versionnumber"]


class Executions:
    """Writes contexts."""

    def __init__(self, store: Store, rows: Rows) -> None:
        self._store, self._rows = store, rows

    def payload(self, event: Event, step: Record, *, lookup_names: bool) -> dict[str, Any]:
        """Return the body that a step is sent."""
        is_async = step.data.get("mode") == 1
        return {
            **self._shared(event, step),
            "InputParameters": [self._target(event, event.attributes, lookup_names)],
            "IsInTransaction": not is_async,
            "Mode": step.data.get("mode"),
            "ParentContext": self._parent(event, step, lookup_names),
            "PostEntityImages": self._images(event, step, _POST, lookup_names),
            "PreEntityImages": self._images(event, step, _PRE, lookup_names),
            "Stage": step.data.get("stage"),
        }

    def _shared(self, event: Event, step: Record) -> dict[str, Any]:
        context, caller = event.context, event.context.caller
        organization = self._store.list("organization")[0]
        outputs = [{"key": "id", "value": event.key}] if event.message == "Create" else []
        return {
            "BusinessUnitId": caller.business_unit,
            "CorrelationId": context.correlation_id,
            "Depth": context.depth,
            "InitiatingUserId": caller.initiating_user,
            "IsExecutingOffline": False,
            "IsOfflinePlayback": False,
            "IsolationMode": 1,
            "MessageName": event.message,
            "OperationCreatedOn": wire_time(context.now, "+0000"),
            "OperationId": str(uuid.uuid4()),
            "OrganizationId": organization.key,
            "OrganizationName": organization.data.get("name"),
            "OutputParameters": outputs,
            "OwningExtension": reference(STEP, step.key, step.data.get("name"), typed=False),
            "PrimaryEntityId": event.key,
            "PrimaryEntityName": event.table.name,
            "RequestId": None,
            "SecondaryEntityName": "none",
            "SharedVariables": [],
            "UserId": caller.user_id,
        }

    def _target(self, event: Event, names: Sequence[str], lookup_names: bool) -> dict[str, Any]:
        if event.message == "Delete":
            return {"key": "Target", "value": reference(event.table.name, event.key)}
        after = event.after or {}
        shown = entity(self._rows, event.table, event.key, after, names, lookup_names=lookup_names)
        return {"key": "Target", "value": shown}

    def _parent(self, event: Event, step: Record, lookup_names: bool) -> dict[str, Any]:
        detects = {"key": "SuppressDuplicateDetection", "value": not event.context.detects_duplicates}
        return {
            **self._shared(event, step),
            "InputParameters": [self._target(event, [*event.sent, event.table.key], lookup_names), detects],
            "IsInTransaction": False,
            "Mode": step.data.get("mode"),
            "ParentContext": None,
            "PostEntityImages": [],
            "PreEntityImages": [],
            "Stage": _MAIN_OPERATION,
        }

    def _images(self, event: Event, step: Record, kind: int, lookup_names: bool) -> list[dict[str, Any]]:
        data = event.before if kind == _PRE else event.after
        if data is None:
            return []
        found = []
        if kind == _POST and step.data.get("mode") == 1 and event.table.primary_name:
            shown = (event.table.primary_name, event.table.key)
            found.append(self._image(event, "AsynchronousStepPrimaryName", data, shown, lookup_names))
        for image in self._store.find(IMAGE, f"{STEP}id", step.key):
            if image.data.get("imagetype") in (kind, _BOTH):
                listed = [each.strip() for each in str(image.data.get("attributes") or "").split(",") if each.strip()]
                names = tuple(listed) or tuple(data)
                chosen = [name for name in (*names, event.table.key) if name in data]
                alias = str(image.data.get("entityalias"))
                found.append(self._image(event, alias, data, tuple(dict.fromkeys(chosen)), lookup_names))
        return found

    def _image(
        self, event: Event, alias: str, data: Mapping[str, Any], names: Sequence[str], lookup_names: bool
    ) -> dict[str, Any]:
        shown = entity(self._rows, event.table, event.key, data, names, typed=False, lookup_names=lookup_names)
        return {"key": alias, "value": shown}
