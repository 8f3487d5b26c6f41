"""Finds the steps that a change concerns, and queues or collects what they are to be sent."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from headrace.sandbox.common.encoding import dump_bytes
from headrace.sandbox.common.store import Record, Store
from headrace.sandbox.dataverse.contexts import Context
from headrace.sandbox.dataverse.errors import REFUSED_BY_RULE, ServiceError
from headrace.sandbox.dataverse.rows import Rows
from headrace.sandbox.dataverse.settings import DataverseSettings
from headrace.sandbox.dataverse.tables.model import Table
from headrace.sandbox.dataverse.tables.webhooks import ENDPOINT, FILTER, IMAGE, MESSAGE, STEP
from headrace.sandbox.dataverse.webhooks.delivery import WebhookDeliveries, address_of
from headrace.sandbox.dataverse.webhooks.execution import Event, Executions

_SILENT = (ENDPOINT, FILTER, IMAGE, MESSAGE, STEP, "asyncoperation")
_LEFT_OUT = ("ParentContext", "InputParameters", "PreEntityImages", "PostEntityImages")
_SYNCHRONOUS = 0


@dataclass(frozen=True, slots=True)
class Sending:
    """What one step is to be sent."""

    step: str
    name: str
    url: str
    headers: Mapping[str, str]
    payload: Mapping[str, Any]


class WebhookEvents:
    """Listens to the writer."""

    def __init__(
        self, store: Store, rows: Rows, deliveries: WebhookDeliveries, settings: DataverseSettings, host: str
    ) -> None:
        self._store = store
        self._executions = Executions(store, rows)
        self._deliveries = deliveries
        self._settings = settings
        self._host = host
        self.quiet = False

    def has_synchronous_steps(self) -> bool:
        """Whether a change may have to wait for a webhook."""
        return any(step.data.get("mode") == _SYNCHRONOUS for step in self._steps())

    def changed(
        self,
        table: Table,
        message: str,
        key: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        sent: Collection[str],
        context: Context,
    ) -> None:
        """Queue the webhooks of a change inside its transaction; collect the synchronous ones of a rehearsal."""
        if self.quiet or table.name in _SILENT:
            return
        event = Event(table, message, key, before, after, tuple(sent), context)
        for step in self._concerned(event):
            synchronous = step.data.get("mode") == _SYNCHRONOUS
            if (synchronous and context.agreed) or (context.rehearsing and not synchronous):
                continue
            sending = self._sending(event, step)
            if sending is None:
                continue
            if context.rehearsing:
                context.synchronous.append(sending)
            else:
                self._deliveries.enqueue(sending.url, sending.payload, headers=sending.headers, topic=step.key)

    def _steps(self) -> list[Record]:
        return [step for step in self._store.list(STEP) if step.data.get("statecode", 0) == 0]

    def _concerned(self, event: Event) -> Iterator[Record]:
        for step in sorted(self._steps(), key=lambda each: int(each.data.get("rank", 1))):
            message = self._store.get(MESSAGE, str(step.data.get("sdkmessageid")))
            if message is None or message.data.get("name") != event.message:
                continue
            filtered = self._store.get(FILTER, str(step.data.get("sdkmessagefilterid")))
            if filtered is not None and filtered.data.get("primaryobjecttypecode") != event.table.name:
                continue
            listed = {each.strip() for each in str(step.data.get("filteringattributes") or "").split(",")} - {""}
            if not listed or event.message != "Update" or listed & set(event.attributes):
                yield step

    def _sending(self, event: Event, step: Record) -> Sending | None:
        endpoint = self._store.get(ENDPOINT, str(step.data.get("eventhandler")))
        if endpoint is None:
            return None
        url, own = address_of(endpoint.data)
        payload = self._executions.payload(event, step, lookup_names=self._settings.lookup_names)
        headers = {
            "x-request-id": str(uuid.uuid4()),
            "x-ms-dynamics-organization": self._host,
            "x-ms-dynamics-entity-name": event.table.name,
            "x-ms-dynamics-request-name": event.message,
            "x-ms-correlation-request-id": event.context.correlation_id,
            **own,
        }
        if len(dump_bytes(payload)) > self._settings.webhook_payload_limit:
            payload = {name: value for name, value in payload.items() if name not in _LEFT_OUT}
            headers["x-ms-dynamics-msg-size-exceeded"] = "true"
        return Sending(step.key, str(step.data.get("name", "")), url, headers, payload)

    async def agree(self, context: Context) -> ServiceError | None:
        """Send what synchronous steps are sent before an operation commits; return the 400 of one that fails."""
        async with httpx.AsyncClient(timeout=self._settings.webhook_timeout_seconds) as client:
            for sending in context.synchronous:
                problem = await _problem(client, sending)
                if problem:
                    text = f"The webhook call failed because the http request received {problem}. Step: {sending.name}."
                    return ServiceError(400, REFUSED_BY_RULE, text)
        return None


async def _problem(client: httpx.AsyncClient, sending: Sending) -> str:
    headers = {"content-type": "application/json", **sending.headers}
    status = 0
    for _ in range(2):
        try:
            status = (await client.post(sending.url, content=dump_bytes(sending.payload), headers=headers)).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"no answer ({type(error).__name__})"
        if status not in (502, 503, 504):
            break
    return "" if 200 <= status < 300 else f"non-success httpStatus code: {status}"
