"""What works and what does not on one account, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from headrace.connectors.pipedrive import field_checks
from headrace.connectors.pipedrive.client import V1, V2, PipedriveClient
from headrace.connectors.pipedrive.config import PipedriveConfig
from headrace.connectors.pipedrive.custom_fields import FieldBook
from headrace.connectors.pipedrive.objects import KINDS
from headrace.connectors.pipedrive.subscriptions import compare, registered
from headrace.core.contracts import Check, CheckState
from headrace.core.errors import HeadraceError, RejectRecord, StopConnection
from headrace.core.needs import NOTHING, Needs
from headrace.platform import checks

PASS, WARN, FAIL = CheckState.PASS, CheckState.WARN, CheckState.FAIL

_MAY_ADD: Mapping[str, tuple[str, ...]] = {
    "deal": ("can_add_deals",),
    "organization": ("can_add_organizations",),
    "person": ("can_add_people", "can_add_persons"),
    "product": ("can_add_products",),
}
_MAY_EDIT: Mapping[str, tuple[str, ...]] = {
    "deal": ("can_edit_other_users_deals",),
    "organization": ("can_edit_other_users_organizations",),
    "person": ("can_edit_other_users_people", "can_edit_other_users_persons"),
    "product": ("can_edit_other_users_products", "can_edit_products"),
}
"""Names of permissions, which differ between accounts and years; one that an answer lacks tells nothing.

