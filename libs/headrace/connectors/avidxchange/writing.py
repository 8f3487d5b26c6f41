"""From an operation's fields to an item of an upsert, and from its answer to what became of each item.

Only fields of the contract are ever sent: no bank account is among them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from headrace.connectors.avidxchange import values
from headrace.connectors.avidxchange.contract import Contract, Row, named
from headrace.connectors.avidxchange.errors import messages
from headrace.connectors.avidxchange.lookups import Key, folded, key_of
from headrace.connectors.avidxchange.objects import CODE, IS_ACTIVE, LEGAL_ENTITY, ORDER_LINE_FIELDS, Object
from headrace.core.contracts import Action, Operation
from headrace.core.errors import OutcomeUnknown, RejectRecord
from headrace.core.refs import decode_key
from headrace.platform.contract_files import ABSENT

DESCRIPTION = "Description"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "date": (date,),
    "decimal": (Decimal, int),
    "integer": (int,),
}


def key_values(obj: Object, operation: Operation) -> Mapping[str, Any]:
    """Return the key of an operation's record with its company: from its id if there is one, else from key and fields.

    Raises:
        RejectRecord: the id is none of this object.
    """
    if operation.target_id:
        found = decode_key(operation.target_id)
        if set(found) != set(obj.key):
            raise RejectRecord(
                "not an AvidXchange key",
                f'{obj.name} "{operation.target_id}" does not name {", ".join(obj.key)}; correct the link.',
            )
        return found
    given = {**operation.fields, **operation.key}
    return {name: given.get(name) for name in obj.key}


def check(rules: Contract, obj: Object, operation: Operation) -> None:
    """Check what needs no call. See `Target.check`.

    Raises:
        RejectRecord: a field that cannot be written, does not fit, or is missing.
    """
    key = key_values(obj, operation)
    wanted = folded(key_of(obj, key))
    if operation.action is Action.DELETE:
        return
    unknown = sorted(set(operation.fields) - {LEGAL_ENTITY, *obj.written, *obj.lists})
    if unknown:
        raise RejectRecord(
            "field cannot be written",
            f"{obj.name}: {', '.join(unknown)} cannot be written; take them out of the mapping.",
        )
    own = folded(tuple(str(operation.fields.get(name, key[name]) or "") for name in obj.key[1:]))
    if own != wanted:
        raise RejectRecord(
            "key cannot be changed", f"{obj.name}: {', '.join(obj.key[1:])} tell records apart, and stay what they are."
        )
    for name, value in operation.fields.items():
        _check_value(rules, obj, name, value)
    is_new = operation.action is Action.CREATE
    missing = [
        name
        for name in rules.required_of(obj.name, operation.fields, is_new=is_new)
        if operation.fields.get(name) in (None, "") and (is_new or name in operation.fields)
    ]
    if missing:
        raise RejectRecord(
            "required field is empty",
            f"{obj.name}: {', '.join(missing)} must be filled; give a value at the source or in the mapping.",
        )


def _check_value(rules: Contract, obj: Object, name: str, value: Any) -> None:
    word = "list" if name in obj.lists else obj.fields[name]
    fits = isinstance(value, list if word == "list" else _TYPES[word]) and not isinstance(value, datetime)
    if value is not None and (not fits or (isinstance(value, bool) and word != "boolean")):
        raise RejectRecord("value does not fit", f"{obj.name}.{name}: {value!r} is no {word}; correct the mapping.")
    longest = rules.lengths.get(obj.name, {}).get(name)
    is_cut = (obj.name, name) == (CODE, DESCRIPTION)
    if longest is not None and isinstance(value, str) and len(value) > longest and not is_cut:
        raise RejectRecord(
            "text too long",
            f"{obj.name}.{name}: {len(value)} characters, AvidXchange takes {longest}: {value[:40]!r}… "
            "Shorten it at the source, or correct lengths in the contract.",
        )


def fields_of(rules: Contract, obj: Object, operation: Operation) -> dict[str, Any]:
    """Return the fields that are sent: a delete makes inactive, and a longer description of a code is cut."""
    if operation.action is Action.DELETE:
        return {IS_ACTIVE: False}
    fields = {name: value for name, value in operation.fields.items() if name != LEGAL_ENTITY}
    if operation.action is Action.CREATE:
        fields = {name: value for name, value in fields.items() if value is not None}
    if obj.name == CODE and isinstance(fields.get(DESCRIPTION), str):
        fields[DESCRIPTION] = fields[DESCRIPTION][: rules.lengths[CODE].get(DESCRIPTION)].rstrip()
    return fields


def item(rules: Contract, obj: Object, key: Key, fields: Mapping[str, Any], row: Row | None) -> dict[str, Any]:
    """Return an item of an upsert.

    Args:
        rules: the contract.
        obj: what is written.
        key: of the record, without company.
        fields: what is written of it.
        row: the record as it is, where parts of it must be sent along; else None.
    """
    sent = dict(zip(obj.key[1:], key, strict=True)) | {
        name: each for name, each in fields.items() if name not in obj.key
    }
    touched = {name.partition(".")[0] for name in fields if "." in name}
    if row is not None:
        for name in obj.written:
            kept = name.partition(".")[0] in touched if "." in name else False
            if name not in sent and (kept or not rules.bulk.keeps_absent_fields):
                sent[name] = rules.value(obj.name, name, row)
    body: dict[str, Any] = {}
    for name, value in sent.items():
        if name in obj.lists:
            value = None if value is None else [_line(rules, each) for each in value]
        for place in rules.theirs(obj.name, name):
            _put(body, place, value)
    for part in obj.parts:  # a record of nothing is no record
        place = rules.theirs(obj.name, f"{part}.Line1")[0].partition(".")[0]
        if isinstance(body.get(place), dict) and not any(each not in (None, "") for each in body[place].values()):
            body[place] = None
    return body


def needs_row(rules: Contract, obj: Object, operation: Operation) -> bool:
    """Say whether the record must be read before a change.

    It must where a nested record is sent as a whole, where an upsert would empty what it does not carry, where a
    version is expected, for a delete, and for codes: their key is all that an upsert needs to make a new one.
    """
    if operation.action is Action.CREATE:
        return False
    is_nested = any("." in name for name in operation.fields)
    unsafe = is_nested or not rules.bulk.keeps_absent_fields or obj.name == CODE
    return unsafe or bool(operation.expected_version) or operation.action is Action.DELETE


def _line(rules: Contract, line: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in line.items():
        if name not in ORDER_LINE_FIELDS:
            raise RejectRecord("field cannot be written", f"purchase_order.LineItems.{name} is not known.")
        for place in rules.theirs("purchase_order_line", name):
            _put(found, place, value)
    return found


def _put(body: dict[str, Any], place: str, value: Any) -> None:
    *path, last = place.split(".")
    for part in path:
        body = body.setdefault(part, {})
    # Dates at midnight, as the system writes them; a date is no time, so no zone may shift it.
    is_day = isinstance(value, date) and not isinstance(value, datetime)
    body[last] = f"{value.isoformat()}T00:00:00" if is_day else value


def results(rules: Contract, obj: Object, keys: Sequence[Key], answer: Any) -> list[Row | Exception]:
    """Return for each item, in the order sent, what the system echoes of it, or why it did not take it.

    The order of results is that of the items; one that echoes another key is told by it. Status 200 says nothing: a
    result may be an object without its list, and "false" a text.
    """
    names = rules.bulk
    listed = named(answer, names.results)
    listed = [listed] if isinstance(listed, Mapping) else listed if isinstance(listed, list) else []
    found: dict[Key, Row | Exception] = {}
    as_sent = {folded(key): key for key in keys}
    for place, result in enumerate(listed):
        echoed = named(result, names.item)
        # By its place only where none is missing: else it may be anybody's.
        key = _key_of(rules, obj, echoed) or (folded(keys[place]) if len(listed) == len(keys) else None)
        if key is not None:
            found[key] = _outcome(rules, obj, as_sent.get(key, key), result, echoed)
    missing = OutcomeUnknown(f"{obj.name}: the answer has {len(listed)} results for {len(keys)} items, and none for it")
    return [found.get(folded(key), missing) for key in keys]


def _key_of(rules: Contract, obj: Object, echoed: Any) -> Key | None:
    parts = [values.text(rules.value(obj.name, name, echoed)) for name in obj.key[1:]] if echoed else []
    return folded(tuple(part or "" for part in parts)) if parts and all(parts) else None


def _outcome(rules: Contract, obj: Object, key: Key, result: Any, echoed: Any) -> Row | Exception:
    names = rules.bulk
    try:
        successful = values.flag(None if (said := named(result, names.successful)) is ABSENT else said)
    except ValueError:
        successful = None
    errors = named(result, names.errors)
    told = messages(None if errors is ABSENT else errors, names.message)
    what = f"{obj.name} {', '.join(key)}"
    if successful is None:
        return OutcomeUnknown(f"{what}: its result does not say whether it was successful")
    if not successful:
        text = "; ".join(told) or "no reason given"
        return RejectRecord(
            "refused by AvidXchange", f"{what}: {text}. Correct the record at its source or the mapping, then retry."
        )
    return echoed if isinstance(echoed, Mapping) else {}
