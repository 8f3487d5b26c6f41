"""From an operation's fields to the body of a REST v2 call, and what an answer holds in the operation's own names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from headrace.connectors.pipedrive.custom_fields import FieldBook
from headrace.connectors.pipedrive.objects import CUSTOM, CUSTOM_PREFIX, Object
from headrace.core.contracts import Action, Operation
from headrace.core.errors import RejectRecord

_FINANCIAL = frozenset({"value", "currency", "products", "discounts", "arr", "mrr", "acv"})
_WHOLE_LISTS = frozenset({"emails", "phones", "prices"})


def split(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return system fields, and custom fields by display name: "custom.<name>", or a mapping under "custom"."""
    system: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for name, value in fields.items():
        if name == CUSTOM:
            custom |= value if isinstance(value, Mapping) else {}
        elif name.startswith(CUSTOM_PREFIX):
            custom[name.removeprefix(CUSTOM_PREFIX)] = value
        else:
            system[name] = value
    return system, custom


def check(kind: Object, operation: Operation) -> None:
    """Check what needs no call. See `Target.check`.

    Raises:
        RejectRecord: a field that cannot or must not be written, or a required one that is empty.
    """
    if operation.action is Action.DELETE:
        return
    what = _what(operation)
    system, _ = split(operation.fields)
    financial = sorted(set(system) & _FINANCIAL) if kind.name == "deal" else []
    if financial:
        raise RejectRecord(
            "financial field of a deal",
            f"{what}: {', '.join(financial)} follow the deal's lines, which are kept in Pipedrive; "
            "take them out of the mapping, or write a custom field.",
        )
    unknown = sorted(set(system) - kind.writable)
    if unknown:
        raise RejectRecord(
            "field cannot be written", f"{what}: {', '.join(unknown)} cannot be written; take them out of the mapping."
        )
    empty = system.get(kind.required) in (None, "")
    if empty and (operation.action is Action.CREATE or kind.required in system):
        raise RejectRecord(
            "required field is empty",
            f"{what}: {kind.required} is empty; give it a value at the source or in the mapping.",
        )
    for name in _WHOLE_LISTS & set(system):
        _check_list(what, name, system[name])


async def body_of(kind: Object, operation: Operation, fields: FieldBook) -> dict[str, Any]:
    """Return the body of a create or update. An empty `custom_fields` is never sent: it would clear all of them.

    Raises:
        RejectRecord: a custom field or option does not exist, or a value does not fit it.
        RetryLater, StopConnection: the definitions cannot be read.
    """
    what = _what(operation)
    system, custom = split(operation.fields)
    body = {name: _wire(name, value) for name, value in system.items()}
    keys: dict[str, Any] = {}
    for name, value in custom.items():
        definition = await fields.named(kind.name, name)
        if definition is None:
            raise RejectRecord(
                "unknown custom field",
                f'{what}: Pipedrive has no custom field "{name}"; create it, or correct the mapping.',
            )
        keys[definition.code] = definition.writable(value, what)
    if operation.action is Action.CREATE:
        body = {name: value for name, value in body.items() if value is not None}
        keys = {code: value for code, value in keys.items() if value is not None}
    return {**body, "custom_fields": keys} if keys else body


def held(operation: Operation, data: Mapping[str, Any], more: Iterable[str] = ()) -> dict[str, Any]:
    """Return a record's data with the operation's own names added ("custom.<name>"), for shadow and comparison.

    What Pipedrive adds inside a nested value (a label of an e-mail address, the parts of an address) is no
    difference: where it holds what was written, the value stands as it was written.
    """
    record = dict(data)
    custom = data.get(CUSTOM) or {}
    for name in {*operation.fields, *more}:
        if name.startswith(CUSTOM_PREFIX):
            if name.removeprefix(CUSTOM_PREFIX) in custom:
                record[name] = custom[name.removeprefix(CUSTOM_PREFIX)]
        elif name not in record:
            continue
        wanted = operation.fields.get(name)
        if isinstance(wanted, Mapping | list | tuple) or name in _WIRE:
            record[name] = wanted if _contains(_wire(name, wanted), record.get(name)) else record.get(name)
    return record


def _what(operation: Operation) -> str:
    return f"{operation.object} {operation.target_id}".strip()


def _check_list(what: str, name: str, value: Any) -> None:
    """Lists are replaced as a whole and their items are objects; a list of bare texts would be refused."""
    if value is None or isinstance(value, str):
        return
    needed = ("price", "currency") if name == "prices" else ("value",)
    if not isinstance(value, list | tuple) or not all(
        isinstance(item, Mapping) and all(item.get(part) is not None for part in needed) for item in value
    ):
        raise RejectRecord(
            "value does not fit",
            f"{what}: {name} is a list of objects with {' and '.join(needed)}; correct the mapping.",
        )


def _points(value: Any) -> Any:
    if isinstance(value, str):
        return [{"value": value, "primary": True, "label": "work"}]
    return [] if value is None else value


def _address(value: Any) -> Any:
    return {"value": value} if isinstance(value, str) else value


_WIRE = {"emails": _points, "phones": _points, "address": _address}


def _wire(name: str, value: Any) -> Any:
    return _WIRE[name](value) if name in _WIRE else value


def _contains(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, Mapping):
        money = {"amount", "currency"} == set(wanted) and isinstance(found, Mapping) and "value" in found
        if money:
            return _contains({"value": wanted["amount"], "currency": wanted["currency"]}, found)
        return isinstance(found, Mapping) and all(_contains(part, found.get(name)) for name, part in wanted.items())
    if isinstance(wanted, list | tuple):
        return (
            isinstance(found, list)
            and len(wanted) == len(found)
            and all(_contains(one, other) for one, other in zip(wanted, found, strict=True))
        )
    return bool(wanted == found)
