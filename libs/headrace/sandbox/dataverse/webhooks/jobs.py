"""System jobs: what became of each asynchronous webhook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace.sandbox.common.store import Store
from headrace.sandbox.dataverse.contexts import Context
from headrace.sandbox.dataverse.schema import Schema
from headrace.sandbox.dataverse.tables.webhooks import STEP
from headrace.sandbox.dataverse.writes import Writer

JOBS = "asyncoperation"
_COMPLETED, _SUCCEEDED, _FAILED = 3, 30, 31


class SystemJobs:
    """Keeps a row for each webhook that ended; of those that arrived, unless the step deletes them."""

    def __init__(
        self, store: Store, schema: Schema, writer: Callable[[], Writer], context: Callable[[], Context]
    ) -> None:
        self._store, self._schema = store, schema
        self._writer, self._context = writer, context

    def ended(self, delivery: Mapping[str, Any], delivered: bool) -> None:
        """Note the end of a delivery inside the transaction that ends it."""
        step = self._store.get(STEP, str(delivery["topic"]))
        if step is None or (delivered and step.data.get("asyncautodelete")):
            return
        payload, status = delivery["payload"], delivery["status"]
        reason = f"non-success httpStatus code: {status}" if status else f"no answer ({delivery['error']})"
        values: dict[str, Any] = {
            "name": step.data.get("name"),
            "messagename": payload["MessageName"],
            "primaryentitytype": payload["PrimaryEntityName"],
            "regardingobjectid": payload["PrimaryEntityId"],
            "correlationid": payload["CorrelationId"],
            "owningextensionid": step.key,
            "statecode": _COMPLETED,
            "statuscode": _SUCCEEDED if delivered else _FAILED,
        }
        if not delivered:
            values |= {
                "errorcode": -2147220891,
                "message": f"The webhook call failed because the http request received {reason}.",
            }
        self._writer().insert(self._schema.tables[JOBS], values, self._context())
