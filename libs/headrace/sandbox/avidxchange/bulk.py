"""Bulk upserts: up to 500 items in a call, answered with HTTP 200 and a result for each item, in the order sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.core.refs import encode_key
from headrace.sandbox.avidxchange.calls import Call
from headrace.sandbox.avidxchange.edge import UNKNOWN
from headrace.sandbox.avidxchange.errors import ApiError
from headrace.sandbox.avidxchange.fields import CHANGED, FIELDS, SYSTEM
from headrace.sandbox.avidxchange.settings import AvidSettings
from headrace.sandbox.avidxchange.suite import KEY, Suite
from headrace.sandbox.common.alterations import altered
from headrace.sandbox.common.requests import PERSON, RequestNote
from headrace.sandbox.common.store import Record

Check = Callable[[Suite, int, dict[str, Any]], list[str]]
"""Brings an item's values into the form that is kept and returns what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Upsert:
    """One kind of record that comes in bulk.

    Attributes:
        object: name of the object, and the last part of its path.
        list_name: name of the list in the request.
        key: fields that tell one record from another within an accounting system.
        defaults: values of a new record.
        check: its rules.
        id: field of the id that AvidXchange gives, "" for none.
    """

    object: str
    list_name: str
    key: tuple[str, ...]
    defaults: Mapping[str, Any]
    check: Check
    id: str = ""

    def answer(self, call: Call) -> Mapping[str, Any]:
        """Answer a bulk call.

        Raises:
            ApiError: the call as a whole is refused; nothing was written.
        """
        body, settings = call.json(), call.suite.settings
        items = body.get(self.list_name)
        if not isinstance(items, list) or not items:
            raise ApiError(400, f"{self.list_name} must be a list with at least one item")
        if len(items) > settings.bulk_limit:
            raise ApiError(
                400, f"{self.list_name} has {len(items)} items, more than the maximum of {settings.bulk_limit}"
            )
        if body.get(SYSTEM) is None:
            raise ApiError(400, f"{SYSTEM} is required")
        system = call.accounting_system(body[SYSTEM])
        results: list[Mapping[str, Any]] = []
        seen: set[str] = set()
        for item in items:
            result = self._one(call.suite, system, item, seen, call.note)
            if isinstance(result, Record):
                shown = call.suite.shown(result.data)
                names = (self.id, *self.key, CHANGED)
                results.append(_result(settings, {name: shown[name] for name in names if name}, []))
            else:
                results.append(_result(settings, None, result))
        single = len(results) == 1 and settings.results_shape == "object"
        return {"Results": results[0] if single else results}

    def put(self, suite: Suite, system: int, item: Mapping[str, Any], note: RequestNote) -> Record:
        """Write one record as a seed or a person does.

        Raises:
            ValueError: what is wrong with it.
        """
        result = self._one(suite, system, item, set(), note)
        if not isinstance(result, Record):
            raise ValueError("; ".join(result))
        return result

    def key_of(self, system: int, values: Mapping[str, Any]) -> str:
        """Return the key of a record in the store."""
        return encode_key({SYSTEM: system, **{name: values[name] for name in self.key}})

    def find(self, suite: Suite, system: int, values: Mapping[str, Any]) -> Record | None:
        """Return the record with these key fields, None if there is none."""
        key = self.key_of(system, values)
        if suite.settings.key_case == "exact":
            return suite.store.get(self.object, key)
        return next(iter(suite.store.find(self.object, KEY, key)), None)

    def _one(self, suite: Suite, system: int, item: Any, seen: set[str], note: RequestNote) -> Record | list[str]:
        if not isinstance(item, Mapping):
            return ["The item is not an object"]
        known = FIELDS[self.object]
        unknown = [name for name in item if name not in known]
        if unknown and suite.settings.unknown_fields == "refuse":
            return [f"Unknown field {name.removeprefix(UNKNOWN)}" for name in unknown]
        missing = [name for name in self.key if not isinstance(item.get(name), str) or not item[name].strip()]
        if missing:
            return [f"{name} is required" for name in missing]
        sent = {name: item[name] for name in known if name in item}
        record, key = self.find(suite, system, sent), self.key_of(system, sent)
        name = key if suite.settings.key_case == "exact" else key.casefold()
        if name in seen:
            return [f"Duplicate {' and '.join(self.key)} in this call"]
        seen.add(name)
        values = {**self.defaults, **(record.data if record else {SYSTEM: system, KEY: key}), **sent}
        if record is not None:
            values |= {name: record.data[name] for name in self.key}
        problems = self.check(suite, system, values)
        if problems:
            return problems
        if suite.settings.transform and note.method != PERSON:
            values = altered(suite.settings.transform, self.object, values)
        if record is None:
            own = {self.id: suite.next_id(self.object)} if self.id else {}
            return suite.insert(self.object, key, {**own, **values}, note, sent)
        changes = {name: value for name, value in values.items() if value != record.data.get(name)}
        if changes:
            return suite.change(record, changes, note, sent)
        suite.repeat(record, sent, note)
        return record


def _result(settings: AvidSettings, item: Mapping[str, Any] | None, problems: list[str]) -> Mapping[str, Any]:
    errors = [{"Message": problem} for problem in problems]
    single = len(errors) == 1 and settings.results_shape == "object"
    successful: bool | str = not problems
    if settings.successful_as_text:
        successful = str(successful).lower()
    own = {} if item is None else {"Item": item}
    return {"Successful": successful, **own, "Errors": errors[0] if single else errors}
