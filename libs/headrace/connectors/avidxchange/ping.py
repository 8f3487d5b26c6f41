"""What works and what does not on one company, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from headrace.connectors.avidxchange import values
from headrace.connectors.avidxchange.client import AvidxchangeClient
from headrace.connectors.avidxchange.companies import Companies
from headrace.connectors.avidxchange.config import AvidxchangeConfig
from headrace.connectors.avidxchange.contract import Row, named
from headrace.connectors.avidxchange.objects import CHANGED, CODE, INVOICE, ORDER, PAYMENT, VENDOR
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError, RejectRecord, StopConnection
from headrace.core.needs import NOTHING, Needs
from headrace.platform import checks

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL
SAMPLE = 50
"""Rows that are looked at of each list."""
_FAR = timedelta(minutes=5)
_CONTRACT = "Correct it in the contract file (config: contract)."


async def ping(
    config: AvidxchangeConfig, client: AvidxchangeClient, companies: Companies, needs: Needs = NOTHING
) -> Sequence[Check]:
    """Look at everything that can be looked at without writing; what needs sign-in is left out if that fails."""
    encrypted = await checks.tls("TLS", config.base_url, config.verify)
    try:
        listed = await companies.listed()
    except HeadraceError as error:
        return [encrypted, _failed("sign-in", error)]
    lines = [
        encrypted,
        Check("sign-in", PASS, f"{config.auth.profile}; {len(listed)} accounting systems"),
        checks.clock(client.skew),
        await _companies(companies, listed),
    ]
    if lines[-1].state is FAIL:
        return lines
    samples: dict[str, list[Row]] = {}
    for name in _lists(config):
        line, samples[name] = await _readable(config, client, companies, name, needs)
        lines.append(line)
    return [
        *lines,
        _groups(config, samples[CODE]),
        *[_fields(config, name, samples[name]) for name in samples if samples[name]],
        _zone(config, client, samples),
        *_unprovable(config, needs),
    ]


def _lists(config: AvidxchangeConfig) -> Sequence[str]:
    return (VENDOR, CODE, INVOICE, PAYMENT, *((ORDER,) if config.purchase_orders else ()))


async def _companies(companies: Companies, listed: Mapping[int, str]) -> Check:
    try:
        found = await companies.all()
    except HeadraceError as error:
        return _failed("legal entities", error)
    missing = [f"{company} ({number})" for company, number in found.items() if number not in listed]
    if missing:
        there = ", ".join(f"{name!r} ({number})" for number, name in listed.items())
        text = f"the credential does not see the accounting system of {', '.join(missing)}"
        return Check("legal entities", FAIL, text, f"Correct entities; there are {there}.")
    named = [f"{company}: {listed[number]!r} ({number})" for company, number in found.items()]
    return Check("legal entities", PASS, ", ".join(named))


async def _readable(
    config: AvidxchangeConfig, client: AvidxchangeClient, companies: Companies, name: str, needs: Needs
) -> tuple[Check, list[Row]]:
    """Read the head of a list in each company, and return the rows with the line about it."""
    rows: list[Row] = []
    empty: list[str] = []
    failed = FAIL if not needs.fields or needs.of(name) else WARN  # nobody uses it
    line = f"read {name}"
    for company, system in (await companies.all()).items():
        try:
            found = await _head(config, client, name, system)
        except HeadraceError as error:
            return _failed(f"{line} in {company}", error, failed), rows
        rows += found
        empty += [] if found else [company]
    if empty:
        text = f"none in {', '.join(empty)}"
        return Check(line, PASS if rows else WARN, text, "" if rows else "None exist yet, or the names differ."), rows
    return Check(line, PASS), rows


async def _head(config: AvidxchangeConfig, client: AvidxchangeClient, name: str, system: int) -> list[Row]:
    rules, filters = config.rules, config.rules.filters
    params = {filters.accounting_system: str(system)}
    last = client.today()
    window = (last - timedelta(days=filters.largest_days - 1), last)
    days = (window[0].isoformat(), window[1].isoformat())
    if name == INVOICE and config.invoices.discovery == "closed_batches":
        path = rules.path("closed_batches", accounting_system=system)
        asked = {filters.closed_from: days[0], filters.closed_to: days[1]}
        batches = (await client.first(path, "batches.list", asked, SAMPLE)).rows
        return await _invoices_of(config, client, batches)
    if name in (INVOICE, PAYMENT):
        params |= {filters.modified_from: days[0], filters.modified_to: days[1]}
    path = {VENDOR: "vendors", CODE: "enterprise_codes", ORDER: "purchase_orders"}.get(name, f"{name}s")
    return (await client.first(rules.path(path), f"{name}.list", params, SAMPLE)).rows


async def _invoices_of(config: AvidxchangeConfig, client: AvidxchangeClient, batches: Sequence[Row]) -> list[Row]:
    """Return the invoices of the newest batch that can be read."""
    rules = config.rules
    for batch in reversed(batches):
        for each in rules.value("batch", "Links", batch) or ():
            if named(each, rules.paging.relation) == rules.links.details:
                async for page in client.pages(str(named(each, rules.paging.address)), "batch.details"):
                    return page.rows
    return []


def _groups(config: AvidxchangeConfig, codes: Sequence[Row]) -> Check:
    name = "code groups"
    found = {values.text(config.rules.value(CODE, "GroupName", row)) or "" for row in codes} - {""}
    shown = ", ".join(sorted(found))
    if not found:
        return Check(name, WARN, "no codes yet: nobody can tell", "Write the main accounts first, then ping again.")
    if config.codes.gl_group.casefold() not in {each.casefold() for each in found}:
        text = f"none of the first {len(codes)} codes is in codes.gl_group {config.codes.gl_group!r}; seen: {shown}"
        return Check(name, WARN, text, "Compare with AvidSuite's code groups; correct gl_group if it differs.")
    return Check(name, PASS, shown)


def _fields(config: AvidxchangeConfig, kind: str, rows: Sequence[Row]) -> Check:
    """Say which fields of the contract no answer showed, and which parts of lists."""
    rules = config.rules
    missing = [name for name in rules.fields[kind] if not any(rules.tells(kind, name, row) for row in rows)]
    parts = {INVOICE: ("Distributions", "distribution"), PAYMENT: ("Remittances", "remittance")}
    if kind in parts:
        name, part = parts[kind]
        lines = [line for row in rows for line in rules.value(kind, name, row) or ()]
        unseen = [each for each in rules.fields[part] if not any(rules.tells(part, each, line) for line in lines)]
        missing += [f"{name}.{each}" for each in unseen] if lines else []
    missing = [each for each in missing if each != "AccountingSystemId"]  # of use where it is shown
    if missing:
        text = f"never seen in {len(rows)} answers: {', '.join(missing)}"
        return Check(f"fields of {kind}", WARN, text, _CONTRACT)
    return Check(f"fields of {kind}", PASS, f"all seen in {len(rows)} answers")


def _zone(config: AvidxchangeConfig, client: AvidxchangeClient, samples: Mapping[str, Sequence[Row]]) -> Check:
    """Say whether times of changes can be: one in the future means another zone than the contract's."""
    rules = config.rules
    name = "time zone"
    found = []
    for kind, rows in samples.items():
        for row in rows:
            try:
                moment = values.moment(rules.value(kind, CHANGED, row), rules.zone)
            except ValueError as error:
                return Check(name, FAIL, f"{kind}.{CHANGED}: {error}", _CONTRACT)
            found += [] if moment is None else [moment]
    if not found:
        return Check(name, WARN, "no record shows when it was changed", "Ping again once there are records.")
    ahead = max(found) - client.now()
    if ahead > _FAR:
        text = f"the newest change is {ahead.total_seconds() / 3600:.1f} hours in the future in {rules.timezone}"
        return Check(name, FAIL, text, "Set timezone in the contract, such as America/New_York.")
    text = f"{rules.timezone}; the newest change was {-ahead.total_seconds() / 3600:.1f} hours ago"
    return Check(name, PASS, f"{text}. If it was made just now, the zone is another one")


def _unprovable(config: AvidxchangeConfig, needs: Needs) -> list[Check]:
    """Name what only a write could tell."""
    written = [name for name in needs.written if name in config.targets]
    if not written:
        return []
    text = f"whether the credential may write {', '.join(written)} shows at the first write"
    return [Check("permissions", WARN, text, "Look at the user's role in AvidSuite.")]


def _failed(name: str, error: HeadraceError, state: CheckState = FAIL) -> Check:
    if isinstance(error, StopConnection):
        return Check(name, state, error.reason, error.remedy)
    detail = error.detail if isinstance(error, RejectRecord) else str(error)
    return Check(name, state, detail, "Try again; if it stays, compare the contract with the API's reference.")
