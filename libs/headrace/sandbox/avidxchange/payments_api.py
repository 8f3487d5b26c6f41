"""Payments on the wire: lists, history, batches, cheque images, and the request to void."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from headrace.sandbox.avidxchange.calls import Call, Endpoint
from headrace.sandbox.avidxchange.errors import ApiError, Reply
from headrace.sandbox.avidxchange.fields import CHANGED, HISTORY, PAYMENTS, SYSTEM
from headrace.sandbox.avidxchange.images import cheque_png
from headrace.sandbox.avidxchange.paging import page_of
from headrace.sandbox.avidxchange.payments import Payments
from headrace.sandbox.avidxchange.statuses import BEFORE_ISSUE, CLEARED, ERROR, VOID
from headrace.sandbox.avidxchange.suite import Suite
from headrace.sandbox.common.store import Record


class PaymentEndpoints:
    """Answers calls on payments."""

    def __init__(self, payments: Payments) -> None:
        self._payments = payments

    def endpoints(self) -> list[Endpoint]:
        """Return the endpoints."""
        base = "/v1/payments"
        return [
            Endpoint("GET", base, _list),
            Endpoint("DELETE", base, self._void),
            Endpoint("GET", f"{base}/batches", _batches),
            Endpoint("GET", f"{base}/{{id}}/paymenthistory", _history),
            Endpoint("GET", f"{base}/{{id}}/getclearedcheckimage", _cheque),
        ]

    def _void(self, call: Call) -> Any:
        """Void payments by the ERP's own ids; each has its own result."""
        values = call.words("externalPaymentIds")
        if not values:
            raise ApiError(400, "externalPaymentIds is required")
        return {"Results": [self._void_one(call, value) for value in values]}

    def _void_one(self, call: Call, value: str) -> Mapping[str, Any]:
        found = [each for each in _own(call) if {"Value": value} in each.data["ExternalPaymentIds"]]
        if not found:
            return {"Successful": False, "Errors": [{"Message": f"Payment {value} does not exist"}]}
        record = found[-1]
        status = record.data["Status"]["Description"]
        if status not in BEFORE_ISSUE:
            return {"Successful": False, "Errors": [{"Message": f"Payment {value} is {status} and cannot be voided"}]}
        voided = self._payments.void(record, call.note, "Requested by the buyer")
        return {"Successful": True, "Item": show_payment(call.suite, voided), "Errors": []}


def show_payment(suite: Suite, record: Record) -> dict[str, Any]:
    """Return a payment as the API gives it."""
    out = suite.shown(record.data)
    status, method = out["Status"], out["PaymentMethod"]
    words, methods = suite.settings.status_words, suite.settings.method_words
    return {
        **out,
        "Status": {**status, "Description": words.get(status["Description"], status["Description"])},
        "PaymentMethod": {**method, "Description": methods.get(method["Description"], method["Description"])},
    }


def _own(call: Call) -> list[Record]:
    systems = call.suite.system_ids(call.company)
    return [each for each in call.suite.store.list(PAYMENTS) if each.data[SYSTEM] in systems]


def _list(call: Call) -> Any:
    suite = call.suite
    window = call.window("lastModifiedFrom", "lastModifiedTo", suite.settings.filter_days)
    numbers, batch = call.numbers("paymentIds"), call.parameters.get("batchId")
    if window is None and numbers is None and batch is None:
        raise ApiError(400, "lastModifiedFrom and lastModifiedTo, paymentIds or batchId are required")
    rows = _own(call)
    if "accountingSystemId" in call.parameters:
        system = call.accounting_system()
        rows = [each for each in rows if each.data[SYSTEM] == system]
    if window is not None:
        rows = [each for each in rows if window[0] <= each.data[CHANGED] < window[1]]
    if numbers is not None:
        wanted = set(numbers)
        rows = [each for each in rows if each.data["PaymentId"] in wanted]
    if batch is not None:
        rows = [each for each in rows if each.data["BatchId"] == batch]
    # By time of change: what changes during a scan goes to the end, and all behind its old place move up.
    rows.sort(key=lambda each: (each.data[CHANGED], int(each.key)))
    return page_of(call, suite.settings, rows, lambda each: show_payment(suite, each))


def _batches(call: Call) -> Any:
    wanted = call.words("batchIds")
    if not wanted:
        raise ApiError(400, "batchIds is required")
    rows = _own(call)
    found = []
    for batch in wanted:
        statuses = {each.data["Status"]["Description"] for each in rows if each.data["BatchId"] == batch}
        if statuses:
            word = "Processing with Exceptions" if ERROR in statuses else "Processing"
            word = "Closed" if statuses <= {CLEARED, VOID} else word
            found.append({"ExternalIdentifier": {"Value": batch}, "Status": {"Description": word}})
    return page_of(call, call.suite.settings, found, lambda each: each)


def _one(call: Call) -> Record:
    number = call.names["id"]
    record = call.suite.store.get(PAYMENTS, number)
    if record is None:
        raise ApiError(404, f"Payment {number} does not exist")
    if record.data[SYSTEM] not in call.suite.system_ids(call.company):
        raise ApiError(403, f"Payment {number} belongs to another company")
    return record


def _history(call: Call) -> Any:
    rows = call.suite.store.find(HISTORY, "PaymentID", _one(call).data["PaymentId"])
    return [call.suite.shown(each.data) for each in rows]


def _cheque(call: Call) -> Any:
    record = _one(call)
    if not record.data["HasClearedCheckImages"]:
        # As seen: no image is no 404.
        detail = "Nullable object must have a value."
        return Reply(ApiError(500, detail).body(call.suite.settings.error_shape), 500)
    sides = {side: base64.b64encode(cheque_png(f"{record.key} {side}")).decode() for side in ("Front", "Back")}
    return {side: {"Image": image} for side, image in sides.items()}
