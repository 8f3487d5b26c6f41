"""States: which reason belongs to which, and rows that are closed."""

from __future__ import annotations

from headrace.sandbox.dataverse.contexts import Draft
from headrace.sandbox.dataverse.errors import ServiceError, refused
from headrace.sandbox.dataverse.rules.work import Work
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.model import Table
from headrace.sandbox.dataverse.tables.sales import LINES

READ_ONLY = "Cannot perform the action because the record is read only."
"""The vendor's words for quotes, orders and invoices in a state that ended."""
_WRONG_REASON = "0x80048408"
_FREE = frozenset({"statecode", "statuscode", "ownerid", "owneridtype"})


def frozen_states(settings: DataverseSettings, table: Table) -> tuple[int, ...]:
    """Return the states in which rows of a table refuse changes."""
    given = settings.frozen_states.get(table.name)
    return table.frozen if given is None else tuple(given)


def check_frozen(settings: DataverseSettings, draft: Draft) -> None:
    """Check that a row is not closed; a change of its state opens it, and may carry other changes.

    Raises:
        ServiceError: a 400.
    """
    state = draft.original.data.get("statecode") if draft.original else None
    if state not in frozen_states(settings, draft.table) or draft.changes("statecode"):
        return
    if draft.supplied - _FREE:
        raise refused(READ_ONLY)


def check_parents(work: Work, draft: Draft) -> None:
    """Check that the document of a line is not closed.

    Raises:
        ServiceError: a 400.
    """
    if draft.table.name not in LINES or not work.context.checked:
        return
    lookup, name = LINES[draft.table.name]
    document = work.store.get(name, str(draft.values.get(lookup, "")))
    if document is not None and document.data.get("statecode") in frozen_states(
        work.settings, work.schema.tables[name]
    ):
        raise refused(READ_ONLY)


def settle_state(draft: Draft, key: str) -> None:
    """Give a new row its first state, a new state its default reason, and refuse a reason of another state.

    Raises:
        ServiceError: a 400.
    """
    table, values = draft.table, draft.values
    if not table.states:
        return
    if values.get("statecode") is None:
        reason = values.get("statuscode")
        found = table.state_of_reason(reason) if reason is not None and draft.original is None else None
        values["statecode"] = found.value if found else table.states[0].value
    state = table.state(values["statecode"])
    if state is None:
        return
    reasons = [value for value, _ in state.reasons]
    if "statuscode" not in draft.supplied and (values.get("statuscode") is None or draft.changes("statecode")):
        values["statuscode"] = reasons[0]
    if values.get("statuscode") not in reasons:
        raise ServiceError(
            400,
            _WRONG_REASON,
            f"{values.get('statuscode')} is not a valid status code for state code {table.schema}State."
            f"{state.label} with Id {key}.",
        )
