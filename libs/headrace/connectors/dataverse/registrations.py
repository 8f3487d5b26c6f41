"""What is registered in an environment for a webhook of ours: its service endpoint and the steps that post to it.

Source: Microsoft, "Register a webhook", and the table references of ServiceEndpoint and SdkMessageProcessingStep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from headrace.connectors.dataverse.client import DataverseClient
from headrace.connectors.dataverse.config import DataverseConfig, Webhook
from headrace.connectors.dataverse.objects import OPPORTUNITY
from headrace.core.errors import ConfigurationError

WEBHOOK_CONTRACT = 8
MESSAGES = ("Create", "Update", "Delete")
POST_OPERATION, ASYNCHRONOUS = 40, 1
"""A step of another stage or mode would hold people's work up, or tell of what is not yet kept."""
_STEPS = {
    "$select": "sdkmessageprocessingstepid,name,mode,stage,statecode,filteringattributes",
    "$expand": "sdkmessageid($select=name),sdkmessagefilterid($select=primaryobjecttypecode)",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One service endpoint of webhooks."""

    id: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Step:
    """One processing step of an endpoint of ours; `columns` restrict an update to changes of these, empty: all."""

    id: str
    table: str
    message: str
    mode: int | None
    stage: int | None
    active: bool
    columns: frozenset[str]

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> Step:
        """Return a step of a list."""
        filters, message = row.get("sdkmessagefilterid") or {}, row.get("sdkmessageid") or {}
        listed = str(row.get("filteringattributes") or "")
        return cls(
            id=str(row["sdkmessageprocessingstepid"]),
            table=str(filters.get("primaryobjecttypecode") or ""),
            message=str(message.get("name") or ""),
            mode=row.get("mode"),
            stage=row.get("stage"),
            active=row.get("statecode") == 0,
            columns=frozenset(each.strip().lower() for each in listed.split(",") if each.strip()),
        )


@dataclass(frozen=True, slots=True)
class Registered:
    """What there is for our address, and how many webhook endpoints of others there are."""

    endpoints: Sequence[Endpoint]
    steps: Sequence[Step]
    others: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """A step that does not do what is wanted, and why."""

    step: Step
    why: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is right, what is missing (table, message), and what is wrong."""

    right: Sequence[Step]
    missing: Sequence[tuple[str, str]]
    wrong: Sequence[Wrong]


def webhook_of(config: DataverseConfig) -> Webhook:
    """Return the webhook with its address.

    Raises:
        ConfigurationError: there is none.
    """
    if config.webhook is None or not config.webhook.url:
        raise ConfigurationError("config.webhook.url: not configured; name the public address of /hooks/<connection>")
    return config.webhook


async def registered(config: DataverseConfig, client: DataverseClient) -> Registered:
    """Return what is registered for the webhook's address.

    Raises:
        ConfigurationError: no address. RetryLater, StopConnection, RejectRecord: as reads do.
    """
    url = webhook_of(config).url
    params = {"$select": "serviceendpointid,name,url", "$filter": f"contract eq {WEBHOOK_CONTRACT}"}
    found = [
        Endpoint(str(row["serviceendpointid"]).lower(), str(row.get("name") or ""), str(row.get("url") or ""))
        async for row in client.rows("serviceendpoints", "serviceendpoint.list", params)
    ]
    ours = [each for each in found if same_address(each.url, url)]
    steps = []
    for endpoint in ours:
        query = {**_STEPS, "$filter": f"_eventhandler_value eq {endpoint.id}"}
        async for row in client.rows("sdkmessageprocessingsteps", "sdkmessageprocessingstep.list", query):
            steps.append(Step.read(row))  # noqa: PERF401 - an asynchronous list of several lists
    return Registered(ours, steps, len(found) - len(ours))


def compare(config: DataverseConfig, found: Registered) -> Comparison:
    """Hold the steps against what is wanted: each configured table with each message, after the operation, queued."""
    right: list[Step] = []
    wrong: list[Wrong] = []
    for step in found.steps:
        why = _wrong(config, step)
        if why:
            wrong.append(Wrong(step, why))
        else:
            right.append(step)
    there = {(step.table, step.message) for step in right}
    wanted = [(table, message) for table in config.objects for message in MESSAGES]
    return Comparison(right, [each for each in wanted if each not in there], wrong)


def same_address(left: str, right: str) -> bool:
    """Say whether two addresses are one: scheme and host in any case, its own port named or not, apart from secrets."""
    return _normal(left) == _normal(right)


def _wrong(config: DataverseConfig, step: Step) -> str:
    """Return why a step is not one that is wanted, "" if it is; those of other tables and messages are people's own."""
    if not step.active:
        return "it is disabled"
    if step.stage != POST_OPERATION:
        return f"it runs at stage {step.stage}, before the change is kept"
    if step.mode != ASYNCHRONOUS:
        return "it is synchronous: an outage of ours would undo people's work"
    stage = config.stage_column
    is_stage_told = not step.columns or stage in step.columns
    if step.table == OPPORTUNITY.name and step.message == "Update" and config.documents.stages and not is_stage_told:
        return f"its filtering attributes lack {stage}, so a change of the stage is not told"
    return ""


def _normal(address: str) -> tuple[str, str, int | None, str]:
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    try:
        port = parts.port or {"http": 80, "https": 443}.get(scheme)
    except ValueError:
        port = None
    return scheme, (parts.hostname or "").lower(), port, parts.path.rstrip("/")
