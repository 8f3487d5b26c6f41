"""Webhooks of both generations: seven channels with their own address and switch, one token for all, Offline Mode."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from headrace.sandbox.common.store import Record
from headrace.sandbox.recordengine.access import Access
from headrace.sandbox.recordengine.delivery import WebhookDeliveries
from headrace.sandbox.recordengine.instance import Instance
from headrace.sandbox.recordengine.showing import Showing

Channel = Literal["documents", "contacts", "folders", "cases", "notifications", "rules", "audit_log"]
OLD_CHANNELS = ("documents", "contacts", "folders")
_VERSION = "2.0"
_HELD = "#held_events"


class ChannelSettings(BaseModel):
    """One channel; the older generation knows the address only."""

    model_config = ConfigDict(extra="forbid")

    url: str = ""
    enabled: bool = True


class WebhookSettings(BaseModel):
    """The page Settings → Integrations → Webhooks."""

    model_config = ConfigDict(extra="forbid")

    channels: dict[Channel, ChannelSettings] = Field(default_factory=dict)
    auth: Literal["api_token", "separate", "blank"] = "api_token"
    token: str = Field(default="", description="of separate")
    offline: bool = False


class Webhooks:
    """Tells channels what happened; every method needs an open transaction."""

    def __init__(self, instance: Instance, access: Access, deliveries: WebhookDeliveries, showing: Showing) -> None:
        self._instance = instance
        self._access = access
        self._deliveries = deliveries
        self._showing = showing

    # The settings page

    def page(self) -> WebhookSettings:
        """Return what is set."""
        return WebhookSettings.model_validate(dict(self._instance.own("webhooks")))

    def set(self, changes: Mapping[str, Any]) -> WebhookSettings:
        """Change settings; channels that are not named stay as they are.

        Raises:
            pydantic.ValidationError: an unknown name or channel, or a value that does not fit.
        """
        held = self.page().model_dump()
        channels = {**held["channels"], **changes.get("channels", {})}
        page = WebhookSettings.model_validate({**held, **changes, "channels": channels})
        self._instance.keep("webhooks", page.model_dump())
        if not page.offline:
            self._release(page)
        return page

    def shown(self) -> dict[str, Any]:
        """Return the settings without their token."""
        page = self.page()
        return {**page.model_dump(exclude={"token"}), "has_token": bool(page.token)}

    # Events

    def exported(self, document: Record) -> None:
        """A document was exported."""
        self._tell("documents", self._showing.webhook(document.data))

    def contact(self, contact: Record, *, is_new: bool) -> None:
        """A contact was made, or changed, of which only the older generation tells."""
        self._tell_record("contacts", "contact", contact, is_new=is_new)

    def folder(self, folder: Record, *, is_new: bool) -> None:
        """A folder was made, or changed, of which only the older generation tells."""
        self._tell_record("folders", "folder", folder, is_new=is_new)

    def _tell_record(self, channel: Channel, kind: str, record: Record, *, is_new: bool) -> None:
        wire = self._instance.settings.wire
        body = wire.shaped(kind, record.data)
        if self._instance.settings.webhook_generation == "v1":
            self._tell(channel, body)
        elif is_new:
            self._tell(channel, {wire.fields["events"][kind]: body})

    def made(self, channel: Channel, kind: str, record: Record) -> None:
        """A case or a notification was made."""
        self._tell(channel, {self._instance.settings.wire.fields["events"][kind]: dict(record.data)})

    def rule(self, rule: Record, document: int, error: str | None) -> None:
        """A rule was run on a document."""
        values = {
            "rule": {"id": rule.data["id"], "name": rule.data["name"]},
            "document_id": document,
            "success": error is None,
            "error": error,
        }
        self._tell("rules", self._instance.settings.wire.shaped("events", values))

    def audited(self, line: Record) -> None:
        """Something was written into the audit list."""
        names = ("action", "document_id", "before", "after")
        values = {name: line.data.get(name) for name in names}
        self._tell("audit_log", self._instance.settings.wire.shaped("events", values))

    # Sending

    def _tell(self, channel: Channel, body: Mapping[str, Any]) -> None:
        page, settings = self.page(), self._instance.settings
        is_new = settings.webhook_generation == "v2"
        found = page.channels.get(channel, ChannelSettings())
        if not found.url or (is_new and not found.enabled) or not (is_new or channel in OLD_CHANNELS):
            return
        if is_new:
            names = settings.wire.webhook
            envelope = {
                names["version"]: _VERSION,
                names["event"]: names["events"][channel],
                names["timestamp"]: self._instance.moment(),
            }
            body = {**envelope, **body}
        if page.offline:
            self._instance.audit("webhook_offline", channel=channel, document_id=body.get("id"))
            if settings.offline_events == "kept":
                number = self._instance.next_id(_HELD)
                held = {"channel": channel, "body": dict(body)}
                self._instance.store.put(_HELD, str(number), held, self._instance.now())
            return
        self._deliveries.send(channel, found.url, body, self._token(page))

    def _release(self, page: WebhookSettings) -> None:
        for each in self._instance.store.list(_HELD):
            found = page.channels.get(each.data["channel"], ChannelSettings())
            if found.url:
                self._deliveries.send(each.data["channel"], found.url, each.data["body"], self._token(page))
            self._instance.store.delete(_HELD, each.key)

    def _token(self, page: WebhookSettings) -> str:
        return {"api_token": self._access.token, "separate": page.token, "blank": ""}[page.auth]
