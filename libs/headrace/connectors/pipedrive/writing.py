"""From an operation's fields to the body of a REST v2 call, and what an answer holds in the operation's own names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.connectors.pipedrive import merging
from headrace.connectors.pipedrive.custom_fields import Definitions, FieldBook
from headrace.connectors.pipedrive.objects import CATEGORY, CATEGORY_NAME, CUSTOM_PREFIX, Object
from headrace.connectors.pipedrive.reading import Row, readable
from headrace.core import values
from headrace.core.contracts import Action, Operation
from headrace.core.errors import RejectRecord

_FINANCIAL = frozenset({"value", "currency", "products", "discounts", "arr", "mrr", "acv"})


def check(kind: Object, operation: Operation) -> None:
    """Check what needs no call. See `Target.check`.

    Raises:
        RejectRecord: a field that cannot or must not be written, or a required one that is empty.
    """
    what = what_of(operation)
    if kind.made_by_people and operation.action is not Action.UPDATE:
        raise RejectRecord(
            f"cannot be {operation.action.value}d here",
            f"{what}: a {kind.name} is made and removed by people; only custom fields of it are written.",
        )
    if operation.action is Action.DELETE:
        return
    system = [name for name in operation.fields if not name.startswith(CUSTOM_PREFIX)]
    financial = sorted(set(system) & _FINANCIAL) if kind.name == "deal" else []
    if financial:
        raise RejectRecord(
            "financial field of a deal",
            f"{what}: {', '.join(financial)} follow the deal's lines, which are kept in Pipedrive; "
            "take them out of the mapping, or write a custom field.",
        )
    unknown = sorted(name for name in system if not kind.takes(name))
    if unknown:
        raise RejectRecord(
            "field cannot be written", f"{what}: {', '.join(unknown)} cannot be written; take them out of the mapping."
        )
    empty = operation.fields.get(kind.required) in (None, "")
    if empty and (operation.action is Action.CREATE or kind.required in system):
        raise RejectRecord(
            "required field is empty",
            f"{what}: {kind.required} is empty; give it a value at the source or in the mapping.",
        )
    merging.check(what, operation.fields)


def needs_record(operation: Operation) -> bool:
    """Say whether the record must be read before this update: parts of it are replaced as a whole."""
    return any(merging.is_part(name) for name in operation.fields)


async def body_of(kind: Object, operation: Operation, fields: FieldBook, row: Row) -> dict[str, Any]:
    """Return the body of a create or update. An empty `custom_fields` is never sent: it would clear all of them.

    Args:
        kind: what is written.
        operation: the change.
        fields: definitions of custom fields.
        row: the record as it is now, if `needs_record`; else anything.

    Raises:
        RejectRecord: a custom field or option does not exist, or a value does not fit it.
        RetryLater, StopConnection: the definitions cannot be read.
    """
    what = what_of(operation)
    body: dict[str, Any] = merging.whole(what, operation.fields, row)
    keys: dict[str, Any] = {}
    for name, value in operation.fields.items():
        if name.startswith(CUSTOM_PREFIX):
            label = name.removeprefix(CUSTOM_PREFIX)
            definition = await fields.named(kind.name, label)
            if definition is None:
                raise RejectRecord(
                    "unknown custom field",
                    f'{what}: Pipedrive has no custom field "{label}"; create it, or correct the mapping.',
                )
            keys[definition.code] = definition.writable(value, what)
        elif name == CATEGORY_NAME:
            body[CATEGORY] = await _category(kind, fields, value, what)
        elif not merging.is_part(name):
            body[name] = value
    if operation.action is Action.CREATE:
        body = {name: value for name, value in body.items() if value is not None and value != []}
        keys = {code: value for code, value in keys.items() if value is not None}
    return {**body, "custom_fields": keys} if keys else body


def told(kind: Object, row: Row, definitions: Definitions, names: Iterable[str]) -> dict[str, Any]:
    """Return a record as the source gives it, with these names of nested fields besides ("custom.<name>").

    A name that Pipedrive does not show is not told; inside of what it shows, it stands for an empty value.
    """
    record = readable(kind, row, definitions)
    nested = {name for name in names if "." in name and name.partition(".")[0] in record}
    return {**record, **{name: values.lookup(record, name) for name in nested}}


def what_of(operation: Operation) -> str:
    """Return the record's name for people."""
    return f"{operation.object} {operation.target_id}".strip()


async def _category(kind: Object, fields: FieldBook, label: Any, what: str) -> int | None:
    definition = (await fields.of(kind.name)).by_code.get(CATEGORY)
    if label in (None, ""):
        return None
    if definition is None:
        raise RejectRecord("unknown option", f"{what}: the account has no product categories; create them first.")
    return int(definition.option(label, what))
