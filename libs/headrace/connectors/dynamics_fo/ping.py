"""What works and what does not on one environment, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from headrace.connectors.dynamics_fo import field_checks, odata, payables_checks, setup_checks
from headrace.connectors.dynamics_fo.changes import MODIFIED
from headrace.connectors.dynamics_fo.client import ODataClient, Row
from headrace.connectors.dynamics_fo.config import DimensionFormat, DynamicsFoConfig
from headrace.connectors.dynamics_fo.objects import ENTITY_SETS, INVOICE_LINES
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError, RejectRecord, StopConnection
from headrace.core.needs import NOTHING, Needs
from headrace.platform import checks
from headrace.platform.auth import EntraCredentials

_FORMATS = {
    "dimension format": ("DataEntityDefaultDimensionFormat", "dimension_format"),
    "ledger format": ("DataEntityLedgerDimensionFormat", "ledger_format"),
}
"""Title → type of format in the environment, and where it is configured."""


async def ping(
    config: DynamicsFoConfig, credentials: EntraCredentials, client: ODataClient, needs: Needs = NOTHING
) -> Sequence[Check]:
    """Look at everything that can be looked at without writing; what needs sign-in is left out if that fails."""
    encrypted = await checks.tls("TLS", config.environment_url, config.verify)
    sign_in = await _sign_in(credentials, client)
    if sign_in[0].state is CheckState.FAIL:
        return [encrypted, *sign_in]
    return [
        encrypted,
        *sign_in,
        *await setup_checks.user(config, client, needs),
        await _companies(config, client),
        *setup_checks.companies(config, needs),
        *[await _readable(config, client, name) for name in ENTITY_SETS if _is_used(name, needs)],
        *await field_checks.fields(config, client, needs),
        *await setup_checks.mapped_values(config, client, needs),
        *await setup_checks.number_sequences(config, client, needs),
        *[
            await _clock(client, name)
            for name in MODIFIED
            if config.poll(name).strategy == "auto" and _is_used(name, needs)
        ],
        *await _dimensions(config, client, needs),
        *await payables_checks.payables(config, client, needs),
        *await _business_events(config, client),
    ]


def _is_used(name: str, needs: Needs) -> bool:
    """Say whether to look at an object: mappings use it, or nobody knows what they use."""
    return not needs.fields or bool(needs.of(name))


async def _sign_in(credentials: EntraCredentials, client: ODataClient) -> list[Check]:
    try:
        await credentials.token()
        page = await client.page("Companies", odata.Query(top=1))
    except HeadraceError as error:
        return [Check("sign-in", CheckState.FAIL, _reason(error), _remedy(error))]
    ahead = None if page.server_time is None else (page.server_time - datetime.now(UTC)).total_seconds()
    return [Check("sign-in", CheckState.PASS, f"token for {credentials.seconds_left():.0f} s"), checks.clock(ahead)]


async def _companies(config: DynamicsFoConfig, client: ODataClient) -> Check:
    try:
        known = {str(row.get("DataArea", "")).lower() async for row in client.rows("Companies", odata.Query())}
    except HeadraceError as error:
        return Check("legal entities", CheckState.WARN, _reason(error), _remedy(error))
    missing = [company for company in config.legal_entities if company not in known]
    if missing:
        return Check(
            "legal entities",
            CheckState.FAIL,
            f"not in the environment, or not visible to the user: {', '.join(missing)}",
            "Correct legal_entities, or give the user's roles these organisations.",
        )
    return Check("legal entities", CheckState.PASS, ", ".join(config.legal_entities))


async def _readable(config: DynamicsFoConfig, client: ODataClient, name: str) -> Check:
    entity_set = ENTITY_SETS[name]
    scopes = [{entity_set.company: each} for each in config.legal_entities] if entity_set.has_company else [{}]
    empty: list[str] = []
    try:
        for scope in scopes:
            query = odata.Query(odata.equals(entity_set, scope), config.select(name), top=1)
            if not (await client.page(name, query)).rows:
                empty += scope.values()
    except RejectRecord as error:
        remedy = f"If this version lacks a field, list it under absent_fields: {name}."
        return Check(f"read {name}", CheckState.FAIL, error.detail, remedy)
    except HeadraceError as error:
        return Check(f"read {name}", CheckState.FAIL, _reason(error), _remedy(error))
    if empty:
        return Check(
            f"read {name}",
            CheckState.WARN,
            f"no rows in {', '.join(empty)}",
            "None exist, or the user may not see them there: check the roles' organisations.",
        )
    return Check(f"read {name}", CheckState.PASS, ", ".join(each for scope in scopes for each in scope.values()))


async def _clock(client: ODataClient, name: str) -> Check:
    clock = MODIFIED[name]
    try:
        await client.page(clock.entity_set, odata.Query(select=(clock.field,), top=1))
    except RejectRecord:
        return Check(
            f"changes of {name}",
            CheckState.WARN,
            f"{clock.entity_set} is not published: every poll reads everything",
            "Publish that entity, or rely on business events and poll seldom.",
        )
    except HeadraceError as error:
        return Check(f"changes of {name}", CheckState.FAIL, _reason(error), _remedy(error))
    return Check(f"changes of {name}", CheckState.PASS, f"by {clock.entity_set}.{clock.field}")


async def _dimensions(config: DynamicsFoConfig, client: ODataClient, needs: Needs) -> list[Check]:
    wanted = {"dimension format": config.dimension_format}
    if config.ledger_format is not None or needs.of(INVOICE_LINES.name, writes=True):
        wanted["ledger format"] = config.ledger_format
    try:
        formats = [row async for row in client.rows("DimensionIntegrationFormats", odata.Query())]
        parameters = [row async for row in client.rows("DimensionParameters", odata.Query())]
    except HeadraceError as error:
        return [Check(name, CheckState.WARN, _reason(error), _remedy(error)) for name in wanted]
    delimiter = str(parameters[0].get("DimensionSegmentDelimiter") or "-") if parameters else "-"
    return [_dimension_format(name, layout, formats, delimiter) for name, layout in wanted.items()]


def _dimension_format(name: str, layout: DimensionFormat | None, formats: Sequence[Row], delimiter: str) -> Check:
    kind, option = _FORMATS[name]
    active = [row for row in formats if row.get("IsActive") == "Yes" and row.get("DimensionFormatType") == kind]
    if not active:
        state = CheckState.WARN if layout is None else CheckState.FAIL
        return Check(name, state, f"no {name.replace('dimension', 'default dimension')} is active", _ACTIVATE)
    theirs = re.findall(r"\w+", str(active[0].get("FinancialDimensionFormat", "")))
    shown = delimiter.join(theirs)
    if layout is None:
        remedy = f"Set {option}: {{dimensions: [{', '.join(theirs)}], delimiter: '{delimiter}'}}."
        return Check(name, CheckState.WARN, f"the environment's is {shown}; none is configured", remedy)
    follow = f"Make {option} the same: F&O would put values into the wrong dimensions or drop them."
    if [each.casefold() for each in layout.dimensions] != [each.casefold() for each in theirs]:
        ours = delimiter.join(layout.dimensions)
        return Check(name, CheckState.FAIL, f"the environment's is {shown}, configured is {ours}", follow)
    if layout.delimiter != delimiter:
        text = f"the environment separates by {delimiter!r}, configured is {layout.delimiter!r}"
        return Check(name, CheckState.FAIL, text, follow)
    return Check(name, CheckState.PASS, shown)


_ACTIVATE = "Activate one under General ledger > Financial dimension configuration for integrating applications."

_EVENTS = "System administration > Setup > Business events"


async def _business_events(config: DynamicsFoConfig, client: ODataClient) -> list[Check]:
    name = "business events"
    if config.webhook is None:
        text = "no webhook is configured: changes are found by polling only"
        return [Check(name, CheckState.WARN, text, "Configure webhook, or poll often.")]
    try:
        catalog = {row["BusinessEventId"] async for row in client.rows("BusinessEventsCatalogs", odata.Query())}
        endpoints = {
            row["Name"]
            async for row in client.rows("BusinessEventsEndpoints", odata.Query())
            if row.get("Type") in ("Http", "AzureServiceBusQueue", "AzureServiceBusTopic", "AzureEventGrid", "Flow")
        }
        activations = [row async for row in client.rows("BusinessEventsConfigurations", odata.Query())]
    except HeadraceError as error:
        remedy = f"Look there: {_EVENTS}: an endpoint of ours, and the events of `events` active for each company."
        return [Check(name, CheckState.WARN, f"cannot be looked at: {_reason(error)}", remedy)]
    if not endpoints:
        remedy = f"Add an HTTPS endpoint https://…/hooks/<connection>?code=…: {_EVENTS}, tab Endpoints."
        return [Check(name, CheckState.FAIL, "no endpoint is registered", remedy)]
    return [
        _event_check(event_id, company, catalog, endpoints, activations)
        for event_id in config.events
        for company in config.legal_entities
    ]


def _event_check(
    event_id: str, company: str, catalog: set[str], endpoints: set[str], activations: Sequence[Mapping[str, object]]
) -> Check:
    name = f"business event {event_id} in {company}"
    if event_id not in catalog:
        remedy = f"Correct `events`, or rebuild the catalogue: {_EVENTS} > Manage."
        return Check(name, CheckState.FAIL, "the environment's catalogue does not have it", remedy)
    if not any(_is_active(row, event_id, company, endpoints) for row in activations):
        return Check(
            name, CheckState.FAIL, "it is not active", f"Activate it for this company and our endpoint: {_EVENTS}."
        )
    return Check(name, CheckState.PASS, "active")


def _is_active(row: Row, event_id: str, company: str, endpoints: set[str]) -> bool:
    return (
        row.get("BusinessEventsTable") == event_id
        and str(row.get("LegalEntity") or "").lower() in ("", company)
        and row.get("BusinessEventsEndpoint_Name") in endpoints
        and row.get("Disabled") != "Yes"
    )


def _reason(error: HeadraceError) -> str:
    return error.reason if isinstance(error, StopConnection) else str(error)


def _remedy(error: HeadraceError) -> str:
    if isinstance(error, StopConnection) and error.remedy:
        return error.remedy
    return "Try again; if it stays, look at the environment in Lifecycle Services or the admin centre."
