"""Functions and actions of the service: who is calling, and the messages that close what was sold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.bodies import BIND
from headrace.sandbox.dataverse.calls import Call
from headrace.sandbox.dataverse.errors import INVALID_ARGUMENT, Reply, ServiceError, not_allowed, refused
from headrace.sandbox.dataverse.paths import Segment
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.security import Security
from headrace.sandbox.dataverse.service import Answer
from headrace.sandbox.dataverse.tables.model import NAMESPACE
from headrace.sandbox.dataverse.writes import Writer

VERSION = "9.2.26113.00158"


@dataclass(frozen=True, slots=True)
class Closing:
    """An action that closes a document with an activity; `required` are the states that it may be in."""

    table: str
    activity: str
    parameter: str
    state: int
    required: tuple[int, ...]


CLOSINGS: Mapping[str, Closing] = {
    "WinOpportunity": Closing("opportunity", "opportunityclose", "OpportunityClose", 1, (0,)),
    "LoseOpportunity": Closing("opportunity", "opportunityclose", "OpportunityClose", 2, (0,)),
    "WinQuote": Closing("quote", "quoteclose", "QuoteClose", 2, (1,)),
    "CloseQuote": Closing("quote", "quoteclose", "QuoteClose", 3, (0, 1)),
    "CancelSalesOrder": Closing("salesorder", "orderclose", "OrderClose", 2, (0, 1)),
    "FulfillSalesOrder": Closing("salesorder", "orderclose", "OrderClose", 3, (0, 1)),
}


class Actions:
    """Answers functions and actions by name."""

    def __init__(self, store: Store, schema: Schema, security: Security, writer: Writer) -> None:
        self._store, self._schema, self._security, self._writer = store, schema, security, writer

    def named(self) -> dict[str, Answer]:
        """Return all of them."""
        closing: dict[str, Answer] = dict.fromkeys(CLOSINGS, self._close)
        return {"WhoAmI": self._who_am_i, "RetrieveVersion": self._version, **closing}

    def _who_am_i(self, call: Call, segments: list[Segment]) -> Reply:
        caller = call.context.caller
        organizations = self._store.list("organization")
        return _function(
            call,
            "WhoAmI",
            {
                "BusinessUnitId": caller.business_unit,
                "UserId": caller.user_id,
                "OrganizationId": organizations[0].key if organizations else None,
            },
        )

    def _version(self, call: Call, segments: list[Segment]) -> Reply:
        return _function(call, "RetrieveVersion", {"Version": VERSION})

    def _close(self, call: Call, segments: list[Segment]) -> Reply:
        if call.method != "POST":
            raise not_allowed("An action is called with POST.")
        name = segments[0].name.removeprefix(f"{NAMESPACE}.")
        closing, body = CLOSINGS[name], call.json()
        unknown = set(body) - {"Status", closing.parameter}
        if unknown:
            raise ServiceError(
                400,
                "0x80048d19",
                f"The parameter '{min(unknown)}' in the request payload is not a valid parameter for the operation "
                f"'{name}'.",
            )
        activity = body.get(closing.parameter)
        if not isinstance(activity, dict):
            raise ServiceError(400, INVALID_ARGUMENT, f"Required field '{closing.parameter}' is missing")
        document = self._document(call, closing, activity)
        state = self._schema.tables[closing.table].state(closing.state)
        status = body.get("Status", -1)
        reasons = [value for value, _ in state.reasons] if state else []
        if status == -1:
            status = reasons[0]
        if status not in reasons:
            raise ServiceError(
                400, "0x80048408", f"{status} is not a valid status code for state code {closing.state} of {name}."
            )
        if document.data.get("statecode") not in closing.required:
            raise refused(f"The {closing.table} has already been closed.")
        self._finish(call, closing, document, activity, int(status))
        return Reply(204, content_type="")

    def _document(self, call: Call, closing: Closing, activity: Mapping[str, Any]) -> Record:
        navigation = f"{closing.table}id"
        table = self._schema.tables[closing.table]
        address = activity.get(f"{navigation}{BIND}")
        if address is None:
            nested = activity.get(navigation)
            key = nested.get(table.key) if isinstance(nested, dict) else None
            address = f"/{table.set}({key})" if key else None
        if address is None:
            raise ServiceError(400, INVALID_ARGUMENT, f"{closing.parameter} must be bound to a {closing.table}")
        bound, key = self._writer.bodies.resolve(self._schema.tables[closing.activity], address, call.context)
        record = self._store.get(bound.name, key)
        if record is None or bound.name != closing.table:
            raise ServiceError(400, INVALID_ARGUMENT, f"{address} is no {closing.table}")
        self._security.require(call.context.caller, "Write", table, record)
        return record

    def _finish(self, call: Call, closing: Closing, document: Record, activity: Mapping[str, Any], status: int) -> None:
        own = self._schema.tables[closing.activity]
        values = {name: value for name, value in activity.items() if not name.startswith("@odata.")}
        values.pop(f"{closing.table}id", None)
        values[f"{closing.table}id{BIND}"] = f"/{self._schema.tables[closing.table].set}({document.key})"
        values.setdefault("subject", f"{closing.table} closed")
        record = self._writer.create(own, values, call.context)
        done = {"statecode": 1, "statuscode": 2, "actualend": record.data.get("actualend", call.context.moment)}
        record = self._writer.revise(own, record, done, call.context)
        changes: dict[str, Any] = {"statecode": closing.state, "statuscode": status}
        if closing.table == "opportunity":
            estimated = document.data.get("estimatedvalue")
            won = record.data.get("actualrevenue", estimated) if closing.state == 1 else None
            changes["actualvalue"] = record.data.get("actualrevenue") if won is None else won
            changes["actualclosedate"] = str(record.data["actualend"])[:10]
        if closing.activity == "orderclose" and closing.state == 3:
            changes["datefulfilled"] = str(record.data["actualend"])[:10]
        table = self._schema.tables[closing.table]
        self._writer.revise(table, document, changes, call.context)


def _function(call: Call, name: str, values: Mapping[str, Any]) -> Reply:
    if call.method != "GET":
        raise not_allowed(f"The function {name} is called with GET.")
    context = f"{call.base_url}$metadata#{NAMESPACE}.{name}Response"
    return Reply(200, dump_bytes({"@odata.context": context, **values}))
