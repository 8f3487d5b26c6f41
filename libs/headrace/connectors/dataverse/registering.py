"""Registers what a webhook of ours needs: its service endpoint, and a step for each table and message.

Each row is made under an id of our own, made of the connection and what it is for, so that a repeat after a lost reply
meets it and does not make a second one (I12). What is wrong is corrected; steps of others stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from headrace.connectors.dataverse.client import DataverseClient
from headrace.connectors.dataverse.config import DataverseConfig, Webhook
from headrace.connectors.dataverse.guids import made_of
from headrace.connectors.dataverse.registrations import (
    ASYNCHRONOUS,
    POST_OPERATION,
    WEBHOOK_CONTRACT,
    Comparison,
    Step,
    compare,
    registered,
    webhook_of,
)
from headrace.core.contracts import AlreadyThere
from headrace.core.errors import RejectRecord

_KEY, _HEADER, _QUERY = 4, 5, 6
"""Ways to authenticate: WebhookKey, HttpHeader, HttpQueryString."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that `register` did or would do; `why` is for people."""

    action: str
    what: str
    why: str = ""


async def register(
    name: str,
    config: DataverseConfig,
    client: DataverseClient,
    *,
    dry_run: bool = False,
    told: Callable[[Told], None] = lambda told: None,
) -> Comparison:
    """Create the endpoint and the steps that are missing, and correct those that are wrong.

    A second run finds nothing to do, whatever became of the first.

    Args:
        name: of the connection.
        config: its configuration.
        client: its client.
        dry_run: only tell what would be done.
        told: called after each thing that was done.

    Returns:
        What was found before anything was changed.

    Raises:
        ConfigurationError: no address is configured.
        RejectRecord: the environment refuses one, as another port than 80 and 443; a table takes no steps.
        OutcomeUnknown: a reply was lost; run it again. RetryLater, StopConnection: what was told before stands.
    """
    webhook = webhook_of(config)
    found = await registered(config, client)
    comparison = compare(config, found)
    would = "would be " if dry_run else ""
    endpoint = found.endpoints[0].id if found.endpoints else made_of(name, "endpoint", webhook.url)
    if not found.endpoints:
        if not dry_run:
            await _create(client, "serviceendpoints", endpoint, _endpoint(name, webhook))
        told(Told(f"{would}created", "service endpoint", webhook.url))
    corrected = set()
    for wrong in comparison.wrong:
        if wrong.step.table not in config.objects:
            continue
        if not dry_run:
            await _correct(client, wrong.step)
        corrected.add((wrong.step.table, wrong.step.message))
        told(Told(f"{would}corrected", f"step {wrong.step.message} of {wrong.step.table}", wrong.why))
    for table, message in comparison.missing:
        if (table, message) in corrected:
            continue
        if not dry_run:
            await _step(name, client, endpoint, table, message)
        told(Told(f"{would}created", f"step {message} of {table}"))
    return comparison


async def _step(name: str, client: DataverseClient, endpoint: str, table: str, message: str) -> None:
    filters = [
        row
        async for row in client.rows(
            "sdkmessagefilters",
            "sdkmessagefilter.list",
            {
                "$select": "sdkmessagefilterid,_sdkmessageid_value",
                "$filter": f"primaryobjecttypecode eq '{table}' and sdkmessageid/name eq '{message}'",
            },
        )
    ]
    if not filters:
        raise RejectRecord("no such message", f"the environment lets no step be registered for {message} of {table}.")
    body = {
        "name": f"headrace {name}: {message} of {table}",
        "mode": ASYNCHRONOUS,
        "stage": POST_OPERATION,
        "rank": 1,
        "supporteddeployment": 0,
        "asyncautodelete": True,
        "eventhandler_serviceendpoint@odata.bind": f"/serviceendpoints({endpoint})",
        "sdkmessageid@odata.bind": f"/sdkmessages({filters[0]['_sdkmessageid_value']})",
        "sdkmessagefilterid@odata.bind": f"/sdkmessagefilters({filters[0]['sdkmessagefilterid']})",
    }
    await _create(client, "sdkmessageprocessingsteps", made_of(name, endpoint, table, message), body)


async def _create(client: DataverseClient, name: str, id_: str, body: Mapping[str, Any]) -> None:
    try:
        condition = {"If-None-Match": "*"}
        await client.write("PATCH", f"{name}({id_})", f"{name}.create", body, condition=condition, select=("name",))
    except AlreadyThere:
        return  # an earlier run made it


async def _correct(client: DataverseClient, step: Step) -> None:
    body = {"mode": ASYNCHRONOUS, "stage": POST_OPERATION, "filteringattributes": None, "statecode": 0, "statuscode": 1}
    await client.write(
        "PATCH",
        f"sdkmessageprocessingsteps({step.id})",
        "sdkmessageprocessingstep.update",
        body,
        condition={"If-Match": "*"},
        select=("name",),
    )


def _endpoint(name: str, webhook: Webhook) -> dict[str, Any]:
    if webhook.codes:
        kind, value = _KEY, webhook.codes[0].get_secret_value()
    else:
        kind = _HEADER if webhook.headers else _QUERY
        first = (webhook.headers or webhook.queries)[0]
        value = _settings(first.name, first.value.get_secret_value())
    return {
        "name": f"headrace {name}",
        "url": webhook.url,
        "contract": WEBHOOK_CONTRACT,
        "connectionmode": 1,
        "messageformat": 2,
        "authtype": kind,
        "authvalue": value,
    }


def _settings(name: str, value: str) -> str:
    """Return name and value as the XML list that endpoints keep."""
    return f"<settings><setting name={quoteattr(name)} value={quoteattr(value)} /></settings>"