Source: changelog of 21 June and 4 July 2023 (item-specific permissions), `GET /v1/users/{id}/permissions`.
"""
_WRITE_SCOPES: Mapping[str, str] = {
    "deal": "deals:full",
    "organization": "contacts:full",
    "person": "contacts:full",
    "product": "products:full",
}
_SETS = "Pipedrive: Settings > Manage users > Permission sets."


async def ping(
    config: PipedriveConfig, client: PipedriveClient, fields: FieldBook, needs: Needs = NOTHING
) -> Sequence[Check]:
    """Look at everything that can be looked at without writing; what needs sign-in is left out if that fails."""
    encrypted = await checks.tls("TLS", config.base_url, config.verify)
    try:
        user, skew = await client.sign_in()
    except HeadraceError as error:
        return [encrypted, _failed("sign-in", error)]
    return [
        encrypted,
        *_signed_in(config, user),
        checks.clock(skew),
        await _permissions(client, user, needs),
        *_scopes(config, needs),
        *[await _readable(client, name) for name in config.objects],
        *await field_checks.custom_fields(config, fields, needs),
        *await field_checks.markers(config, fields, needs),
        *await _webhooks(config, client),
        _daily(config, client),
    ]


def _signed_in(config: PipedriveConfig, user: Mapping[str, Any]) -> list[Check]:
    name = f"{user.get('name')} (user {user.get('id')}) of {user.get('company_name') or user.get('company_domain')}"
    lines = [Check("sign-in", PASS, name)]
    domain, host = str(user.get("company_domain") or ""), urlsplit(config.base_url).hostname or ""
    if domain and host.endswith(".pipedrive.com") and host.split(".")[0] not in (domain, "api"):
        text = f"the credential belongs to {domain}.pipedrive.com, base_url is {config.base_url}"
        lines.append(Check("company", FAIL, text, "Correct base_url or the credential."))
    if config.integration_user_id is None:
        remedy = f"Set integration_user_id: {user.get('id')}."
        lines.append(Check("integration user", WARN, "our own deletions are not told from those of people", remedy))
    elif config.integration_user_id != user.get("id"):
        text = f"integration_user_id is {config.integration_user_id}, the credential's user is {user.get('id')}"
        lines.append(Check("integration user", FAIL, text, "Correct one of the two."))
    return lines


async def _permissions(client: PipedriveClient, user: Mapping[str, Any], needs: Needs) -> Check:
    """Say what the user may see and write; that is told by its permissions, so nothing is written to find out."""
    if any(access.get("admin") for access in user.get("access") or () if isinstance(access, dict)):
        return Check("permissions", PASS, "an admin: sees and may write everything")
    unseen = "the user is not an admin: records that it may not see are missing without a word"
    written = [name for name in needs.written if name in KINDS]
    if not written:
        return Check("permissions", WARN, unseen, "Make it an admin, or widen its visibility.")
    try:
        granted = await client.one(f"{V1}/users/{user.get('id')}/permissions", "users.permissions")
    except HeadraceError as error:
        return _failed("permissions", error, WARN, f"Make it an admin, or look there: {_SETS}")
    granted = granted if isinstance(granted, Mapping) else {}
    lacking = [f"add {name}" for name in written if _denied(granted, _MAY_ADD[name])]
    lacking += [f"change {name} of other owners" for name in written if _denied(granted, _MAY_EDIT[name])]
    if lacking:
        return Check("permissions", FAIL, f"the user may not {', '.join(lacking)}", f"Grant it: {_SETS}")
    silent = [name for name in written if not any(each in granted for each in (*_MAY_ADD[name], *_MAY_EDIT[name]))]
    untold = f"; nothing tells whether it may write {', '.join(silent)}" if silent else ""
    return Check("permissions", WARN, unseen + untold, f"Make it an admin, or look there: {_SETS}")


def _scopes(config: PipedriveConfig, needs: Needs) -> list[Check]:
    """Tokens of an app are bound to scopes, which no read tells; lacking ones to read show as failing reads."""
    if config.oauth is None or not needs.written:
        return []
    wanted = ", ".join(sorted({_WRITE_SCOPES[name] for name in needs.written if name in _WRITE_SCOPES}))
    text = f"whether the app may write is told by its registration only; it needs {wanted}"
    return [Check("scopes", WARN, text, "Look at the app's scopes in the Developer Hub.")]


def _denied(granted: Mapping[str, Any], names: Sequence[str]) -> bool:
    told = [granted[name] for name in names if name in granted]
    return bool(told) and not any(told)


async def _readable(client: PipedriveClient, name: str) -> Check:
    try:
        async for page in client.pages(f"{V2}/{KINDS[name].path}", f"{name}.list", limit=1):
            return Check(f"read {name}", PASS, "" if page.items else "none is there yet")
    except HeadraceError as error:
        return _failed(f"read {name}", error)
    return Check(f"read {name}", WARN, "no answer page", "Try again; the API answers with nothing.")


async def _webhooks(config: PipedriveConfig, client: PipedriveClient) -> list[Check]:
    name = "webhooks"
    webhook = config.webhook
    if webhook is None:
        remedy = "Configure webhook, or poll often."
        return [Check(name, WARN, "not configured: changes are seen at the next poll only", remedy)]
    if not webhook.url:
        remedy = "Set webhook.url to the public address of /hooks/<connection>."
        return [Check(name, WARN, "webhook.url is not configured: nobody can tell whether they are registered", remedy)]
    address = await checks.tls("webhook address", webhook.url, outside=True)
    try:
        found = compare(config, await registered(client))
    except HeadraceError as error:
        return [address, _failed(name, error)]
    lines = []
    if found.missing:
        text = f"no subscription to {webhook.url} for {', '.join(found.missing)}"
        lines.append(Check(name, FAIL, text, _SYNC))
    if found.stale:
        text = "; ".join(f"{each.subscription.id} ({each.subscription.object}): {each.why}" for each in found.stale)
        lines.append(Check("stale webhooks", FAIL if found.missing else WARN, text, _SYNC))
    failing = [str(each.id) for each in found.right if each.failing]
    if failing:
        text = f"the last delivery failed for webhook {', '.join(failing)}"
        remedy = "Look at the receiver; ten failures ban a webhook for 30 minutes."
        lines.append(Check("deliveries", WARN, text, remedy))
    return [address, *(lines or [Check(name, PASS, f"{len(found.right)} to {webhook.url}")])]


_SYNC = "Run: headrace pipedrive webhooks sync"


def _daily(config: PipedriveConfig, client: PipedriveClient) -> Check:
    left = client.daily_left
    if left is None:
        return Check("daily budget", WARN, "the answers do not tell what is left", "Look at Settings > API usage.")
    if left <= config.daily_reserve:
        text = f"{left:.0f} API tokens left today, {config.daily_reserve} are reserved for others"
        return Check("daily budget", FAIL, text, "Wait for the renewal at midnight, buy more, or lower daily_reserve.")
    return Check("daily budget", PASS, f"{left:.0f} API tokens left today")


def _failed(name: str, error: HeadraceError, state: CheckState = FAIL, remedy: str = "") -> Check:
    if isinstance(error, StopConnection):
        return Check(name, state, error.reason, remedy or error.remedy)
    detail = error.detail if isinstance(error, RejectRecord) else str(error)
    return Check(name, state, detail, remedy or "Try again; if it stays, look at Pipedrive's status page.")
