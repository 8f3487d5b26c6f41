"""What can be said of a change before any call: company, required fields, lengths, value forms, display values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.connectors.dynamics_fo import odata
from headrace.connectors.dynamics_fo.config import DynamicsFoConfig
from headrace.connectors.dynamics_fo.display_values import DisplayValues
from headrace.connectors.dynamics_fo.entity_sets import EntitySet
from headrace.connectors.dynamics_fo.objects import ENTITY_SETS
from headrace.core.contracts import Action, Operation
from headrace.core.errors import RejectRecord


def entity_set_of(operation: Operation) -> EntitySet:
    """Return the set that an operation is on.

    Raises:
        RejectRecord: this connector does not write it.
    """
    entity_set = ENTITY_SETS.get(operation.object)
    if entity_set is None:
        raise RejectRecord(
            "unknown object",
            f"{operation.object} is not written by this connector; known are {', '.join(ENTITY_SETS)}.",
        )
    return entity_set


def check(config: DynamicsFoConfig, display: DisplayValues, operation: Operation) -> None:
    """Check an operation.

    Raises:
        RejectRecord: F&O would refuse it, or accept it and drop a part.
    """
    entity_set = entity_set_of(operation)
    _company(config, entity_set, operation)
    if operation.action is Action.CREATE and not entity_set.creatable:
        raise RejectRecord("cannot be created here", f"{operation.object}: F&O creates it through another entity.")
    if operation.action is Action.DELETE:
        return
    for name, value in operation.fields.items():
        _field(config, display, entity_set, operation, name, value)
    if operation.action is Action.CREATE:
        _required(entity_set, operation)


def _company(config: DynamicsFoConfig, entity_set: EntitySet, operation: Operation) -> None:
    if not entity_set.has_company:
        raise RejectRecord("cannot be written here", f"{operation.object}: what companies share is the ERP's alone.")
    name = entity_set.company
    if operation.target_id:
        company = odata.parse_target_id(entity_set, operation.target_id)[name]
    else:
        company = str(operation.fields.get(name) or operation.key.get(name) or "").lower()
    if not company:
        raise RejectRecord("no legal entity", f"{operation.object}: {name} is empty: no company to write to.")
    if company not in config.legal_entities:
        raise RejectRecord(
            "unknown legal entity",
            f"{operation.object}: company {company!r} is not among legal_entities "
            f"({', '.join(config.legal_entities)}) of the connection.",
        )


def _field(
    config: DynamicsFoConfig,
    display: DisplayValues,
    entity_set: EntitySet,
    operation: Operation,
    name: str,
    value: Any,
) -> None:
    field = entity_set.field(name)
    if field.read_only or name in config.absent_fields.get(entity_set.name, []):
        raise RejectRecord("field cannot be written", f"{operation.object}.{name}: F&O does not take this field.")
    if field.kind == "binary":
        if not isinstance(value, Mapping):
            raise RejectRecord("no stored content", f"{operation.object}.{name}: there is no stored content to write.")
        return
    try:
        written = odata.encode(value, field)
    except RejectRecord as error:
        raise RejectRecord(error.reason, f"{operation.object}.{name}: {error.detail}") from None
    size = config.size(entity_set.name, name)
    if size is not None and isinstance(written, str) and field.kind == "string" and len(written) > size:
        raise RejectRecord(
            "text too long",
            f"{operation.object}.{name}: {len(written)} characters, F&O holds {size}: {written[:40]!r}… "
            "Shorten it at the source, or raise it under `sizes` if the environment holds more.",
        )
    if field.display and isinstance(written, str):
        display.check(entity_set, name, written, operation.fields)


def _required(entity_set: EntitySet, operation: Operation) -> None:
    missing = [
        " or ".join(group)
        for group in entity_set.required
        if all(operation.fields.get(name) in (None, "") for name in group)
    ]
    if operation.fields.get("AddressDescription") and not operation.fields.get("AddressCountryRegionId"):
        missing.append("AddressCountryRegionId (an address needs its country)")
    if missing:
        raise RejectRecord("required field is empty", f"{operation.object}: {'; '.join(missing)}. Map it or fill it.")
