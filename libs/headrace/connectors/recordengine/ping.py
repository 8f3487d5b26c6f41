"""What works and what does not on one instance, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from headrace.connectors.recordengine import values
from headrace.connectors.recordengine.client import RecordengineClient
from headrace.connectors.recordengine.config import Filing, RecordengineConfig
from headrace.connectors.recordengine.contract import Row
from headrace.connectors.recordengine.objects import DOCUMENT, EXPORT, EXTRACTED, LINES, UPLOAD
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError, RejectRecord, StopConnection
from headrace.core.needs import NOTHING, Needs
from headrace.platform import checks

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL
SAMPLE = 10
"""Exported documents that are looked at."""
_CONTRACT = "Compare the contract (config: contract) with the instance's own reference at /api/docs."
_LISTS = ("documents", "contacts", "folders")


async def ping(config: RecordengineConfig, client: RecordengineClient, needs: Needs = NOTHING) -> Sequence[Check]:
    """Look at everything that can be looked at without writing; what needs sign-in is left out if that fails."""
    lines = [await checks.tls("TLS", config.base_url, config.verify), _webhook(config)]
    listed: dict[str, list[Row]] = {}
    for name in _LISTS:
        try:
            listed[name] = (await client.first(name, size=SAMPLE)).rows
        except HeadraceError as error:
            lines.append(_failed("sign-in" if name == _LISTS[0] else f"read {name}", error))
            if name == _LISTS[0]:
                return lines
    lines += [Check("sign-in", PASS, "the token is taken"), checks.clock(client.skew)]
    lines += [_listed(config, name, rows) for name, rows in listed.items()]
    try:
        lines += await _documents(config, client, needs)
        lines += [await _filing(config, client, place, each) for place, each in config.filing.all.items()]
        lines += await _companies(config, client)
        lines.append(await _stuck(config, client))
    except HeadraceError as error:
        lines.append(_failed("read", error))
    return [*lines, *_unprovable(config, needs)]


def _webhook(config: RecordengineConfig) -> Check:
    webhook = config.webhook
    taken = "bodies of both generations" if webhook.mode == "auto" else f"bodies of generation {webhook.mode}"
    if webhook.codes and not webhook.tokens:
        return Check("webhook", PASS, f"{taken}; the code in our address. Webhook Auth is left blank there")
    if webhook.tokens:
        return Check("webhook", PASS, f"{taken}; its own token")
    remedy = "Where Settings > Integrations has Webhook Auth, give it a token of its own: webhook.tokens."
    return Check("webhook", WARN, f"{taken}; the API's token, which reads every document, comes with each", remedy)


def _listed(config: RecordengineConfig, name: str, rows: Sequence[Row]) -> Check:
    """Say whether a list can be read, and which fields of the contract none of its rows shows."""
    kind = {"documents": "row", "contacts": "contact", "folders": "folder"}[name]
    if not rows:
        return Check(f"read {name}", WARN, "there are none", "None exist yet, or the names differ. " + _CONTRACT)
    return _fields(f"read {name}", config, kind, rows)


def _fields(line: str, config: RecordengineConfig, kind: str, rows: Sequence[Row]) -> Check:
    rules = config.rules
    missing = [name for name in rules.fields[kind] if not any(rules.tells(kind, name, row) for row in rows)]
    if missing:
        return Check(line, WARN, f"never seen in {len(rows)} answers: {', '.join(missing)}", _CONTRACT)
    return Check(line, PASS, f"all fields seen in {len(rows)} answers")


async def _documents(config: RecordengineConfig, client: RecordengineClient, needs: Needs) -> list[Check]:
    """Read some exported documents, and hold the contract and what mappings want against them."""
    word = getattr(config.rules.status.words, EXPORT)
    exported = (await client.first("documents", {"status": word}, size=SAMPLE)).rows
    ids = [id_ for row in exported if (id_ := values.whole(config.rules.value("row", "id", row))) is not None]
    rows = [row for id_ in ids[:SAMPLE] if (row := await client.one(DOCUMENT, str(id_))) is not None]
    if not rows:
        text = f"none has the status {word!r}"
        return [Check("exported documents", WARN, text, "Export one, then ping again: nobody can tell before.")]
    return [_fields("exported documents", config, DOCUMENT, rows), _extracted(config, needs, rows)]


def _extracted(config: RecordengineConfig, needs: Needs, rows: Sequence[Row]) -> Check:
    """Name what mappings read of what was extracted, and no document shows: labels change with their profiles."""
    name, rules = "extracted fields", config.rules
    wanted = {each.name.split(".")[1] for each in needs.of(DOCUMENT) if each.name.startswith(f"{EXTRACTED}.")}
    wanted = {each for each in (wanted or {*rules.extraction.names} - {LINES}) if each in rules.extraction.names}
    unseen = sorted(each for each in wanted if all(rules.extracted("document", each, row) is None for row in rows))
    if unseen:
        places = ", ".join(f"{each} (label {rules.extraction.labels.get(each, each)!r})" for each in unseen)
        remedy = "If documents have them: correct extraction.names or extraction.labels of the contract."
        return Check(name, WARN, f"no value in {len(rows)} documents: {places}", remedy)
    return Check(name, PASS, f"all seen in {len(rows)} documents")


async def _filing(config: RecordengineConfig, client: RecordengineClient, place: str, filing: Filing) -> Check:
    """Say whether a contact and its folder are there; profiles cannot be asked for."""
    name = f"filing {place}"
    contact = await client.one("contact", str(filing.contact))
    if contact is None:
        return Check(name, FAIL, f"there is no contact {filing.contact}", f"Correct filing.{place}.contact.")
    folder = await client.one("folder", str(filing.folder))
    if folder is None:
        return Check(name, FAIL, f"there is no folder {filing.folder}", f"Correct filing.{place}.folder.")
    owner = values.whole(config.rules.value("folder", "contact_id", folder))
    shown = f"{config.rules.value('contact', 'name', contact)} / {config.rules.value('folder', 'name', folder)}"
    if owner != filing.contact:
        text = f"{shown}: folder {filing.folder} belongs to contact {owner}, not {filing.contact}"
        return Check(name, FAIL, text, f"Name a folder of that contact in filing.{place}.")
    if filing.profile is not None:
        return Check(name, PASS, f"{shown}; whether there is a profile {filing.profile} shows at the first upload")
    return Check(name, PASS, shown)


async def _companies(config: RecordengineConfig, client: RecordengineClient) -> list[Check]:
    """Say which folders and contacts that stand for legal entities are not there."""
    known = config.legal_entities
    missing = [
        f"{kind}s.{id_}"
        for kind, ids in (("folder", known.folders), ("contact", known.contacts))
        for id_ in ids
        if await client.one(kind, str(id_)) is None
    ]
    if missing:
        return [Check("legal entities", FAIL, f"not there: {', '.join(missing)}", "Correct legal_entities.")]
    if known.default is None:
        text = "a document that names no company, in a folder and of a contact that stand for none, has none"
        return [Check("legal entities", WARN, text, "Set legal_entities.default, if there is one company.")]
    return [Check("legal entities", PASS, f"{known.default}, where neither folder nor contact says another")]


async def _stuck(config: RecordengineConfig, client: RecordengineClient) -> Check:
    """Count documents that will never be exported unless somebody looks at them."""
    words = config.rules.status.words
    before = (client.today() - timedelta(days=config.stuck_days)).isoformat()
    waiting: dict[str, Mapping[str, str]] = {
        words.exception: {"status": words.exception},
        words.missing_info: {"status": words.missing_info},
        f"{words.needs_review} for more than {config.stuck_days} days": {
            "status": words.needs_review,
            "date_to": before,
        },
    }
    found = []
    for name, params in waiting.items():
        page = await client.first("documents", params)
        count = page.total if page.total is not None else len(page.rows)
        found += [f"{count} in {name}"] if count else []
    if found:
        return Check("waiting documents", WARN, ", ".join(found), "Look at them in RecordEngine: none is exported so.")
    return Check("waiting documents", PASS, "none")


def _unprovable(config: RecordengineConfig, needs: Needs) -> list[Check]:
    """Say what only an upload could tell, and what it would lack."""
    if UPLOAD not in needs.written:
        return []
    if not config.filing.all:
        text = "mappings upload files, and no filing says where they go"
        return [Check("filing", FAIL, text, "Set filing.default: {contact, folder}.")]
    return [Check("permissions", WARN, "whether the token may upload shows at the first upload", "")]


def _failed(name: str, error: HeadraceError) -> Check:
    if isinstance(error, StopConnection):
        return Check(name, FAIL, error.reason, error.remedy)
    detail = error.detail if isinstance(error, RejectRecord) else str(error)
    return Check(name, FAIL, detail, "Try again; if it stays: " + _CONTRACT)
