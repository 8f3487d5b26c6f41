"""What works and what does not on one environment, in words."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.connectors.dataverse import field_checks, privileges
from headrace.connectors.dataverse.client import DataverseClient
from headrace.connectors.dataverse.config import DataverseConfig
from headrace.connectors.dataverse.registrations import compare, registered
from headrace.connectors.dataverse.summary import FORMS
from headrace.connectors.dataverse.tables import Tables
from headrace.connectors.dataverse.values import Row
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError, RejectRecord, StopConnection
from headrace.core.needs import NOTHING, Needs
from headrace.platform import checks
from headrace.platform.auth import EntraCredentials

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL


async def ping(
    name: str,
    config: DataverseConfig,
    credentials: EntraCredentials,
    client: DataverseClient,
    tables: Tables,
    needs: Needs = NOTHING,
) -> Sequence[Check]:
    """Look at everything that can be looked at without writing; what needs sign-in is left out if that fails."""
    encrypted = await checks.tls("TLS", config.environment_url, config.verify)
    try:
        await credentials.token()
        answer, skew = await client.who_am_i()
    except HeadraceError as error:
        return [encrypted, _failed("sign-in", error)]
    user = str(answer.get("UserId") or "").lower()
    written = {obj: needs.of(obj, writes=True) for obj in needs.written}
    return [
        encrypted,
        Check("sign-in", PASS, f"token for {credentials.seconds_left():.0f} s"),
        checks.clock(skew),
        await _user(client, user),
        *await privileges.lines(client, tables, user, config.objects, written, FORMS[config.summaries].kind.name),
        *await field_checks.reading(config, tables),
        *await field_checks.tables_and_columns(config, tables, needs),
        *await _webhook(name, config, client),
    ]


async def _user(client: DataverseClient, user: str) -> Check:
    """Say who we are there, and whether that user is nobody else's: by it our own changes are told."""
    title = "application user"
    try:
        params = {"$select": "fullname,applicationid,isdisabled"}
        row: Row = await client.one(f"systemusers({user})", "systemuser.get", params) or {}
    except HeadraceError as error:
        return _failed(title, error, WARN)
    shown = f"{row.get('fullname')} ({user})"
    if row.get("isdisabled") is True:
        return Check(title, FAIL, f"{shown} is disabled", "Activate it in the Power Platform admin centre.")
    if not row.get("applicationid"):
        text = f"{shown} is no application user: changes that a person makes with it would count as our own"
        return Check(title, WARN, text, "Use an application user that does nothing else.")
    return Check(title, PASS, shown)


async def _webhook(name: str, config: DataverseConfig, client: DataverseClient) -> list[Check]:
    title = "webhook steps"
    if config.webhook is None:
        text = "no webhook is configured: changes are found by polling only"
        return [Check(title, WARN, text, "Configure webhook, or poll often.")]
    if not config.webhook.url:
        text = "webhook.url is not configured, so nothing tells whether Dataverse posts to us"
        return [Check(title, WARN, text, "Set it to the public address of /hooks/<connection>.")]
    address = await checks.tls("webhook address", config.webhook.url, outside=True)
    try:
        found = await registered(config, client)
    except HeadraceError as error:
        return [address, _failed(title, error, WARN, "Look at serviceendpoints and their steps by hand.")]
    remedy = f"Run: headrace dataverse webhooks register {name}"
    if not found.endpoints:
        return [address, Check(title, FAIL, f"no service endpoint posts to {config.webhook.url}", remedy)]
    comparison = compare(config, found)
    lines = [
        Check(f"step {wrong.step.message} of {wrong.step.table}", FAIL, wrong.why, remedy)
        for wrong in comparison.wrong
        if wrong.step.table in config.objects
    ]
    if comparison.missing:
        missing = ", ".join(f"{message} of {table}" for table, message in comparison.missing)
        lines.append(Check(title, FAIL, f"missing, or not as wanted: {missing}", remedy))
    return [address, *(lines or [Check(title, PASS, f"{len(comparison.right)} post to {config.webhook.url}")])]


def _failed(title: str, error: HeadraceError, state: CheckState = FAIL, remedy: str = "") -> Check:
    if isinstance(error, StopConnection):
        return Check(title, state, error.reason, remedy or error.remedy)
    detail = error.detail if isinstance(error, RejectRecord) else str(error)
    return Check(title, state, detail, remedy or "Try again; if it stays, look at the environment's health.")
