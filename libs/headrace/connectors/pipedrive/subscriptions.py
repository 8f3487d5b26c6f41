"""Webhook subscriptions of one account: what there should be, what there is, and the way from one to the other.

There is no update, so a wrong subscription is replaced: the new one first, since a change delivered twice does no harm.
Source: "Webhooks" of the v1 reference and the guides for webhooks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from headrace.connectors.pipedrive.client import V1, PipedriveClient
from headrace.connectors.pipedrive.config import PipedriveConfig, Webhook
from headrace.core.errors import ConfigurationError, OutcomeUnknown, RejectRecord

MOST_WEBHOOKS = 40
"""Webhooks that one user may have; one more is refused with 422."""
ALL_ACTIONS = "*"
_LINES = "deal_product"
"""Its changes do not always touch the deal, so they are listened to as well. Webhooks 1.0 do not have it."""
_PATH = f"{V1}/webhooks"
_REFUSED = 401


@dataclass(frozen=True, slots=True)
class Subscription:
    """One registered webhook; `user` and `password` are what Pipedrive tells of its credentials, None if nothing."""

    id: int
    object: str
    action: str
    version: str
    address: str
    active: bool
    user: str | None
    password: str | None = field(repr=False)
    last_status: int | None
    reason: str
    """Why Pipedrive switched it off."""

    @classmethod
    def read(cls, hook: Mapping[str, Any]) -> Subscription:
        """Return a webhook of a list."""
        status = hook.get("last_http_status")
        return cls(
            id=int(hook["id"]),
            object=str(hook.get("event_object") or ""),
            action=str(hook.get("event_action") or ""),
            version=str(hook.get("version") or ""),
            address=str(hook.get("subscription_url") or ""),
            active=bool(hook.get("is_active")),
            user=hook.get("http_auth_user"),
            password=hook.get("http_auth_password"),
            last_status=status if isinstance(status, int) else None,
            reason=str(hook.get("remove_reason") or ""),
        )

    @property
    def failing(self) -> bool:
        """Whether the last delivery was not taken."""
        return self.last_status is not None and not 200 <= self.last_status < 300


@dataclass(frozen=True, slots=True)
class Stale:
    """A webhook of our address that is to go, and why."""

    subscription: Subscription
    why: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is right, what is missing (object names), what is stale, and how many webhooks of others there are."""

    right: Sequence[Subscription]
    missing: Sequence[str]
    stale: Sequence[Stale]
    others: int


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that `sync` did or would do; `why` is for people."""

    action: str
    object: str
    id: int | None = None
    why: str = ""


def wanted_objects(config: PipedriveConfig) -> tuple[str, ...]:
    """Return the objects whose changes are listened to: those that are configured, and the lines of deals."""
    lines = (_LINES,) if "deal" in config.objects and _version(config.webhook) == "2.0" else ()
    return (*config.objects, *lines)


async def registered(client: PipedriveClient) -> list[Subscription]:
    """Return the webhooks that the credential may see.

    Raises:
        RetryLater, StopConnection: they cannot be read.
    """
    return [Subscription.read(hook) for hook in await client.listed(_PATH, "webhook.list") or ()]


def compare(config: PipedriveConfig, found: Sequence[Subscription]) -> Comparison:
    """Hold what is registered for our address against what is wanted; webhooks of other addresses only count.

    Raises:
        ConfigurationError: the connection has no `webhook` with an address.
    """
    webhook = _webhook(config)
    ours = [each for each in found if same_address(each.address, webhook.url)]
    right: dict[str, Subscription] = {}
    stale: list[Stale] = []
    wanted = wanted_objects(config)
    for each in sorted(ours, key=lambda hook: hook.id):
        why = _wrong(each, webhook, wanted)
        if not why and each.object in right:
            why = f"a second one; {right[each.object].id} stays"
        if why:
            stale.append(Stale(each, why))
        else:
            right[each.object] = each
    missing = [name for name in wanted if name not in right]
    return Comparison([*right.values()], missing, stale, len(found) - len(ours))


async def sync(
    name: str,
    config: PipedriveConfig,
    client: PipedriveClient,
    *,
    dry_run: bool = False,
    told: Callable[[Step], None] = lambda step: None,
) -> Comparison:
    """Create the webhooks that are missing, then delete those of our address that are stale.

    A call whose reply was lost is looked up in the list, never repeated blindly (I4). A second run finds nothing to do.

    Args:
        name: of the connection, for the webhooks' names.
        config: its configuration.
        client: its client.
        dry_run: only tell what would be done.
        told: called after each step, so that what was done is known even if a later step fails.

    Returns:
        What was found before anything was changed.

    Raises:
        ConfigurationError: no address or no Basic credentials are configured.
        RejectRecord: Pipedrive refuses one: limit reached, or the address cannot be reached from the internet.
        OutcomeUnknown: a reply was lost and the list does not show the change; run it again in a minute.
        RetryLater, StopConnection: not now, or not with this credential; what was told before stands.
    """
    webhook = _webhook(config)
    if webhook.password is None:
        raise ConfigurationError(
            f"connections.{name}.config.webhook: Pipedrive proves itself by user and password only; configure both"
        )
    before = await registered(client)
    comparison = compare(config, before)
    if dry_run:
        for obj in comparison.missing:
            told(Step("would create", obj))
        for stale in comparison.stale:
            told(Step("would delete", stale.subscription.object, stale.subscription.id, stale.why))
        return comparison
    # Short of room, stale ones go first: the gap is closed by polls.
    first = max(0, len(before) + len(comparison.missing) - MOST_WEBHOOKS)
    for stale in comparison.stale[:first]:
        await _delete(client, stale, told)
    known = {each.id for each in before}
    for obj in comparison.missing:
        known.add(await _create(name, webhook, client, obj, known, told))
    for stale in comparison.stale[first:]:
        await _delete(client, stale, told)
    return comparison


def same_address(left: str, right: str) -> bool:
    """Say whether two addresses are one: scheme and host in any case, the scheme's own port named or not."""
    return _normal(left) == _normal(right)


