"""Invoices on the wire: closed batches and their details, invoices by time of change, export histories."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from headrace.sandbox.avidxchange.batches import Batches
from headrace.sandbox.avidxchange.calls import Call, Endpoint
from headrace.sandbox.avidxchange.errors import ApiError
from headrace.sandbox.avidxchange.fields import ACKNOWLEDGEMENTS, BATCHES, CHANGED, INVOICES, SYSTEM
from headrace.sandbox.avidxchange.images import image_path
from headrace.sandbox.avidxchange.paging import page_of
from headrace.sandbox.common.store import Record

_TEXTS = ("Number", "PONumber")


class InvoiceEndpoints:
    """Answers calls on invoices.

    The path of a batch's details differs with each start of the sandbox, so that clients must follow the link.
    """

    def __init__(self, batches: Batches, run: str) -> None:
        self._batches = batches
        self._run = run

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        base = "/v1/invoices"
        return [
            Endpoint("GET", base, self._list),
            Endpoint("POST", f"{base}/batches/exportHistories", self._acknowledge),
            Endpoint("GET", f"{base}/batches/closed/acctgSysId/{{id}}", self._closed),
            Endpoint("GET", f"{base}/batches/{{guid}}", self._batch),
            Endpoint("GET", f"{base}/batches/{{guid}}/{{details}}", self._details),
        ]

    def _closed(self, call: Call) -> Any:
        number = call.names["id"]
        system = call.accounting_system(int(number) if number.isdecimal() else number)
        window = call.window("closeDateFrom", "closeDateTo", call.suite.settings.filter_days)
        if window is None:
            raise ApiError(400, "closeDateFrom and closeDateTo are required")
        rows = [
            each
            for each in call.suite.of_system(BATCHES, system)
            if each.data["DateClosed"] is not None and window[0] <= each.data["DateClosed"] < window[1]
        ]
        rows.sort(key=lambda each: (each.data["DateClosed"], each.key))
        return page_of(call, call.suite.settings, rows, lambda each: self._show_batch(call, each))

    def _batch(self, call: Call) -> Any:
        return self._show_batch(call, _found(call, call.names["guid"]))

    def _show_batch(self, call: Call, record: Record) -> Mapping[str, Any]:
        link = {"Rel": "full-details", "Href": f"/v1/invoices/batches/{record.key}/{self._run}"}
        return {**call.suite.shown(record.data, hidden=(SYSTEM, CHANGED)), "Links": [link]}

    def _details(self, call: Call) -> Any:
        if call.names["details"] != self._run:
            raise ApiError(404, "The resource does not exist")
        record = _found(call, call.names["guid"])
        if record.data["DateClosed"] is None and call.suite.settings.reopened_batch_details == "not_found":
            raise ApiError(404, "The batch is not closed")
        rows = self._batches.invoices_of(record.key)
        return page_of(call, call.suite.settings, rows, lambda each: show_invoice(call, each))

    def _list(self, call: Call) -> Any:
        suite = call.suite
        numbers, status = call.numbers("invoiceIds"), call.parameters.get("status")
        window = call.window("lastModifiedFrom", "lastModifiedTo", suite.settings.filter_days)
        if numbers is not None:
            named = "accountingSystemId" in call.parameters
            own = {call.accounting_system()} if named else suite.system_ids(call.company)
            found = [suite.store.get(INVOICES, str(number)) for number in numbers]
            rows = [each for each in found if each is not None and each.data[SYSTEM] in own]
        elif window is None:
            raise ApiError(400, "lastModifiedFrom and lastModifiedTo, or invoiceIds, are required")
        else:
            rows = suite.of_system(INVOICES, call.accounting_system())
        if status is not None:
            rows = [each for each in rows if each.data["Status"]["Description"] == status]
        if window is not None:
            rows = [each for each in rows if window[0] <= each.data[CHANGED] < window[1]]
        rows.sort(key=lambda each: (each.data[CHANGED], int(each.key)))
        return page_of(call, suite.settings, rows, lambda each: show_invoice(call, each))

    def _acknowledge(self, call: Call) -> Any:
        body, suite = call.json(), call.suite
        guid, status = body.get("BatchId"), body.get("ExportHistoryStatusId")
        if not isinstance(guid, str) or not guid:
            raise ApiError(400, "BatchId is required")
        if not isinstance(status, int) or isinstance(status, bool):
            raise ApiError(400, "ExportHistoryStatusId must be a whole number")
        for name in ("StartDate", "EndDate"):
            _require_moment(body.get(name), name)
        _found(call, guid)
        number = suite.next_id(ACKNOWLEDGEMENTS)
        names = ("BatchId", "FileId", "ExportedByUserId", "StartDate", "EndDate", "ExportHistoryStatusId")
        data = {"Id": number, **{name: body.get(name) for name in names}}
        record = suite.insert(ACKNOWLEDGEMENTS, str(number), data, call.note, body)
        return suite.shown(record.data, hidden=(CHANGED,))


def show_invoice(call: Call, record: Record) -> dict[str, Any]:
    """Return an invoice as the API gives it, with a fresh link to its image."""
    settings = call.suite.settings
    out = call.suite.shown(record.data, hidden=(SYSTEM,))
    path = image_path(out["Id"], call.now) if record.data["#image"] else None
    out["ImageUrl"] = None if path is None else f"{call.origin}{path}"
    if settings.numbers_as_numbers:
        out |= {name: int(out[name]) for name in _TEXTS if str(out[name]).isdecimal()}
    word = out["Status"]["Description"]
    return out | {"Status": {**out["Status"], "Description": settings.status_words.get(word, word)}}


def _found(call: Call, guid: str) -> Record:
    record = call.suite.store.get(BATCHES, guid.lower())
    if record is None:
        raise ApiError(404, f"Batch {guid} does not exist")
    if record.data[SYSTEM] not in call.suite.system_ids(call.company):
        raise ApiError(403, f"Batch {guid} belongs to another company")
    return record


def _require_moment(value: object, name: str) -> None:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        raise ApiError(400, f"{name} must be a time such as 2026-03-02T16:30:00.00") from None
