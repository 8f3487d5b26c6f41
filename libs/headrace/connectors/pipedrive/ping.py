"""What works and what does not on one account, in words."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from headrace.connectors.pipedrive.client import V1, V2, PipedriveClient
from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.custom_fields import SEARCHABLE, FieldBook
from headrace.connectors.pipedrive.objects import KINDS
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError, RejectRecord, StopConnection

LARGEST_SKEW = 60.0
"""Seconds; polls start from the server's clock, look-ups of recent records from ours."""

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL


async def ping(config: PipedriveConfig, client: PipedriveClient, fields: FieldBook) -> Sequence[Check]:
    """Look at everything that can be looked at without writing; what needs sign-in is left out if that fails."""
    signed_in = await _sign_in(config, client)
    if signed_in[0].state is FAIL:
        return signed_in
    return [
        *signed_in,
        *[await _readable(client, name) for name in config.objects],
        *[await _custom_fields(config, fields, name) for name in KINDS if config.custom_fields.get(name)],
        *[await _marker(fields, name, label) for name, label in config.markers.items()],
        *await _webhooks(config, client),
        _daily(config, client),
    ]


async def _sign_in(config: PipedriveConfig, client: PipedriveClient) -> list[Check]:
    try:
        user, skew = await client.sign_in()
    except HeadraceError as error:
        return [_failed("sign-in", error)]
    name = f"{user.get('name')} (user {user.get('id')}) of {user.get('company_name') or user.get('company_domain')}"
    checks = [Check("sign-in", PASS, name)]
    domain, host = str(user.get("company_domain") or ""), urlsplit(config.base_url).hostname or ""
    if domain and host.endswith(".pipedrive.com") and host.split(".")[0] not in (domain, "api"):
        text = f"the token belongs to {domain}.pipedrive.com, base_url is {config.base_url}"
        checks.append(Check("company", FAIL, text, "Correct base_url or api_token."))
    if config.integration_user_id is None:
        remedy = f"Set integration_user_id: {user.get('id')}."
        checks.append(Check("integration user", WARN, "our own deletions are not told from those of people", remedy))
    elif config.integration_user_id != user.get("id"):
        text = f"integration_user_id is {config.integration_user_id}, the token's user is {user.get('id')}"
        checks.append(Check("integration user", FAIL, text, "Correct one of the two."))
    if not any(access.get("admin") for access in user.get("access") or () if isinstance(access, dict)):
        text = "the token's user is not an admin: records that it may not see are missing without a word"
        checks.append(Check("permissions", WARN, text, "Make it an admin, or widen its visibility."))
    if skew is None:
        return [*checks, Check("clock", WARN, "the answer has no Date header", "Look at the gateway between.")]
    good = abs(skew) <= LARGEST_SKEW
    return [
        *checks,
        Check("clock", PASS if good else WARN, f"{skew:+.0f} s apart", "" if good else "Set the clock (NTP)."),
    ]


async def _readable(client: PipedriveClient, name: str) -> Check:
    try:
        async for page in client.pages(f"{V2}/{KINDS[name].path}", f"{name}.list", limit=1):
            return Check(f"read {name}", PASS, "" if page.items else "none is there yet")
    except HeadraceError as error:
        return _failed(f"read {name}", error)
    return Check(f"read {name}", WARN, "no answer page")


async def _custom_fields(config: PipedriveConfig, fields: FieldBook, name: str) -> Check:
    title = f"custom fields of {name}"
    try:
        known = (await fields.of(name)).by_name
    except HeadraceError as error:
        return _failed(title, error)
    missing = [label for label in config.custom_fields[name] if label not in known]
    if missing:
        remedy = "Create them in Pipedrive, or correct the names in custom_fields and the mappings."
        return Check(title, FAIL, f"not there: {', '.join(missing)}", remedy)
    return Check(title, PASS, ", ".join(config.custom_fields[name]))


async def _marker(fields: FieldBook, name: str, label: str) -> Check:
    title = f"marker of {name}"
    try:
        definition = (await fields.of(name)).by_name.get(label)
    except HeadraceError as error:
        return _failed(title, error)
    if definition is None:
        return Check(title, FAIL, f'custom field "{label}" is not there', "Create it as text (varchar) in Pipedrive.")
    if definition.type not in SEARCHABLE:
        text = f'custom field "{label}" is of type {definition.type}, which no search finds'
        return Check(title, FAIL, text, "Create it as text (varchar) in Pipedrive.")
    return Check(title, PASS, label)


async def _webhooks(config: PipedriveConfig, client: PipedriveClient) -> list[Check]:
    if config.webhook is None:
        return [Check("webhooks", WARN, "not configured: changes are seen at the next poll only")]
    try:
        hooks = await client.listed(f"{V1}/webhooks", "webhook.list") or []
    except HeadraceError as error:
        return [_failed("webhooks", error)]
    url = config.webhook.url
    active = [hook for hook in hooks if hook.get("is_active") and url in ("", hook.get("subscription_url"))]
    covered = {str(hook.get("event_object")) for hook in active if hook.get("event_action") == "*"}
    wanted = [*config.objects, *(["deal_product"] if "deal" in config.objects else [])]
    missing = [] if "*" in covered else [name for name in wanted if name not in covered]
    place = url or "any address"
    if missing:
        remedy = f"With this token, create webhooks (event_action *, with Basic credentials) to {place} for them."
        return [
            Check("webhooks", FAIL if url else WARN, f"no subscription to {place} for {', '.join(missing)}", remedy)
        ]
    failing = [str(hook["id"]) for hook in active if _bad(hook.get("last_http_status"))]
    if failing:
        text = f"the last delivery failed for webhook {', '.join(failing)}"
        return [Check("webhooks", WARN, text, "Look at the receiver; ten failures ban a webhook for 30 minutes.")]
    return [Check("webhooks", PASS, f"{len(active)} to {place}")]


def _bad(status: object) -> bool:
    return isinstance(status, int) and not 200 <= status < 300


def _daily(config: PipedriveConfig, client: PipedriveClient) -> Check:
    left = client.daily_left
    if left is None:
        return Check("daily budget", WARN, "the answers do not tell what is left")
    if left <= config.daily_reserve:
        text = f"{left:.0f} API tokens left today, {config.daily_reserve} are reserved for others"
        return Check("daily budget", FAIL, text, "Wait for the renewal at midnight, buy more, or lower daily_reserve.")
    return Check("daily budget", PASS, f"{left:.0f} API tokens left today")


def _failed(name: str, error: HeadraceError) -> Check:
    if isinstance(error, StopConnection):
        return Check(name, FAIL, error.reason, error.remedy)
    detail = error.detail if isinstance(error, RejectRecord) else str(error)
    return Check(name, FAIL, detail)