# --- one call ---


async def _create(
    name: str, webhook: Webhook, client: PipedriveClient, obj: str, known: set[int], told: Callable[[Step], None]
) -> int:
    password = webhook.password.get_secret_value() if webhook.password else ""
    body = {
        "name": f"headrace {name} {obj}",
        "version": _version(webhook),
        "event_object": obj,
        "event_action": ALL_ACTIONS,
        "subscription_url": webhook.url,
        "http_auth_user": webhook.user,
        "http_auth_password": password,
    }
    try:
        made = await client.change("POST", _PATH, "webhook.create", body)
        id_ = int(made["id"])
    except RejectRecord as refusal:
        raise _explained(refusal, obj, webhook) from None
    except (OutcomeUnknown, KeyError, TypeError, ValueError) as lost:
        found = [each for each in await registered(client) if each.id not in known and _is(each, obj, webhook)]
        if not found:
            raise OutcomeUnknown(
                f"webhook for {obj}: {lost}. The list does not show it yet; run `headrace pipedrive webhooks sync` "
                "again in a minute"
            ) from None
        id_ = found[0].id
        told(Step("created", obj, id_, "its reply was lost; it is in the list"))
        return id_
    told(Step("created", obj, id_))
    return id_


async def _delete(client: PipedriveClient, stale: Stale, told: Callable[[Step], None]) -> None:
    id_ = stale.subscription.id
    why = stale.why
    try:
        await client.change("DELETE", f"{_PATH}/{id_}", "webhook.delete")
    except RejectRecord as refusal:
        if refusal.reason != "record is not there":  # somebody else was faster
            raise
    except OutcomeUnknown as lost:
        if any(each.id == id_ for each in await registered(client)):
            raise OutcomeUnknown(
                f"webhook {id_}: {lost}. The list still shows it; run `headrace pipedrive webhooks sync` again"
            ) from None
        why = f"{why}; its reply was lost, and it is gone"
    told(Step("deleted", stale.subscription.object, id_, why))


def _explained(refusal: RejectRecord, obj: str, webhook: Webhook) -> RejectRecord:
    text = refusal.detail.lower()
    if "limit" in text or "maximum" in text:
        return RejectRecord(
            "webhook limit reached",
            f"webhook for {obj}: the user has {MOST_WEBHOOKS} webhooks, and Pipedrive takes no more. Delete those that "
            "nobody needs (Pipedrive: Tools and apps > Webhooks), then run it again.",
        )
    if "subscription_url" in text:
        return RejectRecord(
            "address refused",
            f"webhook for {obj}: Pipedrive cannot reach {webhook.url}. It must be a public https address with a "
            "certificate that the public trusts, and answer without a redirect. Correct webhook.url or the proxy, then "
            "run it again.",
        )
    return refusal


# --- what is right ---


def _webhook(config: PipedriveConfig) -> Webhook:
    if config.webhook is None or not config.webhook.url:
        raise ConfigurationError("config.webhook.url: not configured; name the public address of /hooks/<connection>")
    return config.webhook


def _version(webhook: Webhook | None) -> str:
    return "1.0" if webhook is not None and webhook.version == "1" else "2.0"


def _is(each: Subscription, obj: str, webhook: Webhook) -> bool:
    return each.object == obj and each.version == _version(webhook) and same_address(each.address, webhook.url)


def _wrong(each: Subscription, webhook: Webhook, wanted: Sequence[str]) -> str:
    """Return why a webhook of our address is not one that is wanted, "" if it is."""
    if each.object not in wanted:
        return f"{each.object} is not configured"
    if each.version != _version(webhook):
        return f"version {each.version}, configured is {_version(webhook)}"
    if each.action != ALL_ACTIONS:
        return f"only for action {each.action}"
    if not each.active:
        return f"not active{': ' + each.reason if each.reason else ''}"
    if each.user is not None and each.user != webhook.user:
        return "another Basic user"
    if _differs(each.password, webhook):
        return "another Basic password"
    if each.last_status == _REFUSED:
        return "its last delivery was refused with 401, so its credentials are not ours"
    return ""


def _differs(password: str | None, webhook: Webhook) -> bool:
    """Say whether a password that Pipedrive shows is another one; a masked or missing one tells nothing."""
    if not password or not password.strip("*•") or webhook.password is None:
        return False
    return password != webhook.password.get_secret_value()


def _normal(address: str) -> tuple[str, str, int | None, str, str]:
    parts = urlsplit(address)
    scheme = parts.scheme.lower()
    try:
        port = parts.port or {"http": 80, "https": 443}.get(scheme)
    except ValueError:
        port = None
    return scheme, (parts.hostname or "").lower(), port, parts.path.rstrip("/"), parts.query
